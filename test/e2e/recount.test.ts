// Real URLs, visits with a realistic spread, and every total held against an independent recount of the topic.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { hourOf, readVisits, tally } from '../helpers/recount.js'
import { inParallel, until } from '../helpers/until.js'
import { agents, codeOf, pick, randomFrom, referrers, skipWithoutBuild, startService, topicName } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(1200_000)

const visitsTotal = Number(process.env.LINKLOG_E2E_VISITS ?? 50_000)
const cli = fileURLToPath(new URL('../../dist/gateway/cli/index.js', import.meta.url))
const realUrls = fileURLToPath(new URL('../../../shared/data/urls.txt', import.meta.url))

/** The real list where it is at hand; elsewhere as many made-up ones. */
function urlList (t: { comment: (text: string) => void }): string[] {
  if (existsSync(realUrls)) return readFileSync(realUrls, 'utf8').split('\n').filter((line) => line.trim() !== '')
  t.comment('The list of real URLs is not at hand: made-up ones are imported.')
  return Array.from({ length: 500 }, (_, n) => `https://site-${n % 50}.example/path/${n}?q=${n * 7919}`)
}

t.test('import, visit, recount', { skip: skipWithoutBuild }, async (t) => {
  const folder = testdir(t, { data: {}, 'urls.txt': `${urlList(t).join('\n')}\n` })
  const gateway = await startService(t, { dataDir: join(folder, 'data') })
  const urls = [...new Set(urlList(t).map((url) => new URL(url).href))]
  const importFile = async () => {
    const started = performance.now()
    const { stdout } = await promisify(execFile)(process.execPath, [cli, 'import', 'urls.txt', '--url', gateway.url], { cwd: folder })
    t.comment(`${stdout.trim()} (with the start of the process ${Math.round(performance.now() - started)} ms)`)
    return stdout
  }

  await t.test('linklog import', async (t) => {
    t.match(await importFile(), new RegExp(`: ${urls.length} created, \\d+ already there, 0 rejected`))
    t.match(await importFile(), /: 0 created, \d+ already there, 0 rejected/, 'running it again creates nothing new')
    const sample = urls.filter((_, n) => n % 97 === 0)
    const read = await inParallel(sample, 8, async (url) => (await gateway.call('GET', `/api/links/${codeOf(url)}`)).body.url)
    t.strictSame(read, sample)
  })

  await t.test(`${visitsTotal} visits`, async (t) => {
    const random = randomFrom(20_260_215)
    const started = performance.now()
    // Few links have most of the visits: the n-th comes up about in proportion to 1/n.
    const visits = Array.from({ length: visitsTotal }, () => {
      const url = urls[Math.min(urls.length - 1, Math.floor(urls.length ** random()) - 1)] ?? ''
      const [, , agent] = pick(agents, random)
      const [, referrer] = pick(referrers, random)
      return { url, headers: { 'user-agent': agent, ...(referrer !== undefined && { referer: referrer }) } }
    })
    const wrong = await inParallel(visits, 48, async ({ url, headers }) => {
      const answer = await gateway.call('GET', `/${codeOf(url)}`, undefined, headers)
      return answer.status === 302 && answer.headers.location === url ? undefined : `${answer.status} ${url}`
    })
    t.strictSame(wrong.filter((problem) => problem !== undefined), [])
    t.comment(`${visitsTotal} visits in ${Math.round(performance.now() - started)} ms`)
  })

  const records = await until('all visits in the topic', async () => {
    const all = await readVisits(gateway, topicName(gateway.prefix, 'visits'))
    return all.length >= visitsTotal && all
  }, 120_000)
  t.equal(records.length, visitsTotal, 'each visit is in the topic once')
  t.equal(new Set(records.map(({ visitId }) => visitId)).size, visitsTotal)
  t.equal(records.filter(({ isBot }) => isBot).length > visitsTotal / 20, true, 'robots are among them')

  const byLink = tally(records, ({ link }) => link)
  const linksVisited = [...byLink.keys()]

  await t.test('per link, with its sources', async (t) => {
    const differing = await inParallel(linksVisited, 8, async (link) => {
      const expected = byLink.get(link)
      const own = records.filter((record) => record.link === link)
      const people = own.filter(({ isBot }) => !isBot)
      const seen = await until(`the total of ${link}`, async () => {
        const { body } = await gateway.call('GET', `/api/links/${link}/visits`)
        return body.total >= (expected?.total ?? 0) && sumOf(body.browsers) >= people.length && body
      }, 60_000)
      const wanted = {
        ...expected,
        firstVisit: new Date(Math.min(...own.map(({ visitedAtMs }) => visitedAtMs))).toISOString(),
        lastVisit: new Date(Math.max(...own.map(({ visitedAtMs }) => visitedAtMs))).toISOString(),
        referrers: histogram(people.map(({ referrer }) => referrer ?? '(direct)')),
        browsers: histogram(people.map(({ browser }) => browser)),
        os: histogram(people.map(({ os }) => os)),
        devices: histogram(people.map(({ device }) => device))
      }
      const got = Object.fromEntries(Object.keys(wanted).map((name) => [name, typeof seen[name] === 'object' && seen[name] !== null ? sorted(seen[name]) : seen[name]]))
      const visitors = new Set(people.map(({ visitor }) => visitor)).size
      const isClose = Math.abs(seen.visitors - visitors) <= Math.max(1, visitors * 0.1)
      return JSON.stringify(got) === JSON.stringify(wanted) && isClose ? undefined : { link, got, wanted, visitors: [seen.visitors, visitors] }
    })
    t.strictSame(differing.filter((difference) => difference !== undefined), [], `${linksVisited.length} links`)
  })

  await t.test('per URL', async (t) => {
    const byUrl = tally(records, ({ url }) => url ?? undefined)
    const got = await inParallel([...byUrl.keys()], 8, async (url) => {
      const { body } = await gateway.call('GET', `/api/analytics?url=${encodeURIComponent(url)}`)
      return [url, { total: body.total, withoutBots: body.withoutBots }]
    })
    t.strictSame(Object.fromEntries(got), Object.fromEntries(byUrl))
  })

  await t.test('per hour', async (t) => {
    const byHour = tally(records, ({ link, visitedAtMs }) => `${link} ${hourOf(visitedAtMs)}`)
    const from = hourOf(Math.min(...records.map(({ visitedAtMs }) => visitedAtMs)))
    const to = new Date(Date.parse(hourOf(Math.max(...records.map(({ visitedAtMs }) => visitedAtMs)))) + 3_600_000).toISOString()
    const got = new Map<string, unknown>()
    await inParallel(linksVisited, 8, async (link) => {
      const { body } = await gateway.call('GET', `/api/links/${link}/visits?by=hour&from=${from}&to=${to}`)
      for (const { start, total, withoutBots } of body.series.buckets) got.set(`${link} ${start}`, { total, withoutBots })
    })
    t.strictSame(sorted(Object.fromEntries(got)), sorted(Object.fromEntries(byHour)))
  })

  await t.test('and again after a stop and a start', async (t) => {
    t.equal(await gateway.stop(), 0)
    const again = await startService(t, { dataDir: join(folder, 'data'), prefix: gateway.prefix })
    t.comment(`start of a folder with ${urls.length} links and ${visitsTotal} visits: ready after ${Math.round(again.readyMs)} ms`)
    const got = await inParallel(linksVisited, 8, async (link) => {
      const { body } = await again.call('GET', `/api/links/${link}/visits`)
      return [link, { total: body.total, withoutBots: body.withoutBots }] as const
    })
    t.strictSame(Object.fromEntries(got), Object.fromEntries(byLink))
  })
})

function sumOf (counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function sorted<T> (counts: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a < b ? -1 : 1))
}

function histogram (values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return sorted(counts)
}
