import t from 'tap'
import type { CountedVisit } from '../visits/counted-visits.js'
import { startRoutes } from './support.js'

const now = Date.parse('2026-03-02T12:34:56Z')
const hour = 3_600_000
const visit = (at: string, more: Partial<CountedVisit> = {}): CountedVisit => ({ link: 'v', at: Date.parse(at), bot: false, visitor: 'somebody', ...more })

t.test('a link without visits', async t => {
  const { call } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'v' })
  t.strictSame((await call('GET', '/api/links/v/visits')).body, {
    link: 'v', total: 0, withoutBots: 0, visitors: 0, firstVisit: null, lastVisit: null, referrers: {}, browsers: {}, os: {}, devices: {}, countries: {},
    views: { total: 0, withoutBots: 0 }
  })
  t.match(await call('GET', '/api/links/none/visits'), { status: 404, body: { code: 'link_not_found' } })
})

t.test('totals, sources and a series between two instants', async t => {
  const { call, tables, counted } = await startRoutes(t, { now: () => now })
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'v' })
  tables.totals = { total: 5, withoutBots: 4, firstVisit: now - hour, lastVisit: now }
  tables.of = { visitors: 3, referrers: { '(direct)': 4 }, browsers: { Firefox: 4 }, systems: { Linux: 4 }, devices: { desktop: 4 }, countries: { CH: 4 } }
  counted.visits.push(visit('2026-03-02T09:59:59.999Z'), visit('2026-03-02T11:00:00Z'), visit('2026-03-02T11:59:59Z', { bot: true }), visit('2026-03-02T12:00:00Z'))
  const { body } = await call('GET', '/api/links/v/visits?by=hour&from=2026-03-02T10:30:00Z&to=2026-03-02T12:30:00%2B01:00')
  t.match(body, { total: 5, withoutBots: 4, visitors: 3, firstVisit: '2026-03-02T11:34:56.000Z', os: { Linux: 4 }, countries: { CH: 4 } })
  t.strictSame(body.series, {
    by: 'hour', zone: 'UTC', from: '2026-03-02T10:00:00.000Z', to: '2026-03-02T12:00:00.000Z',
    buckets: [{ start: '2026-03-02T11:00:00.000Z', visits: 1, total: 2, withoutBots: 1 }]
  }, 'from and to at whole hours')
  t.strictSame(body.period, {
    from: '2026-03-02T10:00:00.000Z', to: '2026-03-02T12:00:00.000Z', zone: 'UTC', bots: 'exclude', visits: 1, visitors: null, unclassified: 0
  }, 'no day begins in it, so no visitors are told')
  t.match((await call('GET', '/api/links/v/visits?by=day')).body.series, { from: '2026-01-31T00:00:00.000Z', to: '2026-03-03T00:00:00.000Z' }, 'the last 30 days')
  t.match((await call('GET', '/api/links/v/visits?bots=only')).body, { period: { from: '2026-01-31T12:30:00.000Z', to: '2026-03-02T12:45:00.000Z', visits: 1, visitors: null } })
})

t.test('days of a zone, breakdowns, filters', async t => {
  const { call, counted } = await startRoutes(t, { now: () => now })
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'v' })
  counted.visits.push(
    visit('2026-03-28T23:30:00Z', { browser: 'Firefox', country: 'CH' }), visit('2026-03-29T21:59:59Z', { browser: 'Firefox' }), visit('2026-03-29T22:00:00Z', { browser: 'Chrome' }),
    visit('2026-03-29T10:00:00Z', { browser: 'Googlebot', bot: true }))
  const period = 'from=2026-03-29T00:00:00Z&to=2026-03-31T00:00:00Z'
  const { body } = await call('GET', `/api/links/v/visits?by=day&zone=Europe/Zurich&${period}&group=browser,country`)
  t.strictSame(body.series.buckets, [
    { start: '2026-03-29T00:00:00.000+01:00', visits: 2, total: 3, withoutBots: 2, visitors: 1 }, { start: '2026-03-30T00:00:00.000+02:00', visits: 1, total: 1, withoutBots: 1, visitors: 0 }
  ])
  t.strictSame(body.breakdowns, [
    { by: 'browser', values: [{ value: 'Firefox', visits: 2 }, { value: 'Chrome', visits: 1 }], more: { values: 0, visits: 0 } },
    { by: 'country', values: [{ value: '(unknown)', visits: 2 }, { value: 'CH', visits: 1 }], more: { values: 0, visits: 0 } }
  ])
  const visits = async (query: string) => (await call('GET', `/api/links/v/visits?${period}&zone=Europe/Zurich&by=day&${query}`)).body.period.visits
  t.equal(await visits('browser=Firefox'), 2)
  t.equal(await visits('browser=Firefox&browser=Chrome'), 3)
  t.equal(await visits('browser=Firefox&country=CH'), 1)
  t.equal(await visits('browserNot=Firefox&browserNot=Googlebot&bots=include'), 1)
  t.equal(await visits('country=(unknown)&bots=include'), 3)
  t.equal(await visits('bots=only'), 1)
  t.match((await call('GET', `/api/links/v/visits?${period}&group=browser&limit=1`)).body.breakdowns, [{ values: { length: 1 }, more: { values: 1, visits: 1 } }])
})

