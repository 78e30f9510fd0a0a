import t from 'tap'
import { originOf, rawVisitBytesMax, readRawVisit, writeRawVisit, type VisitFacts } from '../../../gateway/visits/raw-visit.js'
import { visitEvent, visitIds } from '../../../gateway/visits/visit-event.js'

const token = Buffer.from('0123456789abcdef')
const facts: VisitFacts = {
  link: 'go.example/a', version: 3, url: 'https://example.com/x?y=1', outcome: 'redirected', rule: 2, visitedAt: 1_767_225_600_123,
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0', referrer: 'https://News.Example:8443/path?secret=1',
  language: 'de-AT,de;q=0.9', country: 'ch', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
}

const roundTrip = (visit: VisitFacts) => {
  const bytes = Buffer.alloc(10 + rawVisitBytesMax(visit.link, visit.url), 0xee)
  const end = writeRawVisit(bytes, 7, visit, token)
  return { raw: readRawVisit(bytes.subarray(7, end)), bytes: bytes.subarray(7, end) }
}

t.test('a visit is kept, and of its referrer where it came from alone', async t => {
  const { raw, bytes } = roundTrip(facts)
  t.strictSame(raw, { ...facts, addressToken: token, referrer: 'https://News.Example:8443' })
  t.notMatch(bytes.toString('latin1'), /secret|path/)
  const bare: VisitFacts = {
    ...facts, version: 0, url: null, outcome: 'not_found', rule: null, userAgent: undefined, referrer: undefined, language: '', country: undefined, traceparent: undefined
  }
  t.strictSame(roundTrip(bare).raw, { ...bare, addressToken: token })
})

t.test('whatever a client sends fits the room that was asked for', async t => {
  const long = 'ä€x'.repeat(10_000)
  const { raw } = roundTrip({ ...facts, userAgent: long, referrer: `https://${long}/`, language: long, country: long })
  t.strictSame([raw.userAgent, raw.referrer, raw.language, raw.country].map(text => text?.length), [512, 300, 16, 8])
  t.equal(raw.link, 'go.example/a')
})

t.test('the origin of a referrer', async t => {
  for (const [header, origin] of [
    ['https://a.example', 'https://a.example'], ['https://a.example?x', 'https://a.example'], ['https://a.example#x', 'https://a.example'],
    ['https://user:word@a.example/x@y', 'https://a.example'], ['android-app://com.slack/', 'android-app://com.slack'], ['nonsense', undefined], ['', undefined]
  ] as const) t.equal(originOf(header), origin, header)
})

t.test('the event of a visit', async t => {
  const sealed: unknown[] = []
  const seal = (...visit: unknown[]) => { sealed.push(visit); return { token: 'token', sealed: Buffer.from('sealed') } }
  t.match(visitEvent(roundTrip(facts).raw, 'id', { seal }), {
    visit_id: 'id', version: 3, url: 'https://example.com/x?y=1', outcome: 'redirected', visited_at: 1_767_225_600_123, referrer: 'news.example', device: 'desktop',
    browser: 'Firefox', os: 'Linux', country: 'CH', language: 'de', bot: false, rule: 2, visitor: 'token', sealed: Buffer.from('sealed')
  })
  t.match(sealed, [['go.example/a', 'id', 1_767_225_600_123, /^[\w-]{22}$/]])
})

t.test('ids: of version 7, in the order of time, another for each gateway and position, and the same again', async t => {
  const [a, b] = [visitIds('gateway a'), visitIds('gateway b')]
  const positions = [2 ** 32, 2 ** 32 + 1, 2 ** 48, 2 ** 49 + 5, 2 ** 50 - 1]
  const ids = [a, b].flatMap(idOf => positions.map(position => idOf(1_767_225_600_123, position)))
  for (const id of ids) t.match(id, /^019b76da-a87b-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.equal(new Set(ids).size, ids.length)
  t.equal(a(1_767_225_600_123, 2 ** 32), ids[0])
  t.ok(a(1_767_225_600_124, 0) > a(1_767_225_600_123, 2 ** 50 - 1))
})

t.test('what another version wrote is refused', async t => {
  t.throws(() => readRawVisit(Buffer.alloc(50, 9)), RangeError)
  t.throws(() => readRawVisit(roundTrip(facts).bytes.subarray(0, 60)), RangeError)
})
