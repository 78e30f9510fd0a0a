// How fast the embedded engine is: visits through the project's own tables, pull queries by key, and the time until a visit can be seen.
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import type { Producer } from 'kafkajs'
import { Pool } from 'undici'
import { AvroCodec } from '../gateway/events/avro.js'
import type { Visit } from '../gateway/events/visit.js'
import { machine, quantile, rateGoal, timeGoal } from './report.js'
import type { Benchmark, Measure, Report } from './report.js'
import type { PullOrder, PullResult } from './pull-client.js'
import { StackProcess } from './stack.js'
import { linkName, makeVisits, Recount } from './visits.js'
import type { LinkVisit, Tally } from './visits.js'

const usage = `Visits through the tables visits_by_link, visits_by_url, visits_by_link_hour and visit_sources, as ksql/ defines them.
  --visits N       how many (1,000,000)
  --links N        over how many links (10,000)
  --skip-distinct  leave out the run in which each visit is of a link of its own
  --only-distinct  make only that run
  --only-load      leave out pull queries and the time until a visit is seen
  --seconds N      how long pull queries are asked at each number of connections (5)
  --profile DIR    write profiles of the embedded stack's processor time there
`
const root = new URL(import.meta.url.includes('/dist/') ? '../../' : '../', import.meta.url)
const PARTITIONS = 4
const SEND_RECORDS = 4_000
const STREAM_FILE = 'V000004__visits.sql'
const TABLE_FILES = ['V000005__visits_by_link.sql', 'V000006__visits_by_url.sql', 'V000007__visits_by_link_hour.sql', 'V000009__visit_sources.sql']
const TABLES = ['visits_by_link', 'visits_by_url', 'visits_by_link_hour', 'visit_sources']
const CONNECTIONS = [1, 32, 128]
const PULL_KEYS = 2_000
const SEEN_VISITS = 300
const SEEN_TIMEOUT_MS = 30_000
const LOAD_TIMEOUT_MS = 1_800_000
const CHECK_ATTEMPTS = 3
const CHECK_PAUSE_MS = 300

interface Settings { visits: number, links: number, seconds: number, runs: readonly boolean[], onlyLoad: boolean, profile: string | undefined }

