import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { KsqlClient } from '../../../gateway/ksqldb/client.js'
import type { Alone } from '../../../gateway/ksqldb/ddl-lock.js'
import { MigrationApplier } from '../../../gateway/migrations/applier.js'
import { namesFor } from '../../../gateway/topics.js'
import { fakeKsqldb, json, refusal, rows } from '../ksqldb/fake-server.js'
import { testdir } from '../../helpers/testdir.js'

const columns = ['version_key', 'version', 'name', 'state', 'checksum', 'started_on', 'completed_on', 'previous', 'error_reason']
const unquoted = (list: string) => [...list.matchAll(/'((?:[^']|'')*)'/g)].map(match => (match[1] as string).replaceAll("''", "'"))

/** As much of ksqlDB as the applier asks: sources that exist, and the two of ksql-migrations. */
class FakeKsqldb {
  readonly sources = new Set<string>()
  readonly statements: Array<{ text: string, properties: object }> = []
  readonly versions = new Map<string, string[]>()
  url = ''
  /** Until the next statement. */
  unqueryable = false
  refuse: (text: string) => string | undefined = () => undefined

  async start (t: Test): Promise<this> {
    this.url = (await fakeKsqldb(t, (one, response) => {
      if (one.path === '/info') return json(response, 200, { KsqlServerInfo: { version: '7.9.1', ksqlServiceId: 'service_', serverStatus: 'RUNNING' } })
      if (one.path === '/query-stream') return this.#pull(one.body.sql, response)
      return this.#statement(one.body.ksql, one.body.streamsProperties, response)
    })).url
    return this
  }

  #pull (sql: string, response: Parameters<typeof json>[0]): void {
    const table = /FROM (\w+)/.exec(sql)?.[1] ?? ''
    if (!this.sources.has(table)) return refusal(response, `Exception while preparing statement: ${table} does not exist.`)
    if (this.unqueryable) return refusal(response, `The \`${table}\` table isn't queryable. To derive a queryable table, you can do 'CREATE TABLE QUERYABLE_${table} AS SELECT * FROM ${table}'.`)
    const asked = (/SELECT (.*) FROM/.exec(sql)?.[1] ?? '').split(', ')
    const found = unquoted(sql).flatMap(key => this.versions.has(key) ? [this.versions.get(key) as string[]] : [])
    rows(response, asked, found.map(row => asked.map(column => row[columns.indexOf(column)])))
  }

  #statement (text: string, properties: object, response: Parameters<typeof json>[0]): void {
    const insert = /^INSERT INTO (\w*MIGRATION_EVENTS) \((.*?)\) VALUES \((.*)\);$/s.exec(text)
    if (insert !== null) {
      const values = unquoted(insert[3] as string)
      this.versions.set(values[0] as string, values)
      return json(response, 200, [])
    }
    this.unqueryable = false
    const refused = this.refuse(text)
    if (refused !== undefined) return refusal(response, refused)
    this.statements.push({ text, properties })
    const name = /CREATE (?:STREAM|TABLE) (?:IF NOT EXISTS )?(\w+)/.exec(text)?.[1] ?? ''
    if (this.sources.has(name) && !text.includes('IF NOT EXISTS')) return refusal(response, `Cannot add stream '${name}': A stream with the same name already exists`)
    this.sources.add(name)
    json(response, 200, [{ '@type': 'currentStatus', commandId: 'x', commandStatus: { status: 'SUCCESS', message: '' } }])
  }
}

const first = "SET 'auto.offset.reset' = 'earliest';\nCREATE STREAM IF NOT EXISTS s (a VARCHAR KEY) WITH (KAFKA_TOPIC = 's');\n"
const second = "-- second\nCREATE TABLE IF NOT EXISTS t_by_a WITH (KAFKA_TOPIC = 't') AS SELECT a, COUNT(*) FROM s GROUP BY a;\n"

const setup = async (t: Test, prefix = '') => {
  const ksqldb = await new FakeKsqldb().start(t)
  const directory = testdir(t, { 'V000001__the_stream.sql': first, 'V000002__t_by_a.sql': second, 'README.md': 'passed over' })
  let last: Promise<unknown> = Promise.resolve()
  const oneByOne: Alone = async task => {
    const turn = last.then(async () => await task(new AbortController().signal))
    last = turn.catch(() => {})
    return await turn
  }
  const applier = (alone = oneByOne) => {
    const client = new KsqlClient({ url: ksqldb.url, pullTimeoutMs: 1_000 })
    t.teardown(async () => await client.close())
    const names = namesFor(prefix)
    return new MigrationApplier({ ksqldb: client, names, directory, replicationFactor: 3, timeoutMs: 1_000, log: () => {}, now: Date.now, wait, alone })
  }
  return { ksqldb, directory, applier }
}

