// Who may call what: over real HTTP, with keys in memory.
import Fastify, { type RouteOptions } from 'fastify'
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { KeyRing } from '../../../gateway/access/key-ring.js'
import { makeKey, type NewKey } from '../../../gateway/access/key-service.js'
import { LinklogError } from '../../../gateway/errors.js'
import type { LinkService } from '../../../gateway/links/service.js'
import { doorPlugin } from '../../../gateway/plugins/access.js'
import { actorPlugin } from '../../../gateway/plugins/actor.js'
import { problemDetailsPlugin } from '../../../gateway/plugins/problem-details.js'

const now = Date.parse('2026-11-01T00:00:00Z')

const start = async (t: Test) => {
  const made: ReturnType<typeof makeKey>[] = []
  const views = { failing: false }
  const ring = new KeyRing({
    load: async () => {
      if (views.failing) throw new Error('away')
      return made.map(({ key }) => key)
    },
    staleMs: 0,
    now: () => performance.now()
  })
  const app = Fastify()
  await app.register(problemDetailsPlugin)
  await app.register(actorPlugin)
  await app.register(doorPlugin, { ring, now: () => now, publicUrl: () => 'https://go.example' })
  app.decorate('links', {
    get: async (link: string) => {
      if (link === 'none') throw new LinklogError('link_not_found')
      return { link, version: 1, createdAt: 0, updatedAt: 0, doc: { tags: link === 'bare' ? [] : ['spring', 'shop'] } }
    }
  } as unknown as LinkService)
  const seen: RouteOptions[] = []
  app.addHook('onRoute', route => { seen.push(route) })
  const answer = async (request: { actor: string }) => ({ actor: request.actor })
  app.post('/api/links', async () => ({ tags: ['spring'], ok: true }))
  app.get('/api/links/:link', answer)
  app.patch('/api/links/:link', answer)
  app.get('/api/analytics', answer)
  app.get('/api/keys', answer)
  app.get('/api/brand-new', answer)
  app.get('/api/openapi.json', answer)
  app.get('/:slug', answer)
  t.teardown(async () => await app.close())
  const add = (asked: Partial<NewKey>) => {
    const one = makeKey({ name: 'tool', scopes: ['links:read'], domains: [], tags: [], expiresAt: null, ...asked }, 'me', { newId: () => 'e', randomBytes, now: () => now })
    made.push(one)
    return one
  }
  const call = async (method: 'GET' | 'HEAD' | 'POST' | 'PATCH', url: string, key?: string, body?: object) => {
    const { statusCode, headers, body: text } = await app.inject({
      method, url, headers: key === undefined ? {} : { authorization: `Bearer ${key}` }, ...(body !== undefined && { payload: body })
    })
    return { status: statusCode, headers, body: text.startsWith('{') ? JSON.parse(text) : undefined }
  }
  return { add, call, made, views, ring, app, seen }
}

t.test('until a key is made everybody is anonymous; from then on nobody comes in without one', async t => {
  const { add, call, made } = await start(t)
  t.match(await call('GET', '/api/links/a'), { status: 200, body: { actor: 'anonymous' } })
  const { text, key } = add({ name: 'campaign tool' })
  t.match(await call('GET', '/api/links/a'), { status: 401, body: { code: 'key_required' }, headers: { 'www-authenticate': 'Bearer realm="linklog"' } })
  t.match(await call('HEAD', '/api/links/a'), { status: 401 })
  t.match(await call('GET', '/api/links/a', text), { status: 200, body: { actor: 'campaign tool' } })
  made[0] = { ...made[0] as typeof made[0], key: { ...key, revokedAt: now } }
  t.match(await call('GET', '/api/links/a', text), { status: 401, body: { code: 'key_invalid', detail: /revoked/ } })
  t.match(await call('GET', '/api/links/a'), { status: 401 }, 'the last key revoked does not open the door')
})

t.test('redirects and the description stay open', async t => {
  const { add, call } = await start(t)
  add({})
  t.match(await call('GET', '/somewhere'), { status: 200 })
  t.match(await call('GET', '/api/openapi.json'), { status: 200 })
})

