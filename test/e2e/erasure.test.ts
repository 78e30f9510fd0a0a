// Erasing who came, on two gateways: what is told no more, what goes on being told, and that every count stays as it was.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { get } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../helpers/until.js'
import { skipWithoutBuild, startService, stackOf, visitsWhen } from './support.js'
import type { Service } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(600_000)

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0'
const safari = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15'
const alice = { 'user-agent': firefox, 'x-forwarded-for': '203.0.113.1', referer: 'https://alice.example/', 'accept-language': 'de-CH' }
const bob = { 'user-agent': safari, 'x-forwarded-for': '203.0.113.2', referer: 'https://bob.example/', 'accept-language': 'en' }
const person = { referrer: null, device: null, browser: null, os: null, country: null, language: null, visitor: null, erased: true }

const visit = async (service: Service, slug: string, who: Record<string, string>, times: number) => {
  for (let n = 0; n < times; n++) await service.call('GET', `/${slug}`, undefined, who)
}

/** All raw visits of a link, once there are so many. */
const rawWhen = async (service: Service, link: string, count: number): Promise<any[]> => await until(`${count} raw visits of ${link}`, async () => {
  const { body } = await service.call('GET', `/api/links/${link}/visits/events?limit=1000`)
  return body.visits?.length === count && body.visits
}, 60_000)

/** What the log has been told live since its beginning, as text, until it holds so many visits. */
const liveSinceStart = async (service: Service, link: string, count: number): Promise<string> => {
  const partitions = (await service.call('GET', `/api/links/${link}/visits/events?limit=1`)).body.visits[0].partition as number
  const request = get(`${service.url}/api/links/${link}/visits/live`, { headers: { 'last-event-id': Array.from({ length: Math.max(4, partitions + 1) }, () => 0).join('-') }, agent: false })
  const [response] = await once(request, 'response')
  let text = ''
  request.on('error', () => {})
  response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk }).on('error', () => {})
  await until('the visits again', async () => text.split('\nevent: visit\n').length > count)
  request.destroy()
  return text
}

/** Everything that counts a link's visits, as it is answered. */
const countsOf = async (service: Service, link: string) => {
  const answers = await Promise.all([
    service.call('GET', `/api/links/${link}/visits?by=day&group=browser,os,device,language,referrer&bots=include`),
    service.call('GET', '/api/visits?by=day&group=domain,browser'),
    service.call('GET', `/api/links/${link}/verify`)
  ])
  return answers.map(({ status, body }) => ({ status, ...body, log: undefined }))
}

