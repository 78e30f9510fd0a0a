// Several gateways: workers that share a port, and hosts that share a stack. The same answers, the same counts, whatever dies.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { sample } from '../helpers/metrics.js'
import { readVisits } from '../helpers/recount.js'
import { inParallel, until } from '../helpers/until.js'
import { onCluster, skipWithoutBuild, startService, topicName, visitsWhen } from './support.js'
import type { Service } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(600_000)

const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
const workersOf = (service: Service) => service.children().filter(({ command }) => command.includes('server.js')).map(({ pid }) => pid)

/** Where a link leads, asked over so many connections of their own: round robin lets them reach every worker. */
const locations = async (service: Service, slug: string, connections: number): Promise<string[]> =>
  await inParallel(Array.from({ length: connections }), connections, async () => {
    const answer = await fetch(`${service.url}/${slug}`, { redirect: 'manual', headers: { ...agent, connection: 'close' } })
    return String(answer.headers.get('location'))
  })

/** Of the answer, 0 where there is none: a connection that was being handed to a worker when it died is never answered. */
const statusOf = async (service: Service, slug: string): Promise<number> =>
  await fetch(`${service.url}/${slug}`, { redirect: 'manual', headers: agent, signal: AbortSignal.timeout(5_000) }).then(({ status }) => status, () => 0)

/** How long until all of them lead where they should, in milliseconds. */
async function followedMs (services: readonly Service[], slug: string, location: string): Promise<number> {
  const startedMs = performance.now()
  await until(`${slug} leads to ${location} everywhere`, async () => {
    const seen = await Promise.all(services.map((service) => locations(service, slug, 6)))
    return seen.flat().every((one) => one === location)
  })
  return performance.now() - startedMs
}

t.test('workers: one port, every visit once, a dead one comes back, and fewer of them later', { skip: skipWithoutBuild }, async (t) => {
  const dataDir = testdir(t)
  const service = await startService(t, { dataDir, args: ['--workers', '2'] })
  t.equal(workersOf(service).length, 2)
  await service.call('POST', '/api/links', { url: 'https://example.com/one', slug: 'shared' })
  await locations(service, 'shared', 12)
  const changed = await service.call('PATCH', '/api/links/shared', { url: 'https://example.com/two' }, { 'if-match': '"1"' })
  t.equal(changed.status, 200)
  const ms = await followedMs([service], 'shared', 'https://example.com/two')
  t.comment(`all workers follow a change after ${Math.round(ms)} ms`)

  await service.call('POST', '/api/links', { url: 'https://example.com/counted', slug: 'counted' })
  const [victim] = workersOf(service)
  let [answered, unanswered] = [0, 0]
  await inParallel(Array.from({ length: 600 }), 16, async (_, n) => {
    if (n === 300) process.kill(victim as number, 'SIGKILL')
    const status = await statusOf(service, 'counted')
    if (status === 302) answered++
    else unanswered++
  })
  await until('the worker is back', async () => workersOf(service).length === 2 && !workersOf(service).includes(victim as number) && /is back/.test(service.output()))
  await until('every answered visit', async () => (await service.call('GET', '/api/links/counted/visits')).body.total >= answered)
  t.ok(answered >= 300, `${answered} answered`)

  await inParallel(Array.from({ length: 200 }), 16, async () => { if ((await service.call('GET', '/counted', undefined, agent)).status === 302) answered++ })
  await service.kill()
  const alone = await startService(t, { dataDir, prefix: service.prefix })
  const records = await until('what both workers had in their spools', async () => {
    const all = (await readVisits(alone, topicName(alone.prefix, 'visits'))).filter(({ link }) => link === 'counted')
    return all.length >= answered && all
  }, 60_000)
  t.ok(records.length <= answered + unanswered, `${records.length} visits for ${answered} answers and ${unanswered} without`)
  t.equal(new Set(records.map(({ visitId }) => visitId)).size, records.length)
  await visitsWhen(alone, 'counted', records.length)
  t.equal(await alone.stop(), 0)
})

t.test('one scrape tells of all workers, whichever answers it', { skip: skipWithoutBuild }, async (t) => {
  const service = await startService(t, { args: ['--workers', '2'] })
  await service.call('POST', '/api/links', { url: 'https://example.com/measured', slug: 'measured' })
  await locations(service, 'measured', 40)
  const scrape = async () => {
    const text = await (await fetch(`${service.url}/metrics`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(5_000) })).text()
    return (name: string) => sample(text, name) ?? NaN
  }
  await until('the visits shipped', async () => (await scrape())('linklog_visits_shipped_total') === 40)
  for (const sample of [await scrape(), ...await Promise.all([scrape(), scrape(), scrape(), scrape()])]) {
    t.equal(sample('linklog_gateways'), 2)
    t.equal(sample('linklog_redirect_duration_seconds_count{outcome="redirected"}'), 40)
    t.equal(sample('linklog_visits_recorded_total'), 40)
    t.equal(sample('linklog_log_connected'), 1, 'no sum: the worst of them')
    t.equal(sample('linklog_feed_up'), 1)
    t.equal(sample(`linklog_build_info{version="${version}"}`), 1)
  }
  const [victim] = workersOf(service)
  process.kill(victim as number, 'SIGKILL')
  // as Prometheus expects of counters, what the dead one counted is gone with it
  await until('the counts of the one that is left', async () => (await scrape())('linklog_visits_recorded_total') < 40, 60_000)
  await until('both again', async () => (await scrape())('linklog_gateways') === 2, 60_000)
})

t.test('workers stop in order', { skip: skipWithoutBuild }, async (t) => {
  const service = await startService(t, { args: ['--workers', '2'] })
  t.equal(await service.stop(), 0, service.output())
})

t.test('two hosts on one stack follow each other', { skip: skipWithoutBuild || (onCluster && 'starts a stack of its own') }, async (t) => {
  const folder = testdir(t, { a: {}, b: {} })
  const a = await startService(t, { dataDir: `${folder}/a` })
  const env = { KAFKA_BROKERS: a.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: a.registryUrl, KSQLDB_URL: a.ksqldbUrl }
  const b = await startService(t, { dataDir: `${folder}/b`, env, prefix: a.prefix })
  await a.call('POST', '/api/links', { url: 'https://example.com/0', slug: 'both' })
  await followedMs([a, b], 'both', 'https://example.com/0')
  for (const [version, writer] of [[1, a], [2, b], [3, a]] as const) {
    const url = `https://example.com/${version}`
    t.equal((await writer.call('PATCH', '/api/links/both', { url }, { 'if-match': `"${version}"` })).status, 200)
    const ms = await followedMs([a, b], 'both', url)
    t.comment(`after ${Math.round(ms)} ms`)
  }
  t.equal((await b.call('GET', '/gone-soon', undefined, agent)).status, 404)
  await a.call('POST', '/api/links', { url: 'https://example.com/new', slug: 'gone-soon' })
  t.comment(`an unknown link is known elsewhere after ${Math.round(await followedMs([a, b], 'gone-soon', 'https://example.com/new'))} ms`)
})
