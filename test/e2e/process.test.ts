// The service as a process: its start, its refusals to start, its stop.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { newPrefix } from '../helpers/gateway-process.js'
import { onCluster, skipWithoutBuild, startService } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(300_000)

const root = fileURLToPath(new URL('../../', import.meta.url))
const addresses = { KAFKA_BROKERS: '127.0.0.1:1', SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1', KSQLDB_URL: 'http://127.0.0.1:1' }

/** Runs the server with nothing but these settings, to its end. */
function runServer (settings: Record<string, string>): { status: number | null, output: string } {
  const assignments = Object.entries({ PATH: process.env.PATH ?? '', ...settings }).map(([name, value]) => `${name}=${value}`)
  // Through `env -i`, because tap adds variables of its own to every process that it sees started.
  const { status, stdout, stderr } = spawnSync('env', ['-i', ...assignments, process.execPath, 'dist/gateway/server.js'], { cwd: root, encoding: 'utf8', timeout: 30_000 })
  return { status, output: stdout + stderr }
}

t.test('a wrong setting stops the start with its name', { skip: skipWithoutBuild }, async (t) => {
  const dataDir = testdir(t)
  for (const [settings, expected] of [
    [{ PORT: 'many' }, /PORT/], [{ PORT: '70000' }, /PORT/], [{ TOPIC_PARTITIONS: '0' }, /TOPIC_PARTITIONS/], [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL.*info/],
    [{ PUBLIC_URL: 'example.com' }, /PUBLIC_URL/], [{ KAFKA_BROKERS: addresses.KAFKA_BROKERS }, /SCHEMA_REGISTRY_URL and KSQLDB_URL/],
    [{ KAFKA_BROKERS: addresses.KAFKA_BROKERS, KSQLDB_URL: addresses.KSQLDB_URL }, /SCHEMA_REGISTRY_URL/]
  ] as Array<[Record<string, string>, RegExp]>) {
    const { status, output } = runServer({ DATA_DIR: dataDir, ...settings })
    t.ok(status !== null && status !== 0, `${JSON.stringify(settings)}: ${status}`)
    t.match(output, expected)
    t.notMatch(output, /\n\s+at /, 'a message, not a stack')
  }
})

t.test('a cluster that does not answer stops the start with its address', { skip: skipWithoutBuild }, async (t) => {
  const { status, output } = runServer({ DATA_DIR: testdir(t), START_TIMEOUT_MS: '500', ...addresses })
  t.ok(status !== null && status !== 0)
  t.match(output, /127\.0\.0\.1:1/)
})

t.test('SIGTERM ends it with status 0; what it knew it knows again', { skip: skipWithoutBuild }, async (t) => {
  const options = { dataDir: testdir(t), prefix: newPrefix() }
  const first = await startService(t, options)
  t.equal((await first.call('POST', '/api/links', { url: 'https://example.com/kept', slug: 'kept' })).status, 201)
  const visits = await Promise.all(Array.from({ length: 50 }, () => first.call('GET', '/kept')))
  t.ok(visits.every(({ status }) => status === 302))
  const stopMs = performance.now()
  t.equal(await first.stop(), 0, first.output())
  t.comment(`stopped within ${Math.round(performance.now() - stopMs)} ms`)

  const second = await startService(t, options)
  t.comment(`ready again after ${Math.round(second.readyMs)} ms`)
  t.equal((await second.call('GET', '/kept')).headers.location, 'https://example.com/kept')
  t.match((await second.call('POST', '/api/links', { url: 'https://example.com/other', slug: 'kept' })).body, { code: 'slug_taken' })
  t.ok((await second.call('GET', '/api/links/kept/visits')).body.total >= 50)
})

t.test('two services cannot have one folder', { skip: skipWithoutBuild || (onCluster && 'the folder is the embedded stack\'s') }, async (t) => {
  const dataDir = testdir(t)
  const first = await startService(t, { dataDir })
  await t.rejects(startService(t, { dataDir }), { message: /did not start/ })
  t.equal((await first.call('GET', '/readyz')).status, 200, 'the first goes on')
})
