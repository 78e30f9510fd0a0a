// Every table made again from the log while the service runs: reads stay available and right, and the new tables equal the old.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { inParallel, until } from '../helpers/until.js'
import { skipWithoutBuild, startService } from './support.js'
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
    }
  }
  const working = Promise.all([read(), write()])
  const { status, printed } = await rebuild(gateway)
  stop.abort()
  await working

  t.equal(status, 0, printed)
  t.match(printed, /link_revisions: equal/)
  t.match(printed, /visits_by_link: equal/)
  t.strictSame(wrong.slice(0, 5), [], `${reads} rounds of reads and ${made.length} links made meanwhile`)
  t.ok(reads > 0 && made.length > 0)
  for (const link of links) t.equal(await counted(link), visitsEach)
  for (const slug of made) {
    t.equal((await gateway.call('GET', `/api/links/${slug}`)).status, 200)
    await until(`the visit of ${slug}`, async () => await counted(slug) === 1)
  }
  // the feed follows the tables by their names: a change still reaches the redirects
  await gateway.call('PATCH', '/api/links/kept-1', { url: 'https://example.com/moved' }, { 'if-match': '"1"' })
  t.equal((await gateway.call('GET', '/kept-1', undefined, agent)).headers.location, 'https://example.com/moved')
})