t.test('a wrong, unknown or expired key is told so, and which ids there are is not', async t => {
  const { add, call } = await start(t)
  const { text } = add({})
  const other = makeKey({ name: 'x', scopes: ['admin'], domains: [], tags: [], expiresAt: null }, 'me', { newId: () => 'e', randomBytes, now: () => now })
  const forged = `${text.slice(0, text.lastIndexOf('_'))}${other.text.slice(other.text.lastIndexOf('_'))}`
  const unknown = await call('GET', '/api/links/a', other.text)
  t.match(unknown, { status: 401, body: { code: 'key_invalid' }, headers: { 'www-authenticate': /error="invalid_token"/ } })
  t.equal((await call('GET', '/api/links/a', forged)).body.detail, unknown.body.detail)
  t.match(await call('GET', '/api/links/a', 'secret'), { status: 401, body: { code: 'key_invalid' } })
  const short = add({ expiresAt: now })
  t.match(await call('GET', '/api/links/a', short.text), { status: 401, body: { detail: /expired/ } })
  t.match(await call('GET', '/api/links/a', add({ expiresAt: now + 1 }).text), { status: 200 })
})

t.test('the missing scope is named; admin has all; a route that nobody declared asks for admin', async t => {
  const { add, call } = await start(t)
  const reader = add({ scopes: ['links:read'] }).text
  const admin = add({ scopes: ['admin'] }).text
  t.match(await call('GET', '/api/links/a', reader), { status: 200 })
  t.match(await call('PATCH', '/api/links/a', reader, {}), {
    status: 403, body: { code: 'scope_missing', detail: /links:write/ }, headers: { 'www-authenticate': /insufficient_scope.*scope="links:write"/ }
  })
  t.match(await call('GET', '/api/analytics', reader), { status: 403, body: { detail: /visits:read/ } })
  t.match(await call('GET', '/api/keys', reader), { status: 403, body: { detail: /admin/ } })
  t.match(await call('GET', '/api/brand-new', reader), { status: 403, body: { detail: /admin/ } })
  for (const path of ['/api/links/a', '/api/analytics', '/api/keys', '/api/brand-new']) t.match(await call('GET', path, admin), { status: 200 }, path)
})

t.test('a key restricted to domains reaches no other host', async t => {
  const { add, call } = await start(t)
  const key = add({ scopes: ['links:read', 'links:write', 'visits:read'], domains: ['go.example'] }).text
  t.match(await call('GET', '/api/links/a', key), { status: 200 }, 'a bare slug is on the host of PUBLIC_URL')
  t.match(await call('GET', '/api/links/go.example%2Fa', key), { status: 200 })
  t.match(await call('GET', '/api/links/other.example%2Fa', key), { status: 403, body: { code: 'outside_restriction' } })
  t.match(await call('POST', '/api/links', key, { url: 'https://e.example' }), { status: 200 })
  t.match(await call('POST', '/api/links', key, { url: 'https://e.example', domain: 'other.example' }), { status: 403 })
  t.match(await call('GET', '/api/analytics', key), { status: 403, body: { code: 'outside_restriction' } }, 'questions about all links')
})

t.test('a key restricted to tags reaches only links that have one, and cannot take it away', async t => {
  const { add, call } = await start(t)
  const key = add({ scopes: ['links:read', 'links:write'], tags: ['shop'] }).text
  t.match(await call('GET', '/api/links/a', key), { status: 200 })
  t.match(await call('GET', '/api/links/bare', key), { status: 403, body: { code: 'outside_restriction' } })
  t.match(await call('GET', '/api/links/none', key), { status: 200 }, 'the handler says that there is none')
  t.match(await call('PATCH', '/api/links/a', key, { title: 'x' }), { status: 200 })
  t.match(await call('PATCH', '/api/links/a', key, { tags: ['spring'] }), { status: 403 })
  t.match(await call('PATCH', '/api/links/a', key, { tags: null }), { status: 403 })
  t.match(await call('PATCH', '/api/links/a', key, { tags: ['shop', 'new'] }), { status: 200 })
  t.match(await call('POST', '/api/links', key, { url: 'https://e.example' }), { status: 403 })
  t.match(await call('POST', '/api/links', key, { url: 'https://e.example', tags: ['shop'] }), { status: 403, body: { code: 'outside_restriction' } },
    'the link that was there already is not among its own')
})

t.test('when the keys cannot be read nobody comes in', async t => {
  const { add, call, views } = await start(t)
  const { text } = add({ scopes: ['admin'] })
  t.match(await call('GET', '/api/links/a', text), { status: 200 })
  views.failing = true
  t.match(await call('GET', '/api/links/a', text), { status: 503, body: { code: 'unavailable' } })
  t.match(await call('GET', '/api/links/a'), { status: 503 })
  t.match(await call('GET', '/somewhere'), { status: 200 })
})
