// Queries over a log in memory: what they write, what they keep, and that a crash at any append leaves neither gap nor repeat.
import t from 'tap'
import { CaseRegistry } from '../../../../embedded/ksqldb/conformance/case-registry.js'
import type { AppendResult, Log, PartitionLog } from '../../../../embedded/log.js'
import type { PushRow } from '../../../../embedded/ksqldb/runtime/api.js'
import { StateDb } from '../../../../embedded/ksqldb/runtime/state/state-db.js'
import { planTransientQuery } from '../../../../embedded/ksqldb/plan/planner.js'
import { parseStatements } from '../../../../embedded/ksqldb/sql/parser.js'
import { MemoryLog } from '../../../helpers/memory-log.js'
import { until } from '../../../helpers/until.js'
import { openStack, recordsOf, send, textsOf } from './support.js'
import type { Sent, Stack } from './support.js'
import { testdir } from '../../../helpers/testdir.js'

const CLICKS = "CREATE STREAM clicks (k STRING KEY, n INT) WITH (KAFKA_TOPIC='clicks', KEY_FORMAT='KAFKA', VALUE_FORMAT='DELIMITED', PARTITIONS=1);"
const COUNTS = "CREATE TABLE counts WITH (KAFKA_TOPIC='counts', VALUE_FORMAT='DELIMITED', PARTITIONS=1) AS SELECT k, COUNT(*) AS c, SUM(n) AS s FROM clicks GROUP BY k;"

async function clicksLog (): Promise<MemoryLog> {
  const log = new MemoryLog()
  await log.createTopic({ name: 'clicks', partitions: 1 })
  return log
}

const clicks = (count: number, keys = 3): Sent[] => Array.from({ length: count }, (_, i) => ({ key: `k${i % keys}`, value: String(i), timestamp: i }))

t.test('an aggregate coalesces by default and sends each update without a cache', async t => {
  const log = await clicksLog()
  await send(log, 'clicks', ...clicks(9))
  const stack = await openStack(log, testdir(t))
  t.teardown(() => stack.close())
  await stack.run(CLICKS + COUNTS)
  await stack.settled()
  const last = new Map((await textsOf(log, 'counts')).map(text => text.split(' ') as [string, string]))
  t.same([...last].sort(), [['k0', '3,9'], ['k1', '3,12'], ['k2', '3,15']])
  t.ok((await textsOf(log, 'counts')).length < 9, 'updates of one commit go out as one')
  t.same(stack.query().table?.get(['k1'])?.value, [3n, 12])
  t.equal(stack.query().table?.get(['k1'])?.timestamp, 7)
  await stack.run("CREATE TABLE every_count WITH (KAFKA_TOPIC='every', VALUE_FORMAT='DELIMITED', PARTITIONS=1) AS SELECT k, COUNT(*) AS c FROM clicks GROUP BY k;",
    { 'cache.max.bytes.buffering': '0' })
  await stack.settled()
  t.same(await textsOf(log, 'every'), ['k0 1', 'k1 1', 'k2 1', 'k0 2', 'k1 2', 'k2 2', 'k0 3', 'k1 3', 'k2 3'])
})

t.test('a record is seen as soon as it is appended, and poison is told and passed over', async t => {
  const log = await clicksLog()
  const stack = await openStack(log, testdir(t))
  t.teardown(() => stack.close())
  await stack.run(CLICKS + COUNTS)
  await send(log, 'clicks', { key: 'a', value: '1' }, { key: 'a', value: 'poison' }, { key: 'a', value: '2' })
  await stack.settled()
  t.same(stack.query().table?.get(['a'])?.value, [2n, 3])
  t.equal(stack.query().metrics.errors, 1)
  t.match(stack.errors, [{ type: 'DESERIALIZATION_ERROR', topic: 'clicks', partition: 0, offset: 1, queryId: stack.query().id }])
})

