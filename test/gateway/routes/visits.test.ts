import t from 'tap'
import { startRoutes } from './support.js'

const now = Date.parse('2026-03-02T12:34:56Z')
const hour = 3_600_000

t.test('a link without visits', async t => {
  const { call } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'v' })
  t.strictSame((await call('GET', '/api/links/v/visits')).body, {
    link: 'v', total: 0, withoutBots: 0, visitors: 0, firstVisit: null, lastVisit: null, referrers: {}, browsers: {}, os: {}, devices: {}, countries: {}
  })
  t.match(await call('GET', '/api/links/none/visits'), { status: 404, body: { code: 'link_not_found' } })
})

t.test('totals, sources and a series between two instants', async t => {
  const { call, tables } = await startRoutes(t, { now: () => now })
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'v' })
  tables.totals = { total: 5, withoutBots: 4, firstVisit: now - hour, lastVisit: now }
  tables.of = { visitors: 3, referrers: { '(direct)': 4 }, browsers: { Firefox: 4 }, systems: { Linux: 4 }, devices: { desktop: 4 }, countries: { CH: 4 } }
  tables.buckets = [{ start: Date.parse('2026-03-02T11:00:00Z'), total: 5, withoutBots: 4 }]
  const { body } = await call('GET', '/api/links/v/visits?by=hour&from=2026-03-02T10:30:00Z&to=2026-03-02T12:30:00%2B01:00')
  t.match(body, { total: 5, withoutBots: 4, visitors: 3, firstVisit: '2026-03-02T11:34:56.000Z', os: { Linux: 4 }, countries: { CH: 4 } })
  t.strictSame(body.series, {
    by: 'hour', from: '2026-03-02T10:00:00.000Z', to: '2026-03-02T11:30:00.000Z', buckets: [{ start: '2026-03-02T11:00:00.000Z', total: 5, withoutBots: 4 }]
  })
  t.strictSame(tables.asked.find(([what]) => what === 'series'), ['series', 'v', 'hour', Date.parse('2026-03-02T10:00:00Z'), Date.parse('2026-03-02T11:30:00Z')])
  t.match((await call('GET', '/api/links/v/visits?by=day')).body.series, { from: '2026-01-31T00:00:00.000Z' }, 'the last 30 days')
})

t.test('a period that cannot be is refused', async t => {
  const { call } = await startRoutes(t, { now: () => now })
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'v' })
  for (const query of ['by=week', 'by=hour&by=day', 'from=2026-01-01T00:00:00Z', 'by=day&from=yesterday', 'by=day&from=2026-02-30T00:00:00Z', 'by=day&from=2026-01-01',
    'by=hour&from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'by=hour&from=1990-01-01T00:00:00Z', 'colour=red']) {
    t.match(await call('GET', `/api/links/v/visits?${query}`), { status: 400, body: { code: 'invalid_request', errors: [{ pointer: String }] } }, query)
  }
})

t.test('an original URL is asked for in its normal form; an unknown one has no visits', async t => {
  const { call, tables } = await startRoutes(t)
  t.strictSame((await call('GET', '/api/analytics?url=HTTPS%3A%2F%2FExample.com%3A443')).body,
    { url: 'https://example.com/', total: 0, withoutBots: 0, firstVisit: null, lastVisit: null })
  t.strictSame(tables.asked, [['url', 'https://example.com/']])
  t.match(await call('GET', '/api/analytics'), { status: 400 })
  t.match(await call('GET', '/api/analytics?url=nonsense'), { status: 422, body: { errors: [{ pointer: 'url' }] } })
})
