// Webhooks against a receiver that checks every signature, fails at first, and is away for a while.
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { skipWithoutBuild, stackOf, startService } from './support.js'
import { testdir } from '../helpers/testdir.js'
import { inParallel, until } from '../helpers/until.js'

t.setTimeout(300_000)

t.test('webhooks', { skip: skipWithoutBuild }, async t => {
  const got: Array<{ id: string, link: string, valid: boolean }> = []
  let [secret, failing] = ['', 1]
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => { body += text }).on('end', () => {
      if (failing-- > 0) return response.writeHead(500).end()
      const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signatures } = request.headers as Record<string, string>
      const expected = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(`${id}.${at}.${body}`).digest('base64')
      got.push({ id: id as string, link: JSON.parse(body).data.link, valid: (signatures ?? '').split(' ').includes(`v1,${expected}`) })
      response.writeHead(204).end()
    })
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`

  const gateway = await startService(t, { env: { WEBHOOK_PRIVATE_ADDRESSES: 'true' } })
  await gateway.call('POST', '/api/links', { url: 'https://example.com/before', slug: 'before', tags: ['spring'] })
  const before = (await gateway.call('GET', '/api/events')).body.next
  const made = await gateway.call('POST', '/api/webhooks', { url, tags: ['spring'] })
  t.equal(made.status, 201)
  secret = made.body.secret
  t.notMatch((await gateway.call('GET', '/api/webhooks')).text, 'whsec_')

  await gateway.call('POST', '/api/links', { url: 'https://example.com/other', slug: 'other', tags: ['autumn'] })
  for (let n = 0; n < 5; n++) await gateway.call('POST', '/api/links', { url: `https://example.com/${n}`, slug: `hook-${n}`, tags: ['spring'] })
  await gateway.call('PATCH', '/api/links/hook-0', { title: 'again' }, { 'if-match': '"1"' })
  await until(() => `6 deliveries, not ${JSON.stringify(got)}`, async () => new Set(got.map(({ id }) => id)).size === 6, 120_000)
  t.ok(got.every(({ valid }) => valid), 'each with a good signature')
  t.notOk(got.some(({ link }) => ['before', 'other'].includes(link)), 'changes from then on, and those asked for')

  await t.test('a stretch of the log once more', async t => {
    const count = got.length
    const { body } = await gateway.call('POST', `/api/webhooks/${made.body.id}/redeliver`, { from: before, to: 'now', limit: 4 })
    t.match(body, { delivered: 4, next: String, failure: null })
    t.match((await gateway.call('POST', `/api/webhooks/${made.body.id}/redeliver`, { from: body.next, to: 'now' })).body, { delivered: 2, next: null })
    t.equal(got.length, count + 6)
  })

  await t.test('the log holds no secret, and what is deleted is gone', async t => {
    t.notMatch(gateway.output(), secret)
    t.equal((await gateway.call('DELETE', `/api/webhooks/${made.body.id}`)).status, 204)
    t.match(await gateway.call('GET', `/api/webhooks/${made.body.id}`), { status: 404, body: { code: 'webhook_not_found' } })
  })
})

t.test('a gateway that dies is followed by another: nothing is left out, and each link in its order', { skip: skipWithoutBuild }, async t => {
  const versions = new Map<string, number[]>()
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => { body += text }).on('end', () => {
      const { data: { link, version } } = JSON.parse(body) as { data: { link: string, version: number } }
      versions.set(link, [...versions.get(link) ?? [], version])
      // slow enough that the death comes while there is more to deliver
      setTimeout(() => response.writeHead(204).end(), 20)
    })
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const env = { WEBHOOK_PRIVATE_ADDRESSES: 'true' }
  const one = await startService(t, { env, dataDir: join(testdir(t, { one: {}, two: {} }), 'one') })
  const two = await startService(t, { env: { ...env, ...stackOf(one) }, prefix: one.prefix, dataDir: join(t.testdirName, 'two') })
  t.equal((await one.call('POST', '/api/webhooks', { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` })).status, 201)
  const slugs = Array.from({ length: 60 }, (_, n) => `moved-${n}`)
  await inParallel(slugs, 8, async slug => { await one.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug }) })
  await until('the first deliveries', async () => versions.size >= 10, 120_000)
  await two.killGatewayAlone()
  await inParallel(slugs, 8, async slug => { await one.call('PATCH', `/api/links/${slug}`, { title: 'after' }, { 'if-match': '"1"' }) })
  await until(() => `every change, not ${JSON.stringify([...versions])}`, async () => slugs.every(slug => versions.get(slug)?.includes(1) === true && versions.get(slug)?.includes(2) === true), 200_000)
  const disordered = [...versions].filter(([, seen]) => seen.indexOf(2) < seen.indexOf(1))
  t.strictSame(disordered, [])
  t.equal(versions.size, 60)
})
