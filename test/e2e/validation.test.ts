// What is refused, with which status, code and pointer: bad input is a clear answer, and never more than an answer.
import t from 'tap'
import { skipWithoutBuild, startService } from './support.js'

t.setTimeout(300_000)

t.test('validation', { skip: skipWithoutBuild }, async (t) => {
  const gateway = await startService(t)
  const create = (body: unknown) => gateway.call('POST', '/api/links', body)
  const pointers = (body: any): string[] => (body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer)

  await t.test('URLs', async (t) => {
    const { port } = new URL(gateway.url)
    const refused = [
      '', '   ', 'example.com', '/path', '//example.com/', 'ftp://example.com/', 'javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'mailto:a@example.com',
      'http://', 'http:///path', 'https://exa mple.com/', 'https://example.com/a b', 'https://example.com/\u0000', 'https://example.com/\r\nSet-Cookie: x=1',
      'https://user@example.com/', 'https://user:password@example.com/', 'https://:@example.com/', 'https://example.com:99999/', 'https://[::1', 'https://256.256.256.256/',
      `https://example.com/${'x'.repeat(2030)}`, `https://example.com/${'ü'.repeat(700)}`,
      `${gateway.url}/loop`, `http://localhost:${port}/`, `http://LOCALHOST:${port}/x`, `http://[::1]:${port}/`, `http://127.1:${port}/`, `http://0x7f000001:${port}/`
    ]
    for (const url of refused) {
      const answer = await create({ url })
      t.equal(answer.status, 422, JSON.stringify(url.slice(0, 60)))
      t.match(answer.headers['content-type'], /^application\/problem\+json/)
      t.strictSame(pointers(answer.body), ['/url'])
    }
    const longest = `https://example.com/${'x'.repeat(2048 - 20)}`
    for (const url of [longest, 'http://127.0.0.1:1/other-port', 'https://[2001:db8::1]/', 'http://localhost/', 'https://example.com./dot', 'https://例え.テスト/', 'https://example.com/?q=%zz']) {
      t.equal((await create({ url })).status, 201, url.slice(0, 60))
    }
  })

  await t.test('other fields', async (t) => {
    const url = 'https://example.com/f'
    const cases: Array<[object, string]> = [
      [{}, '/url'], [{ url: 5 }, '/url'], [{ url: null }, '/url'], [{ url, slug: '' }, '/slug'], [{ url, slug: 'a b' }, '/slug'], [{ url, slug: 'ä' }, '/slug'],
      [{ url, slug: 'a/b' }, '/slug'], [{ url, slug: '-a' }, '/slug'], [{ url, slug: '..' }, '/slug'], [{ url, slug: 'x'.repeat(65) }, '/slug'],
      [{ url, slug: 'api' }, '/slug'], [{ url, slug: 'HealthZ' }, '/slug'], [{ url, slug: 'readyz' }, '/slug'], [{ url, slug: 7 }, '/slug'],
      [{ url, tags: 'one' }, '/tags'], [{ url, tags: [1] }, '/tags/0'], [{ url, title: 5 }, '/title'],
      [{ url, maxVisits: 0 }, '/maxVisits'], [{ url, maxVisits: 1.5 }, '/maxVisits'], [{ url, maxVisits: '7' }, '/maxVisits'],
      [{ url, redirectStatus: 200 }, '/redirectStatus'], [{ url, redirectStatus: 303 }, '/redirectStatus'], [{ url, forwardQuery: 'yes' }, '/forwardQuery'],
      [{ url, validFrom: 'tomorrow' }, '/validFrom'], [{ url, validUntil: 5 }, '/validUntil'],
      [{ url, validFrom: '2030-01-01T00:00:00Z', validUntil: '2029-01-01T00:00:00Z' }, '/validUntil'], [{ url, colour: 'red' }, '/colour'], [{ url, __proto__: undefined, doc: {} }, '/doc']
    ]
    for (const [body, pointer] of cases) {
      const answer = await create(body)
      t.ok(answer.status === 422 || answer.status === 400, `${answer.status} ${JSON.stringify(body).slice(0, 80)}`)
      t.ok(pointers(answer.body).includes(pointer), `${pointer} in ${JSON.stringify(pointers(answer.body))}`)
    }
  })

  await t.test('bodies', async (t) => {
    const cases: Array<[string | Buffer, Record<string, string>, number]> = [
      ['{"url":', {}, 400], ['', {}, 400], ['null', {}, 422], ['[]', {}, 422], ['"https://example.com/"', {}, 422],
      [Buffer.from([0x7b, 0xff, 0x7d]), {}, 400], ['url=https://example.com/', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
      [`{"url":"https://example.com/","title":"${'x'.repeat(70_000)}"}`, {}, 413], [`${'['.repeat(20_000)}${']'.repeat(20_000)}`, {}, 422],
      ['{"url":"https://example.com/proto","__proto__":{"admin":true}}', {}, 400], ['{"url":"https://example.com/c","constructor":{"prototype":{}}}', {}, 400]
    ]
    for (const [body, headers, status] of cases) {
      const answer = await gateway.call('POST', '/api/links', body, headers)
      t.ok(answer.status === status || (status < 413 && [400, 422].includes(answer.status)), `${answer.status} for ${body.toString().slice(0, 40)}`)
      t.match(answer.headers['content-type'], /^application\/problem\+json/)
      t.match(answer.body, { status: answer.status, code: String, requestId: String })
    }
  })

  await t.test('paths and queries', async (t) => {
    for (const path of ['/%00', '/%ff', '/..%2fetc', `/${'x'.repeat(65)}`, '/ä', "/';DROP", '/a%27%20OR%20%271', '/$(id)', '/a%2Fb%2Fc']) {
      const answer = await gateway.call('GET', encodeURI(decodeURIComponentOr(path)))
      t.ok([400, 404].includes(answer.status), `${answer.status} ${path.slice(0, 20)}`)
    }
    for (const link of ["a'%20OR%20'1'='1", 'a%27%3BDROP%20TABLE%20links%3B--']) {
      t.ok([400, 404].includes((await gateway.call('GET', `/api/links/${link}`)).status))
      t.ok([400, 404].includes((await gateway.call('GET', `/api/links/${link}/visits`)).status))
    }
    await create({ url: 'https://example.com/q', slug: 'queried' })
    for (const query of ['by=fortnight', 'from=yesterday', 'by=hour&from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'by=hour&by=day']) {
      const answer = await gateway.call('GET', `/api/links/queried/visits?${query}`)
      t.ok([400, 422].includes(answer.status), `${answer.status} ${query}`)
    }
    t.ok([400, 422].includes((await gateway.call('GET', '/api/analytics')).status), 'analytics without a url')
    const odd = await gateway.call('GET', `/api/analytics?url=${encodeURIComponent("https://example.com/it's?a=1;--")}`)
    t.match(odd, { status: 200, body: { total: 0 } }, 'a quote in a URL is a character like any other')
  })

  await t.test('edits are held to the same rules', async (t) => {
    await create({ url: 'https://example.com/e', slug: 'rules' })
    const patch = (body: unknown, match = '"1"') => gateway.call('PATCH', '/api/links/rules', body, { 'if-match': match })
    t.match(await patch({ url: 'ftp://example.com/' }), { status: 422, body: { errors: [{ pointer: '/url' }] } })
    t.match(await patch({ slug: 'other' }), { status: /4(00|22)/ })
    t.match(await patch({ url: null }), { status: /4(00|22)/ })
    t.ok([400, 412, 422].includes((await patch({ title: 'x' }, 'garbage')).status))
    t.match((await gateway.call('GET', '/api/links/rules')).body, { version: 1 }, 'none of it changed anything')
  })

  t.equal((await gateway.call('GET', '/readyz')).status, 200, 'after all this the service stands')
})

function decodeURIComponentOr (path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