t.test('several links, a tag, a domain, all', async t => {
  const { call, counted, tables } = await startRoutes(t, { now: () => now })
  counted.visits.push(visit('2026-03-01T10:00:00Z', { link: 'a' }), visit('2026-03-01T11:00:00Z', { link: 'b' }), visit('2026-03-01T12:00:00Z', { link: 'go.other/a' }))
  counted.tags = { spring: ['b', 'go.other/a'], wide: Array.from({ length: 1_001 }, (_, n) => `l${n}`) }
  tables.totals = { total: 2, withoutBots: 1, firstVisit: 1_000, lastVisit: 5_000 }
  const ask = async (query: string) => (await call('GET', `/api/visits?${query}`)).body
  t.match(await ask('links=a,b,a&group=link'), {
    links: ['a', 'b'], total: 4, withoutBots: 2, firstVisit: '1970-01-01T00:00:01.000Z', period: { visits: 2 }, breakdowns: [{ values: [{ value: 'a', visits: 1 }, { value: 'b', visits: 1 }] }]
  })
  t.match(await ask('tag=spring&group=link'), { tag: 'spring', links: ['b', 'go.other/a'], period: { visits: 2 } })
  t.match(await ask('tag=nobody'), { links: [], total: 0, firstVisit: null, period: { visits: 0, visitors: 0 } })
  t.match(await ask('domain=go.other'), { domain: 'go.other', total: 1, period: { visits: 1 } })
  t.match(await ask('domain=default'), { domain: 'default', total: 2, firstVisit: '2026-03-01T10:00:00.000Z', lastVisit: '2026-03-01T11:00:00.000Z', period: { visits: 2 } })
  t.match(await ask('domain=GO.example'), { total: 2 }, 'the host of the service is the default domain')
  t.match(await ask('domain=not.visited'), { total: 0, period: { visits: 0 } })
  t.match(await ask('group=domain'), { total: 3, period: { visits: 3 }, breakdowns: [{ values: [{ value: '-', visits: 2 }, { value: 'go.other', visits: 1 }] }] })
  t.match(await call('GET', '/api/visits?tag=wide'), { status: 422, body: { code: 'question_too_large' } })
  for (const query of ['links=a&tag=b', 'tag=a&domain=b', 'links=a,,b', 'links=a%20b', `links=${Array.from({ length: 1_001 }, (_, n) => `l${n}`).join()}`, 'domain=a/b', 'group=link',
    'group=version', 'rule=1', 'domain=a&group=link', 'links=a&group=domain']) {
    t.match(await call('GET', `/api/visits?${query}`), { status: 400, body: { code: 'invalid_request', errors: [{ pointer: String }] } }, query.slice(0, 60))
  }
})

t.test('a period that cannot be is refused', async t => {
  const { call } = await startRoutes(t, { now: () => now })
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'v' })
  for (const query of ['by=year', 'by=hour&by=day', 'by=day&from=yesterday', 'by=day&from=2026-02-30T00:00:00Z', 'by=day&from=2026-01-01',
    'by=hour&from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'by=hour&from=1990-01-01T00:00:00Z', 'colour=red', 'zone=Nowhere', 'bots=maybe', 'group=link', 'limit=0']) {
    t.match(await call('GET', `/api/links/v/visits?${query}`), { status: 400, body: { code: 'invalid_request', errors: [{ pointer: String }] } }, query)
  }
})

t.test('orphans: the most wanted first, in pages', async t => {
  const { call, counted } = await startRoutes(t)
  const gone = (link: string, outcome: string, times: number, bot = false) => {
    for (let n = 0; n < times; n++) counted.visits.push(visit(`2026-03-01T00:00:0${n}Z`, { link, outcome, bot }))
  }
  gone('typo', 'not_found', 3)
  gone('old', 'deleted', 5)
  gone('old', 'expired', 2)
  gone('wp-login', 'not_found', 4, true)
  gone('go.other/x', 'not_found', 1)
  counted.visits.push(visit('2026-03-01T00:00:00Z'))
  const first = (await call('GET', '/api/orphans?limit=2')).body
  t.strictSame(first.orphans, [
    { slug: 'old', outcome: 'deleted', total: 5, withoutBots: 5, firstVisit: '2026-03-01T00:00:00.000Z', lastVisit: '2026-03-01T00:00:04.000Z' },
    { slug: 'wp-login', outcome: 'not_found', total: 4, withoutBots: 0, firstVisit: '2026-03-01T00:00:00.000Z', lastVisit: '2026-03-01T00:00:03.000Z' }
  ])
  t.equal(first.slugs, 5)
  const rest = (await call('GET', `/api/orphans?cursor=${first.next}`)).body
  t.match(rest, { slugs: 3, orphans: [{ slug: 'typo' }, { slug: 'old', outcome: 'expired' }, { slug: 'go.other/x' }], next: null })
  t.match((await call('GET', '/api/orphans?bots=exclude&outcome=not_found')).body, { slugs: 2 })
  t.match((await call('GET', '/api/orphans?domain=go.other')).body, { slugs: 1, orphans: [{ slug: 'go.other/x' }] })
  for (const query of ['outcome=redirected', 'cursor=abc', 'cursor=W10', 'limit=1001', 'domain=/']) t.match(await call('GET', `/api/orphans?${query}`), { status: 400 }, query)
})

t.test('an original URL is asked for in its normal form; an unknown one has no visits', async t => {
  const { call, tables } = await startRoutes(t)
  t.strictSame((await call('GET', '/api/analytics?url=HTTPS%3A%2F%2FExample.com%3A443')).body,
    { url: 'https://example.com/', total: 0, withoutBots: 0, firstVisit: null, lastVisit: null })
  t.strictSame(tables.asked, [['url', 'https://example.com/']])
  t.match(await call('GET', '/api/analytics'), { status: 400 })
  t.match(await call('GET', '/api/analytics?url=nonsense'), { status: 422, body: { errors: [{ pointer: 'url' }] } })
})
