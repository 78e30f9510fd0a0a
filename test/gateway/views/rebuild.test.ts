// The order of a rebuild: nothing is dropped while it is read, and a run that was killed is finished by the next.
import t from 'tap'
import type { MigrationFile } from '../../../gateway/migrations/files.js'
import { namesFor } from '../../../gateway/topics.js'
import type { Side } from '../../../gateway/views/definitions.js'
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
  const switches: string[] = []
  const reads = {
    current: async () => side,
    switchTo: async (to: Side) => {
      switches.push(`${to}: ${JSON.stringify([...ksqldb.tables.get(to === 'twin' ? 'counts_twin' : 'counts') ?? []])}`)
      side = to
    }
  }
  const run = async (signal = AbortSignal.timeout(10_000)) => await new Rebuild({
    ksqldb, reads, names: namesFor(''), files, graceMs: 5, now: () => 0, wait: async () => await new Promise(resolve => { setImmediate(resolve) }), signal, log: () => {}
  }).run()
  return { ksqldb, switches, run, side: () => side }
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
