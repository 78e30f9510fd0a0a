// How fast the embedded broker is beside Apache Kafka, in turns on the same machine, and how much memory it takes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { kafkaClassPath } from '../test/clients/support/real-kafka.js'
import { javaClient, kafkajsClient } from './broker-clients.js'
import type { BenchClient, Work } from './broker-clients.js'
import { BATCH_RECORDS, RECORD_BYTES } from './broker-load.js'
import { cpuSecondsOf, startApacheKafka, startEmbeddedBroker } from './brokers.js'
import type { BenchBroker } from './brokers.js'
import { machine, rateGoal, timeGoal } from './report.js'
import type { Benchmark, Goal, Measure, Report } from './report.js'
import { readUse } from './stack.js'

const usage = `Records produced (acks=all, batches of ${BATCH_RECORDS} × ${RECORD_BYTES} bytes, one partition) and consumed: the embedded broker and Apache Kafka 3.9 in turns.
  --records N         of each round (500,000)
  --rounds N          of each client on each broker (5)
  --memory-records N  after which the memory of the embedded broker is looked at (5,000,000; 0: not at all)
  --no-java           without Java's perf tools, and without Apache Kafka
  --profile DIR       write profiles of the embedded broker's processor time there
Apache Kafka and the perf tools need Java 17 and Maven; the first time they come from Maven Central.
`
const WARM_UP_RECORDS = 50_000
const MEMORY_GOAL_MIB = 150
const MEMORY_SAMPLE_MS = 100

interface Settings { records: number, rounds: number, memoryRecords: number, java: boolean, profile: string | undefined }

function settingsFrom (flags: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...flags],
    options: {
      records: { type: 'string', default: '500000' },
      rounds: { type: 'string', default: '5' },
      'memory-records': { type: 'string', default: '5000000' },
      'no-java': { type: 'boolean', default: false },
      profile: { type: 'string' }
    }
  })
  const count = (name: 'records' | 'rounds' | 'memory-records', min: number): number => {
    const value = Number(values[name].replaceAll(',', ''))
    if (!Number.isInteger(value) || value < min) throw new Error(`--${name}: a whole number from ${min} on, not "${values[name]}"`)
    return value
  }
  return {
    records: count('records', 1), rounds: count('rounds', 1), memoryRecords: count('memory-records', 0), java: !values['no-java'], profile: values.profile
  }
}

type Task = 'produce' | 'consume'

/** One client's one task on one broker, over all rounds. */
interface Series {
  readonly client: string
  readonly task: Task
  readonly broker: BenchBroker['name']
  /** Records a second, a value a round. */
  readonly rates: number[]
  /** Processor time of the broker for a million records, in seconds. */
  readonly cpuSeconds: number[]
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

class SeriesSet {
  readonly #all: Series[] = []

  of (client: string, task: Task, broker: BenchBroker['name']): Series {
    const known = this.#all.find(one => one.client === client && one.task === task && one.broker === broker)
    if (known !== undefined) return known
    const fresh: Series = { client, task, broker, rates: [], cpuSeconds: [] }
    this.#all.push(fresh)
    return fresh
  }

  get all (): readonly Series[] { return this.#all }
}

/** Makes a topic of one partition for the time of `work`. */
async function withTopic (broker: BenchBroker, topic: string, work: () => Promise<void>): Promise<void> {
  const admin = new Kafka({ clientId: 'bench', brokers: [broker.brokers], logLevel: logLevel.ERROR }).admin()
  await admin.connect()
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] })
    await work()
    await admin.deleteTopics({ topics: [topic] })
  } finally {
    await admin.disconnect()
  }
}

async function round (broker: BenchBroker, client: BenchClient, work: Work, series: SeriesSet | undefined): Promise<void> {
  await withTopic(broker, work.topic, async () => {
    for (const task of ['produce', 'consume'] as const) {
      const cpuBefore = cpuSecondsOf(broker)
      const seconds = await client[task](work)
      const kept = series?.of(client.name, task, broker.name)
      kept?.rates.push(work.records / seconds)
      kept?.cpuSeconds.push((cpuSecondsOf(broker) - cpuBefore) / work.records * 1e6)
    }
  })
}

/** Every client on every broker, A B A B …; the first time for warming up. */
async function rounds (
  brokers: readonly BenchBroker[], clients: readonly BenchClient[], settings: Settings, progress: (text: string) => void
): Promise<readonly Series[]> {
  const series = new SeriesSet()
  for (let n = 0; n <= settings.rounds; n++) {
    for (const client of clients) {
      for (const broker of brokers) {
        progress(`${n === 0 ? 'warming up' : `round ${n} of ${settings.rounds}`}: ${client.name} on ${broker.name}`)
        const records = n === 0 ? Math.min(settings.records, WARM_UP_RECORDS) : settings.records
        await round(broker, client, { brokers: broker.brokers, topic: `bench-${client.name}-${n}`, records }, n === 0 ? undefined : series)
      }
    }
  }
  return series.all
}

