// Which traceparent headers are one: the examples of W3C Trace Context and what it calls invalid (3.2.2).
import t from 'tap'
import { traceparentOf } from '../../../gateway/events/trace.js'

const valid = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

t.equal(traceparentOf(valid), valid)
t.equal(traceparentOf('cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like'), 'cc-12345678901234567890123456789012-1234567890123456-01')
for (const wrong of [
  undefined, '', 'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00-00000000000000000000000000000000-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01', '00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01', `${valid}x`, valid.slice(0, -1), [valid, valid]
]) t.equal(traceparentOf(wrong), undefined, String(wrong))
