// Foreign clients of ksqlDB on the embedded stack, each as it comes: ksqldb-client (HTTP/2), Cube's ksql driver (HTTP/1.1), curl over both.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { startEmbedded } from '../../embedded/index.js'
import type { Embedded } from '../../embedded/index.js'
import { until } from '../helpers/until.js'
import { run, works } from './support/process.js'
import { CACHE } from './support/real-kafka.js'

const MANIFEST = fileURLToPath(new URL('./ksqldb/package.json', import.meta.url))

/** The clients in a folder of their own, fetched from the registry once. Undefined where that cannot be done. */
async function installed (): Promise<NodeJS.Require | undefined> {
  const folder = join(CACHE, `ksqldb-${createHash('sha256').update(readFileSync(MANIFEST)).digest('hex').slice(0, 12)}`)
  if (!existsSync(folder)) {
    const partial = `${folder}.partial-${process.pid}`
    mkdirSync(partial, { recursive: true })
    copyFileSync(MANIFEST, join(partial, 'package.json'))
    const install = await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: partial, timeoutMs: 300_000 })
      .catch((error: unknown) => ({ code: -1, stderr: String(error) }))
    if (install.code !== 0) {
      rmSync(partial, { recursive: true, force: true })
      return undefined
    }
    renameSync(partial, folder)
  }
  return createRequire(join(folder, 'package.json'))
}

