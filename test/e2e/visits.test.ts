// What the visits say: totals, hours, days and sources, of visits whose instants the test decides by writing them to the topic itself.
import t from 'tap'
import { produce, skipWithoutBuild, startService, topicName, visit, urlVisitsWhen, visitsWhen } from './support.js'
import { until } from '../helpers/until.js'

t.setTimeout(300_000)

t.test('visits', { skip: skipWithoutBuild }, async (t) => {
  const gateway = await startService(t)
  const topic = topicName(gateway.prefix, 'visits')

  await t.test('a link without visits, a URL that nobody knows, a link that is not there', async (t) => {
    await gateway.call('POST', '/api/links', { url: 'https://example.com/none', slug: 'none' })
    t.match((await gateway.call('GET', '/api/links/none/visits')).body, { total: 0, withoutBots: 0, firstVisit: null, lastVisit: null })
    t.match(await gateway.call('GET', '/api/analytics?url=https%3A%2F%2Funknown.example%2F'), { status: 200, body: { url: 'https://unknown.example/', total: 0 } })
    t.match(await gateway.call('GET', '/api/links/nothere/visits'), { status: 404, body: { code: 'link_not_found' } })
  })

  await t.test('hours and days between two instants (UTC), late visits in their own hour', async (t) => {
    await gateway.call('POST', '/api/links', { url: 'https://visited.example/', slug: 'hours' })
    await produce(gateway, topic, [
      { key: 'hours', value: visit('2026-03-29T00:59:59.999Z') },
      { key: 'hours', value: visit('2026-03-29T01:00:00.000Z', { bot: true }) },
      { key: 'hours', value: visit('2026-03-29T01:30:00.000Z', { referrer: 'a.example', browser: 'Safari', os: 'iOS', device: 'mobile', country: 'AT', visitor: 'other' }) },
      { key: 'hours', value: visit('2026-03-28T23:00:00.000Z') },
      { key: 'hours', value: visit('2026-03-30T00:00:00.000Z') },
      { key: 'hours', value: visit('2026-03-29T12:00:00.000Z', { outcome: 'expired' }) },
      { key: 'hours', value: visit('2025-12-31T23:59:59.999Z') }
    ])
    const all = await visitsWhen(gateway, 'hours', 6)
    t.match(all, { withoutBots: 5, firstVisit: '2025-12-31T23:59:59.999Z', lastVisit: '2026-03-30T00:00:00.000Z' })

    // The tables are read while they fill: some of the buckets stand before the others.
    const series = async (by: string, from: string, to: string, visits: number) => await until(`the ${by}s of ${visits} visits`, async () => {
      const { body } = await gateway.call('GET', `/api/links/hours/visits?by=${by}&from=${from}&to=${to}`)
      const buckets: Array<{ start: string, total: number, withoutBots: number }> = body.series.buckets
      return buckets.reduce((sum, { total }) => sum + total, 0) === visits && buckets.map(({ start, total, withoutBots }) => [start, total, withoutBots])
    })
    t.strictSame(await series('hour', '2026-03-29T00:00:00Z', '2026-03-30T00:00:00Z', 3), [
      ['2026-03-29T00:00:00.000Z', 1, 1], ['2026-03-29T01:00:00.000Z', 2, 1]
    ], 'from is part of it, to is not')
    t.strictSame(await series('day', '2026-03-01T00:00:00Z', '2026-04-01T00:00:00Z', 5), [
      ['2026-03-28T00:00:00.000Z', 1, 1], ['2026-03-29T00:00:00.000Z', 3, 2], ['2026-03-30T00:00:00.000Z', 1, 1]
    ])
    t.strictSame(await series('day', '2025-12-01T00:00:00Z', '2026-01-01T00:00:00Z', 1), [['2025-12-31T00:00:00.000Z', 1, 1]])
    t.strictSame((await series('hour', '2026-03-28T00:00:00Z', '2026-03-31T00:00:00Z', 5)).length, 4)

    const sources = await until('the sources of 5 visits', async () => {
      const { body } = await gateway.call('GET', '/api/links/hours/visits')
      return Object.values<number>(body.browsers).reduce((sum, count) => sum + count, 0) === 5 && body
    })
    t.match(sources, {
      visitors: 2,
      referrers: { 'a.example': 1, '(direct)': 4 },
      browsers: { Firefox: 4, Safari: 1 },
      os: { Linux: 4, iOS: 1 },
      devices: { desktop: 4, mobile: 1 },
      countries: { AT: 1 }
    }, 'robots are left out of the sources')
  })

  await t.test('an original URL over all its links', async (t) => {
    const url = 'https://example.com/shared?x=1'
    for (const slug of ['first', 'second', 'third']) await gateway.call('POST', '/api/links', { url, slug })
    await gateway.call('GET', '/first')
    await gateway.call('GET', '/first')
    await gateway.call('GET', '/second')
    await gateway.call('PATCH', '/api/links/second', { url: 'https://example.com/elsewhere' }, { 'if-match': '"1"' })
    await gateway.call('GET', '/second')
    const counted = await urlVisitsWhen(gateway, url, 3)
    t.equal(counted.url, url)
    t.match((await gateway.call('GET', '/api/analytics?url=HTTPS%3A%2F%2FEXAMPLE.com%2Fshared%3Fx%3D1')).body, { total: 3 }, 'however it is spelled')
    await visitsWhen(gateway, 'second', 2)
    t.match(await urlVisitsWhen(gateway, 'https://example.com/elsewhere', 1), { total: 1 })
  })
})
