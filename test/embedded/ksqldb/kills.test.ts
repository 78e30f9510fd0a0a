// SIGKILL to the embedded stack at random moments of a load: every table equals a recount of the topic, and what the queries have written
// holds neither a gap nor a repeat. That means: without a cache, each key's counts stand in its topic as 1, 2, 3 and so on, each once; the output of a
// stream has each record once; with a cache, which joins updates, each key's counts only rise (a repeat or a step back would not), and its last is
// the recount.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import t, { type Test } from 'tap'
import { linkName, linkUrl } from '../../../bench/visits.js'
import { AvroCodec } from '../../../gateway/events/avro.js'
import type { Visit } from '../../../gateway/events/visit.js'
import { readTopic, readVisits, tally } from '../../helpers/recount.js'
import type { Tally, VisitRecord } from '../../helpers/recount.js'
import { until } from '../../helpers/until.js'
import { randomFrom } from '../../helpers/random.js'

const kills = Number(process.env['KILLS'] ?? 3)
const cli = fileURLToPath(new URL('../../../dist/embedded/cli.js', import.meta.url))
const inRoot = (path: string): string => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')
const HOUR_MS = 3_600_000
const FIRST_MS = Date.UTC(2026, 0, 1)
const LINKS = 60
const BATCH = 100
const VISITS_MAX = 3_000 // between two kills
const LOAD_MS_MAX = 1_200

const files = ['V000004__visits.sql', 'V000005__visits_by_link.sql', 'V000006__visits_by_url.sql', 'V000007__visits_by_link_hour.sql', 'V000009__visit_sources.sql']
// Without the cache every change is written, so that a gap or a repeat of a single record can be seen; the stream's output has no state behind it.
const more = `
  SET 'auto.offset.reset' = 'earliest'; SET 'cache.max.bytes.buffering' = '0';
  CREATE TABLE every_count WITH (KAFKA_TOPIC='every-count', VALUE_FORMAT='AVRO') AS SELECT link, COUNT(*) AS total FROM visits GROUP BY link EMIT CHANGES;
  CREATE STREAM copies WITH (KAFKA_TOPIC='copies', VALUE_FORMAT='AVRO') AS SELECT link, visit_id FROM visits EMIT CHANGES;`
const tables = ['visits_by_link', 'visits_by_url', 'visits_by_link_hour', 'visit_sources', 'every_count', 'copies']

interface Addresses { readonly kafkaBrokers: string, readonly schemaRegistryUrl: string, readonly ksqldbUrl: string }
interface Life { readonly ready: Promise<Addresses>, kill (signal?: NodeJS.Signals): Promise<void>, output (): string }

function start (dataDir: string): Life {
  // Through `env`, because tap adds its loaders to every Node process that it sees started.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, cli, '--data-dir', dataDir, '--kafka-port', '0', '--registry-port', '0', '--ksqldb-port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => { output = (output + text).slice(-20_000) })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const ready = new Promise<Addresses>((resolve, reject) => {
    child.once('message', message => resolve(message as Addresses))
    child.once('exit', () => reject(new Error(`The stack ended before it was ready. It printed:\n${output}`)))
  })
  ready.catch(() => {}) // a stack that is killed while it starts is never ready
  return {
    ready,
    output: () => output,
    kill: async (signal = 'SIGKILL') => {
      child.kill(signal)
      await ended
    }
  }
}

async function statements ({ ksqldbUrl }: Addresses, ksql: string): Promise<any> {
  const response = await fetch(`${ksqldbUrl}/ksql`, { method: 'POST', body: JSON.stringify({ ksql, streamsProperties: {} }), headers: { 'content-type': 'application/json' } })
  const body: any = await response.json()
  if (!response.ok) throw new Error(JSON.stringify(body))
  return body
}

async function pull ({ ksqldbUrl }: Addresses, sql: string): Promise<any[][]> {
  const response = await fetch(`${ksqldbUrl}/query-stream`, { method: 'POST', body: JSON.stringify({ sql }), headers: { accept: 'application/json' } })
  const [, ...rows] = await response.json() as any[]
  return rows
}

async function prepare (addresses: Addresses): Promise<AvroCodec<Visit>> {
  const schema = inRoot('schemas/visits-value.avsc')
  const answer = await fetch(`${addresses.schemaRegistryUrl}/subjects/visits-value/versions`, {
    method: 'POST', headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify({ schema })
  })
  const { id } = await answer.json() as { id: number }
  const admin = kafkaOf(addresses).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'visits', numPartitions: 4 }] })
  await admin.disconnect()
  for (const file of files) await statements(addresses, inRoot(`ksql/${file}`))
  await statements(addresses, more)
  return new AvroCodec<Visit>(schema, id)
}