function settingsFrom (flags: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...flags],
    options: {
      visits: { type: 'string', default: '1000000' },
      links: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '5' },
      'skip-distinct': { type: 'boolean', default: false },
      'only-distinct': { type: 'boolean', default: false },
      'only-load': { type: 'boolean', default: false },
      profile: { type: 'string' }
    }
  })
  const count = (name: 'visits' | 'links' | 'seconds'): number => {
    const value = Number(values[name].replaceAll(',', ''))
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name}: a whole number from 1 on, not "${values[name]}"`)
    return value
  }
  if (values['skip-distinct'] && values['only-distinct']) throw new Error('--skip-distinct, --only-distinct: one of the two, since both leave nothing to run')
  return {
    visits: count('visits'), links: count('links'), seconds: count('seconds'),
    runs: values['only-distinct'] ? [true] : values['skip-distinct'] ? [false] : [false, true], onlyLoad: values['only-load'], profile: values.profile
  }
}

/** A stack with the topic and the schema of visits, and what it takes to write and to ask. */
class Bench {
  readonly stack: StackProcess
  readonly http: Pool
  readonly producer: Producer
  readonly codec: AvroCodec<Visit>
  readonly #folder: string

  private constructor (stack: StackProcess, http: Pool, producer: Producer, codec: AvroCodec<Visit>, folder: string) {
    this.stack = stack
    this.http = http
    this.producer = producer
    this.codec = codec
    this.#folder = folder
  }

  static async open (profile: string | undefined): Promise<Bench> {
    const folder = mkdtempSync(join(tmpdir(), 'linklog-bench-'))
    const stack = await StackProcess.start(join(folder, 'data'), profile)
    const schema = readFileSync(new URL('schemas/visits-value.avsc', root), 'utf8')
    const answer = await fetch(`${stack.schemaRegistryUrl}/subjects/visits-value/versions`, {
      method: 'POST', headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify({ schema })
    })
    const { id } = await answer.json() as { id: number }
    const kafka = new Kafka({ clientId: 'bench', brokers: [stack.kafkaBrokers], logLevel: logLevel.ERROR })
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'visits', numPartitions: PARTITIONS, configEntries: [{ name: 'retention.ms', value: '-1' }] }] })
    await admin.disconnect()
    const producer = kafka.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    const http = new Pool(stack.ksqldbUrl, { connections: 4, bodyTimeout: 0, headersTimeout: 120_000 })
    return new Bench(stack, http, producer, new AvroCodec<Visit>(schema, id), folder)
  }

  async send (visits: readonly LinkVisit[]): Promise<void> {
    await this.producer.send({ topic: 'visits', acks: -1, messages: visits.map(({ link, visit }) => ({ key: link, value: this.codec.encode(visit) })) })
  }

  async statements (ksql: string): Promise<any[]> {
    const { statusCode, body } = await this.http.request({
      method: 'POST', path: '/ksql', headers: { 'content-type': 'application/vnd.ksql.v1+json' }, body: JSON.stringify({ ksql, streamsProperties: {} })
    })
    const answer = await body.json()
    if (statusCode !== 200) throw new Error(`${ksql} was refused: ${JSON.stringify(answer)}`)
    return answer as any[]
  }

  /** The rows of a pull query, one by one. */
  async * rows (sql: string): AsyncGenerator<any[]> {
    const { statusCode, body } = await this.http.request({
      method: 'POST', path: '/query-stream',
      headers: { 'content-type': 'application/json', accept: 'application/vnd.ksqlapi.delimited.v1' }, body: JSON.stringify({ sql })
    })
    let rest = ''
    let isHeader = true
    for await (const chunk of body.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (statusCode !== 200) throw new Error(`${sql} was refused: ${line}`)
        if (!isHeader && line !== '') yield JSON.parse(line) as any[]
        isHeader = false
      }
    }
    if (rest !== '') throw new Error(`${sql} ended with ${rest}`)
  }

  async close (): Promise<void> {
    await this.producer.disconnect()
    await this.http.close()
    await this.stack.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function produce (bench: Bench, settings: Settings, distinct: boolean): Promise<Recount> {
  const recount = new Recount()
  let waiting: LinkVisit[] = []
  for (const one of makeVisits(settings.visits, settings.links, distinct)) {
    recount.count(one)
    waiting.push(one)
    if (waiting.length < SEND_RECORDS) continue
    await bench.send(waiting)
    waiting = []
  }
  if (waiting.length > 0) await bench.send(waiting)
  return recount
}

/** How many records the queries that write a table have still to read. */
async function lag (bench: Bench, table: string): Promise<number> {
  const [{ sourceDescription }] = await bench.statements(`DESCRIBE ${table} EXTENDED;`) as [{ sourceDescription: any }]
  if (sourceDescription.writeQueries[0]?.state !== 'RUNNING') throw new Error(`The query of ${table} does not run: ${JSON.stringify(sourceDescription.writeQueries)}`)
  const offsets = sourceDescription.queryOffsetSummaries.flatMap((query: any) => query.topicSummaries.flatMap((topic: any) => topic.offsets))
  if (offsets.length === 0) throw new Error(`The query of ${table} reads nothing`)
  return offsets.reduce((sum: number, { logEndOffset, consumerOffset }: any) => sum + logEndOffset - consumerOffset, 0)
}

async function untilRead (bench: Bench): Promise<void> {
  const end = performance.now() + LOAD_TIMEOUT_MS
  for (const table of TABLES) {
    while (await lag(bench, table) > 0) {
      if (performance.now() > end) throw new Error(`${table} does not hold all visits after ${LOAD_TIMEOUT_MS} ms`)
      await delay(50)
    }
  }
}

type TallyOf = (row: any[]) => [string, number, number]

/** Throws where a table differs from the recount in any key. What was read last is committed, and so seen by a scan, within a moment. */
async function check (bench: Bench, sql: string, expected: ReadonlyMap<string, Tally>, tallyOf: TallyOf): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await checkOnce(bench, sql, expected, tallyOf)
    } catch (error) {
      if (attempt === CHECK_ATTEMPTS) throw error
      await delay(CHECK_PAUSE_MS)
    }
  }
}

async function checkOnce (bench: Bench, sql: string, expected: ReadonlyMap<string, Tally>, tallyOf: TallyOf): Promise<void> {
  let keys = 0
  for await (const row of bench.rows(sql)) {
    const [key, total, withoutBots] = tallyOf(row)
    const tally = expected.get(key)
    if (tally === undefined || tally.total !== total || tally.withoutBots !== withoutBots) {
      throw new Error(`${sql} gives ${JSON.stringify(row)}, the recount ${JSON.stringify(tally)}`)
    }
    keys++
  }
  if (keys !== expected.size) throw new Error(`${sql} gives ${keys} keys, the recount ${expected.size}`)
}

async function checkAll (bench: Bench, { byLink, byUrl, byLinkHour }: Recount): Promise<void> {
  await check(bench, 'SELECT link, total, without_bots FROM visits_by_link;', byLink, ([link, total, without]) => [link, total, without])
  await check(bench, 'SELECT url, total, without_bots FROM visits_by_url;', byUrl, ([url, total, without]) => [url, total, without])
  await check(bench, 'SELECT link, WINDOWSTART, total, without_bots FROM visits_by_link_hour;', byLinkHour,
    ([link, start, total, without]) => [`${link} ${start}`, total, without])
  const people = new Map<string, Tally>()
  for (const [link, { withoutBots }] of byLink) if (withoutBots > 0) people.set(link, { total: withoutBots, withoutBots })
  const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, count) => all + count, 0)
  await check(bench, 'SELECT link, browsers, countries FROM visit_sources;', people, ([link, browsers, countries]) => [link, sum(browsers), sum(countries)])
}

interface Load { readonly measures: Measure[], readonly perSecond: number, readonly recount: Recount }

async function load (bench: Bench, settings: Settings, distinct: boolean, progress: (text: string) => void): Promise<Load> {
  const name = distinct ? 'each of its own link' : `${settings.links.toLocaleString('en-US')} links`
  progress(`${settings.visits.toLocaleString('en-US')} visits, ${name}: producing`)
  const producing = performance.now()
  const recount = await produce(bench, settings, distinct)
  progress(`produced in ${Math.round(performance.now() - producing)} ms; creating the tables`)
  const file = (sql: string): string => readFileSync(new URL(`ksql/${sql}`, root), 'utf8')
  await bench.statements(file(STREAM_FILE))
  bench.stack.resetPeak()
  const cpuBefore = bench.stack.cpuSeconds()
  const started = performance.now()
  for (const sql of TABLE_FILES) await bench.statements(file(sql))
  await untilRead(bench)
  const seconds = (performance.now() - started) / 1000
  const cpuSeconds = bench.stack.cpuSeconds() - cpuBefore
  const { peakRssMiB, peakAnonymousMiB, peakFileMiB } = bench.stack
  progress(`read in ${seconds.toFixed(1)} s; comparing every key with the recount`)
  await checkAll(bench, recount)
  const perSecond = settings.visits / seconds
  const measures = [
    { name: `visits a second into four tables, ${name}`, value: perSecond, unit: '1/s' },
    { name: `processor time for a million visits, ${name}`, value: cpuSeconds / settings.visits * 1e6, unit: 's' },
    { name: `peak memory, ${name}`, value: peakRssMiB, unit: 'MiB' },
    { name: `the process's own (RssAnon) at most, ${name}`, value: peakAnonymousMiB, unit: 'MiB' },
    { name: `mapped pages of files (RssFile) at most, ${name}`, value: peakFileMiB, unit: 'MiB' }
  ]
  return { measures, perSecond, recount }
}

