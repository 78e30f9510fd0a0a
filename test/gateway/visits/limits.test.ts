import t from 'tap'
import { VisitLimits } from '../../../gateway/visits/limits.js'

t.test('one gateway gives exactly as many visits, however late the table is', async t => {
  const clock = { now: 0 }
  let counted = 3
  const limits = new VisitLimits({ count: async () => counted, now: () => clock.now })
  const taken = await Promise.all(Array.from({ length: 20 }, () => limits.take('a', 10, true)))
  t.equal(taken.filter(Boolean).length, 7)
  clock.now = 2_000
  t.notOk(await limits.take('a', 10, true), 'the table still says 3')
  counted = 10
  clock.now = 4_000
  t.notOk(await limits.take('a', 10, true))
  t.ok(await limits.take('a', 11, true), 'the limit may be raised')
})

t.test('who is not counted asks without taking; another gateway is seen through the table', async t => {
  const clock = { now: 0 }
  let counted = 0
  const limits = new VisitLimits({ count: async () => counted, now: () => clock.now })
  for (let n = 0; n < 5; n++) t.ok(await limits.take('a', 1, false))
  counted = 1
  t.ok(await limits.take('a', 1, false), 'for a second it is not asked again')
  clock.now = 1_000
  t.notOk(await limits.take('a', 1, false))
})
