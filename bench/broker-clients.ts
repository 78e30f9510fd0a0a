// The clients of the broker benchmark by name: what each takes to produce and to consume so many records, in seconds.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { javaArgsWith } from '../test/clients/support/real-kafka.js'
import { run } from '../test/clients/support/process.js'
import { BATCH_RECORDS, RECORD_BYTES } from './broker-load.js'
import { CLIENT_JVM } from './brokers.js'
import type { KafkajsOrder, KafkajsResult } from './kafkajs-client.js'

export interface Work {
  /** host:port */
  readonly brokers: string
  readonly topic: string
  readonly records: number
}

export interface BenchClient {
  readonly name: string
  /** Seconds. Throws where not all records were acknowledged. */
  readonly produce: (work: Work) => Promise<number>
  /** Seconds. Throws where not all records came. */
  readonly consume: (work: Work) => Promise<number>
}

const TIMEOUT_MS = 900_000
/** A record in a batch costs some bytes more than its value: attributes, two differences and three lengths. */
const RECORD_OVERHEAD_BYTES = 10
const BATCH_BYTES = BATCH_RECORDS * (RECORD_BYTES + RECORD_OVERHEAD_BYTES)

async function order (task: KafkajsOrder['task'], work: Work): Promise<number> {
  const child = fork(fileURLToPath(new URL('kafkajs-client.js', import.meta.url)), { execArgv: [], env: { ...process.env, KAFKAJS_NO_PARTITIONER_WARNING: '1' } })
  try {
    const { seconds } = await new Promise<KafkajsResult>((resolve, reject) => {
      child.once('message', message => resolve(message as KafkajsResult))
      child.once('exit', code => reject(new Error(`kafkajs ended with ${code ?? 'a signal'}`)))
      child.send({ ...work, task })
    })
    return seconds
  } finally {
    child.kill()
  }
}

export const kafkajsClient: BenchClient = {
  name: 'kafkajs',
  produce: async work => await order('produce', work),
  consume: async work => await order('consume', work)
}

async function perfTest (classPath: string, tool: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run('java', javaArgsWith(CLIENT_JVM, classPath, `org.apache.kafka.tools.${tool}`, ...args), { timeoutMs: TIMEOUT_MS })
  if (code !== 0) throw new Error(`${tool} ended with ${code ?? 'a signal'}:\n${stdout.slice(-2000)}${stderr.slice(-2000)}`)
  return stdout
}

/** Of the last line: "1000 records sent, 1234.5 records/sec (0.24 MB/sec), …". */
function producedSeconds (output: string, records: number): number {
  const [, sent, perSecond] = /^(\d+) records sent, ([\d.]+) records\/sec/m.exec(output.trim().split('\n').at(-1) ?? '') ?? []
  if (Number(sent) !== records || perSecond === undefined) throw new Error(`ProducerPerformance did not send ${records} records:\n${output.slice(-2000)}`)
  return records / Number(perSecond)
}

/** Of the table with the columns data.consumed.in.nMsg and fetch.time.ms; the time in which the group was formed is not in it. */
function consumedSeconds (output: string, records: number): number {
  const rows = output.trim().split('\n').map(line => line.split(',').map(cell => cell.trim()))
  const header = rows.findIndex(row => row.includes('fetch.time.ms'))
  const cell = (name: string): number => Number(rows[header + 1]?.[rows[header]?.indexOf(name) ?? -1])
  const seconds = cell('fetch.time.ms') / 1000
  if (!(cell('data.consumed.in.nMsg') >= records) || !(seconds > 0)) throw new Error(`ConsumerPerformance did not consume ${records} records:\n${output.slice(-2000)}`)
  return seconds
}

/** Kafka's own kafka-producer-perf-test and kafka-consumer-perf-test. */
export const javaClient = (classPath: string): BenchClient => ({
  name: 'Java',
  produce: async ({ brokers, topic, records }) => producedSeconds(await perfTest(classPath, 'ProducerPerformance', [
    '--topic', topic, '--num-records', String(records), '--record-size', String(RECORD_BYTES), '--throughput', '-1',
    '--producer-props', `bootstrap.servers=${brokers}`, 'acks=all', `batch.size=${BATCH_BYTES}`, 'linger.ms=10'
  ]), records),
  consume: async ({ brokers, topic, records }) => consumedSeconds(await perfTest(classPath, 'ConsumerPerformance', [
    '--bootstrap-server', brokers, '--topic', topic, '--messages', String(records), '--timeout', '60000'
  ]), records)
})
