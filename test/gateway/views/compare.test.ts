// Two tables are equal when each key of either reads the same in both, and not before.
import t from 'tap'
import { untilEqual } from '../../../gateway/views/compare.js'
import { FakeKsqldb } from './tables.js'

const shape = { keys: [{ name: 'K', text: true }], windowed: false }

t.test('equal tables are found equal at once, whatever the order of rows and of map entries', async t => {
  const ksqldb = new FakeKsqldb()
  ksqldb.table('a', ['x', { one: 1, two: 2 }], ["y'z", 2])
  ksqldb.table('b', ["y'z", 2], ['x', { two: 2, one: 1 }])
  t.equal(await untilEqual({ ksqldb, shape, wait: async () => { t.fail('nothing to wait for') }, signal: AbortSignal.timeout(5_000) }, 'a', 'b'), 2)
})

for (const [what, a, b] of [
  ['another value', [['x', 1]], [['x', 2]]],
  ['a row too few', [['x', 1], ['y', 1]], [['x', 1]]],
  ['a row too many', [['x', 1]], [['x', 1], ['y', 1]]]
] as const) {
  t.test(`${what}: waits until it has gone`, async t => {
    const ksqldb = new FakeKsqldb()
    const one = ksqldb.table('a', ...a)
    const other = ksqldb.table('b', ...b)
    let waits = 0
    const wait = async () => {
      if (++waits < 3) return
      one.clear()
      other.clear()
      one.set('x', ['x', 3])
      other.set('x', ['x', 3])
    }
    await untilEqual({ ksqldb, shape, wait, signal: AbortSignal.timeout(5_000) }, 'a', 'b')
    t.equal(waits, 3)
  })
}

t.test('what never becomes equal ends with the signal', async t => {
  const ksqldb = new FakeKsqldb()
  ksqldb.table('a', ['x', 1])
  ksqldb.table('b', ['x', 2])
  const stop = new AbortController()
  await t.rejects(untilEqual({ ksqldb, shape, wait: async () => { stop.abort(new Error('enough')) }, signal: stop.signal }, 'a', 'b'), { message: 'enough' })
})
