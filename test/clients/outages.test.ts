// A real Kafka that stands still, dies and comes back, answers slowly, is lost behind a network, or is used by two gateways with one id; and a registry
// that is away. All the while visitors are redirected, and each 302 that the client had is in Kafka's topic once. Links and tables are those of an embedded
// stack beside it.
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { CountingClient } from '../helpers/counting-client.js'
import { GatewayProcess, skipWithoutBuild } from '../helpers/gateway-process.js'
import { sample } from '../helpers/metrics.js'
import { TcpProxy } from '../helpers/tcp-proxy.js'
import { testdir } from '../helpers/testdir.js'
import { inParallel, until } from '../helpers/until.js'
import { kafkaClassPath, startRealKafka } from './support/real-kafka.js'

/** How long Kafka is away, each time. */
const outageMs = Number(process.env['OUTAGE_SECONDS'] ?? 15) * 1_000
const links = Array.from({ length: 10 }, (_, n) => `link-${n}`)

t.setTimeout(900_000 + 4 * outageMs)

const sampleOf = async (gateway: GatewayProcess, name: string): Promise<number> => {
  const { text } = await gateway.call('GET', '/metrics')
  return sample(text, name) ?? NaN
}

t.test('outages', { skip: skipWithoutBuild }, async t => {
  const classPath = await kafkaClassPath()
  if (classPath === undefined) {
    const reason = 'a real Kafka needs Java 17, Maven and, the first time, Maven Central'
    return process.env['CI'] === 'true' ? t.fail(reason) : t.comment(`skipped: ${reason}`)
  }
  const folder = testdir(t, { kafka: {} })
  let kafkaPort = 0
  const slow = await TcpProxy.start(() => ({ host: '127.0.0.1', port: kafkaPort }))
  t.teardown(async () => { await slow.close() })
  const kafka = await startRealKafka(classPath, join(folder, 'kafka'), { advertisedPort: slow.port })
  kafkaPort = Number(kafka.brokers.split(':')[1])
  t.teardown(async () => {
    try { process.kill(kafka.pid, 'SIGCONT') } catch {} // dead already
    await kafka.close()
  })
  const stack = await GatewayProcess.start({ dataDir: join(folder, 'stack') })
  t.teardown(async () => { await stack.end() })
  const registryUrl = new URL(stack.registryUrl)
  const registry = await TcpProxy.start(() => ({ host: registryUrl.hostname, port: Number(registryUrl.port) }))
  t.teardown(async () => { await registry.close() })
  await inParallel(links, 5, async slug => await stack.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug }))
  const env = { KAFKA_BROKERS: `127.0.0.1:${slow.port}`, SCHEMA_REGISTRY_URL: `http://127.0.0.1:${registry.port}`, KSQLDB_URL: stack.ksqldbUrl }
  const start = async (name: string) => await GatewayProcess.start({ dataDir: join(folder, name), env, startTimeoutMs: 120_000 })
  let gateway = await start('gateway')
  t.teardown(async () => { await gateway.end() })
  const where = { kafkaBrokers: [`127.0.0.1:${slow.port}`], registryUrl: stack.registryUrl }
  const client = new CountingClient(links, 4)

  /** Visits before, during and after what happens; nobody may be left without an answer. */
  const during = async (t: Parameters<CountingClient['eachOnce']>[0], happens: () => Promise<void>): Promise<void> => {
    const stop = new AbortController()
    const before = client.answered.size
    const visiting = client.visit(gateway, stop.signal, 5)
    try {
      await until('visits', async () => client.answered.size > before + 100)
      await happens()
      const after = client.answered.size
      await until('visits afterwards', async () => client.answered.size > after + 100)
    } finally {
      stop.abort()
      await visiting
    }
    t.equal(client.unanswered.size, 0, 'every request was redirected')
    try {
      await client.eachOnce(t, where, 'visits', 300_000)
    } catch (error) {
      t.comment(`What the gateway said last:\n${gateway.output().slice(-4_000)}`)
      throw error
    }
    t.equal(await until('all shipped', async () => await sampleOf(gateway, 'linklog_spool_unshipped_bytes') === 0 && 'yes'), 'yes')
    t.equal(await sampleOf(gateway, 'linklog_visits_dropped_total'), 0)
  }

  await t.test(`Kafka stands still for ${outageMs} ms`, async t => {
    await during(t, async () => {
      process.kill(kafka.pid, 'SIGSTOP')
      await delay(outageMs)
      t.ok(await sampleOf(gateway, 'linklog_spool_unshipped_bytes') > 0, 'visits wait in the spool')
      process.kill(kafka.pid, 'SIGCONT')
    })
  })

  await t.test(`Kafka is killed and away for ${outageMs} ms`, async t => {
    await during(t, async () => {
      await kafka.kill()
      await Promise.all([delay(outageMs), until('the outage is told', async () => await sampleOf(gateway, 'linklog_log_connected') === 0, 120_000)])
      await kafka.restart()
    })
  })

  await t.test('Kafka answers slowly: redirects do not wait for it', async t => {
    await during(t, async () => {
      slow.delayMs = 1_000
      const shipped = await until('a moment between two transactions', async () => {
        const before = await sampleOf(gateway, 'linklog_visits_shipped_total')
        await delay(500)
        return before === await sampleOf(gateway, 'linklog_visits_shipped_total') && before
      })
      // a transaction takes five answers of Kafka, of two seconds each: in that time visitors have had hundreds
      const before = client.answered.size
      await until('a transaction', async () => await sampleOf(gateway, 'linklog_visits_shipped_total') > shipped, 120_000)
      t.ok(client.answered.size > before + 100, `${client.answered.size - before} were redirected while Kafka took one transaction`)
      slow.delayMs = 0
    })
  })

  await t.test('the network forgets all connections to Kafka: others are opened, within seconds', async t => {
    await during(t, async () => {
      const shipped = await sampleOf(gateway, 'linklog_visits_shipped_total')
      slow.silence()
      await until('shipped again', async () => await sampleOf(gateway, 'linklog_visits_shipped_total') > shipped + 100, 60_000)
      await until('ready', async () => (await gateway.call('GET', '/readyz')).status === 200, 60_000)
    })
  })

  await t.test('the registry is away: visits are shipped, the gateway says that it is not ready, and is again', async t => {
    await during(t, async () => {
      registry.cut()
      const shipped = await sampleOf(gateway, 'linklog_visits_shipped_total')
      await until('not ready', async () => (await gateway.call('GET', '/readyz')).status === 503)
      await until('more shipped', async () => await sampleOf(gateway, 'linklog_visits_shipped_total') > shipped + 100)
      registry.open = true
      await until('ready', async () => (await gateway.call('GET', '/readyz')).status === 200, 60_000)
    })
  })

  await t.test('two gateways with one id: the one whose spool the log does not know ends, and nothing is doubled', async t => {
    // a copy of the folder without its lock, as a disk that two hosts have
    mkdirSync(join(folder, 'copy', 'gateway'), { recursive: true })
    for (const file of ['gateway-id', 'visitor-secret']) cpSync(join(folder, 'gateway', 'gateway', file), join(folder, 'copy', 'gateway', file))
    const ending = /Linklog ends: another gateway has the id in \S+gateway-id/
    // it may end before it is seen to be ready, which is told as a start that failed, with all that it printed
    const copy = await start('copy').catch((error: unknown) => String(error))
    if (typeof copy === 'string') t.match(copy, ending)
    else {
      t.teardown(async () => { await copy.end() })
      await until('the end of the copy', async () => ending.test(copy.output()))
    }
    await during(t, async () => {})
  })

  await t.test('a newer gateway on the same folder takes over: the older ends, and nothing is doubled', async t => {
    const older = gateway
    cpSync(join(folder, 'gateway'), join(folder, 'newer'), { recursive: true, filter: source => !source.endsWith('lock') })
    gateway = await start('newer')
    t.teardown(async () => { await older.end() })
    await during(t, async () => {})
    const doomed = new CountingClient(links, 1)
    const stop = new AbortController()
    const visiting = doomed.visit(older, stop.signal, 5)
    await until('the end of the older', async () => /Linklog ends: another gateway has the id in \S+gateway-id/.test(older.output()), 60_000)
    stop.abort()
    await visiting
    await during(t, async () => {})
  })
})
