// The main job: create a link, follow it, see it counted; and the promises around it that one service can show.
import t from 'tap'
import { codeOf, skipWithoutBuild, startService, urlVisitsWhen, visitsWhen } from './support.js'

t.setTimeout(300_000)

t.test('the main job', { skip: skipWithoutBuild }, async (t) => {
  const gateway = await startService(t)
  t.comment(`ready after ${Math.round(gateway.readyMs)} ms`)
  const readyMs = performance.now()

  await t.test('create, follow, see it counted', async (t) => {
    const url = 'https://example.com/a/long/path?with=query#and-fragment'
    const created = await gateway.call('POST', '/api/links', { url })
    t.equal(created.status, 201, created.text)
    const code = codeOf(url)
    t.match(created.body, { link: code, shortUrl: `${gateway.url}/${code}`, url, version: 1, title: null, tags: [], redirectStatus: 302, forwardQuery: false })
    t.equal(created.headers.location, `/api/links/${code}`)
    t.equal(created.headers.etag, '"1"')

    const followed = await gateway.call('GET', `/${code}`)
    t.equal(followed.status, 302)
    t.equal(followed.headers.location, url)
    t.type(followed.headers['cache-control'], 'string')
    t.comment(`a created link answered its redirect ${Math.round(performance.now() - readyMs)} ms after the ready line`)

    const counted = await visitsWhen(gateway, code, 1)
    t.equal(counted.withoutBots, 0, 'who sends no user agent is taken for a robot')
    t.match(await urlVisitsWhen(gateway, url, 1), { url, total: 1 })

    const read = await gateway.call('GET', `/api/links/${code}`)
    t.equal(read.status, 200)
    t.equal(read.headers.etag, '"1"')
    t.match(read.body, { link: code, url, version: 1 })
  })

  await t.test('the same URL gives the same link, however it is spelled', async (t) => {
    const first = await gateway.call('POST', '/api/links', { url: 'HTTP://Example.COM:80/x/../y' })
    t.equal(first.status, 201)
    t.equal(first.body.url, 'http://example.com/y')
    t.equal(first.body.link, codeOf('http://example.com/y'))
    const second = await gateway.call('POST', '/api/links', { url: 'http://example.com/y' })
    t.equal(second.status, 200)
    t.equal(second.body.link, first.body.link)
    const idn = await gateway.call('POST', '/api/links', { url: 'https://bücher.example/straße' })
    t.equal(idn.status, 201)
    t.equal(idn.body.url, 'https://xn--bcher-kva.example/stra%C3%9Fe')
    const concurrent = await Promise.all(Array.from({ length: 20 }, () => gateway.call('POST', '/api/links', { url: 'https://example.com/at-once' })))
    t.strictSame(concurrent.map(({ status }) => status).sort(), [...Array<number>(19).fill(200), 201])
  })

  await t.test('where the code is taken by another URL, the next longer one is given', async (t) => {
    const url = 'https://example.com/collides'
    t.equal((await gateway.call('POST', '/api/links', { url: 'https://example.com/squatter', slug: codeOf(url) })).status, 201)
    const created = await gateway.call('POST', '/api/links', { url })
    t.equal(created.status, 201)
    t.equal(created.body.link, codeOf(url, 8))
    t.equal((await gateway.call('POST', '/api/links', { url })).body.link, codeOf(url, 8))
    t.equal((await gateway.call('GET', `/${codeOf(url, 8)}`)).headers.location, url)
  })

  await t.test('every field is kept', async (t) => {
    const fields = {
      url: 'https://example.com/fields', slug: 'with-Fields_1', title: 'A title, “quoted” \' and 日本語', tags: ['one', 'two words'],
      validFrom: '2020-01-01T00:00:00.000Z', validUntil: '2120-01-01T00:00:00.000Z', maxVisits: 1_000_000, redirectStatus: 307, forwardQuery: true
    }
    const created = await gateway.call('POST', '/api/links', { ...fields, reason: 'for the test' })
    t.equal(created.status, 201, created.text)
    t.match(created.body, { ...fields, link: fields.slug })
    t.match((await gateway.call('GET', '/api/links/with-Fields_1')).body, fields)
    const revisions = await gateway.call('GET', '/api/links/with-Fields_1/revisions')
    t.equal(revisions.status, 200)
    t.match(revisions.body.revisions, [{ version: 1, type: 'LinkCreated', reason: 'for the test' }])
  })

  await t.test('an edit: If-Match, a new version, the history, and the redirect follows it', async (t) => {
    await gateway.call('POST', '/api/links', { url: 'https://example.com/before', slug: 'edited', title: 'T' })
    t.equal((await gateway.call('GET', '/edited')).headers.location, 'https://example.com/before')
    const blind = await gateway.call('PATCH', '/api/links/edited', { url: 'https://example.com/after' })
    t.match({ status: blind.status, code: blind.body.code }, { status: 428, code: 'if_match_required' })
    const edited = await gateway.call('PATCH', '/api/links/edited', { url: 'https://example.com/after', reason: 'moved' }, { 'if-match': '"1"' })
    t.equal(edited.status, 200, edited.text)
    t.equal(edited.headers.etag, '"2"')
    t.match(edited.body, { version: 2, url: 'https://example.com/after', title: 'T' })
    t.equal((await gateway.call('GET', '/edited')).headers.location, 'https://example.com/after', 'whoever has changed a link sees it changed')
    const stale = await gateway.call('PATCH', '/api/links/edited', { title: 'late' }, { 'if-match': '"1"' })
    t.match({ status: stale.status, code: stale.body.code, etag: stale.headers.etag }, { status: 412, code: 'version_stale', etag: '"2"' })
    const removed = await gateway.call('PATCH', '/api/links/edited', { title: null }, { 'if-match': '"2"' })
    t.match(removed.body, { version: 3, title: null }, 'null takes a field away (RFC 7396)')
    const { revisions } = (await gateway.call('GET', '/api/links/edited/revisions')).body
    t.match(revisions, [
      { version: 1, type: 'LinkCreated', url: 'https://example.com/before' },
      { version: 2, type: 'LinkRetargeted', url: 'https://example.com/after', reason: 'moved' },
      { version: 3, type: 'LinkEdited', title: null }
    ])
    t.match(await gateway.call('PATCH', '/api/links/nothere', { title: 'x' }, { 'if-match': '"1"' }), { status: 404, body: { code: 'link_not_found' } })
  })

  await t.test('Idempotency-Key: the same request once more is the same answer; another with its key is refused', async (t) => {
    const body = { url: 'https://example.com/idem', slug: 'idem', title: 'one' }
    const key = { 'idempotency-key': 'e2e-1' }
    const [first, second] = [await gateway.call('POST', '/api/links', body, key), await gateway.call('POST', '/api/links', body, key)]
    t.equal(first.status, 201, first.text)
    t.ok([200, 201].includes(second.status))
    t.strictSame(second.body, first.body)
    t.match(await gateway.call('POST', '/api/links', { ...body, title: 'two' }, key), { status: 422, body: { code: 'idempotency_key_reused' } })
    t.match(await gateway.call('POST', '/api/links', { ...body, slug: 'idem2' }, key), { status: 422, body: { code: 'idempotency_key_reused' } })
    t.match(await gateway.call('POST', '/api/links', body), { status: 409, body: { code: 'slug_taken' } }, 'without the key it is another request')
    const atOnce = await Promise.all(Array.from({ length: 20 }, () =>
      gateway.call('POST', '/api/links', { url: 'https://example.com/idem-once', slug: 'idem-once' }, { 'idempotency-key': 'e2e-2' })))
    t.ok(atOnce.every(({ status }) => status === 201 || status === 200), 'twenty at once are one')
    t.equal((await gateway.call('GET', '/api/links/idem-once/revisions')).body.revisions.length, 1)
  })

  await t.test('readiness, liveness, the description of itself, and what is not there', async (t) => {
    t.equal((await gateway.call('GET', '/healthz')).status, 200)
    t.equal((await gateway.call('GET', '/readyz')).status, 200)
    const openapi = await gateway.call('GET', '/api/openapi.json')
    t.match(openapi.body, { openapi: /^3\.1\./, paths: { '/api/links': { post: Object } } })
    for (const path of ['/api/nothing', '/no/such/path', '/api/links/nothere']) {
      const answer = await gateway.call('GET', path)
      t.equal(answer.status, 404, path)
      t.match(answer.headers['content-type'], /^application\/problem\+json/)
      t.match(answer.body, { status: 404, type: String, title: String, instance: path, requestId: String, code: String })
    }
    t.match(await gateway.call('DELETE', '/api/links'), { status: 405, body: { code: 'method_not_allowed' } })
  })
})