function measuresOf (all: readonly Series[]): Measure[] {
  return all.flatMap(({ client, task, broker, rates, cpuSeconds }) => {
    const name = `${client} ${task}, ${broker}`
    const other = all.find(one => one.client === client && one.task === task && one.broker === 'Apache Kafka')
    const ratio = broker === 'embedded' && other !== undefined
      ? [{ name: `${client} ${task}: embedded / Apache Kafka`, value: median(rates) / median(other.rates), unit: '×' }]
      : []
    return [
      { name: `${name}: median`, value: median(rates), unit: 'records/s' },
      { name: `${name}: min`, value: Math.min(...rates), unit: 'records/s' },
      { name: `${name}: max`, value: Math.max(...rates), unit: 'records/s' },
      { name: `${name}: the broker's processor time for a million`, value: median(cpuSeconds), unit: 's' },
      ...ratio
    ]
  })
}

function goalsOf (all: readonly Series[]): Goal[] {
  return (['produce', 'consume'] as const).flatMap(task => {
    const of = (broker: BenchBroker['name']): Series | undefined => all.find(one => one.client === 'kafkajs' && one.task === task && one.broker === broker)
    const [embedded, real] = [of('embedded'), of('Apache Kafka')]
    return embedded === undefined || real === undefined ? [] : [rateGoal(`kafkajs ${task}, against Apache Kafka`, median(real.rates), median(embedded.rates), 'records/s')]
  })
}

/** Resident memory of a fresh embedded broker that so many records go through, MiB. */
async function memory (folder: string, records: number, progress: (text: string) => void): Promise<{ measures: Measure[], peak: number }> {
  const broker = await startEmbeddedBroker(join(folder, 'memory'), undefined)
  let peak = 0
  const sample = (): number => {
    const { rssMiB } = readUse(broker.pid)
    peak = Math.max(peak, rssMiB)
    return rssMiB
  }
  const sampling = setInterval(sample, MEMORY_SAMPLE_MS)
  try {
    const start = sample()
    const after: Partial<Record<Task, number>> = {}
    const name = `${records.toLocaleString('en-US')} records`
    await withTopic(broker, 'bench-memory', async () => {
      for (const task of ['produce', 'consume'] as const) {
        progress(`memory: ${task} ${name}`)
        await kafkajsClient[task]({ brokers: broker.brokers, topic: 'bench-memory', records })
        after[task] = sample()
      }
    })
    const of = (text: string, value: number): Measure => ({ name: `memory of the embedded broker, ${text}`, value, unit: 'MiB' })
    return { measures: [of('at start', start), of(`${name} produced`, after.produce!), of('and consumed', after.consume!), of('peak', peak)], peak }
  } finally {
    clearInterval(sampling)
    await broker.stop()
  }
}

async function run (flags: readonly string[], progress: (text: string) => void): Promise<Report> {
  const settings = settingsFrom(flags)
  const folder = mkdtempSync(join(tmpdir(), 'linklog-bench-'))
  const brokers: BenchBroker[] = []
  try {
    const classPath = settings.java ? await kafkaClassPath() : undefined
    if (settings.java && classPath === undefined) {
      progress('Java 17, Maven or (the first time) Maven Central is missing: without Apache Kafka and without Java\'s perf tools')
    }
    brokers.push(await startEmbeddedBroker(join(folder, 'embedded'), settings.profile))
    if (classPath !== undefined) brokers.push(await startApacheKafka(classPath, join(folder, 'real')))
    const clients = classPath === undefined ? [kafkajsClient] : [kafkajsClient, javaClient(classPath)]
    const all = await rounds(brokers, clients, settings, progress)
    const measures = measuresOf(all)
    const goals = goalsOf(all)
    for (const broker of brokers.splice(0)) await broker.stop()
    if (settings.memoryRecords > 0) {
      const taken = await memory(folder, settings.memoryRecords, progress)
      measures.push(...taken.measures)
      goals.push(timeGoal(`peak memory over ${settings.memoryRecords.toLocaleString('en-US')} records`, MEMORY_GOAL_MIB, taken.peak, 'MiB'))
    }
    const { records, rounds: roundCount } = settings
    return { benchmark: 'broker', machine: machine(), settings: { records, rounds: roundCount, batch: BATCH_RECORDS, bytes: RECORD_BYTES, partitions: 1 }, measures, goals }
  } finally {
    for (const broker of brokers) await broker.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = { usage, run }