/** Asks from a process of its own. */
async function pullFrom (order: PullOrder): Promise<PullResult> {
  const child = fork(fileURLToPath(new URL('pull-client.js', import.meta.url)), { execArgv: [] })
  try {
    return await new Promise((resolve, reject) => {
      child.once('message', message => resolve(message as PullResult))
      child.once('exit', code => reject(new Error(`The client of the pull queries ended with ${code ?? 'a signal'}`)))
      child.send(order)
    })
  } finally {
    child.kill()
  }
}

async function pulls (bench: Bench, recount: Recount, settings: Settings, progress: (text: string) => void): Promise<{ measures: Measure[], best: number }> {
  const all = [...recount.byLink]
  const step = Math.max(1, Math.floor(all.length / PULL_KEYS))
  const keys = all.filter((_, at) => at % step === 0).map(([link, { total }]) => [link, total] as const)
  const measures: Measure[] = []
  let best = 0
  for (const connections of CONNECTIONS) {
    progress(`pull queries over ${connections} connections`)
    const result = await pullFrom({ url: bench.stack.ksqldbUrl, connections, seconds: settings.seconds, warmUpSeconds: 2, keys })
    if (result.wrong.length > 0) throw new Error(`Wrong answers to pull queries: ${result.wrong.join('; ')}`)
    best = Math.max(best, result.perSecond)
    const name = `pull queries by key, ${connections} connection${connections === 1 ? '' : 's'}`
    measures.push(
      { name, value: result.perSecond, unit: '1/s' },
      { name: `${name}: p50`, value: result.p50, unit: 'ms' },
      { name: `${name}: p99`, value: result.p99, unit: 'ms' }
    )
  }
  return { measures, best }
}

