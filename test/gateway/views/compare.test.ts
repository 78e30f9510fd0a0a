// Two tables are equal when each key of either reads the same in both, and not before.
import t from 'tap'
import { untilEqual, type CompareOptions } from '../../../gateway/views/compare.js'
import { FakeKsqldb } from './tables.js'

const pair = { name: 'x', one: 'a', other: 'b', shape: { keys: [{ name: 'K', text: true }], windowed: false } }

/** Compares the tables a and b; gives the number of keys that were told, and how often visits were to be held back. */
const compare = async (options: Pick<CompareOptions, 'ksqldb'> & Partial<CompareOptions>) => {
  const [told, holds] = [[] as number[], [] as string[]]
  let at = 0
  await untilEqual({
    now: () => at,
    signal: AbortSignal.timeout(5_000),
    held: async during => {
      holds.push('begun')
      await during()
      holds.push('over')
    },
    onEqual: (_, keys) => told.push(keys),
    ...options,
    wait: async ms => {
      at += ms
      await options.wait?.(ms)
    }
  }, [pair])
  return { told, holds }
}

t.test('equal tables are found equal at once, whatever the order of rows and of map entries', async t => {
  const ksqldb = new FakeKsqldb()
  ksqldb.table('a', ['x', { one: 1, two: 2 }], ["y'z", 2])
  ksqldb.table('b', ["y'z", 2], ['x', { two: 2, one: 1 }])
  t.strictSame(await compare({ ksqldb, wait: async () => { t.fail('nothing to wait for') } }), { told: [2], holds: [] })
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
    t.strictSame((await compare({ ksqldb, wait })).holds, [], 'visits go on')
    t.equal(waits, 3)
  })
}

t.test('what never becomes equal ends with the signal', async t => {
  const ksqldb = new FakeKsqldb()
  ksqldb.table('a', ['x', 1])
  ksqldb.table('b', ['x', 2])
  const stop = new AbortController()
  await t.rejects(compare({ ksqldb, wait: async () => { stop.abort(new Error('enough')) }, signal: stop.signal }), { message: 'enough' })
})

/** Two queries that read the same log and commit at different moments: whoever asks sees one of them a visit behind, unless nothing comes. */
const unsynchronised = () => {
  const ksqldb = new FakeKsqldb()
  const [a, b] = [ksqldb.table('a'), ksqldb.table('b', ['calm', 1])]
  a.set('calm', ['calm', 1])
  let [visits, flowing] = [0, true]
  const pull = ksqldb.pull.bind(ksqldb)
  ksqldb.pull = async sql => {
    const isFirst = sql.includes('FROM a ')
    if (flowing && isFirst) visits++
    if (isFirst) a.set('hot', ['hot', visits])
    else b.set('hot', ['hot', flowing ? visits - 1 : visits])
    return await pull(sql)
  }
  a.set('hot', ['hot', 0])
  b.set('hot', ['hot', 0])
  return { ksqldb, b, flow: (now: boolean) => { flowing = now } }
}

t.test('a key that changes at every commit is seen equal while visits are held back', async t => {
  const { ksqldb, flow } = unsynchronised()
  let holds = 0
  await compare({
    ksqldb,
    held: async during => {
      holds++
      flow(false)
      await during()
      flow(true)
    }
  })
  t.equal(holds, 1)
})

t.test('where holding back does nothing it is tried again, after ever longer times in peace, until time is up', async t => {
  const { ksqldb } = unsynchronised()
  const stop = new AbortController()
  const [peace, held] = [[] as number[], [] as number[]]
  let waitedMs = 0
  await t.rejects(compare({
    ksqldb,
    signal: stop.signal,
    wait: async ms => { waitedMs += ms },
    held: async during => {
      peace.push(waitedMs)
      if (peace.length === 4) stop.abort(new Error('enough'))
      waitedMs = 0
      await during()
      held.push(waitedMs)
      waitedMs = 0
    }
  }), { message: 'enough' })
  t.equal(peace.length, 4)
  for (const [n, waited] of peace.slice(1).entries()) {
    t.ok(waited >= (held[n] as number), 'at least as long as it was held')
    t.ok(waited >= 2 * (peace[n] as number))
  }
})

t.test('what differs though nothing comes does not become equal by holding back', async t => {
  const { ksqldb, b, flow } = unsynchronised()
  b.set('calm', ['calm', 2])
  const stop = new AbortController()
  let holds = 0
  await t.rejects(compare({
    ksqldb,
    signal: stop.signal,
    wait: async () => {},
    held: async during => {
      if (++holds === 3) stop.abort(new Error('enough'))
      flow(false)
      await during()
      flow(true)
    }
  }), { message: 'enough' })
})