async function start (t: Test): Promise<Embedded> {
  const dataDir = mkdtempSync(join(tmpdir(), 'linklog-clients-'))
  const quiet = { info: () => {}, warn: () => {}, error: () => {} }
  const embedded = await startEmbedded({ dataDir, host: '127.0.0.1', kafkaPort: 0, registryPort: 0, ksqldbPort: 0, fsync: 'interval', logger: quiet })
  t.teardown(async () => {
    await embedded.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  return embedded
}

function leaveOut (t: Test, reason: string): void {
  if (process.env['CI'] === 'true') t.fail(reason)
  else t.comment(`skipped: ${reason}`)
}

t.setTimeout(600_000)

t.test('ksqldb-client', async t => {
  const require = await installed()
  if (require === undefined) return leaveOut(t, 'ksqldb-client cannot be installed')
  const { ksqldbUrl } = await start(t)
  const KsqldbClient = require('ksqldb-client')
  const client = new KsqldbClient({ host: 'http://127.0.0.1', port: new URL(ksqldbUrl).port })
  await client.connect()
  t.teardown(async () => await client.disconnect())

  await t.test('statements, with session variables', async t => {
    const create = await client.executeStatement(
      'CREATE STREAM ${name} (word VARCHAR, n INT) WITH (KAFKA_TOPIC=\'${topic}\', PARTITIONS=1, VALUE_FORMAT=\'JSON\');', // eslint-disable-line no-template-curly-in-string
      { sessionVariables: { name: 'words', topic: 'words-topic' } })
    t.match(create, { status: 200, error: undefined, data: { rows: [{ '@type': 'currentStatus', commandStatus: { status: 'SUCCESS' } }] } })
    const count = await client.executeStatement('CREATE TABLE counts AS SELECT word, COUNT(*) AS total FROM words GROUP BY word EMIT CHANGES;',
      { streamsProperties: { 'ksql.streams.auto.offset.reset': 'earliest' } })
    t.match(count, { status: 200, error: undefined })
  })

  await t.test('rows in over /inserts-stream', async t => {
    for (const row of [{ word: 'tree', n: 1 }, { word: 'wind', n: 2 }, { word: 'tree', n: 3 }]) {
      t.match(await client.insertInto('words', row), { status: 200, error: undefined, data: { rows: [{ status: 'ok', seq: 0 }] } })
    }
  })

  await t.test('a pull query', async t => {
    const answer = await until('both words counted', async () => {
      const { data } = await client.query('SELECT word, total FROM counts WHERE word IN (\'tree\', \'wind\');')
      return data.rows.length === 2 && data.rows.some(({ TOTAL }: any) => TOTAL === 2) && data
    })
    t.strictSame(answer.metadata.columnNames, ['WORD', 'TOTAL'])
    t.strictSame([...answer.rows].sort((a: any, b: any) => b.TOTAL - a.TOTAL), [{ WORD: 'tree', TOTAL: 2 }, { WORD: 'wind', TOTAL: 1 }])
  })

  await t.test('a push query from the beginning, and its end by /close-query', async t => {
    const rows: unknown[] = []
    let ending: Promise<{ status: number }> | undefined
    const ended = await client.streamQuery('SELECT word, n FROM words EMIT CHANGES;', ({ metadata, rows: more = [] }: any) => {
      rows.push(...more)
      if (rows.length === 3) ending ??= client.terminatePushQuery(metadata.queryId)
    }, { properties: { 'auto.offset.reset': 'earliest' }, streamsProperties: { 'auto.offset.reset': 'earliest' } })
    t.match(ended, { status: 200, error: undefined })
    t.strictSame(rows, [{ WORD: 'tree', N: 1 }, { WORD: 'wind', N: 2 }, { WORD: 'tree', N: 3 }])
    t.match(await ending, { status: 200 })
  })

  await t.test('listings', async t => {
    t.match((await client.listStreams()).filter(({ name }: any) => name !== 'KSQL_PROCESSING_LOG'), [{ name: 'WORDS', topic: 'words-topic', type: 'STREAM' }])
    t.match(await client.listTables(), [{ name: 'COUNTS', type: 'TABLE' }])
    t.ok((await client.listTopics()).some(({ name }: any) => name === 'words-topic'))
    t.match(await client.listQueries(), [{ sinks: ['COUNTS'], state: 'RUNNING' }])
    t.match(await client.describeSource('words'), { name: 'WORDS', type: 'STREAM' })
  })

  await t.test('errors', async t => {
    t.match(await client.query('SELECT * FROM;'), { status: 400, error: { error_code: 40001 } })
    t.match(await client.query('SELECT * FROM not_there;'), { status: 400, error: {} })
    t.match(await client.terminatePushQuery('not-there'), { status: 400, error: {} })
  })
})

t.test('@cubejs-backend/ksql-driver', async t => {
  const require = await installed()
  if (require === undefined) return leaveOut(t, '@cubejs-backend/ksql-driver cannot be installed')
  const { ksqldbUrl, kafkaBrokers } = await start(t)
  process.env['CUBEJS_CACHE_AND_QUEUE_DRIVER'] ??= 'memory'
  const { KsqlDriver } = require('@cubejs-backend/ksql-driver')
  const driver = new KsqlDriver({ dataSource: 'default', url: ksqldbUrl, username: 'cube', password: 'cube', kafkaHost: kafkaBrokers })
  await driver.testConnection()
  t.match(await driver.query('CREATE STREAM orders (id VARCHAR KEY, amount DECIMAL(10, 2), placed TIMESTAMP) WITH (KAFKA_TOPIC=\'orders\', PARTITIONS=2, VALUE_FORMAT=\'AVRO\')'),
    { commandStatus: { status: 'SUCCESS' } })
  t.match(await driver.loadPreAggregationIntoTable('pre.orders_by_id',
    'CREATE TABLE `pre-orders_by_id` WITH (KAFKA_TOPIC=\'by-id\', KEY_FORMAT=\'JSON\', VALUE_FORMAT=\'JSON\') AS SELECT id, COUNT(*) AS total, SUM(amount) AS amount FROM orders GROUP BY id EMIT CHANGES',
    [], { streamOffset: 'earliest' }), { commandStatus: { status: 'SUCCESS' } })
  t.strictSame((await driver.fetchTables('pre')).map(({ tableName }: any) => tableName), ['orders_by_id'])
  t.match(await driver.tablesSchema(), { '': { ORDERS: [{ name: 'ID', type: 'STRING' }, { name: 'AMOUNT', type: 'DECIMAL' }, { name: 'PLACED', type: 'TIMESTAMP' }] } })
  t.match(await driver.downloadTable('pre.orders_by_id', { streamOffset: 'earliest' }),
    { partitions: 2, streamingTable: 'by-id', types: [{ name: 'ID' }, { name: 'TOTAL' }, { name: 'AMOUNT' }], streamingSource: { type: 'kafka' } })
  t.match(await driver.dropTable('pre.orders_by_id'), { commandStatus: { status: 'SUCCESS' } })
  await t.rejects(driver.query('DESCRIBE not_there'), /Could not find STREAM\/TABLE 'NOT_THERE' in the Metastore/)
})

const versions: Array<[name: string, flags: string[], version: string]> = [
  ['HTTP/1.1', ['--http1.1'], '1.1'],
  ['HTTP/2 with prior knowledge', ['--http2-prior-knowledge'], '2'],
  ['an offer to go on in HTTP/2, which need not be taken', ['--http2'], '(1.1|2)']
]

t.test('curl', async t => {
  if (!await works('curl', ['--version'])) return leaveOut(t, 'curl is not here')
  const { ksqldbUrl } = await start(t)
  const curl = async (flags: readonly string[], path: string, body: string | undefined, more: readonly string[] = []) => {
    const post = body === undefined ? [] : ['--data-binary', '@-', '-H', 'content-type: application/vnd.ksql.v1+json']
    const { stdout } = await run('curl', ['-sS', '-m', '20', ...flags, ...more, ...post, '-w', '\\n%{http_version} %{response_code}', `${ksqldbUrl}${path}`],
      { ...(body !== undefined && { input: body }), timeoutMs: 30_000 })
    const end = stdout.lastIndexOf('\n')
    return { text: stdout.slice(0, end), end: stdout.slice(end + 1) }
  }
  for (const [at, [name, flags, version]] of versions.entries()) {
    await t.test(name, async t => {
      const answered = (status: number) => new RegExp(`^${version} ${status}$`)
      const info = await curl(flags, '/info', undefined)
      t.match(info.end, answered(200))
      t.match(JSON.parse(info.text), { KsqlServerInfo: { serverStatus: 'RUNNING' } })
      const made = await curl(flags, '/ksql', JSON.stringify({ ksql: `CREATE STREAM s${at} (k VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='s${at}', PARTITIONS=1, VALUE_FORMAT='JSON');` }))
      t.match(made.end, answered(200))
      const inserted = await curl(flags, '/ksql', JSON.stringify({ ksql: `INSERT INTO s${at} (k, v) VALUES ('a', 1); INSERT INTO s${at} (k, v) VALUES ('b', 2);` }))
      t.match(inserted.end, answered(200))
      const pulled = await curl(flags, '/query-stream', JSON.stringify({ sql: `SELECT k, v FROM s${at};` }))
      t.match(pulled.end, answered(200))
      t.strictSame(pulled.text.trim().split('\n').slice(1).map(line => JSON.parse(line) as unknown), [['a', 1], ['b', 2]])
      const pushed = await curl(flags, '/query', JSON.stringify({ ksql: `SELECT * FROM s${at} EMIT CHANGES LIMIT 2;`, streamsProperties: { 'auto.offset.reset': 'earliest' } }))
      t.match(JSON.parse(pushed.text), [{ header: {} }, { row: { columns: ['a', 1] } }, { row: { columns: ['b', 2] } }])
      const refused = await curl(flags, '/ksql', JSON.stringify({ ksql: 'SELEC;' }))
      t.match(refused.end, answered(400))
      t.match(JSON.parse(refused.text), { '@type': 'statement_error', error_code: 40001 })
    })
  }
  await t.test('/inserts-stream', async t => {
    const lines = '{"target":"s0"}\n{"k":"c","v":3}\n{"k":"d","v":4}\n'
    const { text, end } = await curl(['--http2-prior-knowledge'], '/inserts-stream', lines)
    t.equal(end, '2 200')
    t.strictSame(text.trim().split('\n').map(line => JSON.parse(line) as unknown), [{ status: 'ok', seq: 0 }, { status: 'ok', seq: 1 }])
  })
})