t.test('what is missing is applied in order and recorded as ksql-migrations records it', async t => {
  const { ksqldb, applier } = await setup(t)
  t.notOk(await applier().standing())
  t.strictSame(await applier().apply(), [1, 2])
  t.strictSame([...ksqldb.sources], ['MIGRATION_EVENTS', 'MIGRATION_SCHEMA_VERSIONS', 's', 't_by_a'])
  t.match(ksqldb.statements[0]?.text, /WITH \(KAFKA_TOPIC='service_ksql_MIGRATION_EVENTS', VALUE_FORMAT='JSON', PARTITIONS=1, REPLICAS=3\);$/)
  t.strictSame(ksqldb.statements[2]?.properties, { 'auto.offset.reset': 'earliest' })
  t.strictSame(ksqldb.statements[3]?.properties, {}, 'SET holds in its own file')
  const md5 = createHash('md5').update(second).digest('hex')
  for (const key of ['2', 'CURRENT']) {
    const [, version, name, state, checksum, startedOn, completedOn, previous, reason] = ksqldb.versions.get(key) ?? []
    t.strictSame({ version, name, state, checksum, previous, reason }, { version: '2', name: 't by a', state: 'MIGRATED', checksum: md5, previous: '1', reason: 'N/A' }, key)
    t.ok(Number(startedOn) > 1e12 && Number(completedOn) >= Number(startedOn))
  }
  t.equal(ksqldb.versions.get('1')?.[7], '<none>')
  t.ok(await applier().standing())
  const before = ksqldb.statements.length
  t.strictSame(await applier().apply(), [], 'a second time does nothing')
  t.equal(ksqldb.statements.length, before)
})

t.test('an applied file that was edited stops the start', async t => {
  const { applier, directory } = await setup(t)
  await applier().apply()
  writeFileSync(`${directory}/V000001__the_stream.sql`, `${first}-- edited\n`)
  await t.rejects(applier().apply(), { code: 'LINKLOG_MIGRATION', message: /^ksql\/V000001__the_stream\.sql was edited after it was applied/ })
})

t.test('a cluster that is ahead stops the start', async t => {
  const { applier, ksqldb } = await setup(t)
  await applier().apply()
  ksqldb.versions.set('CURRENT', ['CURRENT', '7', 'x', 'MIGRATED', '', '', '', '6', 'N/A'])
  await t.rejects(applier().apply(), { code: 'LINKLOG_MIGRATION', message: /stands at migration 7/ })
})

t.test('a refused statement is recorded, told, and applied once it can be', async t => {
  const { applier, ksqldb } = await setup(t)
  ksqldb.refuse = text => text.includes('t_by_a') ? "line 1:5: it's wrong" : undefined
  await t.rejects(applier().apply(), { code: 'LINKLOG_MIGRATION', message: /^ksqlDB refused ksql\/V000002__t_by_a\.sql: line 1:5: it's wrong/ })
  t.match(ksqldb.versions.get('2'), { 3: 'ERROR', 8: "line 1:5: it's wrong" })
  ksqldb.refuse = () => undefined
  t.strictSame(await applier().apply(), [2])
})

t.test('several at once: everything once, since each looks again when its turn comes', async t => {
  const { applier, ksqldb } = await setup(t)
  const applied = await Promise.all([applier().apply(), applier().apply(), applier().apply()])
  t.strictSame(applied.flat(), [1, 2], 'by whoever came first')
  t.equal(ksqldb.statements.length, 4)
  for (const key of ['1', '2', 'CURRENT']) t.equal(ksqldb.versions.get(key)?.[3], 'MIGRATED', key)
  t.equal(ksqldb.versions.get('CURRENT')?.[1], '2')
})

t.test('what a killed applier left RUNNING is run again; where CURRENT is not the last, it is set right', async t => {
  const { applier, ksqldb } = await setup(t)
  await applier().apply()
  const set = (key: string, column: string, value: string) => { (ksqldb.versions.get(key) as string[])[columns.indexOf(column)] = value }
  set('1', 'state', 'RUNNING')
  t.strictSame(await applier().apply(), [1])
  t.match(ksqldb.versions.get('CURRENT'), { 1: '2', 3: 'MIGRATED', 7: '1' })
  set('CURRENT', 'version', '1')
  t.strictSame(await applier().apply(), [])
  t.match(ksqldb.versions.get('CURRENT'), { 1: '2', 3: 'MIGRATED', 7: '1' })
})

t.test('a table whose query is being made counts as not there', async t => {
  const { applier, ksqldb } = await setup(t)
  ksqldb.sources.add('MIGRATION_EVENTS').add('MIGRATION_SCHEMA_VERSIONS')
  ksqldb.unqueryable = true
  t.notOk(await applier().standing())
  t.strictSame(await applier().apply(), [1, 2])
})

t.test('one that is no longer the only applier stops before its next statement, and records nothing', async t => {
  const { ksqldb, applier } = await setup(t)
  const stop = new AbortController()
  ksqldb.refuse = text => {
    if (text.includes('CREATE STREAM IF NOT EXISTS s ')) stop.abort(new Error('another was elected'))
    return undefined
  }
  await t.rejects(applier(async task => await task(stop.signal)).apply(), { message: 'another was elected' })
  t.strictSame([...ksqldb.sources], ['MIGRATION_EVENTS', 'MIGRATION_SCHEMA_VERSIONS', 's'])
  t.equal(ksqldb.versions.get('2')?.[3] ?? 'RUNNING', 'RUNNING')
})

t.test('under a prefix everything has it', async t => {
  const { applier, ksqldb } = await setup(t, 'e2e-x')
  await applier().apply()
  t.strictSame([...ksqldb.sources].sort(), ['e2e_x_MIGRATION_EVENTS', 'e2e_x_MIGRATION_SCHEMA_VERSIONS', 'e2e_x_s', 'e2e_x_t_by_a'])
  t.match(ksqldb.statements[3]?.text, /KAFKA_TOPIC = 'e2e-x-t'\) AS SELECT a, COUNT\(\*\) FROM e2e_x_s /)
})
