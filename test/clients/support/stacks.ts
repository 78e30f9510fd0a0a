// The two brokers that every client is run against, the embedded one and the real one, and the list of what the client did on each.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Broker } from '../../../embedded/broker/broker.js'
import { Registry } from '../../../embedded/registry/index.js'
import { kafkaClassPath, startRealKafka } from './real-kafka.js'
import { recordResults } from './results.js'
import type { Test } from 'tap'

export interface Stack {
  readonly name: 'embedded' | 'kafka'
  /** host:port, as clients take it. */
  readonly brokers: string
  /** Only beside the embedded broker: the real registry is not in Maven Central. */
  readonly registryUrl: string | undefined
}

export interface Client {
  readonly name: string
  /** Why the client cannot be run here; undefined where it can. Called once. */
  readonly missing?: () => Promise<string | undefined>
  /** Operations that are left out where no registry stands beside the broker. */
  readonly needRegistry?: readonly string[]
}

export type Operation = (t: Test, stack: Stack) => Promise<void>

interface Started { readonly stack: Stack, close (): Promise<void> }

async function startEmbedded (folder: string): Promise<Started> {
  const broker = await Broker.open({ dataDir: join(folder, 'kafka'), host: '127.0.0.1', port: 0 })
  const registry = await Registry.open({ log: broker })
  const { host, port } = await registry.listen({ host: '127.0.0.1', port: 0 })
  const stack: Stack = { name: 'embedded', brokers: `${broker.address.host}:${broker.address.port}`, registryUrl: `http://${host}:${port}` }
  const close = async () => {
    await registry.close()
    await broker.close()
  }
  return { stack, close }
}

/** The reason where it cannot be started. */
async function startReal (folder: string): Promise<Started | string> {
  const running = process.env['CLIENTS_KAFKA'] // one that runs already, at host:port
  if (running !== undefined) return { stack: { name: 'kafka', brokers: running, registryUrl: undefined }, close: async () => {} }
  const classPath = await kafkaClassPath()
  if (classPath === undefined) return 'a real Kafka needs Java 17, Maven and, the first time, Maven Central'
  const kafka = await startRealKafka(classPath, folder)
  return { stack: { name: 'kafka', brokers: kafka.brokers, registryUrl: undefined }, close: async () => { await kafka.close() } }
}

/** What is missing is a failure where everything has to be there, and a skip with the reason elsewhere. */
function leaveOut (t: Test, reason: string): void {
  if (process.env['CI'] === 'true') t.fail(reason)
  else t.comment(`skipped: ${reason}`)
}

async function runOn (t: Test, client: Client, stack: Stack, operations: Readonly<Record<string, Operation>>): Promise<void> {
  const results: Record<string, boolean> = {}
  const only = process.env['CLIENTS_OPERATION']
  for (const [name, operation] of Object.entries(operations)) {
    if (only !== undefined && only !== name) continue
    if (stack.registryUrl === undefined && client.needRegistry?.includes(name) === true) continue
    await t.test(name, async t => {
      await operation(t, stack)
      results[name] = t.passing()
    })
    results[name] ??= false
  }
  recordResults({ client: client.name, stack: stack.name, results }, Object.keys(operations))
}

async function runIn (t: Test, client: Client, operations: Readonly<Record<string, Operation>>, start: typeof startReal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'linklog-clients-'))
  const started = await start(folder)
  if (typeof started === 'string') {
    leaveOut(t, started)
  } else {
    await runOn(t, client, started.stack, operations)
    await started.close()
  }
  await rm(folder, { recursive: true })
}

/**
 * Runs the operations in order on the embedded broker, and beside it on the real one. CLIENTS_STACK names one of them to run only that,
 * CLIENTS_OPERATION one operation.
 */
export async function runClient (t: Test, client: Client, operations: Readonly<Record<string, Operation>>): Promise<void> {
  const missing = await client.missing?.()
  if (missing !== undefined) return leaveOut(t, `${client.name}: ${missing}`)
  const only = process.env['CLIENTS_STACK']
  t.jobs = 2
  const sides: Promise<unknown>[] = []
  if (only !== 'kafka') sides.push(t.test(`${client.name} on the embedded broker`, { buffered: true }, async t => { await runIn(t, client, operations, startEmbedded) }))
  if (only !== 'embedded') sides.push(t.test(`${client.name} on Apache Kafka`, { buffered: true }, async t => { await runIn(t, client, operations, startReal) }))
  await Promise.all(sides)
}
