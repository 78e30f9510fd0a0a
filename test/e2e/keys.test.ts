// API keys: the first from the command line, good and revoked on every gateway, and no start in the open without one.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { routeAccess } from '../../gateway/access/scopes.js'
import { skipWithoutBuild, startService, topicName, type Service } from './support.js'
import { readTopic } from '../helpers/recount.js'
import { until } from '../helpers/until.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(300_000)
const root = fileURLToPath(new URL('../../', import.meta.url))

const stackOf = (gateway: Service): Record<string, string> => ({
  KAFKA_BROKERS: gateway.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: gateway.registryUrl, KSQLDB_URL: gateway.ksqldbUrl
})

/** A program of the build, through `env`, so that tap's loaders stay out of it. */
const run = async (file: string, args: readonly string[], env: Record<string, string>): Promise<{ status: number | null, stdout: string, stderr: string }> => {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, join(root, 'dist/gateway', file), ...args], { env: { ...process.env, ...env } })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const status = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  return { status, stdout, stderr }
}

t.test('keys', { skip: skipWithoutBuild }, async t => {
  const one = await startService(t)
  const { prefix } = one
  const stack = { ...stackOf(one), ...(prefix !== '' && { TOPIC_PREFIX: prefix }) }
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

  await t.test('every route of the API says which scope it asks for', async t => {
    const { body } = await one.call('GET', '/api/openapi.json')
    for (const [path, methods] of Object.entries<Record<string, any>>(body.paths)) {
      if (!path.startsWith('/api/')) continue
      for (const [method, operation] of Object.entries(methods)) {
        if (method === 'head') continue
        const route = `${method.toUpperCase()} ${path.replaceAll(/\{([^}]+)\}/g, ':$1')}`
        t.ok(routeAccess[route], route)
        t.strictSame(operation.security, [{ apiKey: [routeAccess[route]?.scope] }], route)
        for (const status of ['401', '403']) t.ok(operation.responses[status], `${route} ${status}`)
      }
    }
  })

  await t.test('the reference page loads nothing from elsewhere', async t => {
    const page = await one.call('GET', '/api/docs/')
    t.match(page, { status: 200, headers: { 'content-security-policy': /script-src 'self';/, 'content-type': /html/ } })
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file as string)
    t.ok(files.length >= 3)
    for (const file of files) {
      t.notMatch(file, /^(?:https?:)?\/\//)
      t.equal((await one.call('GET', new URL(file, `${one.url}/api/docs/`).pathname)).status, 200, file)
    }
    t.notMatch(page.text, /<script(?![^>]*\bsrc=)/, 'no script in the page itself, which the policy would refuse')
    t.match(await one.call('GET', '/api/docs/json'), { status: 200, body: { openapi: '3.1.0' } })
  })

  await t.test('not a start in the open without a key', async t => {
    const { status, stderr } = await run('server.js', [], { ...stack, HOST: '0.0.0.0', PORT: '0', DATA_DIR: testdir(t) })
    t.equal(status, 1)
    t.match(stderr, /Linklog cannot start: it would listen on 0\.0\.0\.0 without any API key/)
  })

  const two = await startService(t, { env: stackOf(one), prefix })
  t.equal((await one.call('POST', '/api/links', { url: 'https://example.com/before' })).status, 201, 'without keys the machine itself may do all')
  let admin = ''

  await t.test('the first key from the command line locks every gateway', async t => {
    const { status, stdout, stderr } = await run('cli/index.js', ['keys', 'create', '--name', 'chief', '--scopes', 'admin'], stack)
    t.equal(status, 0, stderr)
    admin = stdout.trim()
    t.match(admin, /^ll_[A-Za-z0-9]+_[A-Za-z0-9]{40,}$/)
    for (const gateway of [one, two]) {
      await until('the door shut', async () => (await gateway.call('GET', '/api/links/none')).status === 401)
      t.equal((await gateway.call('GET', '/api/links/none', undefined, bearer(admin))).status, 404)
      t.equal((await gateway.call('GET', '/none')).body.code, 'link_not_found', 'redirects need no key')
    }
  })

  await t.test('a key made on one gateway is good on the other, and its name stands in the history', async t => {
    t.match(await one.call('POST', '/api/keys', { name: 'x', scopes: ['nothing'] }, bearer(admin)), { status: 422 })
    const { status, headers, body } = await one.call('POST', '/api/keys', { name: 'editor', scopes: ['links:write', 'links:read'] }, bearer(admin))
    t.match({ status, headers, body }, { status: 201, headers: { 'cache-control': 'no-store' }, body: { key: /^ll_/, state: 'active', createdBy: 'chief' } })
    const made = await until('the key on the other gateway', async () => {
      const answer = await two.call('POST', '/api/links', { url: 'https://example.com/keyed', slug: 'keyed' }, bearer(body.key))
      return answer.status === 201 && answer
    })
    t.equal(made.body.version, 1)
    t.match((await one.call('GET', '/api/links/keyed/revisions', undefined, bearer(body.key))).body, { revisions: [{ actor: 'editor' }] })
    t.match(await two.call('GET', '/api/keys', undefined, bearer(body.key)), { status: 403, body: { code: 'scope_missing' } })
    t.match((await two.call('GET', '/api/keys', undefined, bearer(admin))).body, { keys: [{ name: 'chief', createdBy: 'command line' }, { name: 'editor' }] })

    await t.test('revoked on one, it is refused on both at once', async t => {
      const revoked = await one.call('DELETE', `/api/keys/${body.id}?reason=lost`, undefined, bearer(admin))
      const atMs = performance.now()
      t.match(revoked, { status: 200, body: { state: 'revoked', revokedBy: 'chief' } })
      t.match(await one.call('GET', '/api/links/keyed', undefined, bearer(body.key)), { status: 401, body: { code: 'key_invalid' } }, 'the one that revoked it')
      await until('the other gateway to refuse it', async () => (await two.call('GET', '/api/links/keyed', undefined, bearer(body.key))).status === 401, 5_000)
      t.comment(`the other gateway refused it ${Math.round(performance.now() - atMs)} ms later`)
      t.match(await two.call('DELETE', `/api/keys/${body.id}`, undefined, bearer(admin)), { status: 200, body: { revokedBy: 'chief' } }, 'again changes nothing')
    })
  })

  await t.test('a key restricted to tags cannot go back to where a link had none of them', async t => {
    const make = async (body: object) => (await one.call('POST', '/api/keys', body, bearer(admin))).body.key as string
    const shop = await make({ name: 'shop', scopes: ['links:write', 'links:read'], tags: ['shop'] })
    await one.call('POST', '/api/links', { url: 'https://example.com/tagged', slug: 'tagged', tags: ['other'] }, bearer(admin))
    t.equal((await one.call('PATCH', '/api/links/tagged', { tags: ['shop'] }, { 'if-match': '"1"', ...bearer(admin) })).status, 200)
    t.match(await one.call('POST', '/api/links/tagged/revert', { version: 1 }, bearer(shop)), { status: 403, body: { code: 'outside_restriction' } })
    t.equal((await one.call('PATCH', '/api/links/tagged', { title: 'Shop' }, { 'if-match': '"2"', ...bearer(shop) })).status, 200)
    t.equal((await one.call('POST', '/api/links/tagged/revert', { version: 2 }, bearer(shop))).status, 200)
    const { body: { keys } } = await one.call('GET', '/api/keys', undefined, bearer(admin))
    await one.call('DELETE', `/api/keys/${(keys as { id: string, name: string }[]).find(({ name }) => name === 'shop')?.id ?? ''}`, undefined, bearer(admin))
  })

  await t.test('neither the log nor an answer holds the text of a key', async t => {
    const events = await readTopic<{ type: string, reason: string | null }>(one, topicName(prefix, 'api-key-events'))
    t.strictSame(events.map(({ value }) => value.type).sort(), ['ApiKeyCreated', 'ApiKeyCreated', 'ApiKeyCreated', 'ApiKeyRevoked', 'ApiKeyRevoked'])
    const secret = admin.slice(admin.lastIndexOf('_') + 1)
    t.notMatch(JSON.stringify(events), secret)
    t.notMatch((await one.call('GET', '/api/keys', undefined, bearer(admin))).text, secret)
    t.notMatch(one.output() + two.output(), secret)
  })

  await t.test('list and revoke from the command line; with keys it starts in the open', async t => {
    const { stdout } = await run('cli/index.js', ['keys', 'list'], stack)
    t.match(stdout.split('\n').map(line => line.split('\t').slice(2)), [['admin', '-', 'chief'], ['links:write,links:read', '-', 'editor'], []])
    const open = await startService(t, { env: { ...stackOf(one), HOST: '0.0.0.0' }, prefix })
    t.equal((await open.call('GET', '/api/keys', undefined, bearer(admin))).status, 200)
    const id = admin.split('_')[1] as string
    t.equal((await run('cli/index.js', ['keys', 'revoke', id], stack)).status, 0)
    await until('the last key refused', async () => (await one.call('GET', '/api/keys', undefined, bearer(admin))).status === 401)
    t.equal((await one.call('GET', '/api/links/keyed')).status, 401, 'and the door stays shut')
  })
})
