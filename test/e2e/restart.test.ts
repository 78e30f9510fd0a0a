// SIGKILL to everything in the middle of visits, twice: what was answered is in the topic once, and counted once.
import t from 'tap'
import { readVisits, tally } from '../helpers/recount.js'
import { inParallel, until } from '../helpers/until.js'
import { newPrefix } from '../helpers/gateway-process.js'
import { skipWithoutBuild, startService, topicName } from './support.js'
import type { Service } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(900_000)

const visitsTotal = Math.round(Number(process.env.LINKLOG_E2E_VISITS ?? 50_000) * 0.4)
const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0'
const links = Array.from({ length: 25 }, (_, n) => `link-${n}`)

t.test('kill -9 in the middle of visits', { skip: skipWithoutBuild }, async (t) => {
  const dataDir = testdir(t)
  const prefix = newPrefix()
  let gateway = await startService(t, { dataDir, prefix })
  t.comment(`first start: ready after ${Math.round(gateway.readyMs)} ms`)
  await inParallel(links, 8, (slug) => gateway.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug }))

  const answered = new Set<number>()
  const unanswered = new Set<number>()
  let next = 0

  /** Visits, 32 at a time, until so many were sent; a request that the kill cut off is never repeated, since it may have been a visit. */
  const visitUntil = async (service: Service, sentMax: number, killAt: number) => {
    let killed: Promise<void> | undefined
    const worker = async () => {
      while (next < sentMax && killed === undefined) {
        const n = next++
        try {
          const { status } = await service.call('GET', `/${links[n % links.length]}`, undefined, { referer: `https://n${n}.example/`, 'user-agent': agent })
          if (status === 302) answered.add(n)
          else t.fail(`visit ${n} was answered ${status}`)
        } catch {
          unanswered.add(n)
        }
        if (answered.size >= killAt) killed ??= service.kill()
      }
    }
    await Promise.all(Array.from({ length: 32 }, worker))
    await killed
  }

  for (const share of [0.35, 0.7]) {
    await visitUntil(gateway, visitsTotal, Math.round(visitsTotal * share))
    gateway = await startService(t, { dataDir, prefix })
    t.comment(`killed after ${answered.size} answers; ready again after ${Math.round(gateway.readyMs)} ms`)
  }
  await visitUntil(gateway, visitsTotal, Infinity)
  t.equal(answered.size + unanswered.size, visitsTotal)
  t.ok(unanswered.size > 0 && unanswered.size <= 64, `${unanswered.size} requests were cut off by the two kills`)

  const topic = topicName(prefix, 'visits')
  const numberOf = (referrer: string | null) => Number(/^n(\d+)\.example$/.exec(referrer ?? '')?.[1])
  const records = await until('every answered visit in the topic', async () => {
    const all = await readVisits(gateway, topic)
    const seen = new Set(all.map(({ referrer }) => numberOf(referrer)))
    return [...answered].every((n) => seen.has(n)) && all
  }, 120_000)
  t.equal(new Set(records.map(({ visitId }) => visitId)).size, records.length, 'no visit is in the topic twice')
  t.equal(new Set(records.map(({ referrer }) => referrer)).size, records.length, 'nor under another id')
  t.ok(records.every(({ referrer }) => answered.has(numberOf(referrer)) || unanswered.has(numberOf(referrer))))

  const recount = tally(records, ({ link, outcome }) => outcome === 'redirected' ? link : undefined)
  const totals = async () => new Map(await inParallel(links, 8, async (link) => {
    const { body } = await gateway.call('GET', `/api/links/${link}/visits`)
    return [link, { total: body.total as number, withoutBots: body.withoutBots as number }] as const
  }))
  const sum = (counts: Map<string, { total: number }>) => [...counts.values()].reduce((all, { total }) => all + total, 0)
  await until('the tables to catch up', async () => sum(await totals()) >= sum(recount), 60_000).catch(() => {})
  t.strictSame(Object.fromEntries(await totals()), Object.fromEntries(links.map((link) => [link, recount.get(link)])), 'each counted once')

  await gateway.kill()
  gateway = await startService(t, { dataDir, prefix })
  t.comment(`start of a folder with ${records.length} visits: ready after ${Math.round(gateway.readyMs)} ms`)
  t.strictSame(Object.fromEntries(await totals()), Object.fromEntries(links.map((link) => [link, recount.get(link)])), 'and once more after another kill')
})
