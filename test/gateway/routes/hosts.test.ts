// Short links on several hosts: which link a request is for, where what leads nowhere is led, and the tracking pixel.
import t from 'tap'
import { hostOfRequests } from '../../../gateway/redirect/address.js'
import { startRoutes } from './support.js'

const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }

t.test('one slug on two domains is two links; an unknown host is the default domain', async t => {
  const { call, recorded } = await startRoutes(t)
  await call('PUT', '/api/domains/s.example', { notFoundUrl: 'https://home.example/lost', defaultUrl: 'https://home.example/' })
  await call('POST', '/api/links', { url: 'https://one.example/', slug: 'a' })
  await call('POST', '/api/links', { url: 'https://two.example/', slug: 'a', domain: 's.example' })
  const at = async (host: string, path: string) => {
    const { status, headers } = await call('GET', path, undefined, { host, ...browser })
    return [status, headers['location']]
  }
  t.strictSame(await at('go.example', '/a'), [302, 'https://one.example/'])
  t.strictSame(await at('s.example', '/a'), [302, 'https://two.example/'])
  t.strictSame(await at('s.example', '/%61'), [302, 'https://two.example/'], 'with escapes, too')
  t.strictSame(await at('other.example', '/a'), [302, 'https://one.example/'])
  t.strictSame(await at('s.example', '/none'), [302, 'https://home.example/lost'])
  t.strictSame(await at('go.example', '/none'), [404, undefined])
  t.strictSame(await at('s.example', '/'), [302, 'https://home.example/'])
  t.strictSame(await at('go.example', '/'), [404, undefined])
  t.strictSame(await at('s.example', '/favicon.ico'), [404, undefined], 'what can be no slug is nothing')
  await call('POST', '/api/links/s.example%2Fa/disable')
  t.strictSame(await at('s.example', '/a'), [302, 'https://home.example/lost'], 'a dead link, too')
  t.strictSame(recorded.map(({ link, outcome }) => [link, outcome]), [
    ['a', 'redirected'], ['s.example/a', 'redirected'], ['s.example/a', 'redirected'], ['a', 'redirected'], ['s.example/none', 'not_found'], ['none', 'not_found'],
    ['s.example/a', 'disabled']
  ], 'and each visit says what it was')
})

t.test('the default domain has its own targets', async t => {
  const { call } = await startRoutes(t)
  await call('PUT', '/api/domains/go.example', { notFoundUrl: 'https://home.example/lost', defaultUrl: 'https://home.example/' })
  t.match(await call('GET', '/none'), { status: 302, headers: { location: 'https://home.example/lost' } })
  t.match(await call('HEAD', '/none'), { status: 302, headers: { location: 'https://home.example/lost' } })
  t.match(await call('GET', '/'), { status: 302, headers: { location: 'https://home.example/' } })
  t.match(await call('POST', '/api/links', { url: 'https://one.example/', slug: 'a', domain: 'go.example' }), { body: { link: 'a' } })
})

t.test('the host that was asked: as the proxy says it, where the proxy is trusted', async t => {
  const request = (remoteAddress: string, forwarded?: string) => ({
    socket: { remoteAddress }, headers: { host: 'in.example', ...(forwarded !== undefined && { 'x-forwarded-host': forwarded }) }
  }) as unknown as Parameters<ReturnType<typeof hostOfRequests>>[0]
  t.equal(hostOfRequests(false)(request('127.0.0.1', 's.example')), 'in.example')
  t.equal(hostOfRequests(true)(request('192.0.2.1', 's.example')), 's.example')
  t.equal(hostOfRequests(true)(request('192.0.2.1')), 'in.example')
  t.equal(hostOfRequests('loopback')(request('127.0.0.1', 'evil.example, s.example')), 's.example')
  t.equal(hostOfRequests('loopback')(request('192.0.2.1', 's.example')), 'in.example')
})

t.test('the pixel is a picture for every link, and a visit that is no redirect', async t => {
  const { call, recorded, tables } = await startRoutes(t)
  tables.count = 0
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'a', maxVisits: 1, rules: [{ url: 'https://x.example/', conditions: [{ dimension: 'os', operands: ['Linux'] }] }] })
  for (let n = 0; n < 3; n++) {
    const { status, headers, bytes } = await call('GET', '/a/pixel.gif', undefined, browser)
    t.match({ status, headers }, { status: 200, headers: { 'content-type': 'image/gif', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } })
    t.equal(bytes.subarray(0, 6).toString(), 'GIF89a')
    t.strictSame([bytes.readUInt16LE(6), bytes.readUInt16LE(8), bytes.at(-1)], [1, 1, 0x3b], 'one by one, whole')
  }
  t.match(await call('HEAD', '/a/pixel.gif'), { status: 200, text: '' })
  t.match(await call('GET', '/none/pixel.gif'), { status: 200, headers: { 'content-type': 'image/gif' } })
  t.match(await call('GET', '/api/pixel.gif'), { status: 404 })
  t.equal((await call('GET', '/a', undefined, browser)).status, 302, 'views use no visit up')
  t.strictSame(recorded.map(({ link, outcome, rule }) => [link, outcome, rule]),
    [['a', 'viewed', null], ['a', 'viewed', null], ['a', 'viewed', null], ['none', 'not_found', null], ['a', 'redirected', 1]])
})
