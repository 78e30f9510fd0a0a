// The preview page: what it says, what it does not let through, and that it is no visit.
import { createHash } from 'node:crypto'
import t from 'tap'
import { startRoutes } from './support.js'

t.test('title, target, state; no redirect, no visit, no script', async t => {
  const { call, recorded } = await startRoutes(t)
  await call('POST', '/api/links', {
    url: 'https://shop.example/sale?a=1&b=2', slug: 'sale', title: 'The big sale', validUntil: '2100-01-01T00:00:00Z',
    rules: [{ url: 'https://apps.example/ios', conditions: [{ dimension: 'os', operands: ['iOS'] }] }]
  })
  const { status, headers, text } = await call('GET', '/sale+')
  t.equal(status, 200)
  t.match(headers, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff' })
  for (const part of ['The big sale', 'go.example/sale', '<b>shop.example</b>', 'https://shop.example/sale?a=1&amp;b=2', '<b>apps.example</b>', 'Active', '2100-01-01 00:00 UTC',
    'src="/sale/qr"', '<a class="go" href="/sale"']) t.ok(text.includes(part), part)
  t.notMatch(text, /<script|javascript:|\son\w+=/i)
  const style = /<style>([^]*?)<\/style>/.exec(text)?.[1] ?? ''
  t.equal(headers['content-security-policy'], `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; img-src 'self'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'", 'the policy lets in this very style, and the QR code')
  t.match(await call('HEAD', '/sale+'), { status: 200, text: '' })
  t.strictSame(recorded, [])
})

t.test('what a link says of itself is text, not markup', async t => {
  const { call } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/?x="><img src=x onerror=alert(1)>'.replaceAll(' ', '%20'), slug: 'x', title: '</title><script>alert("1")</script>&\'' })
  const { text } = await call('GET', '/x+')
  t.ok(text.includes('&lt;/title&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;'))
  t.notMatch(text, /<script|<img src=x/)
})

t.test('each state has its word; what is gone is not said to lead anywhere', async t => {
  let now = Date.parse('2026-01-01T00:00:00Z')
  const { blocklist, call, log, tables } = await startRoutes(t, { now: () => now })
  await call('POST', '/api/links', { url: 'https://target.example/a', slug: 'w', validFrom: '2026-01-02T00:00:00Z', validUntil: '2026-01-03T00:00:00Z' })
  const event = log.events[0]?.event
  if (event === undefined) throw new Error('no event')
  const plain = { ...event.doc, valid_from: null, valid_until: null }
  log.append('off', { ...event, doc: { ...plain, enabled: false } })
  log.append('gone', { ...event, doc: { ...plain, deleted: true, enabled: false } })
  log.append('used', { ...event, doc: { ...plain, max_visits: 3 } })
  log.append('bad', { ...event, doc: { ...plain, url: 'https://sub.bad.example/' } })
  blocklist.replace({ hosts: new Set(['bad.example']), slugs: new Set() })
  tables.count = 3
  const see = async (path: string) => {
    const { status, text } = await call('GET', path)
    return [status, /class="state \w+">([^<]+)/.exec(text)?.[1], text.includes('target.example') || text.includes('bad.example'), text.includes('class="go"')]
  }
  t.strictSame(await see('/w+'), [200, 'Not yet valid', true, false])
  now = Date.parse('2026-01-02T00:00:00Z')
  t.strictSame(await see('/w+'), [200, 'Active', true, true])
  now = Date.parse('2026-01-03T00:00:00Z')
  t.strictSame(await see('/w+'), [200, 'Expired', true, false])
  t.strictSame(await see('/off+'), [200, 'Switched off', true, false])
  t.strictSame(await see('/used+'), [200, 'Used up', true, false])
  t.strictSame(await see('/gone+'), [410, 'Deleted', false, false])
  t.strictSame(await see('/bad+'), [410, 'Blocked', false, false])
  t.strictSame(await see('/nothing+'), [404, 'Unknown', false, false])
  t.strictSame(await see('/api+'), [404, 'Unknown', false, false])
})

t.test('on a domain', async t => {
  const { call } = await startRoutes(t)
  await call('PUT', '/api/domains/s.example', {})
  await call('POST', '/api/links', { url: 'https://example.com/', domain: 's.example', slug: 'a' })
  t.match(await call('GET', '/a+', undefined, { host: 's.example' }), { status: 200, text: /s\.example\/a/ })
  t.match(await call('GET', '/a+'), { status: 404 })
})