const kafkaOf = ({ kafkaBrokers }: Addresses): Kafka =>
  new Kafka({ clientId: 'load', brokers: [kafkaBrokers], logLevel: logLevel.NOTHING, retry: { retries: 0 }, requestTimeout: 5_000, connectionTimeout: 5_000 })

/** Visits in batches until the broker is gone or there are enough; gives the ids of those that were acknowledged. */
async function loadUntilGone (addresses: Addresses, codec: AvroCodec<Visit>, random: () => number, firstId: number): Promise<string[]> {
  const producer = kafkaOf(addresses).producer({ allowAutoTopicCreation: false })
  const acknowledged: string[] = []
  try {
    await producer.connect()
    for (let n = 0; n < VISITS_MAX; n += BATCH) {
      const batch = Array.from({ length: BATCH }, (_, i) => makeVisit(`visit-${firstId + n + i}`, random))
      await producer.send({ topic: 'visits', acks: -1, messages: batch.map(({ link, visit }) => ({ key: link, value: codec.encode(visit) })) })
      acknowledged.push(...batch.map(({ visit }) => visit.visit_id))
    }
  } catch {
    // Killed: of the last batch nobody knows.
  }
  await producer.disconnect().catch(() => {})
  return acknowledged
}

function makeVisit (id: string, random: () => number): { link: string, visit: Visit } {
  const n = Math.floor(random() * LINKS)
  const bot = random() < 0.1
  const redirected = random() < 0.9
  return {
    link: linkName(n),
    visit: {
      visit_id: id, version: 1, url: redirected ? linkUrl(n) : null, outcome: redirected ? 'redirected' : 'disabled',
      visited_at: FIRST_MS + Math.floor(random() * 5 * HOUR_MS), referrer: null, device: 'desktop', browser: random() < 0.5 ? 'Firefox' : 'Chrome', os: 'Linux',
      country: 'DE', language: 'de', visitor: String(Math.floor(random() * 1000)), bot, rule: null, sealed: null
    }
  }
}

async function untilCaughtUp (addresses: Addresses): Promise<void> {
  for (const table of tables) {
    await until(`${table} caught up`, async () => {
      const [{ sourceDescription }] = await statements(addresses, `DESCRIBE ${table} EXTENDED;`)
      const offsets: any[] = sourceDescription.queryOffsetSummaries.flatMap((query: any) => query.topicSummaries.flatMap((topic: any) => topic.offsets))
      return offsets.length > 0 && offsets.every(({ logEndOffset, consumerOffset }) => logEndOffset === consumerOffset)
    }, 120_000)
  }
}

const sorted = (entries: Iterable<readonly [string, unknown]>): unknown => Object.fromEntries([...entries].sort(([a], [b]) => a < b ? -1 : 1))
const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, count) => all + count, 0)

/** What a table of counts says, and what the recount does. */
async function sameCounts (t: Test, addresses: Addresses, sql: string, expected: ReadonlyMap<string, Tally>): Promise<void> {
  const asked = async (): Promise<unknown> => sorted((await pull(addresses, sql)).map(row => [row.slice(0, -2).join(' '), { total: row.at(-2), withoutBots: row.at(-1) }]))
  await until(sql, async () => JSON.stringify(await asked()) === JSON.stringify(sorted(expected)), 10_000).catch(() => {})
  t.strictSame(await asked(), sorted(expected), sql)
}

async function checkTables (t: Test, addresses: Addresses, records: readonly VisitRecord[]): Promise<void> {
  const counted = records.filter(({ outcome }) => outcome === 'redirected')
  await sameCounts(t, addresses, 'SELECT link, total, without_bots FROM visits_by_link;', tally(counted, ({ link }) => link))
  await sameCounts(t, addresses, 'SELECT url, total, without_bots FROM visits_by_url;', tally(counted, ({ url }) => url ?? undefined))
  await sameCounts(t, addresses, 'SELECT link, WINDOWSTART, total, without_bots FROM visits_by_link_hour;',
    tally(counted, ({ link, visitedAtMs }) => `${link} ${visitedAtMs - visitedAtMs % HOUR_MS}`))
  const people = tally(counted.filter(({ isBot }) => !isBot), ({ link }) => link)
  const sources = await pull(addresses, 'SELECT link, browsers, systems FROM visit_sources;')
  t.strictSame(sorted(sources.map(([link, browsers, systems]) => [link, [sum(browsers), sum(systems)]])),
    sorted([...people].map(([link, { total }]) => [link, [total, total]])), 'visit_sources')
}

