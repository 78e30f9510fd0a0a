// Visits one by one: pages of a link's visits and the recount against the topic read by a foreign client; live, and live again from where it broke off.
import { once } from 'node:events'
import { get } from 'node:http'
import t from 'tap'
import { readVisits } from '../helpers/recount.js'
import { until } from '../helpers/until.js'
import { produce, skipWithoutBuild, startService, topicName, visit, visitsWhen } from './support.js'

t.setTimeout(300_000)

const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }
const hourMs = 3_600_000

const listen = async (url: string, headers: Record<string, string> = {}) => {
  const request = get(url, { headers, agent: false })
  const [response] = await once(request, 'response')
  const state = { text: '', ended: false, leave: () => request.destroy(), told: (): Array<{ id: string, data: any }> => [] }
  state.told = () => state.text.split('\n\n').flatMap(block => {
    const data = /^data: (.*)$/m.exec(block)?.[1]
    return data === undefined ? [] : [{ id: /^id: (.*)$/m.exec(block)?.[1] ?? '', data: JSON.parse(data) }]
  })
  request.on('error', () => {})
  response.setEncoding('utf8').on('data', (chunk: string) => { state.text += chunk }).on('end', () => { state.ended = true }).on('error', () => {})
  await until('the stream to begin', async () => state.text !== '')
  return state
}

t.test('visits one by one', { skip: skipWithoutBuild }, async (t) => {
  const gateway = await startService(t)
  const topic = topicName(gateway.prefix, 'visits')
  for (const slug of ['one', 'two']) t.match(await gateway.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug, tags: ['spring'] }), { status: 201 })

  await t.test('pages, newest first', async (t) => {
    // 150 in one hour, more than the table knows by offset, among others; the rest on other days
    const at = (n: number) => new Date(Date.UTC(2026, 2, 1 + (n % 3 === 0 ? 0 : n % 40), 10, n % 60)).toISOString()
    await produce(gateway, topic, Array.from({ length: 900 }, (_, n) => ({ key: n % 2 === 0 ? 'one' : `other-${n % 7}`, value: visit(at(n), { outcome: n % 50 === 0 ? 'expired' : 'redirected', bot: n % 8 === 0 }) })))
    const records = (await readVisits(gateway, topic)).filter(({ link }) => link === 'one')
    const expected = records.map((record, place) => ({ ...record, place }))
      .sort((a, b) => Math.floor(b.visitedAtMs / hourMs) - Math.floor(a.visitedAtMs / hourMs) || b.place - a.place).map(({ visitId }) => visitId)
    await visitsWhen(gateway, 'one', records.filter(({ outcome }) => outcome === 'redirected').length)
    for (const limit of [60, 1_000]) {
      const found = await until(`all visits, ${limit} a page`, async () => {
        const ids: string[] = []
        for (let cursor: string | null = ''; cursor !== null;) {
          const { status, body } = await gateway.call('GET', `/api/links/one/visits/events?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`)
          if (status !== 200) throw new Error(JSON.stringify(body))
          ids.push(...body.visits.map(({ id }: { id: string }) => id))
          cursor = body.next
        }
        return ids.length === expected.length && ids
      })
      t.strictSame(found, expected)
    }
    const { body } = await gateway.call('GET', '/api/links/one/visits/events?limit=1&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z')
    t.match(body.visits, [{ link: 'one', outcome: String, visitedAt: /^2026-03-01T10:/, browser: 'Firefox', bot: Boolean, partition: Number, offset: Number }])
    t.match(await gateway.call('GET', '/api/links/one/visits/events?cursor=5'), { status: 400 })
    t.match(await gateway.call('GET', '/api/links/none/visits/events'), { status: 404 })
  })

  await t.test('the recount finds the tables equal to the log', async (t) => {
    const records = (await readVisits(gateway, topic)).filter(({ link }) => link === 'one')
    const redirected = records.filter(({ outcome }) => outcome === 'redirected')
    const { body } = await gateway.call('GET', '/api/links/one/verify')
    const people = redirected.filter(({ isBot }) => !isBot)
    const counts = { total: redirected.length, withoutBots: people.length }
    t.match(body, {
      complete: true, equal: true, differences: [], log: { ...counts, records: records.length },
      tables: { visits_by_link: counts, visits_by_link_hour: { ...counts, records: records.length }, visits_by_link_day: counts, visit_cells: counts }
    })
    t.match((await gateway.call('GET', '/api/links/two/verify')).body, { equal: true, log: { total: 0, firstVisit: null } })
  })

  await t.test('live, and again from where it broke off', async (t) => {
    const url = (path: string) => `${gateway.url}${path}`
    const [one, tag, all] = await Promise.all([listen(url('/api/links/one/visits/live')), listen(url('/api/visits/live?tag=spring')), listen(url('/api/visits/live'))])
    for (const slug of ['one', 'two', 'nobody', 'one']) await gateway.call('GET', `/${slug}`, undefined, browser)
    await until('four visits', async () => all.told().length === 4)
    await until('those of one link', async () => one.told().length === 2)
    t.strictSame(tag.told().map(({ data }) => data.link).sort(), ['one', 'one', 'two'])
    t.match(all.told().map(({ data }) => data.outcome).sort(), ['not_found', 'redirected', 'redirected', 'redirected'])
    t.match(one.told()[0]?.data, { link: 'one', url: 'https://example.com/one', browser: 'Firefox', os: 'Linux', device: 'desktop', bot: false })
    one.leave()
    const first = one.told()[0]?.id ?? ''
    await gateway.call('GET', '/one', undefined, browser)
    const again = await listen(url('/api/links/one/visits/live'), { 'last-event-id': first })
    await until('what was missed', async () => again.told().length === 2)
    await gateway.call('GET', '/one', undefined, browser)
    await until('what is new', async () => again.told().length === 3)
    const ids = (await readVisits(gateway, topic)).filter(({ link }) => link === 'one').slice(-3).map(({ visitId }) => visitId)
    t.strictSame(again.told().map(({ data }) => data.id), ids, 'each once, in the order of the log')
    t.equal(await gateway.stop(), 0, 'open streams do not hold up the end')
    await until('the streams to end', async () => all.ended && again.ended)
  })
})
