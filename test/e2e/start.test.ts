// What a start finds on the stack: nothing, another gateway at work, what an earlier one left, and what it must not go on with.
import { appendFileSync, cpSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { prefixNow, skipWithoutBuild, stackOf, startService, startTimeoutMs } from './support.js'
import type { Service } from './support.js'
import { GatewayProcess } from '../helpers/gateway-process.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(600_000)

const root = fileURLToPath(new URL('../../', import.meta.url))
async function pull (service: Service, sql: string): Promise<unknown[][]> {
  const response = await fetch(`${service.ksqldbUrl}/query-stream`, {
    method: 'POST', headers: { accept: 'application/json', 'content-type': 'application/json' }, body: JSON.stringify({ sql })
  })
  const [, ...rows] = await response.json() as [object, ...unknown[][]]
  return rows
}

/** The table of the migrations that were applied under a prefix. */
const versionsOf = (prefix: string): string => `${prefix.replaceAll('-', '_')}_MIGRATION_SCHEMA_VERSIONS`

t.test('starts on one stack', { skip: skipWithoutBuild }, async (t) => {
  const first = await startService(t, { dataDir: testdir(t, { first: {}, a: {}, b: {}, c: {}, d: {}, e: {}, early: {}, late: {}, next: {}, package: {} }) + '/first' })
  const env = stackOf(first)
  const folder = (name: string) => join(t.testdirName, name)
  const prefix = prefixNow()

  await t.test('two gateways at once make everything once, and each sees what the other writes', async (t) => {
    const [a, b] = await Promise.all([startService(t, { env, prefix, dataDir: folder('a') }), startService(t, { env, prefix, dataDir: folder('b') })])
    const events = await pull(a, `SELECT version_key, state FROM ${versionsOf(prefix)} WHERE version_key = 'CURRENT';`)
    t.match(events, [['CURRENT', 'MIGRATED']])
    t.equal((await a.call('POST', '/api/links', { url: 'https://example.com/a', slug: 'shared' })).status, 201)
    t.match(await b.call('POST', '/api/links', { url: 'https://example.com/b', slug: 'shared' }), { status: 409 })
    t.equal((await b.call('GET', '/shared')).headers.location, 'https://example.com/a')
    const both = await Promise.all(Array.from({ length: 60 }, (_, n) =>
      (n % 2 === 0 ? a : b).call('POST', '/api/links', { url: `https://example.com/race/${n}`, slug: 'race' })))
    t.equal(both.filter(({ status }) => status === 201).length, 1, 'the order of the log decides, not a lock in a gateway')
    t.equal(both.filter(({ status }) => status === 409).length, 59)
    const edits = await Promise.all([a, b, a, b].map((gateway, n) => gateway.call('PATCH', '/api/links/race', { title: `t${n}` }, { 'if-match': '"1"' })))
    t.strictSame(edits.map(({ status }) => status).sort(), [200, 412, 412, 412])
  })

  await t.test('one that is killed while it applies the migrations is followed by one that waits, and by one that comes later', async (t) => {
    const other = prefixNow()
    const versions = versionsOf(other)
    const names = readdirSync(join(root, 'ksql')).filter(name => /^V\d+__/.test(name))
    const isAt = (version: number) => async () => {
      const [[current] = []] = await pull(first, `SELECT version FROM ${versions} WHERE version_key = 'CURRENT';`)
      return Number(current) >= version
    }
    const killedAt = async (version: number, name: string) => {
      await GatewayProcess.killedWhen(`migration ${version}`, isAt(version), { dataDir: folder(name), prefix: other, env, startTimeoutMs })
    }
    await killedAt(Math.round(names.length / 4), 'early')
    t.notOk(await isAt(names.length)(), 'killed before it had applied all')
    const waiting = killedAt(Math.round(names.length / 2), 'late')
    const next = await startService(t, { env, prefix: other, dataDir: folder('next') })
    await waiting
    const keys = [...names.map(name => Number(name.slice(1, 7))), 'CURRENT'].map(key => `'${key}'`)
    const rows = await pull(next, `SELECT version_key, state FROM ${versions} WHERE version_key IN (${keys.join(', ')});`)
    t.equal(rows.length, names.length + 1)
    t.strictSame([...new Set(rows.map(([, state]) => state))], ['MIGRATED'])
    t.equal((await next.call('POST', '/api/links', { url: 'https://example.com/after', slug: 'after' })).status, 201)
    t.equal((await next.call('GET', '/after')).status, 302)
  })

  await t.test('a schema that cannot follow the one in use stops the start, with the registry\'s reason', async (t) => {
    const other = prefixNow()
    const subject = `${other}-visits-value`
    const taken = { type: 'record', name: 'Visit', namespace: 'linklog', fields: [{ name: 'visit_id', type: 'int' }] }
    const registered = await fetch(`${first.registryUrl}/subjects/${subject}/versions`, {
      method: 'POST', headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify({ schema: JSON.stringify(taken) })
    })
    t.equal(registered.status, 200)
    await t.rejects(startService(t, { env, prefix: other, dataDir: folder('c') }), { message: /visits-value\.avsc[^]*(TYPE_MISMATCH|READER_FIELD_MISSING_DEFAULT_VALUE)/ })
  })

  await t.test('a migration that was applied and then edited stops the start, with the file\'s name', async (t) => {
    const edited = folder('package')
    for (const name of ['dist', 'ksql', 'schemas', 'package.json']) cpSync(join(root, name), join(edited, name), { recursive: true, dereference: true })
    symlinkSync(join(root, 'node_modules'), join(edited, 'node_modules'))
    appendFileSync(join(edited, 'ksql/V000004__visits.sql'), '-- one word more\n')
    await t.rejects(startService(t, { env, prefix, dataDir: folder('e'), root: edited }), { message: /V000004__visits\.sql/ })
    const unharmed = await startService(t, { env, prefix, dataDir: folder('d') })
    t.equal((await unharmed.call('GET', '/shared')).status, 302, 'the gateway with the file as it was applied starts as before')
  })
})
