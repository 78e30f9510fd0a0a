// Questions about visits whose mix the test decides, held against a recount of the topic in plain code: series in zones, breakdowns, filters, several links,
// tags, domains, all, uniques, orphans.
import { DateTime } from 'luxon'
import t from 'tap'
import { readVisits, type VisitRecord } from '../helpers/recount.js'
import { until } from '../helpers/until.js'
import { produce, randomFrom, skipWithoutBuild, startService, topicName, visit, visitsWhen } from './support.js'

t.setTimeout(300_000)

const visitsTotal = Number(process.env['LINKLOG_E2E_QUESTIONS'] ?? 3_000)
const from = Date.parse('2026-03-27T00:00:00Z')
const to = Date.parse('2026-04-01T00:00:00Z')
const links = ['one', 'two', 'go.example/one', 'go.example/two']
const dims = ['version', 'rule', 'referrer', 'browser', 'os', 'device', 'country', 'language'] as const
type Dim = typeof dims[number]

const mix = () => {
  const random = randomFrom(7)
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  return Array.from({ length: visitsTotal }, () => {
    const bot = random() < 0.2
    return {
      key: pick(links),
      value: visit(new Date(from + Math.floor(random() * (to - from))).toISOString(), {
        version: pick([1, 2, 3]), rule: pick([null, null, 1, 2]), referrer: pick([null, 'a.example', 'b|c.example', '100%.example', 'ünï.example']),
        browser: pick(['Firefox', 'Samsung Internet', 'Chrome']), os: pick(['Linux', 'Mac OS', 'iOS']), device: bot ? 'bot' : pick(['desktop', 'mobile']),
        country: pick([null, 'CH', 'NP']), language: pick([null, 'de', 'en']), visitor: `v${Math.floor(random() * 40)}`, bot,
        outcome: random() < 0.1 ? 'expired' : 'redirected'
      })
    }
  })
}

const valueOf = (record: VisitRecord, dim: Dim): string =>
  record[dim] === null ? (dim === 'referrer' ? '(direct)' : dim === 'rule' ? '(none)' : '(unknown)') : String(record[dim])
const countBy = (records: readonly VisitRecord[], key: (record: VisitRecord) => string): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const record of records) counts[key(record)] = (counts[key(record)] ?? 0) + 1
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a < b ? -1 : 1))
}
const told = (values: Array<{ value: string, visits: number }>): Record<string, number> =>
  Object.fromEntries(values.map(({ value, visits }) => [value, visits] as const).sort(([a], [b]) => a < b ? -1 : 1))

