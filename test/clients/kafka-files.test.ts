// The embedded broker's files are Kafka's: Kafka's own DumpLogSegments reads its segments and indexes and finds every batch valid, whatever
// the codec, with transactions and their markers, and `_schemas` as the registry wrote it.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import t from 'tap'
import { Broker } from '../../embedded/broker/broker.js'
import { encodeBatch } from '../../embedded/records/batch.js'
import { Registry } from '../../embedded/registry/index.js'
import { run } from './support/process.js'
import { javaArgs, kafkaClassPath } from './support/real-kafka.js'
import { recordResults } from './support/results.js'

const { Kafka, Partitioners, logLevel } = kafkajs
const RECORDS = 2000

async function writeSome (dataDir: string): Promise<void> {
  const broker = await Broker.open({ dataDir, host: '127.0.0.1', port: 0 })
  const registry = await Registry.open({ log: broker })
  await registry.register('s', { schema: '"string"' })
  await broker.createTopic({ name: 'codecs', partitions: 1, config: { 'segment.bytes': '65536', 'segment.index.bytes': '65536', 'index.interval.bytes': '1024' } })
  const partition = broker.partition('codecs', 0)
  for (let index = 0; index < RECORDS; index++) {
    const record = { timestamp: 1_700_000_000_000 + index, key: Buffer.from(`k${index}`), value: Buffer.from(`value ${index} ${'x'.repeat(100)}`) }
    await partition?.append(encodeBatch([record], { compression: index % 2 === 0 ? 'gzip' : 'none' }))
  }
  await broker.createTopic({ name: 'transactions', partitions: 1 })
  const { host, port } = broker.address
  const producer = new Kafka({ brokers: [`${host}:${port}`], logLevel: logLevel.NOTHING })
    .producer({ transactionalId: 'x', idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  for (const end of ['commit', 'abort'] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'transactions', messages: [{ value: end }] })
    await transaction[end]()
  }
  await producer.disconnect()
  await registry.close()
  await broker.close()
}

t.test('kafka-files', async t => {
  const classPath = await kafkaClassPath()
  if (classPath === undefined) {
    const reason = 'Kafka\'s tools need Java 17, Maven and, the first time, Maven Central'
    return process.env['CI'] === 'true' ? t.fail(reason) : t.comment(`skipped: ${reason}`)
  }
  const dataDir = await mkdtemp(join(tmpdir(), 'linklog-files-'))
  t.teardown(async () => { await rm(dataDir, { recursive: true }) })
  await writeSome(dataDir)
  const files = async (folder: string, end: string) =>
    (await readdir(join(dataDir, folder))).filter(name => name.endsWith(end)).sort().map(name => join(dataDir, folder, name))
  const dump = async (names: readonly string[], ...args: string[]) => {
    const result = await run('java', javaArgs(classPath, 'kafka.tools.DumpLogSegments', '--files', names.join(','), ...args))
    t.equal(result.code, 0, result.stderr)
    return result.stdout
  }
  const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0

  await t.test('batches', async t => {
    const logs = await files('codecs-0', '.log')
    t.ok(logs.length > 1, 'several segments')
    const text = await dump(logs, '--deep-iteration', '--print-data-log')
    t.equal(count(text, /^\| offset: \d+ /gm), RECORDS)
    t.equal(count(text, /isvalid: true/g), RECORDS)
    t.equal(count(text, /isvalid: false/g), 0)
    t.match(text, /\| offset: 1999 .* payload: value 1999 x+/)
    t.equal(count(text, /compresscodec: gzip/g), RECORDS / 2)
  })
  await t.test('indexes', async t => {
    const text = await dump([...await files('codecs-0', '.index'), ...await files('codecs-0', '.timeindex')], '--index-sanity-check')
    t.ok(count(text, /^Dumping /gm) > 2, 'several indexes')
    t.equal(count(text, /passed sanity check/g), count(text, /^Dumping /gm))
    t.notMatch(text, /Mismatches|Found timestamp mismatch|Index timestamp|out of order/)
    const verified = await dump([...await files('codecs-0', '.index'), ...await files('codecs-0', '.timeindex')], '--verify-index-only')
    t.notMatch(verified, /Mismatches|mismatch|out of order/)
  })
  await t.test('transactions', async t => {
    const text = await dump(await files('transactions-0', '.log'), '--deep-iteration', '--print-data-log')
    t.match(text, /endTxnMarker: COMMIT coordinatorEpoch: \d+/)
    t.match(text, /endTxnMarker: ABORT coordinatorEpoch: \d+/)
    t.equal(count(text, /isTransactional: true/g), 4)
  })
  await t.test('_schemas', async t => {
    const text = await dump(await files('_schemas-0', '.log'), '--deep-iteration', '--print-data-log')
    t.match(text, /key: \{"keytype":"SCHEMA","subject":"s","version":1,"magic":1\} payload: \{"subject":"s","version":1,"id":1,"schema":"\\"string\\"","deleted":false\}/)
  })
  const operation = 'segments, indexes, transactions, _schemas read by DumpLogSegments'
  recordResults({ client: 'kafka-files', stack: 'embedded', results: { [operation]: t.passing() } }, [operation])
})