t.test('erasing who came', { skip: skipWithoutBuild }, async t => {
  const folder = testdir(t, { first: {}, second: {} })
  const env = { VISITOR_SECRET: 'a secret of both gateways', TRUST_PROXY: 'true' }
  const first = await startService(t, { dataDir: join(folder, 'first'), env })
  const startSecond = async (more = {}) =>
    await startService(t, { dataDir: join(folder, 'second'), prefix: first.prefix, env: { ...env, ...stackOf(first), ...more } })
  let second = await startSecond()
  for (const slug of ['one', 'two']) t.match(await first.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug }), { status: 201 })
  await until('the links on the second', async () => (await second.call('GET', '/two', undefined, bob)).status === 302)

  await visit(first, 'one', alice, 2)
  await visit(second, 'one', alice, 1)
  await visit(second, 'one', bob, 2)
  await visit(first, 'two', alice, 1)
  const before = await rawWhen(first, 'one', 5)
  const ids = (visits: any[], browser: string) => [...new Set(visits.filter(one => one.browser === browser).map(({ visitor }) => visitor))]
  t.match([ids(before, 'Firefox').length, ids(before, 'Safari').length], [1, 1], 'a visitor has one id on both gateways')
  t.match(before, Array.from({ length: 5 }, () => ({ erased: false, visitor: /^[\w-]{22}$/, language: /^(?:de|en)$/ })))
  t.equal((await visitsWhen(first, 'one', 5)).visitors, 2, 'counted once each')
  await rawWhen(first, 'two', 2)
  await visitsWhen(first, 'two', 2)
  const counts = await until('tables that stand', async () => {
    const all = await countsOf(second, 'one')
    return all[2]?.equal === true && all[1]?.period?.visits === 7 && all[1]?.period?.visitors === 2 && all
  })

  await t.test('a visitor, found by address and agent', async t => {
    const asked = { address: '203.0.113.1', userAgent: firefox, reason: 'asked by letter' }
    t.match(await first.call('POST', '/api/erasures', asked), {
      status: 200, body: { type: 'VisitorErased', link: null, visits: 4, links: 2, unsealed: 0, reason: 'asked by letter', actor: 'anonymous' }
    })
    for (const service of [second, first]) {
      const { body } = await service.call('GET', '/api/links/one/visits/events')
      t.match(body.visits.filter((one: any) => one.erased), [person, person, person], 'hers are told without her, at once and everywhere')
      t.same(ids(body.visits, 'Safari'), ids(before, 'Safari'), 'his as before')
      t.match((await service.call('GET', '/api/links/two/visits/events')).body.visits.map((one: any) => one.erased).sort(), [false, true])
    }
    t.match((await first.call('POST', '/api/erasures', asked)).body, { visits: 0, links: 0 }, 'again finds nothing')
    t.same(await countsOf(second, 'one'), counts)
  })

  await t.test('she comes again, and is told of again', async t => {
    let came = 0
    await until('a visit of hers that is told', async () => {
      await visit(second, 'two', alice, 1)
      came++
      const { body } = await second.call('GET', '/api/links/two/visits/events?limit=1')
      return body.visits[0]?.erased === false && body.visits[0].browser === 'Firefox'
    })
    await rawWhen(second, 'two', 2 + came) // one that came behind the erasure to come would be told of again
    const { body } = await second.call('GET', '/api/links/two/visits/events?limit=1')
    t.same([body.visits[0].visitor], ids(before, 'Firefox'), 'by the id of the day')
    t.match((await first.call('POST', '/api/erasures', { visitor: body.visits[0].visitor })).body, { visits: Number, links: 1 })
    t.same(ids((await second.call('GET', '/api/links/two/visits/events')).body.visits, 'Firefox'), [], 'by which she is erased as well')
  })

  await t.test('a link, whole', async t => {
    const ofTwo = async (service: Service) => (await service.call('GET', '/api/links/two/visits/events')).body.visits.filter((one: any) => !one.erased)
    const others = await ofTwo(second)
    t.match(others, [{ browser: 'Safari' }])
    t.match((await second.call('DELETE', '/api/links/one/visits?reason=over')).body, { type: 'LinkVisitsErased', link: 'one', visits: 2, links: 1, reason: 'over' })
    for (const service of [first, second]) {
      t.match((await service.call('GET', '/api/links/one/visits/events')).body.visits, [person, person, person, person, person])
      t.same(await ofTwo(service), others, 'another link is as it was')
    }
    const [own, , verified] = await countsOf(first, 'one')
    t.same([own, verified], [counts[0], counts[2]], 'every count of it, too')
    const live = await liveSinceStart(first, 'one', 5)
    t.match(live, /"erased":true/)
    t.notMatch(live, /alice\.example|bob\.example|"visitor":"/)
  })

  await t.test('what waits in a spool meanwhile comes later, under a key of its own', async t => {
    await second.stop()
    second = await startSecond({ SHIP_INTERVAL_MS: '10000' })
    await visit(second, 'one', bob, 1)
    await rawWhen(first, 'one', 6)
    await visit(second, 'one', alice, 1) // the first is on the log, this one waits for its turn
    await second.killGatewayAlone()
    t.match((await first.call('DELETE', '/api/links/one/visits')).body, { visits: 1 })
    t.match((await rawWhen(first, 'one', 6)).map(({ erased }) => erased), Array.from({ length: 6 }, () => true))
    second = await startSecond()
    const [late, ...erased] = await rawWhen(second, 'one', 7)
    t.match(late, { erased: false, browser: 'Firefox', visitor: ids(before, 'Firefox')[0] })
    t.match(erased, Array.from({ length: 6 }, () => person), 'and a gateway that was begun again opens nothing that was erased')
    t.match((await first.call('GET', '/api/links/one/verify')).body, { equal: true, log: { total: 7 } })
  })

  await t.test('who erased what, and why, is kept; of the visitors nothing is', async t => {
    const body = await until('five erasures', async () => {
      const answer = await second.call('GET', '/api/erasures')
      return answer.body.erasures.length === 5 && answer
    })
    t.match(body.body.erasures.map(({ type, link, visits }: any) => [type, link, visits]), [
      ['LinkVisitsErased', 'one', 1], ['LinkVisitsErased', 'one', 2], ['VisitorErased', null, Number], ['VisitorErased', null, 0], ['VisitorErased', null, 4]
    ])
    t.notMatch(body.text, new RegExp(`203\\.0\\.113|Firefox|${ids(before, 'Firefox')[0]}`))
  })

  await t.test('what is not asked rightly', async t => {
    const refused = async (body: object, pointer: string) =>
      t.match(await first.call('POST', '/api/erasures', body), { status: 422, body: { code: 'validation_failed', errors: [{ pointer }] } }, JSON.stringify(body))
    await refused({}, '/visitor')
    await refused({ address: '203.0.113.1', visitor: createHash('sha256').digest('base64url').slice(0, 22), userAgent: firefox }, '/visitor')
    await refused({ address: '203.0.113.1' }, '/userAgent')
    await refused({ address: 'nowhere', userAgent: firefox }, '/address')
    await refused({ address: '203.0.113.1', userAgent: firefox, from: '2126-01-01T00:00:00Z' }, '/from')
    await refused({ visitor: 'short' }, '/visitor')
    t.match(await first.call('DELETE', '/api/links/nobody/visits'), { status: 404, body: { code: 'link_not_found' } })
    t.match(await first.call('DELETE', '/api/links/one/visits?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z'), { status: 400, body: { code: 'invalid_request' } })
  })
})
