import t from 'tap'
import { startRoutes } from './support.js'

const firefox = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }

t.test('a redirect is a visit, HEAD is not', async t => {
  const { call, recorded } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/a', slug: 'a', redirectStatus: 307 })
  const headers = { ...firefox, referer: 'https://r.example/x', 'accept-language': 'de', 'x-country': 'CH' }
  t.match(await call('GET', '/a?q=1', undefined, headers), { status: 307, headers: { location: 'https://example.com/a', 'cache-control': /no-cache/ }, text: '' })
  t.match(await call('HEAD', '/a'), { status: 307, headers: { location: 'https://example.com/a' } })
  t.strictSame(recorded.map(({ visitedAt, ...visit }) => visit), [{
    link: 'a', version: 1, url: 'https://example.com/a', outcome: 'redirected', rule: null, address: '127.0.0.1', userAgent: firefox['user-agent'],
    referrer: 'https://r.example/x', language: 'de', country: 'CH', traceparent: undefined
  }])
})

t.test('why not: unknown, outside its window, off, deleted', async t => {
  let now = Date.parse('2026-01-01T00:00:00Z')
  const { call, log, recorded } = await startRoutes(t, { now: () => now })
  await call('POST', '/api/links', { url: 'https://example.com/a', slug: 'a', validFrom: '2026-01-02T00:00:00Z', validUntil: '2026-01-03T00:00:00Z' })
  t.match(await call('GET', '/a'), { status: 410, body: { code: 'link_expired' } })
  now = Date.parse('2026-01-02T00:00:00Z')
  t.equal((await call('GET', '/a')).status, 302)
  now = Date.parse('2026-01-03T00:00:00Z')
  t.match(await call('GET', '/a'), { status: 410, body: { code: 'link_expired' } })
  t.match(await call('GET', '/nothing'), { status: 404, body: { code: 'link_not_found' } })
  const event = log.events[0]?.event
  if (event === undefined) throw new Error('no event')
  log.append('off', { ...event, doc: { ...event.doc, valid_until: null, enabled: false } })
  log.append('gone', { ...event, doc: { ...event.doc, deleted: true, enabled: false } })
  t.match(await call('GET', '/off'), { status: 410, body: { code: 'link_disabled' } })
  t.match(await call('GET', '/gone'), { status: 410, body: { code: 'link_deleted' } })
  t.strictSame(recorded.map(({ outcome, version }) => [outcome, version]),
    [['expired', 1], ['redirected', 1], ['expired', 1], ['not_found', 0], ['disabled', 1], ['deleted', 1]])
})

t.test('what can be no slug is nothing, and no visit', async t => {
  const { call, recorded } = await startRoutes(t)
  for (const path of ['/favicon.ico', '/robots.txt', '/-a', '/API', '/admin', '/a%2Fb', "/'%3B", `/${'x'.repeat(65)}`]) {
    t.match(await call('GET', path), { status: 404, body: { code: 'not_found' } }, path.slice(0, 20))
  }
  t.match(await call('GET', '/%ff'), { status: 400, body: { code: 'invalid_request' } })
  t.strictSame(recorded, [])
})

t.test('maxVisits: people are counted, robots and HEAD are not', async t => {
  const { call, tables } = await startRoutes(t)
  tables.count = 3
  await call('POST', '/api/links', { url: 'https://example.com/m', slug: 'm', maxVisits: 5 })
  t.equal((await call('GET', '/m', undefined, { 'user-agent': 'curl/8' })).status, 302)
  t.equal((await call('HEAD', '/m', undefined, firefox)).status, 302)
  const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await call('GET', '/m', undefined, firefox)).status))
  t.strictSame(statuses.sort(), [302, 302, 410, 410, 410, 410])
  t.match(await call('GET', '/m', undefined, { 'user-agent': 'curl/8' }), { status: 410, body: { code: 'link_exhausted' } })
})

t.test('the same answers on the fast path as on Fastify\'s own', async t => {
  const { call } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/a', slug: 'a' })
  const names = ({ headers }: Awaited<ReturnType<typeof call>>) => Object.keys(headers).filter(name => name !== 'location').sort()
  const ofFastify = await call('GET', '/api/links/none')
  const [fast, escaped] = [await call('GET', '/none'), await call('GET', '/%6eone')]
  t.strictSame(names(fast), names(ofFastify))
  for (const answer of [fast, escaped]) {
    t.match(answer, { status: 404, body: { ...ofFastify.body, title: String, detail: String, instance: /^\/(none|%6eone)$/, requestId: String } })
    t.equal(answer.headers['content-type'], ofFastify.headers['content-type'])
    t.equal(answer.headers['x-request-id'], answer.body.requestId)
    t.equal(answer.headers['content-security-policy'], ofFastify.headers['content-security-policy'])
  }
  t.match(await call('GET', '/%61'), { status: 302, headers: { location: 'https://example.com/a', 'content-length': '0' } }, 'an escaped slug is the slug')
  t.match(await call('HEAD', '/none'), { status: 404, text: '', headers: { 'content-length': fast.headers['content-length'] } })
  t.match(await call('POST', '/a', {}), { status: 405, headers: { allow: 'GET, HEAD' } })
  t.equal((await call('GET', '/a', 'a body that nobody asked for')).status, 302)
  t.equal((await call('GET', '/a')).status, 302, 'and the connection goes on')
})

t.test('whoever asks for many links that are not there is told to wait; those that are there lead on', async t => {
  const { call } = await startRoutes(t, { rateLimitMisses: 2 })
  await call('POST', '/api/links', { url: 'https://example.com/a', slug: 'a' })
  for (const slug of ['x1', 'x2']) t.match(await call('GET', `/${slug}`), { status: 404 })
  t.match(await call('GET', '/x3'), { status: 429, headers: { 'retry-after': '60', 'ratelimit-policy': '"misses";q=2;w=60' }, body: { code: 'too_many_requests' } })
  t.match(await call('GET', '/a'), { status: 302 })
})

t.test('the same where unknown links are led elsewhere', async t => {
  const { call } = await startRoutes(t, { rateLimitMisses: 2 })
  await call('PUT', '/api/domains/go.example', { notFoundUrl: 'https://home.example/lost' })
  for (const slug of ['x1', 'x2']) t.match(await call('GET', `/${slug}`), { status: 302, headers: { location: 'https://home.example/lost' } })
  t.match(await call('GET', '/x3'), { status: 429, body: { code: 'too_many_requests' } })
})