t.test('questions', { skip: skipWithoutBuild }, async (t) => {
  const gateway = await startService(t)
  const topic = topicName(gateway.prefix, 'visits')
  for (const [slug, tags] of [['one', ['spring']], ['two', ['spring', 'autumn']]] as const) {
    t.match(await gateway.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug, tags }), { status: 201 })
  }
  await produce(gateway, topic, mix())
  const records = (await readVisits(gateway, topic)).filter(({ outcome }) => outcome === 'redirected')
  const people = records.filter(({ isBot }) => !isBot)
  const ask = async (path: string) => {
    const { status, body } = await gateway.call('GET', path)
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`)
    return body
  }
  const period = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`
  await until('all visits in every table', async () => {
    const [hours, cells, byLinks] = await Promise.all([ask(`/api/visits?by=day&${period}&bots=include`), ask(`/api/visits?${period}&bots=include&group=os`),
      ask(`/api/visits?links=${links.join()}&${period}&bots=include&group=os`)])
    return [hours, cells, byLinks].every(({ period: { visits } }) => visits === records.length)
  }, 60_000)

  await t.test('series by hour, day, week and month in zones', async (t) => {
    const own = records.filter(({ link }) => link === 'one')
    for (const zone of ['UTC', 'Europe/Zurich', 'Asia/Kathmandu', 'America/St_Johns']) {
      for (const by of ['hour', 'day', 'week', 'month'] as const) {
        const body = await ask(`/api/links/one/visits?by=${by}&zone=${zone}&${period}`)
        const startOf = ({ visitedAtMs }: VisitRecord) => DateTime.fromMillis(visitedAtMs, { zone }).startOf(by).toUTC().toISO() ?? ''
        const instants = Object.fromEntries(body.series.buckets.map((one: any) => [new Date(one.start).toISOString(), one.total]))
        t.strictSame(instants, countBy(own, startOf), `${by} in ${zone}`)
        t.equal(body.period.visits, own.filter(({ isBot }) => !isBot).length)
      }
    }
  })

  await t.test('every breakdown adds up, alone and with filters', async (t) => {
    const own = people.filter(({ link }) => link === 'two')
    const body = await ask(`/api/links/two/visits?${period}&group=${dims.join()},bot`)
    t.equal(body.period.visits, own.length)
    t.equal(body.period.unclassified, 0)
    for (const { by, values, more } of body.breakdowns) {
      t.strictSame(told(values), countBy(own, record => by === 'bot' ? 'false' : valueOf(record, by)), by)
      t.strictSame(more, { values: 0, visits: 0 })
    }
    const filtered = await ask(`/api/links/two/visits?${period}&bots=include&group=os&browser=Firefox&browser=Samsung%20Internet&referrerNot=(direct)&version=2&by=day`)
    const left = records.filter(({ link, browser, referrer, version }) => link === 'two' && browser !== 'Chrome' && referrer !== null && version === 2)
    t.strictSame(told(filtered.breakdowns[0].values), countBy(left, ({ os }) => os))
    t.strictSame(Object.fromEntries(filtered.series.buckets.map((one: any) => [one.start, one.visits])),
      countBy(left, ({ visitedAtMs }) => new Date(visitedAtMs - visitedAtMs % 86_400_000).toISOString()))
    t.equal((await ask(`/api/links/two/visits?${period}&referrer=${encodeURIComponent('b|c.example')}`)).period.visits, own.filter(({ referrer }) => referrer === 'b|c.example').length)
  })

  await t.test('several links, a tag, a domain, all', async (t) => {
    const on = (...some: string[]) => people.filter(({ link }) => some.includes(link))
    t.strictSame(told((await ask(`/api/visits?links=one,go.example/two&${period}&group=link`)).breakdowns[0].values), countBy(on('one', 'go.example/two'), ({ link }) => link))
    t.match(await ask(`/api/visits?tag=spring&${period}&country=CH`), {
      links: ['one', 'two'], total: records.filter(({ link }) => ['one', 'two'].includes(link)).length, period: { visits: on('one', 'two').filter(({ country }) => country === 'CH').length }
    })
    t.match(await ask(`/api/visits?tag=autumn&${period}`), { links: ['two'], period: { visits: on('two').length } })
    const domain = await ask(`/api/visits?domain=go.example&${period}&group=browser&by=day&zone=Asia/Kathmandu`)
    const there = on('go.example/one', 'go.example/two')
    t.match(domain, { withoutBots: there.length, period: { visits: there.length } })
    t.strictSame(told(domain.breakdowns[0].values), countBy(there, ({ browser }) => browser))
    t.strictSame(told((await ask(`/api/visits?${period}&group=domain`)).breakdowns[0].values), countBy(people, ({ link }) => link.includes('/') ? 'go.example' : '-'))
    t.equal((await ask(`/api/visits?${period}&bots=only`)).period.visits, records.length - people.length)
  })

  await t.test('visitors by day (UTC), about', async (t) => {
    const daily = (some: readonly VisitRecord[]) => new Set(some.map(({ visitedAtMs, visitor }) => `${Math.floor(visitedAtMs / 86_400_000)} ${visitor}`)).size
    const seen = async (path: string, expected: number) => {
      const { visitors } = (await ask(path)).period
      t.ok(Math.abs(visitors - expected) <= Math.max(1, expected * 0.05), `${path}: ${visitors} for ${expected}`)
    }
    await seen(`/api/links/one/visits?${period}`, daily(people.filter(({ link }) => link === 'one')))
    await seen(`/api/visits?domain=default&${period}`, daily(people.filter(({ link }) => !link.includes('/'))))
    t.equal((await ask(`/api/links/one/visits?${period}&os=iOS`)).period.visitors, null)
  })

  await t.test('orphans', async (t) => {
    for (const slug of ['nowhere', 'nowhere', 'nothing']) t.match(await gateway.call('GET', `/${slug}`, undefined, { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }), { status: 404 })
    const { orphans } = await until('the orphans', async () => {
      const body = await ask('/api/orphans?outcome=not_found')
      return body.slugs === 2 && body.orphans[0].total === 2 && body
    })
    t.match(orphans, [{ slug: 'nowhere', outcome: 'not_found', total: 2, withoutBots: 2 }, { slug: 'nothing', total: 1 }])
    const expired = (await readVisits(gateway, topic)).filter(({ outcome }) => outcome === 'expired')
    const body = await ask('/api/orphans?outcome=expired')
    t.strictSame(Object.fromEntries(body.orphans.map((one: any) => [one.slug, one.total]).sort()), countBy(expired, ({ link }) => link))
  })

  t.match(await visitsWhen(gateway, 'one', records.filter(({ link }) => link === 'one').length), { total: Number })
})
