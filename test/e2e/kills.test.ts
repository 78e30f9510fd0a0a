// SIGKILL at random moments under load: of the gateway, of the embedded stack, of both. What the client was answered is counted once, no more and no fewer.
// KILLS is how often each is killed; the seed of the moments is printed.
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { CountingClient } from '../helpers/counting-client.js'
import { newPrefix } from '../helpers/gateway-process.js'
import { tally } from '../helpers/recount.js'
import { inParallel, until } from '../helpers/until.js'
import { onCluster, randomFrom, skipWithoutBuild, startService, topicName } from './support.js'
import type { Service } from './support.js'
import { testdir } from '../helpers/testdir.js'

const killsTotal = Number(process.env.KILLS ?? 2)
t.setTimeout(120_000 + killsTotal * 60_000)

const links = Array.from({ length: 10 }, (_, n) => `link-${n}`)
const seed = Number(process.env.KILLS_SEED ?? 20_261_128)

interface Scene {
  readonly start: () => Promise<Service>
  /** Kills, and gives the service as it is afterwards. */
  readonly kill: (service: Service) => Promise<Service>
  /** Between two visits of a connection. */
  readonly pauseMs?: number
}

async function everyAnswerOnce (t: Test, client: CountingClient, service: Service): Promise<void> {
  const records = await client.eachOnce(t, service, topicName(service.prefix, 'visits'), 300_000)
  const recount = Object.fromEntries([...tally(records, ({ link }) => link)].map(([link, { total }]) => [link, total]))
  let counted: Record<string, number> = {}
  await until(() => `the table to say ${JSON.stringify(recount)}; it says ${JSON.stringify(counted)}`, async () => {
    counted = Object.fromEntries(await inParallel(links, 5, async (link) => [link, (await service.call('GET', `/api/links/${link}/visits`)).body.total as number]))
    return links.every((link) => counted[link] === (recount[link] ?? 0))
  }, 60_000)
}

async function play (t: Test, { start, kill, pauseMs = 1 }: Scene): Promise<void> {
  const random = randomFrom(seed)
  const client = new CountingClient(links)
  let service = await start()
  await inParallel(links, 5, (slug) => service.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug }))
  for (let kills = 0; kills < killsTotal; kills++) {
    const stop = new AbortController()
    const visiting = client.visit(service, stop.signal, pauseMs)
    await delay(20 + Math.floor(random() * 700))
    service = await kill(service)
    stop.abort()
    await visiting
  }
  await until('the service to be ready', async () => (await service.call('GET', '/readyz')).status === 200, 60_000)
  t.ok(client.answered.size > killsTotal * 10, `${client.answered.size} visits were answered between ${killsTotal} kills, seed ${seed}`)
  await everyAnswerOnce(t, client, service)
}

const skip = skipWithoutBuild || (onCluster && 'the stack is not the test\'s to kill')

t.test('the gateway is killed, the stack lives', { skip: skipWithoutBuild }, async (t) => {
  const folder = testdir(t, { stack: {}, gateway: {} })
  const stack = onCluster ? undefined : await startService(t, { dataDir: `${folder}/stack` })
  const env: Record<string, string> = stack === undefined
    ? {}
    : { KAFKA_BROKERS: stack.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: stack.registryUrl, KSQLDB_URL: stack.ksqldbUrl }
  const prefix = newPrefix()
  const start = async () => await startService(t, { dataDir: `${folder}/gateway`, env, prefix })
  await play(t, {
    start,
    kill: async (service) => {
      await service.killGatewayAlone()
      return await start()
    }
  })
})

t.test('the stack is killed, the gateway lives and starts it again', { skip }, async (t) => {
  const dataDir = testdir(t)
  const random = randomFrom(seed + 1)
  await play(t, {
    start: async () => await startService(t, { dataDir }),
    pauseMs: 50, // redirects go on while the stack is away, for up to five seconds each time
    kill: async (service) => {
      const [stack] = service.children()
      if (stack !== undefined) process.kill(stack.pid, 'SIGKILL') // undefined: still away from the last kill
      await until('another stack', async () => service.children().some(({ pid }) => pid !== stack?.pid), 30_000)
      // one in four dies while it starts; a service whose stack never gets up would give up
      if (random() > 0.25) await until('the stack to be up', async () => (await service.call('GET', '/readyz')).status === 200, 60_000)
      return service
    }
  })
})

t.test('both are killed at once', { skip }, async (t) => {
  const dataDir = testdir(t)
  const start = async () => await startService(t, { dataDir })
  await play(t, {
    start,
    kill: async (service) => {
      await service.kill()
      return await start()
    }
  })
})