/** Each key's counts in the order of the log. */
async function countsInTopic (addresses: Addresses, topic: string): Promise<Map<string, number[]>> {
  const where = { kafkaBrokers: [addresses.kafkaBrokers], registryUrl: addresses.schemaRegistryUrl }
  const counts = new Map<string, number[]>()
  for (const { keyBytes, value } of await readTopic<{ TOTAL: number }>(where, topic)) {
    const key = keyBytes?.toString('latin1') ?? ''
    const list = counts.get(key) ?? []
    list.push(value.TOTAL)
    counts.set(key, list)
  }
  return counts
}

async function checkTopics (t: Test, addresses: Addresses, records: readonly VisitRecord[]): Promise<void> {
  const all = tally(records, ({ link }) => link)
  const every = await countsInTopic(addresses, 'every-count')
  t.strictSame(sorted(every), sorted([...all].map(([link, { total }]) => [link, Array.from({ length: total }, (_, i) => i + 1)])), 'each count once, in order')

  const where = { kafkaBrokers: [addresses.kafkaBrokers], registryUrl: addresses.schemaRegistryUrl }
  const copies = await readTopic<{ VISIT_ID: string }>(where, 'copies')
  t.equal(copies.length, records.length, 'each visit is copied once')
  t.strictSame(copies.map(({ value }) => value.VISIT_ID).sort(), records.map(({ visitId }) => visitId).sort())

  for (const topic of ['visits-by-link', 'visits-by-url', 'visits-by-link-hour']) {
    const counts = await countsInTopic(addresses, topic)
    const wrong = [...counts].filter(([, list]) => list.some((count, i) => i > 0 && count <= (list[i - 1] ?? 0)))
    t.strictSame(wrong, [], `${topic}: counts only rise`)
    const keyOf = ({ link, url }: VisitRecord): string | undefined => topic === 'visits-by-link' ? link : url ?? undefined
    if (topic !== 'visits-by-link-hour') {
      const expected = tally(records.filter(({ outcome }) => outcome === 'redirected'), keyOf)
      t.strictSame(sorted([...counts].map(([key, list]) => [key, list.at(-1)])), sorted([...expected].map(([key, { total }]) => [key, total])), `${topic}: each last`)
    }
    const last = [...counts.values()].reduce((total, list) => total + (list.at(-1) ?? 0), 0)
    t.equal(last, records.filter(({ outcome }) => outcome === 'redirected').length, `${topic}: its last counts are the table`)
  }
}

t.setTimeout(120_000 + kills * 20_000)

t.test(`${kills} kills in the middle of a load`, { skip: existsSync(cli) ? false : 'dist/ is missing: npm run build' }, async t => {
  t.setTimeout(120_000 + kills * 20_000)
  // Not the test's own folder: that would be removed before the process that uses it has ended.
  const dataDir = mkdtempSync(join(tmpdir(), 'linklog-kills-'))
  const random = randomFrom(Number(process.env['KILLS_SEED'] ?? 1))
  let life = start(dataDir)
  t.teardown(async () => {
    await life.kill()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const codec = await prepare(await life.ready)
  const acknowledged: string[] = []
  for (let kill = 0; kill < kills; kill++) {
    // One kill in five comes while the stack still starts and puts in order what the last one left.
    if (kill > 0 && random() < 0.2) {
      await Promise.race([life.ready, delay(random() * 1_500)])
    } else {
      const addresses = await life.ready
      const loading = loadUntilGone(addresses, codec, random, kill * VISITS_MAX)
      await delay(100 + random() * LOAD_MS_MAX)
      await life.kill()
      acknowledged.push(...await loading)
    }
    await life.kill()
    life = start(dataDir)
  }
  const addresses = await life.ready
  await untilCaughtUp(addresses)
  const records = await readVisits({ kafkaBrokers: [addresses.kafkaBrokers], registryUrl: addresses.schemaRegistryUrl }, 'visits')
  t.comment(`${acknowledged.length} visits acknowledged, ${records.length} in the topic`)
  const held = new Set(records.map(({ visitId }) => visitId))
  t.strictSame(acknowledged.filter(id => !held.has(id)), [], 'no acknowledged visit is lost')
  t.equal(held.size, records.length, 'none is there twice')
  t.ok(acknowledged.length > 0, 'there was a load')
  await checkTables(t, addresses, records)
  await checkTopics(t, addresses, records)
  await life.kill('SIGTERM')
})