t.test('a stopped and a paused query go on where they were', async t => {
  const log = await clicksLog()
  const [dataDir, registry] = [testdir(t), new CaseRegistry()]
  const first = await openStack(log, dataDir, registry)
  await first.run(CLICKS + COUNTS)
  await send(log, 'clicks', ...clicks(6))
  await first.settled()
  await first.close()
  await send(log, 'clicks', ...clicks(3))
  const second = await openStack(log, dataDir, registry)
  t.teardown(() => second.close())
  await second.settled()
  t.same(second.query().table?.get(['k0'])?.value, [3n, 3])
  t.equal(second.query().metrics.recordsIn, 3, 'what was committed is not read again')
  second.runtime.pauseQuery(second.query().id)
  t.equal(second.query().status, 'PAUSED')
  await send(log, 'clicks', { key: 'k0', value: '100' })
  second.runtime.resumeQuery(second.query().id)
  await second.settled()
  t.same(second.query().table?.get(['k0'])?.value, [4n, 103])
})

t.test('a table that nobody follows is read at once, and written ten times a second at most', async t => {
  const log = await clicksLog()
  const stack = await openStack(log, testdir(t))
  t.teardown(() => stack.close())
  await stack.run(CLICKS + COUNTS)
  const started = performance.now()
  for (const [i, click] of clicks(60, 1).entries()) {
    await send(log, 'clicks', click)
    await until('the count', async () => stack.query().table?.get(['k0'])?.value[0] === BigInt(i + 1))
  }
  const commits = (await recordsOf(log, 'counts')).length
  t.ok(commits <= (performance.now() - started) / 99 + 1, `${commits} of 60 changes`)
  await stack.settled()
  t.equal((await textsOf(log, 'counts')).at(-1), 'k0 60,1770')
})

t.test('what was appended is forgotten when the query stops', async t => {
  const log = await clicksLog()
  const dataDir = testdir(t)
  const stack = await openStack(log, dataDir)
  await stack.run(CLICKS + COUNTS)
  await send(log, 'clicks', ...clicks(6))
  await stack.settled()
  const { id } = stack.query()
  await stack.close()
  const db = StateDb.open(dataDir)
  t.teardown(async () => await db.close())
  const [first, next] = db.query(id)!.outbox
  t.ok(next > 0, 'batches were appended')
  t.equal(first, next, 'none stands to be appended again')
})

