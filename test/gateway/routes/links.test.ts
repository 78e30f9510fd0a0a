import t from 'tap'
import { KsqlError } from '../../../gateway/ksqldb/errors.js'
import { LinklogError } from '../../../gateway/errors.js'
import { startRoutes } from './support.js'

t.test('made, read, changed', async t => {
  const { call } = await startRoutes(t, { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) })
  const created = await call('POST', '/api/links', { url: 'https://example.com/a', slug: 'abc', tags: ['x', 'x', 'y'], validUntil: '2027-01-01T00:00Z' })
  t.equal(created.status, 201)
  t.match(created.headers, { location: '/api/links/abc', etag: '"1"', 'x-content-type-options': 'nosniff', 'x-request-id': /^\S+$/ })
  t.strictSame(created.body, {
    link: 'abc', slug: 'abc', shortUrl: 'https://go.example/abc', version: 1, url: 'https://example.com/a', title: null, tags: ['x', 'y'], enabled: true, deleted: false,
    validFrom: null, validUntil: '2027-01-01T00:00:00.000Z', maxVisits: null, redirectStatus: 302, forwardQuery: false, rules: [], scheduled: [],
    createdAt: '2026-01-02T03:04:05.006Z', updatedAt: '2026-01-02T03:04:05.006Z'
  })
  t.strictSame((await call('GET', '/api/links/abc')).body, created.body)
  const edited = await call('PATCH', '/api/links/abc', { tags: null, redirectStatus: 308 }, { 'if-match': '"1"', 'content-type': 'application/merge-patch+json' })
  t.match(edited, { status: 200, headers: { etag: '"2"' }, body: { version: 2, tags: [], redirectStatus: 308 } })
  t.match(await call('PATCH', '/api/links/abc', { title: 'x' }), { status: 428, body: { code: 'if_match_required' } })
  t.match(await call('PATCH', '/api/links/abc', { title: 'x' }, { 'if-match': '"1"' }), { status: 412, headers: { etag: '"2"' }, body: { code: 'version_stale' } })
  t.match(await call('PATCH', '/api/links/abc', { title: 'x' }, { 'if-match': 'W/"2"' }), { status: 412 }, 'a weak ETag never matches')
  t.match(await call('PATCH', '/api/links/abc', { title: 'x' }, { 'if-match': '2' }), { status: 400, body: { code: 'invalid_request' } })
  t.match(await call('PATCH', '/api/links/abc', { title: 'x' }, { 'if-match': '"1", "2"' }), { status: 200, body: { version: 3 } }, 'one of several')
  t.match(await call('PATCH', '/api/links/abc', { title: 'y' }, { 'if-match': '*' }), { status: 200, body: { version: 4 } })
})

t.test('the history, with what was ignored and why', async t => {
  const { call, log } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/a', slug: 'h' })
  const [first] = log.events
  if (first === undefined) throw new Error('no event')
  log.append('h', { ...first.event, event_id: 'late' })
  log.append('h', { ...first.event, event_id: 'ahead', base_version: 9 })
  log.append('h', { ...first.event, event_id: 'second', base_version: 1 })
  t.notOk('rejected' in (await call('GET', '/api/links/h/revisions')).body, 'losers are told where they are asked for')
  const { body } = await call('GET', '/api/links/h/revisions?includeRejected=true')
  t.match(body, { version: 2, revisions: [{ version: 1, eventId: 'event-1' }, { version: 2, eventId: 'second' }], next: null })
  t.match(body.rejected, [
    { eventId: 'late', baseVersion: 0, versionThen: 1, lostTo: 'event-1', explanation: /event-1 had come first/ },
    { eventId: 'ahead', baseVersion: 9, versionThen: 1, lostTo: null }
  ])
  t.match((await call('GET', '/api/links/h/events/second')).body, { status: 'accepted', version: 2 })
  t.match((await call('GET', '/api/links/h/events/late')).body, { status: 'rejected', version: null, explanation: /version 0/ })
  t.match(await call('GET', '/api/links/h/events/other'), { status: 404, body: { code: 'event_not_found' } })
})

t.test('no verdict in time: 202 and where to ask', async t => {
  const { call, log } = await startRoutes(t)
  log.lag = 1
  const pending = await call('POST', '/api/links', { url: 'https://example.com/', slug: 'p' }, { 'idempotency-key': 'k' })
  t.match(pending, { status: 202, headers: { 'retry-after': '1' }, body: { status: 'pending', link: 'p', eventId: String } })
  t.equal(pending.headers['location'], pending.body.statusUrl)
  t.equal((await call('GET', pending.body.statusUrl)).status, 404)
  log.lag = 0
  t.match((await call('GET', pending.body.statusUrl)).body, { status: 'accepted', version: 1 })
  t.equal((await call('POST', '/api/links', { url: 'https://example.com/', slug: 'p' }, { 'idempotency-key': 'k' })).status, 201)
  t.equal(log.events.length, 1)
})