/** ms from the acknowledgement of a visit until a pull query shows it, one visit after the other on an idle stack; sorted. */
async function timesUntilSeen (bench: Bench): Promise<Float64Array> {
  const link = linkName(2 ** 29)
  const [{ visit } = { visit: undefined }] = makeVisits(1, 1, true)
  if (visit === undefined) throw new Error('No visit was made')
  const times: number[] = []
  for (let n = 1; n <= SEEN_VISITS; n++) {
    await bench.send([{ link, visit: { ...visit, visit_id: `seen-${n}` } }])
    const acknowledged = performance.now()
    for (let total = 0; total < n;) {
      for await (const [seen] of bench.rows(`SELECT total FROM visits_by_link WHERE link = '${link}';`)) total = seen as number
      if (performance.now() - acknowledged > SEEN_TIMEOUT_MS) throw new Error(`Visit ${n} cannot be seen after ${SEEN_TIMEOUT_MS} ms`)
    }
    times.push(performance.now() - acknowledged)
    await delay(5)
  }
  return Float64Array.from(times).sort()
}

async function run (flags: readonly string[], progress: (text: string) => void): Promise<Report> {
  const settings = settingsFrom(flags)
  const measures: Measure[] = []
  const goals: Report['goals'][number][] = []
  for (const distinct of settings.runs) {
    const bench = await Bench.open(settings.profile)
    try {
      const loaded = await load(bench, settings, distinct, progress)
      measures.push(...loaded.measures)
      if (distinct) continue
      goals.push(rateGoal('visits a second into four tables', 100_000, loaded.perSecond, '1/s'))
      if (settings.onlyLoad) continue
      const pulled = await pulls(bench, loaded.recount, settings, progress)
      progress('time until a visit is seen')
      const seen = await timesUntilSeen(bench)
      measures.push(...pulled.measures, ...[0.5, 0.99].map(share => ({ name: `acknowledged until seen, idle: p${share * 100}`, value: quantile(seen, share), unit: 'ms' })))
      goals.push(rateGoal('pull queries a second', 10_000, pulled.best, '1/s'), timeGoal('acknowledged until seen, idle: p99', 20, quantile(seen, 0.99), 'ms'))
    } finally {
      await bench.close()
    }
  }
  return { benchmark: 'engine', machine: machine(), settings: { visits: settings.visits, links: settings.links, partitions: PARTITIONS }, measures, goals }
}

export const benchmark: Benchmark = { usage, run }
