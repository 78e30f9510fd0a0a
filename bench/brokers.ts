// The two brokers that are measured side by side, each a process of its own: the embedded one, and Apache Kafka with the settings that it is shipped with.
import { fork } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startRealKafka } from '../test/clients/support/real-kafka.js'
import { readUse } from './stack.js'

export interface BenchBroker {
  readonly name: 'embedded' | 'Apache Kafka'
  /** host:port */
  readonly brokers: string
  readonly pid: number
  stop (): Promise<void>
}

/** What bin/kafka-run-class.sh and bin/kafka-server-start.sh set. */
const SHIPPED_JVM = ['-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent']
const SERVER_JVM = ['-Xmx1g', '-Xms1g', ...SHIPPED_JVM]
/** What bin/kafka-producer-perf-test.sh and bin/kafka-consumer-perf-test.sh set. */
export const CLIENT_JVM = ['-Xmx512m', ...SHIPPED_JVM]
const SHIPPED_THREADS = { 'num.network.threads': 3, 'num.io.threads': 8 }

/** `profileDir`: where a profile of its processor time is written at the end; none where undefined. */
export async function startEmbeddedBroker (dataDir: string, profileDir: string | undefined): Promise<BenchBroker> {
  const child = fork(fileURLToPath(new URL('broker-process.js', import.meta.url)), ['--data-dir', dataDir], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: profileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileDir]
  })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  const { brokers } = await new Promise<{ brokers: string }>((resolve, reject) => {
    child.once('message', message => resolve(message as { brokers: string }))
    child.once('exit', code => reject(new Error(`The embedded broker ended with ${code ?? 'a signal'} before it was ready`)))
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  return { name: 'embedded', brokers, pid: child.pid!, stop }
}

export async function startApacheKafka (classPath: string, folder: string): Promise<BenchBroker> {
  mkdirSync(folder, { recursive: true })
  const { brokers, pid, close } = await startRealKafka(classPath, folder, { jvm: SERVER_JVM, properties: SHIPPED_THREADS })
  return { name: 'Apache Kafka', brokers, pid, stop: close }
}

/** Processor time that the broker has used so far, in seconds. */
export const cpuSecondsOf = ({ pid }: BenchBroker): number => readUse(pid).cpuSeconds
