// Domains at run time: set, shown, removed; links are made on them.
import t from 'tap'
import { startRoutes } from './support.js'

t.test('set, shown, changed, removed', async t => {
  const { call, domainEvents } = await startRoutes(t, { now: () => Date.UTC(2026, 0, 2) })
  const set = await call('PUT', '/api/domains/S.Example', { notFoundUrl: 'https://HOME.example', reason: 'campaign' })
  t.equal(set.status, 201)
  t.strictSame(set.body, {
    host: 's.example', version: 1, defaultUrl: null, notFoundUrl: 'https://home.example/', createdAt: '2026-01-02T00:00:00.000Z', updatedAt: '2026-01-02T00:00:00.000Z',
    updatedBy: 'anonymous'
  })
  t.match(await call('PUT', '/api/domains/s.example', { notFoundUrl: 'https://home.example/' }), { status: 200, body: { version: 1 } }, 'the same again is nothing new')
  t.match(await call('PUT', '/api/domains/s.example', { defaultUrl: 'https://root.example/' }), { status: 200, body: { version: 2, notFoundUrl: null } }, 'all of it')
  t.strictSame((await call('GET', '/api/domains')).body.domains.map(({ host }: { host: string }) => host), ['s.example'])
  t.match(await call('GET', '/api/domains/s.example'), { status: 200, body: { defaultUrl: 'https://root.example/' } })
  t.match(await call('DELETE', '/api/domains/s.example?reason=over'), { status: 204, text: '' })
  t.match(await call('DELETE', '/api/domains/s.example'), { status: 404, body: { code: 'domain_not_found' } })
  t.match(await call('GET', '/api/domains/s.example'), { status: 404, body: { code: 'domain_not_found' } })
  t.match(await call('PUT', '/api/domains/s.example', {}), { status: 201, body: { version: 4 } })
  t.match(domainEvents.map(({ host, event }) => [host, event.type, event.reason, event.not_found_url]), [
    ['s.example', 'DomainSet', 'campaign', 'https://home.example/'], ['s.example', 'DomainSet', null, null], ['s.example', 'DomainRemoved', 'over', null],
    ['s.example', 'DomainSet', null, null]
  ])
})

t.test('what is not taken', async t => {
  const { call, domainEvents } = await startRoutes(t)
  t.match(await call('PUT', '/api/domains/a%20b', {}), { status: 400, body: { code: 'invalid_host' } })
  t.match(await call('PUT', '/api/domains/s.example', { notFoundUrl: 'ftp://x.example/' }), { status: 422, body: { errors: [{ pointer: '/notFoundUrl' }] } })
  t.match(await call('PUT', '/api/domains/s.example', { defaultUrl: 'https://go.example/x' }), { status: 422, body: { errors: [{ pointer: '/defaultUrl' }] } })
  t.match(await call('PUT', '/api/domains/s.example', { notFoundUrl: 'https://s.example/x' }), { status: 422, body: { errors: [{ pointer: '/notFoundUrl' }] } }, 'a circle')
  t.match(await call('PUT', '/api/domains/s.example', { colour: 'red' }), { status: 422, body: { errors: [{ pointer: '/colour' }] } })
  t.strictSame(domainEvents, [])
})

t.test('a link on a domain', async t => {
  const { call } = await startRoutes(t)
  t.match(await call('POST', '/api/links', { url: 'https://example.com/', domain: 's.example', slug: 'a' }), { status: 422, body: { errors: [{ pointer: '/domain' }] } })
  await call('PUT', '/api/domains/s.example', {})
  const made = await call('POST', '/api/links', { url: 'https://example.com/', domain: 'S.example', slug: 'a' }, { 'idempotency-key': 'k' })
  t.match(made, { status: 201, headers: { location: '/api/links/s.example%2Fa' }, body: { link: 's.example/a', slug: 'a', shortUrl: 'https://s.example/a' } })
  t.match(await call('POST', '/api/links', { url: 'https://example.com/', domain: 's.example', slug: 'a' }, { 'idempotency-key': 'k' }), { status: 201 }, 'again')
  t.match(await call('POST', '/api/links', { url: 'https://example.com/', slug: 'a' }, { 'idempotency-key': 'k' }), { status: 422, body: { code: 'idempotency_key_reused' } })
  t.match(await call('POST', '/api/links', { url: 'https://example.com/', domain: 's.example', slug: 'a' }), { status: 409, body: { code: 'slug_taken' } })
  t.match(await call('POST', '/api/links', { url: 'https://example.com/2', slug: 'a' }), { status: 201, body: { link: 'a' } }, 'the same slug elsewhere is another link')
  t.match(await call('POST', '/api/links', { url: 'https://example.com/3', domain: 'go.example', slug: 'b' }), { status: 201, body: { link: 'b' } }, 'the default domain')
  const [here, there] = await Promise.all([call('POST', '/api/links', { url: 'https://example.com/c' }), call('POST', '/api/links', { url: 'https://example.com/c', domain: 's.example' })])
  t.equal(there.body.link, `s.example/${String(here.body.link)}`, 'the code of a URL is the same on every domain')
  t.match(await call('POST', '/api/links', { url: 'https://s.example/a' }), { status: 422, body: { errors: [{ pointer: '/url' }] } }, 'a link to a domain of the service is a circle')
})
