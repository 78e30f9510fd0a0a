// Every table made again from the log while the service runs: reads stay available and right, and the new tables equal the old, under steady traffic
// too, where a link and its domain have visits at every commit.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { namesFor } from '../../gateway/topics.js'
import { sample } from '../helpers/metrics.js'
import { inParallel, until } from '../helpers/until.js'
import { skipWithoutBuild, startService, visitsWhen } from './support.js'
import type { Service } from './support.js'

t.setTimeout(1_200_000)

const cli = fileURLToPath(new URL('../../dist/gateway/cli/index.js', import.meta.url))
const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }
const links = Array.from({ length: 20 }, (_, n) => `kept-${n}`)
const visitsEach = 10

const rebuild = async (gateway: Service): Promise<{ readonly status: number | null, readonly printed: string }> => {
  const env = {
    ...process.env, KAFKA_BROKERS: gateway.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: gateway.registryUrl, KSQLDB_URL: gateway.ksqldbUrl, TOPIC_PREFIX: gateway.prefix
  }
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, cli, 'rebuild', '--grace', '4', '--timeout', '1000'], { env, stdio: 'pipe' })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { printed += text })
  const status = await new Promise<number | null>(resolve => child.once('close', resolve))
  return { status, printed }
}

t.test('rebuild', { skip: skipWithoutBuild }, async t => {
  const gateway = await startService(t)
  await inParallel(links, 8, slug => gateway.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug }))
  await gateway.call('PATCH', '/api/links/kept-0', { title: 'edited' }, { 'if-match': '"1"' })
  await inParallel(links.flatMap(link => Array.from({ length: visitsEach }, () => link)), 8, link => gateway.call('GET', `/${link}`, undefined, agent))
  const counted = async (link: string): Promise<number> => (await gateway.call('GET', `/api/links/${link}/visits`)).body.total
  for (const link of links) await until(`the visits of ${link}`, async () => await counted(link) === visitsEach)

  const stop = new AbortController()
  let reads = 0
  const wrong: string[] = []
  const read = async () => {
    for (let n = 0; !stop.signal.aborted; n++) {
      const link = links[n % links.length] as string
      const [one, history, visits] = await Promise.all([
        gateway.call('GET', `/api/links/${link}`), gateway.call('GET', `/api/links/${link}/revisions`), gateway.call('GET', `/api/links/${link}/visits`)
      ])
      reads++
      const version = link === 'kept-0' ? 2 : 1
      if (one.status !== 200 || one.body.version !== version) wrong.push(`link: ${one.status} ${one.text}`)
      if (history.status !== 200 || history.body.revisions.length !== version) wrong.push(`history: ${history.status} ${history.text}`)
      if (visits.status !== 200 || visits.body.total !== visitsEach) wrong.push(`visits: ${visits.status} ${visits.text}`)
      await delay(100)
    }
  }
  const made: string[] = []
  const write = async () => {
    for (let n = 0; !stop.signal.aborted; n++) {
      const slug = `meanwhile-${n}`
      const { status, text } = await gateway.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug })
      if (status !== 201 && status !== 202) wrong.push(`create: ${status} ${text}`)
      if ((await gateway.call('GET', `/${slug}`, undefined, agent)).status !== 302) wrong.push(`${slug} did not redirect`)
      made.push(slug)
      await delay(500)
    }
  }
  const busy = 'busy'
  await gateway.call('POST', '/api/links', { url: 'https://example.com/busy', slug: busy })
  let redirected = 0
  const visitBusy = async () => {
    while (!stop.signal.aborted) {
      if ((await gateway.call('GET', `/${busy}`, undefined, agent)).status !== 302) wrong.push(`${busy} did not redirect`)
      redirected++
      await delay(40) // at every commit there are some, and the machine has time for the rest
    }
  }
  const working = Promise.all([read(), write(), visitBusy()])
  const both = await Promise.all([rebuild(gateway), rebuild(gateway)])
  stop.abort()
  await working

  // one runs at a time: the other has its turn after it, or is told that it has none
  const done = both.filter(({ status }) => status === 0)
  t.ok(done.length >= 1, both.map(({ printed }) => printed).join('\n'))
  for (const { printed } of done) {
    t.match(printed, /link_revisions: equal/)
    t.match(printed, /visits_by_link: equal/)
  }
  for (const other of both.filter(({ status }) => status !== 0)) t.match(other, { status: 3, printed: /a rebuild runs, for 30 s and more \(consumer group .*linklog-ddl\)/ })
  t.strictSame(wrong.slice(0, 5), [], `${reads} rounds of reads and ${made.length} links made meanwhile`)
  t.ok(reads > 0 && made.length > 0)
  for (const link of links) t.equal(await counted(link), visitsEach)
  for (const slug of made) {
    t.equal((await gateway.call('GET', `/api/links/${slug}`)).status, 200)
    await until(`the visit of ${slug}`, async () => await counted(slug) === 1)
  }
  t.ok(redirected > 0)
  await until(`all ${redirected} visits of ${busy}`, async () => await counted(busy) >= redirected)
  t.equal(await counted(busy), redirected, 'each redirect is counted once')
  // the feed follows the tables by their names: a change still reaches the redirects
  await gateway.call('PATCH', '/api/links/kept-1', { url: 'https://example.com/moved' }, { 'if-match': '"1"' })
  t.equal((await gateway.call('GET', '/kept-1', undefined, agent)).headers.location, 'https://example.com/moved')
})

t.test('a hold', { skip: skipWithoutBuild }, async t => {
  const gateway = await startService(t)
  await gateway.call('POST', '/api/links', { url: 'https://example.com/held', slug: 'held' })
  const stream = namesFor(gateway.prefix).ksql('hold_events')
  const ask = async (seconds: number): Promise<number> => (await fetch(`${gateway.ksqldbUrl}/ksql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ksql: `INSERT INTO ${stream} (scope, hold_id, hold_seconds, asked_at) VALUES ('visits', '${randomUUID()}', ${seconds}, '');`, streamsProperties: {} }),
    signal: AbortSignal.timeout(30_000)
  })).status
  const now = async () => {
    const { text } = await gateway.call('GET', '/metrics')
    const [held, recorded, shipped] = ['linklog_shipping_held', 'linklog_visits_recorded_total', 'linklog_visits_shipped_total'].map(name => sample(text, name))
    return { held, recorded, shipped }
  }
  // what a gateway is told first is older than itself, for all it knows, and is not followed
  await until('the hold', async () => await ask(15) === 200 && (await now()).held === 1)
  t.equal((await gateway.call('GET', '/held', undefined, agent)).status, 302, 'redirects go on')
  t.strictSame(await now(), { held: 1, recorded: 1, shipped: 0 }, 'and their visits wait')
  t.equal(await ask(0), 200)
  await visitsWhen(gateway, 'held', 1)
  // Kafka tells the gateway of the commit when the visit can be seen already
  await until('the gateway knows', async () => (await now()).shipped === 1)
  t.strictSame(await now(), { held: 0, recorded: 1, shipped: 1 })
})
