// The limits over HTTP: who is counted as whom, what is answered, and who is not counted.
import Fastify from 'fastify'
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { KeyRing } from '../../../gateway/access/key-ring.js'
import { makeKey } from '../../../gateway/access/key-service.js'
import { doorPlugin } from '../../../gateway/plugins/access.js'
import { actorPlugin } from '../../../gateway/plugins/actor.js'
import { guessLimitPlugin, rateLimitPlugin } from '../../../gateway/plugins/limits.js'
import { problemDetailsPlugin } from '../../../gateway/plugins/problem-details.js'

const start = async (t: Test, { loopback = false, keys = 0 } = {}) => {
  const clock = { now: 0 }
  const settings = { rateLimitReads: 5, rateLimitWrites: 2, rateLimitMisses: 3, rateLimitLoopback: loopback }
  const made = Array.from({ length: keys }, (_, n) =>
    makeKey({ name: `k${n}`, scopes: ['admin'], domains: [], tags: [], expiresAt: null }, 'me', { newId: () => 'e', randomBytes, now: () => 0 }))
  const ring = new KeyRing({ load: async () => made.map(({ key }) => key), staleMs: 1e9, now: () => 0 })
  const app = Fastify({ trustProxy: true })
  await app.register(problemDetailsPlugin)
  await app.register(actorPlugin)
  await app.register(guessLimitPlugin, { settings, now: () => clock.now })
  await app.register(doorPlugin, { ring, now: () => 0, publicUrl: () => 'http://go.example' })
  await app.register(rateLimitPlugin, { settings, now: () => clock.now })
  app.get('/api/links/:link', async () => ({}))
  app.patch('/api/links/:link', async () => ({}))
  app.get('/healthz', async () => ({}))
  t.teardown(async () => await app.close())
  const call = async (method: 'GET' | 'PATCH', url: string, address: string, key?: string) => {
    const { statusCode, headers, body } = await app.inject({
      method, url, headers: { 'x-forwarded-for': address, ...(key !== undefined && { authorization: `Bearer ${key}` }) }
    })
    return { status: statusCode, headers, body: JSON.parse(body) }
  }
  return { call, clock, keys: made.map(({ text }) => text) }
}

t.test('writes are limited tighter than reads, each address for itself, until the window ends', async t => {
  const { call, clock } = await start(t)
  t.match(await call('PATCH', '/api/links/a', '192.0.2.1'), { status: 200, headers: { 'ratelimit-policy': '"writes";q=2;w=60', ratelimit: '"writes";r=1;t=60' } })
  await call('PATCH', '/api/links/a', '192.0.2.1')
  t.match(await call('PATCH', '/api/links/a', '192.0.2.1'), {
    status: 429, headers: { ratelimit: '"writes";r=0;t=60', 'retry-after': '60' }, body: { code: 'too_many_requests' }
  })
  t.match(await call('PATCH', '/api/links/a', '192.0.2.2'), { status: 200 })
  t.match(await call('GET', '/api/links/a', '192.0.2.1'), { status: 200, headers: { ratelimit: '"reads";r=4;t=60' } })
  t.match((await call('GET', '/healthz', '192.0.2.1')).headers['ratelimit'], undefined)
  clock.now = 60_000
  t.match(await call('PATCH', '/api/links/a', '192.0.2.1'), { status: 200 })
})

t.test('with a key it is the key that is counted, wherever it comes from', async t => {
  const { call, keys: [one, two] } = await start(t, { keys: 2 })
  for (const address of ['192.0.2.1', '192.0.2.2']) t.match(await call('PATCH', '/api/links/a', address, one), { status: 200 })
  t.match(await call('PATCH', '/api/links/a', '192.0.2.3', one), { status: 429 })
  t.match(await call('PATCH', '/api/links/a', '192.0.2.1', two), { status: 200 })
})

t.test('wrong keys are counted by address, and then the right one waits too', async t => {
  const { call, clock, keys: [right] } = await start(t, { keys: 1 })
  for (let n = 0; n < 3; n++) t.match(await call('GET', '/api/links/a', '192.0.2.1', 'wrong'), { status: 401 })
  t.match(await call('GET', '/api/links/a', '192.0.2.1', right), { status: 429, headers: { 'retry-after': '60', 'ratelimit-policy': '"misses";q=3;w=60' } })
  t.match(await call('GET', '/api/links/a', '192.0.2.9', right), { status: 200 })
  t.match(await call('GET', '/api/links/a', '192.0.2.1'), { status: 401 }, 'no key at all is no guess')
  clock.now = 60_000
  t.match(await call('GET', '/api/links/a', '192.0.2.1', right), { status: 200 })
})

t.test('this machine itself is counted only where it is told to', async t => {
  const free = await start(t)
  for (let n = 0; n < 10; n++) t.match(await free.call('PATCH', '/api/links/a', '127.0.0.1'), { status: 200 })
  const counted = await start(t, { loopback: true })
  for (const status of [200, 200, 429]) t.match(await counted.call('PATCH', '/api/links/a', '127.0.0.1'), { status })
})
