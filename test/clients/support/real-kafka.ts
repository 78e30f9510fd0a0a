// A real Apache Kafka 3.9, single node in KRaft mode, on 127.0.0.1 with its data in the test's folder: the other side of every comparison.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run, startUntil, stop, works } from './process.js'
import type { AddressInfo } from 'node:net'

export interface RealKafka {
  readonly brokers: string
  /** Of the broker's process. */
  readonly pid: number
  /** SIGKILL. */
  kill (): Promise<void>
  /** Starts it once more, on the same ports and folder. */
  restart (): Promise<void>
  close (): Promise<void>
}

// The benchmarks run this from dist/, with the same files and downloads.
const root = new URL(import.meta.url.includes('/dist/') ? '../../../../' : '../../../', import.meta.url)
const SUPPORT = fileURLToPath(new URL('test/clients/support/kafka/', root))
/** Where downloads of the client tests are kept between runs. */
export const CACHE = fileURLToPath(new URL('node_modules/.cache/linklog/clients/', root))
const MEMORY = ['-Xms64m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

/** The class path of Kafka's jars, fetched once. Undefined where there is no Java, no Maven or no network. */
export async function kafkaClassPath (): Promise<string | undefined> {
  const pom = readFileSync(join(SUPPORT, 'pom.xml'))
  const lib = join(CACHE, `kafka-${createHash('sha256').update(pom).digest('hex').slice(0, 12)}`)
  if (!await works('java', ['-version'])) return undefined
  if (!existsSync(lib)) {
    const partial = `${lib}.partial-${process.pid}`
    mkdirSync(partial, { recursive: true })
    const copied = await run('mvn', ['-q', '-B', '-f', join(SUPPORT, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`], { timeoutMs: 600_000 })
      .catch((error: unknown) => ({ code: -1, stdout: String(error) }))
    if (copied.code !== 0) {
      rmSync(partial, { recursive: true })
      process.stderr.write(`Kafka could not be fetched: ${copied.stdout.slice(-2000)}\n`)
      return undefined
    }
    try { renameSync(partial, lib) } catch { rmSync(partial, { recursive: true }) } // another test was first
  }
  return join(lib, '*')
}

/** Arguments for `java` that run one of Kafka's classes. */
export function javaArgs (classPath: string, main: string, ...args: readonly string[]): string[] {
  return javaArgsWith(MEMORY, classPath, main, ...args)
}

/** As `javaArgs`, with other settings of the virtual machine than the small ones that tests use. */
export function javaArgsWith (jvm: readonly string[], classPath: string, main: string, ...args: readonly string[]): string[] {
  return [...jvm, `-Dlog4j.configuration=file:${join(SUPPORT, 'log4j.properties')}`, '-cp', classPath, main, ...args]
}

/** A port that is free now. Kafka must know its port before it starts, since it tells it to clients. */
async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

interface Ports { readonly port: number, readonly advertisedPort: number, readonly internal: number, readonly controller: number }

function properties ({ port, advertisedPort, internal, controller }: Ports, dataDir: string, changed: Readonly<Record<string, number | string>>): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    // what it says to itself (the ends of transactions) goes by no proxy that stands before its clients
    listeners: `PLAINTEXT://127.0.0.1:${port},INTERNAL://127.0.0.1:${internal},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort},INTERNAL://127.0.0.1:${internal}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INTERNAL',
    'log.dirs': dataDir,
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'num.network.threads': 2,
    'num.io.threads': 2,
    ...changed
  }).map(([name, value]) => `${name}=${value}\n`).join('')
}

export interface RealKafkaOptions {
  /** Settings of its virtual machine. */
  readonly jvm?: readonly string[]
  readonly properties?: Readonly<Record<string, number>>
  /** The port that it tells clients, where that is not its own: a proxy's. */
  readonly advertisedPort?: number
}

/** Formats the folder, starts the broker and waits until it serves. */
export async function startRealKafka (classPath: string, folder: string, options: RealKafkaOptions = {}): Promise<RealKafka> {
  const [port, internal, controller] = [await freePort(), await freePort(), await freePort()]
  const config = join(folder, 'server.properties')
  const ports = { port, advertisedPort: options.advertisedPort ?? port, internal, controller }
  writeFileSync(config, properties(ports, join(folder, 'kafka-logs'), options.properties ?? {}))
  const formatted = await run('java', javaArgs(classPath, 'kafka.tools.StorageTool', 'format', '-t', 'bGlua2xvZy10ZXN0cy0wMQ', '-c', config))
  if (formatted.code !== 0) throw new Error(`Kafka's storage could not be formatted:\n${formatted.stdout}${formatted.stderr}`)
  const start = async () => await startUntil('java', javaArgsWith(options.jvm ?? MEMORY, classPath, 'kafka.Kafka', config), 'Kafka Server started')
  let child = await start()
  return {
    brokers: `127.0.0.1:${port}`,
    get pid () { return child.pid! },
    kill: async () => { await stop(child, 'SIGKILL') },
    restart: async () => { child = await start() },
    close: async () => { await stop(child) }
  }
}