/** A log that fails at its n-th append to a topic: before it takes the batch, or after it has. */
function failingLog (log: Log, topic: string, n: number, after: boolean): Log {
  let appends = 0
  const wrap = (partition: PartitionLog): PartitionLog => new Proxy(partition, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== 'append') return typeof value === 'function' ? value.bind(target) : value
      return async (batch: Buffer): Promise<AppendResult> => {
        const fails = ++appends === n
        if (fails && !after) throw new Error('the broker is gone')
        const result = await target.append(batch)
        if (fails) throw new Error('the broker is gone')
        return result
      }
    }
  })
  return new Proxy(log, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (name === 'partition') {
        return (asked: string, number: number) => {
          const partition = target.partition(asked, number)
          return partition !== undefined && asked === topic ? wrap(partition) : partition
        }
      }
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

for (const after of [false, true]) {
  t.test(`an append that fails ${after ? 'after' : 'before'} it was done leaves neither gap nor repeat`, async t => {
    for (const n of [1, 2, 3]) {
      const log = await clicksLog()
      const [dataDir, registry] = [testdir(t), new CaseRegistry()]
      const first = await openStack(failingLog(log, 'every', n, after), dataDir, registry)
      await first.run(CLICKS + "CREATE TABLE every_count WITH (KAFKA_TOPIC='every', VALUE_FORMAT='DELIMITED', PARTITIONS=1) AS SELECT k, COUNT(*) AS c FROM clicks GROUP BY k;",
        { 'cache.max.bytes.buffering': '0' })
      for (let i = 0; i < n; i++) {
        await send(log, 'clicks', ...clicks(4, 1))
        await first.settled().catch(() => {})
      }
      t.equal(first.query().status, 'ERROR')
      await first.close()
      const second = await openStack(log, dataDir, registry)
      await second.settled()
      t.same(await textsOf(log, 'every'), Array.from({ length: n * 4 }, (_, i) => `k0 ${i + 1}`))
      await second.close()
    }
  })
}

t.test('a query that failed is tried again by itself', async t => {
  const log = await clicksLog()
  const stack = await openStack(failingLog(log, 'counts', 1, false), testdir(t))
  t.teardown(() => stack.close())
  await stack.run(CLICKS + COUNTS, { 'cache.max.bytes.buffering': '0' })
  await send(log, 'clicks', ...clicks(6))
  await t.rejects(stack.settled(), { message: 'the broker is gone' })
  t.equal(stack.query().error?.message, 'the broker is gone')
  await until('the query runs again', async () => stack.query().status === 'RUNNING')
  await stack.settled()
  t.same(await textsOf(log, 'counts'), ['k0 1,0', 'k1 1,1', 'k2 1,2', 'k0 2,3', 'k1 2,5', 'k2 2,7'])
})

t.test('a large commit is written by another thread: rows never go back meanwhile, a scan has them all, and they are kept', async t => {
  const log = await clicksLog()
  const [dataDir, registry] = [testdir(t), new CaseRegistry()]
  const keys = 3000
  const stack = await openStack(log, dataDir, registry)
  await stack.run(CLICKS + COUNTS)
  const table = stack.query().table!
  const countOf = (key: string): bigint => (table.get([key])?.value[0] ?? 0n) as bigint
  const ended = new AbortController()
  let looks = 0
  const watched = (async () => {
    for (let [first, last] = [0n, 0n]; !ended.signal.aborted; looks++) {
      const now = [countOf('k0'), countOf(`k${keys - 1}`)] as const
      if (now[0] < first || now[1] < last) throw new Error(`${first} and ${last} became ${now[0]} and ${now[1]}`);
      [first, last] = now
      if (looks % 50 === 0) {
        // all that was processed is in a scan of a stretch of keys
        const seen = countOf('k1')
        const [row] = [...table.range({ prefix: [], from: { value: 'k1', inclusive: true }, to: { value: 'k1', inclusive: true } })]
        if ((row?.value[0] ?? 0n) !== seen) throw new Error(`a scan has ${String(row?.value[0])} of ${seen}`)
      }
      await new Promise(resolve => { setImmediate(resolve) })
    }
  })()
  for (let round = 0; round < 4; round++) {
    await send(log, 'clicks', ...clicks(keys, keys))
    await stack.settled()
  }
  ended.abort()
  await watched
  t.ok(looks > 100, `looked ${looks} times`)
  await stack.close()
  const again = await openStack(log, dataDir, registry)
  t.teardown(() => again.close())
  await again.settled()
  t.equal(again.query().metrics.recordsIn, 0)
  const rows = [...again.query().table!.scan()]
  t.equal(rows.length, keys)
  t.ok(rows.every(({ key, value }) => value[0] === 4n && value[1] === 4 * Number((key[0] as string).slice(1))))
  const last = new Map((await textsOf(log, 'counts')).map(text => text.split(' ') as [string, string]))
  t.equal(last.size, keys)
  t.ok([...last.values()].every(value => value.startsWith('4,')))
})

t.test('state ahead of its topic is built again', async t => {
  const [dataDir, registry] = [testdir(t), new CaseRegistry()]
  const log = await clicksLog()
  const first = await openStack(log, dataDir, registry)
  await first.run(CLICKS + COUNTS)
  await send(log, 'clicks', ...clicks(6))
  await first.settled()
  const { id, sqlText, plan, properties } = first.engine.state.queries()[0]!
  await first.close()
  const shorter = await clicksLog()
  await shorter.createTopic({ name: 'counts', partitions: 1 })
  await send(shorter, 'clicks', ...clicks(2))
  const second = await openStack(shorter, dataDir, registry)
  t.teardown(() => second.close())
  const query = await second.runtime.startQuery({ id, sqlText, plan, properties })
  await query.caughtUp()
  t.same([...query.table!.scan()].map(row => row.key), [['k0'], ['k1']])
})

t.test('windows: late records, expiry, bounds', async t => {
  const log = await clicksLog()
  const stack = await openStack(log, testdir(t))
  t.teardown(() => stack.close())
  await stack.run(CLICKS + `CREATE TABLE w WITH (KAFKA_TOPIC='w', VALUE_FORMAT='DELIMITED') AS
    SELECT k, COUNT(*) AS c FROM clicks WINDOW TUMBLING (SIZE 1 SECOND, RETENTION 10 SECONDS, GRACE PERIOD 2 SECONDS) GROUP BY k;`)
  const at = (timestamp: number): Sent => ({ key: 'k', value: '1', timestamp })
  await send(log, 'clicks', at(100), at(900), at(2500), at(200), at(5000), at(300))
  await stack.settled()
  const starts = () => [...stack.query().table!.getWindows(['k'], {})].map(row => [row.window!.start, row.value[0]])
  t.same(starts(), [[0, 3n], [2000, 1n], [5000, 1n]], 'the last came after window end and grace')
  t.same([...stack.query().table!.getWindows(['k'], { startMin: 1, endMax: 3000 })].map(row => row.window), [{ start: 2000, end: 3000 }])
  await send(log, 'clicks', at(13_500))
  await stack.settled()
  t.same(starts(), [[5000, 1n], [13_000, 1n]], 'what the retention no longer covers is gone')
})

t.test('keys longer than the store takes', async t => {
  const log = await clicksLog()
  const stack = await openStack(log, testdir(t))
  t.teardown(() => stack.close())
  const [one, two] = ['1', '2'].map(end => 'https://example.com/' + 'x'.repeat(2100) + end)
  await stack.run(CLICKS + COUNTS)
  await send(log, 'clicks', { key: one!, value: '1' }, { key: two!, value: '2' }, { key: one!, value: '3' })
  await stack.settled()
  t.same([...stack.query().table!.scan()].map(row => [row.key[0], row.value[1]]).sort(), [[one, 4], [two, 2]])
})

async function push (stack: Stack, sql: string, bufferedRowsMax?: number): ReturnType<Stack['runtime']['startPushQuery']> {
  const statement = parseStatements(sql)[0]!.statement
  if (statement.node !== 'Query') throw new Error('not a query')
  const { plan } = planTransientQuery(statement, stack.engine.state, { functions: stack.engine.functions, properties: stack.engine.properties({}) })
  return await stack.runtime.startPushQuery(plan, { id: 'push', properties: { 'auto.offset.reset': 'earliest' }, ...(bufferedRowsMax === undefined ? {} : { bufferedRowsMax }) })
}

t.test('a push query ends at its limit, and waits for a slow reader', async t => {
  const log = await clicksLog()
  const stack = await openStack(log, testdir(t))
  t.teardown(() => stack.close())
  await stack.run(CLICKS)
  await send(log, 'clicks', ...clicks(500))
  const limited = await push(stack, 'SELECT k, n FROM clicks EMIT CHANGES LIMIT 2;')
  const rows: PushRow[] = []
  for await (const batch of limited) rows.push(...batch)
  t.same(rows.map(row => row.values), [['k0', 0], ['k1', 1]])
  t.equal(limited.limitReached, true)
  const slow = await push(stack, 'SELECT n FROM clicks EMIT CHANGES;', 10)
  let seen = 0
  for await (const batch of slow) {
    t.ok(batch.length <= 10, 'no more rows are held than asked for')
    seen += batch.length
    if (seen === 500) break
  }
  t.equal(slow.metrics.recordsIn, 500)
})

t.test('records of an aborted transaction do not count', async t => {
  const { encodeBatch } = await import('../../../../embedded/records/batch.js')
  const { encodeMarker } = await import('../../../../embedded/records/control.js')
  const log = await clicksLog()
  const partition = log.partition('clicks', 0)!
  const transactional = (value: string, producerId: number) => encodeBatch([{ timestamp: 0, key: Buffer.from('a'), value: Buffer.from(value) }],
    { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  await partition.append(transactional('1', 1))
  await partition.append(transactional('10', 2))
  await partition.append(encodeMarker({ type: 'abort', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 0 }))
  await partition.append(encodeMarker({ type: 'commit', producerId: 2, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 0 }))
  const stack = await openStack(log, testdir(t))
  t.teardown(() => stack.close())
  await stack.run(CLICKS + COUNTS)
  await stack.settled()
  t.same(stack.query().table?.get(['a'])?.value, [1n, 10])
  t.equal((await recordsOf(log, 'counts')).length, 1)
})
