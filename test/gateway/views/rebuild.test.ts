// The order of a rebuild: nothing is dropped while it is read, and a run that was killed is finished by the next.
import t from 'tap'
import type { MigrationFile } from '../../../gateway/migrations/files.js'
import { namesFor } from '../../../gateway/topics.js'
import { KsqlError } from '../../../gateway/ksqldb/errors.js'
import type { Side } from '../../../gateway/views/definitions.js'
import type { Hold } from '../../../gateway/views/holds.js'
import { Rebuild } from '../../../gateway/views/rebuild.js'
import { FakeKsqldb } from './tables.js'

const files: readonly MigrationFile[] = [{
  version: 1, name: 'x', file: 'V000001__x.sql', checksum: '',
  text: "CREATE TABLE IF NOT EXISTS counts WITH (KAFKA_TOPIC = 'counts') AS SELECT k, n FROM clicks GROUP BY k;"
}]

const setUp = () => {
  const ksqldb = new FakeKsqldb()
  ksqldb.log = [['a', 1], ['b', 2]]
  ksqldb.table('counts', ['a', 1], ['b', 2])
  let side: Side = 'standing'
  let at = 0
  const switches: string[] = []
  const reads = {
    current: async () => side,
    switchTo: async (to: Side) => {
      switches.push(`${to}: ${JSON.stringify([...ksqldb.tables.get(to === 'twin' ? 'counts_twin' : 'counts') ?? []])}`)
      side = to
    }
  }
  const asked: string[] = []
  const holds = { ask: async ({ id, seconds }: Hold) => { asked.push(`${id} ${seconds}`) } }
  const run = async (signal = AbortSignal.timeout(10_000)) => await new Rebuild({
    ksqldb, reads, holds, names: namesFor(''), files, graceMs: 5, now: () => 0, clock: () => at, signal, log: () => {},
    wait: async ms => {
      at += ms
      await new Promise(resolve => { setImmediate(resolve) })
    }
  }).run()
  return { ksqldb, switches, asked, holds, run, side: () => side }
}

t.test('reads go over only when the twin holds what the table does, and come back when the new table does', async t => {
  const { ksqldb, switches, run } = setUp()
  t.strictSame([...await run()], [['counts', 2]])
  const whole = JSON.stringify([['a', ['a', 1]], ['b', ['b', 2]]])
  t.strictSame(switches, [`twin: ${whole}`, `standing: ${whole}`])
  t.strictSame([...ksqldb.tables.keys()], ['counts'], 'the twin is gone')
  t.strictSame([...ksqldb.tables.get('counts') ?? []], [['a', ['a', 1]], ['b', ['b', 2]]])
})

t.test('a table that does not hold what the log says never becomes equal', async t => {
  const { ksqldb, switches, run } = setUp()
  ksqldb.table('counts', ['a', 1], ['b', 2], ['c', 3])
  await t.rejects(run(AbortSignal.timeout(200)), { name: 'TimeoutError' })
  t.strictSame(switches, [], 'reads stay')
  t.ok(ksqldb.tables.has('counts'), 'and so does what they read')
})

t.test('killed while reads go to the twin: the next run goes on from there', async t => {
  const { ksqldb, switches, run, side } = setUp()
  const broken = ksqldb.statement.bind(ksqldb)
  ksqldb.statement = async text => {
    if (/DROP TABLE IF EXISTS counts /.test(text)) throw new Error('killed')
    return await broken(text)
  }
  await t.rejects(run(), { message: 'killed' })
  t.equal(side(), 'twin')
  ksqldb.statement = broken
  t.strictSame([...await run()], [['counts', 2]])
  t.equal(switches.length, 2)
  t.strictSame([...ksqldb.tables.keys()], ['counts'])
})

t.test('every hold that is asked for is said to be over, also where time runs out in it', async t => {
  const { ksqldb, asked, run } = setUp()
  ksqldb.table('counts', ['a', 1], ['b', 2], ['c', 3])
  await t.rejects(run(AbortSignal.timeout(200)), { name: 'TimeoutError' })
  t.ok(asked.length >= 2 && asked.length % 2 === 0, `${asked.length} events`)
  const holds = asked.map(event => event.split(' ') as [string, string])
  for (let n = 0; n < holds.length; n += 2) {
    const [[begun, seconds], [over, none]] = [holds[n], holds[n + 1]] as [[string, string], [string, string]]
    t.equal(begun, over)
    t.ok(Number(seconds) > 0 && none === '0')
  }
  t.equal(new Set(holds.map(([id]) => id)).size, holds.length / 2, 'each by an id of its own')
})

t.test('a service that does not know holds is compared as it goes', async t => {
  const { ksqldb, holds, run } = setUp()
  const statement = ksqldb.statement.bind(ksqldb)
  ksqldb.table('counts', ['a', 1], ['b', 2], ['c', 3])
  let refused = 0
  holds.ask = async () => {
    refused++
    ksqldb.log = [['a', 1], ['b', 2], ['c', 3]] // comes at last
    ksqldb.tables.get('counts_twin')?.set('c', ['c', 3])
    throw new KsqlError(400, 40001, 'hold_events does not exist.')
  }
  ksqldb.statement = statement
  t.strictSame([...await run()], [['counts', 3]])
  t.ok(refused > 0)
})
