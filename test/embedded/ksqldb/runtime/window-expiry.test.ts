// Windows go once their retention is over: what the state store holds is bounded by the windows that the retention covers, not by all that there were.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CaseRegistry } from '../../../../embedded/ksqldb/conformance/case-registry.js'
import { StateDb } from '../../../../embedded/ksqldb/runtime/state/state-db.js'
import { MemoryLog } from '../../../helpers/memory-log.js'
import { until } from '../../../helpers/until.js'
import { openStack, send } from './support.js'
import type { Stack } from './support.js'
import { testdir } from '../../../helpers/testdir.js'

const KEYS = 20
const SECOND = 1000
const ROW_BYTES = 45 // key and value of one window, without the store's own
const CLICKS = "CREATE STREAM clicks (k STRING KEY, n INT) WITH (KAFKA_TOPIC='clicks', KEY_FORMAT='KAFKA', VALUE_FORMAT='DELIMITED', PARTITIONS=2);"
const kinds = {
  tumbling: 'WINDOW TUMBLING (SIZE 1 SECOND, RETENTION 10 SECONDS, GRACE PERIOD 2 SECONDS)',
  hopping: 'WINDOW HOPPING (SIZE 2 SECONDS, ADVANCE BY 1 SECOND, RETENTION 10 SECONDS, GRACE PERIOD 2 SECONDS)',
  session: 'WINDOW SESSION (500 MILLISECONDS, RETENTION 10 SECONDS, GRACE PERIOD 2 SECONDS)'
}

async function visitSeconds (log: MemoryLog, from: number, to: number): Promise<void> {
  for (let second = from; second < to; second++) {
    for (let k = 0; k < KEYS; k++) await send(log, 'clicks', { key: `k${k}`, value: '1', timestamp: second * SECOND + k, partition: k % 2 })
  }
}

/** Everything in the state store but the catalogue; the stack must be closed. */
async function entriesIn (dataDir: string): Promise<number> {
  const db = StateDb.open(dataDir)
  const entries = db.range(Buffer.from([0, 0, 0, 1]), Buffer.alloc(5, 255), Number.MAX_SAFE_INTEGER)
  await db.close()
  return entries.length
}

const bytesIn = (dataDir: string): number => readdirSync(join(dataDir, 'state')).reduce((sum, name) => sum + statSync(join(dataDir, 'state', name)).size, 0)

const rowsOf = (stack: Stack): { key: unknown, start: number }[] =>
  [...stack.query().table!.scan()].map(({ key, window }) => ({ key: key[0], start: window!.start }))

for (const [kind, window] of Object.entries(kinds)) {
  t.test(`${kind} windows: the store does not grow with time`, async t => {
    const log = new MemoryLog()
    await log.createTopic({ name: 'clicks', partitions: 2 })
    const [dataDir, registry] = [testdir(t), new CaseRegistry()]
    const sizes: { entries: number, bytes: number }[] = []
    for (const [from, to] of [[0, 100], [100, 200], [200, 400]] as const) {
      const stack = await openStack(log, dataDir, registry)
      if (from === 0) await stack.run(CLICKS + `CREATE TABLE w WITH (KAFKA_TOPIC='w', VALUE_FORMAT='DELIMITED') AS SELECT k, COUNT(*) AS c FROM clicks ${window} GROUP BY k;`)
      await visitSeconds(log, from, to)
      await stack.settled()
      await until('what has expired is gone', async () => rowsOf(stack).every(({ start }) => start >= (to - 1 - 12) * SECOND))
      t.equal(new Set(rowsOf(stack).map(({ key }) => key)).size, KEYS, 'and what has not is there')
      await stack.close()
      sizes.push({ entries: await entriesIn(dataDir), bytes: bytesIn(dataDir) })
    }
    const [first, , last] = sizes
    t.comment(JSON.stringify(sizes))
    t.ok(last!.entries <= KEYS * 13 * 3, `${last!.entries} entries for ${KEYS} keys and the windows of 10 seconds, with their places in the index`)
    t.ok(last!.bytes - first!.bytes < 300 * KEYS * ROW_BYTES, 'the pages of what is gone are used again')
  })
}

t.test('a jump in time clears the store, though nothing comes after it', async t => {
  const log = new MemoryLog()
  await log.createTopic({ name: 'clicks', partitions: 2 })
  const stack = await openStack(log, testdir(t))
  t.teardown(() => stack.close())
  // Retention holds all of them until the jump: far more windows than one commit forgets.
  const long = 'WINDOW TUMBLING (SIZE 1 SECOND, RETENTION 1 DAY, GRACE PERIOD 2 SECONDS)'
  await stack.run(CLICKS + `CREATE TABLE w WITH (KAFKA_TOPIC='w', VALUE_FORMAT='DELIMITED') AS SELECT k, COUNT(*) AS c FROM clicks ${long} GROUP BY k;`)
  await visitSeconds(log, 0, 300)
  await stack.settled()
  t.equal(rowsOf(stack).length, 300 * KEYS)
  const later = 3 * 86_400 * SECOND
  for (const [key, partition] of [['k0', 0], ['k1', 1]] as const) await send(log, 'clicks', { key, value: '1', timestamp: later, partition })
  await stack.settled()
  await until('only the windows after the jump are left', async () => rowsOf(stack).length === 2)
})