t.test('errors are problem details with a code, and a server error keeps its detail', async t => {
  const { call, log, tables } = await startRoutes(t)
  const cases: Array<[Promise<{ status: number, body: any, headers: any }>, number, string]> = [
    [call('POST', '/api/links', '{"url":'), 400, 'invalid_json'],
    [call('POST', '/api/links', { url: 5 }), 422, 'validation_failed'],
    [call('POST', '/api/links', { url: 'https://example.com/', title: 'x'.repeat(3_000) }), 413, 'body_too_large'],
    [call('POST', '/api/links', 'url=x', { 'content-type': 'text/plain' }), 415, 'unsupported_media_type'],
    [call('GET', '/api/links/a%20b'), 400, 'invalid_link'],
    [call('GET', '/api/links/none'), 404, 'link_not_found'],
    [call('GET', '/api/none'), 404, 'not_found'],
    [call('DELETE', '/api/links/none/revisions'), 405, 'method_not_allowed']
  ]
  for (const [answer, status, code] of cases) {
    const { status: actual, body, headers } = await answer
    t.match({ actual, type: headers['content-type'] }, { actual: status, type: /^application\/problem\+json/ }, code)
    t.match(body, { type: `urn:linklog:error:${code}`, code, status, title: String, instance: /^\/api/, requestId: String })
  }
  const errors = (await call('POST', '/api/links', { url: 5, colour: 'red', 'a/b': 1, tags: ['', 7] })).body.errors
  const pointers = new Set(errors.map(({ pointer }: { pointer: string }) => pointer))
  for (const pointer of ['/a~1b', '/colour', '/tags/0', '/tags/1', '/url']) t.ok(pointers.has(pointer), pointer)
  log.state = () => { throw new KsqlError(400, 40001, 'NOPE does not exist.') }
  t.match(await call('GET', '/api/links/a'), { status: 503, headers: { 'retry-after': '1' }, body: { code: 'unavailable' } })
  log.state = () => { throw new Error('a secret of the house') }
  const internal = await call('GET', '/api/links/a')
  t.match(internal, { status: 500, body: { code: 'internal_error' } })
  t.notMatch(internal.text, /secret/)
  log.append = () => { throw new LinklogError('unavailable', 'The log did not take the event') }
  log.state = () => undefined
  t.match(await call('POST', '/api/links', { url: 'https://example.com/' }), { status: 503, body: { code: 'unavailable' } })
  tables.failure = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  t.match(await call('GET', '/api/analytics?url=https://example.com/'), { status: 503, body: { code: 'unavailable' } })
})

t.test('the description of itself names every route and every code', async t => {
  const { call } = await startRoutes(t)
  const { body } = await call('GET', '/api/openapi.json')
  t.match(body.openapi, /^3\.1\./)
  const routes = Object.entries<Record<string, any>>(body.paths).flatMap(([path, methods]) => Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`))
  t.strictSame(routes.filter(route => !route.startsWith('HEAD')).sort(), [
    'DELETE /api/domains/{host}',
    'DELETE /api/links/{link}',
    'DELETE /api/links/{link}/scheduled/{eventId}',
    'GET /',
    'GET /api/analytics',
    'GET /api/domains',
    'GET /api/domains/{host}',
    'GET /api/links/{link}',
    'GET /api/links/{link}/events/{eventId}',
    'GET /api/links/{link}/revisions',
    'GET /api/links/{link}/scheduled',
    'GET /api/links/{link}/visits',
    'GET /api/orphans',
    'GET /api/visits',
    'GET /healthz',
    'GET /metrics',
    'GET /readyz',
    'GET /{slug}',
    'GET /{slug}+',
    'GET /{slug}/pixel.gif',
    'GET /{slug}/qr',
    'PATCH /api/links/{link}',
    'POST /api/links',
    'POST /api/links/{link}/disable',
    'POST /api/links/{link}/enable',
    'POST /api/links/{link}/restore',
    'POST /api/links/{link}/revert',
    'POST /api/links/{link}/rules/try',
    'PUT /api/domains/{host}'
  ])
  const post = body.paths['/api/links'].post
  t.strictSame(Object.keys(post.responses).sort(), ['200', '201', '202', '400', '409', '413', '415', '422', '503'])
  t.ok(post.responses['409'].content['application/problem+json'].schema.properties.code.enum.includes('slug_taken'))
})

t.test('readiness tells what does not answer', async t => {
  const { call, health } = await startRoutes(t)
  t.match(await call('GET', '/healthz'), { status: 200, body: { status: 'ok' } })
  t.match(await call('GET', '/readyz'), { status: 200, body: { status: 'ready' } })
  Object.assign(health, { ready: false, checks: { ...health.checks, kafka: 'no answer within 3000 ms' } })
  t.match(await call('GET', '/readyz'), { status: 503, body: { status: 'not ready', checks: { kafka: 'no answer within 3000 ms', ksqldb: 'ok' } } })
})
