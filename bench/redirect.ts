// How fast links redirect, every visit counted, beside what Fastify alone could do: in one run, on one machine, each server on the same processor.
//   a  Fastify answering 302 from a Map
//   b  Linklog, every visit recorded and shipped, with the embedded stack running
//   c  the same gateway with its visits shipped to Apache Kafka; registry and ksqlDB are the embedded ones, from which it has the links
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { Kafka, logLevel } from 'kafkajs'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { kafkaClassPath } from '../test/clients/support/real-kafka.js'
import { startApacheKafka, type BenchBroker } from './brokers.js'
import type { LoadResult } from './redirect-load.js'
import { runLoad } from './redirect-load-process.js'
import { makeLinks, pullLines } from './redirect-links.js'
import { machine, rateGoal, timeGoal, type Benchmark, type Goal, type Measure, type Report } from './report.js'
import { ServiceProcess } from './service.js'
import { StackProcess } from './stack.js'

const usage = `Redirects a second over kept connections: (a) Fastify alone, (b) Linklog on the embedded stack, (c) Linklog shipping to Apache Kafka.
  --links N        links, each asked for as often as any other (1,000)
  --connections N  (64)
  --seconds N      of each measurement (8)
  --rounds N       a, b and c again, in turn; ratios are of medians (3)
  --no-kafka       without (c)
`

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const DRAIN_TIMEOUT_MS = 240_000
const CACHE_LINKS = 100_000

/** Server on the first processor, load and stack on the others; nothing where there is no taskset or one processor. */
const pinned = spawnSync('taskset', ['-c', '0', 'true']).status === 0 && machine().cpus > 1
const onServerCpu = pinned ? ['taskset', '-c', '0'] : []
const pinElsewhere = (pid: number | undefined): void => {
  if (pinned && pid !== undefined) spawnSync('taskset', ['-a', '-c', '-p', `1-${machine().cpus - 1}`, String(pid)])
}

/** The stack shares its processors with the load, which must not be what is measured: it takes what the load leaves, and catches up behind it. */
const yieldToLoad = (pid: number | undefined): void => {
  if (pid === undefined) return
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), 10)
  } catch {} // not on Linux, or not allowed: then they share evenly
}

interface Settings { readonly links: number, readonly connections: number, readonly seconds: number, readonly rounds: number, readonly kafka: boolean }

async function startBare (links: number): Promise<{ port: number, child: ChildProcess }> {
  const [command = '', ...args] = [...onServerCpu, process.execPath, here('redirect-bare.js'), String(links)]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    child.once('exit', code => reject(new Error(`Fastify ended with ${code ?? 'a signal'}`)))
  })
  return { port: (JSON.parse(line) as { port: number }).port, child }
}

interface Counter { readonly name: string, readonly count: () => Promise<number> }

/** Waits until as many visits are counted as redirects were answered. @throws Error where it is another number. */
async function drained (counter: Counter, expected: number): Promise<number> {
  const started = performance.now()
  for (;;) {
    const counted = await counter.count()
    if (counted === expected) return (performance.now() - started) / 1000
    if (counted > expected || performance.now() - started > DRAIN_TIMEOUT_MS) {
      throw new Error(`${counter.name}: ${counted} visits counted of ${expected} redirects answered`)
    }
    await delay(250)
  }
}

/** Visits as the table has them. */
const inTable = (ksqldbUrl: string): Counter => ({
  name: 'visits_by_link',
  count: async () => {
    let sum = 0
    await pullLines(ksqldbUrl, 'SELECT total FROM visits_by_link;', line => { sum += Number((JSON.parse(line) as number[])[0]) })
    return sum
  }
})

/** Visits as a consumer that reads what is committed finds them in the topic. */
async function inTopic (brokers: string): Promise<Counter & { close: () => Promise<void> }> {
  const consumer = new Kafka({ clientId: 'bench', brokers: [brokers], logLevel: logLevel.ERROR }).consumer({ groupId: 'bench-count' })
  let counted = 0
  await consumer.connect()
  await consumer.subscribe({ topic: 'visits', fromBeginning: true })
  await consumer.run({ eachBatch: async ({ batch }) => { counted += batch.messages.length } })
  return { name: 'visits in Apache Kafka', count: async () => counted, close: async () => await consumer.disconnect() }
}

interface Target { readonly port: number, readonly counter: Counter | undefined, answered: number, readonly results: LoadResult[], drainSeconds: number }

const portOf = (url: string): number => Number(new URL(url).port)
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
const perSecond = ({ results }: Target): number => median(results.map(({ redirected, seconds }) => redirected / seconds))
const timeOf = ({ results }: Target, of: 'p50' | 'p99' | 'p999'): number => median(results.map(result => result[of]))

async function measure (name: string, target: Target, settings: Settings, round: number, progress: (text: string) => void): Promise<void> {
  const { connections, links, seconds } = settings
  const result = await runLoad({ port: target.port, connections, links, seconds, rate: 0, seed: round + 1 }, pinElsewhere)
  if (result.others > 0) throw new Error(`${name}: ${result.others} answers were no 302`)
  target.results.push(result)
  target.answered += result.redirected
  if (target.counter !== undefined) target.drainSeconds = Math.max(target.drainSeconds, await drained(target.counter, target.answered))
  progress(`${name}: ${Math.round(result.redirected / result.seconds)}/s, p50 ${result.p50.toFixed(2)} ms, p99 ${result.p99.toFixed(2)} ms` +
    (target.counter === undefined ? '' : `; ${target.answered} answered, ${target.answered} counted`))
}

/** Each in turn, so that what the machine does besides falls on all alike. The first round warms up, and is left out. */
async function rounds (targets: ReadonlyMap<string, Target>, settings: Settings, progress: (text: string) => void): Promise<void> {
  for (let round = 0; round <= settings.rounds; round++) {
    for (const [name, target] of targets) {
      await measure(name, target, round === 0 ? { ...settings, seconds: Math.min(4, settings.seconds) } : settings, round, progress)
      if (round === 0) target.results.length = 0
    }
  }
}

function reportOf (targets: ReadonlyMap<string, Target>, settings: Settings): Report {
  const [a, b, c] = ['a', 'b', 'c'].map(name => targets.get(name))
  const measures: Measure[] = [...targets].flatMap(([name, target]) => [
    { name: `${name}: redirects`, value: perSecond(target), unit: '/s' },
    ...(['p50', 'p99', 'p999'] as const).map(of => ({ name: `${name}: ${of}`, value: timeOf(target, of), unit: 'ms' })),
    ...(target.counter === undefined
      ? []
      : [
          { name: `${name}: 302 answered`, value: target.answered, unit: '' }, { name: `${name}: visits counted`, value: target.answered, unit: '' },
          { name: `${name}: until all were counted, at most`, value: target.drainSeconds, unit: 's' }
        ])
  ])
  const ratio = (of: Target): number => perSecond(of) / perSecond(a!)
  const goals: Goal[] = [
    rateGoal('b/a', settings.links > CACHE_LINKS ? 0.6 : 0.75, ratio(b!), ''),
    timeGoal('p99 of b / p99 of a', 2, timeOf(b!, 'p99') / timeOf(a!, 'p99'), '')
  ]
  if (c !== undefined) measures.push({ name: 'c/a', value: ratio(c), unit: '' })
  return { benchmark: 'redirect', machine: machine(), settings: { ...settings, kafka: String(settings.kafka), pinned: String(pinned) }, measures, goals }
}

const gatewayEnv = (stack: StackProcess, kafka: string): Record<string, string> => ({
  KAFKA_BROKERS: kafka,
  SCHEMA_REGISTRY_URL: stack.schemaRegistryUrl,
  KSQLDB_URL: stack.ksqldbUrl,
  CACHE_LINKS_MAX: String(CACHE_LINKS),
  SPOOL_MAX_BYTES: String(4 * 2 ** 30)
})

async function run (flags: readonly string[], progress: (text: string) => void): Promise<Report> {
  const { values } = parseArgs({
    args: [...flags],
    options: {
      links: { type: 'string', default: '1000' },
      connections: { type: 'string', default: '64' },
      seconds: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '3' },
      'no-kafka': { type: 'boolean', default: false }
    }
  })
  const classPath = values['no-kafka'] ? undefined : await kafkaClassPath()
  const settings: Settings = {
    links: Number(values.links),
    connections: Number(values.connections),
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    kafka: classPath !== undefined
  }
  const folder = mkdtempSync(join(tmpdir(), 'linklog-bench-redirect-'))
  const closing: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })]
  const folderOf = (name: string): string => {
    mkdirSync(join(folder, name))
    return join(folder, name)
  }
  const target = (port: number, counter?: Counter): Target => ({ port, counter, answered: 0, results: [], drainSeconds: 0 })
  try {
    const stack = await StackProcess.start(folderOf('stack'), undefined)
    closing.push(async () => await stack.stop())
    pinElsewhere(stack.pid)
    yieldToLoad(stack.pid)
    const bare = await startBare(settings.links)
    closing.push(() => { bare.child.kill() })
    const linklog = await ServiceProcess.start({ dataDir: folderOf('b'), env: gatewayEnv(stack, stack.kafkaBrokers), prefix: onServerCpu })
    closing.push(async () => await linklog.stop())
    const makingAt = performance.now()
    await makeLinks(stack, 0, settings.links)
    progress(`${settings.links} links made in ${((performance.now() - makingAt) / 1000).toFixed(1)} s`)
    const targets = new Map([['a', target(bare.port)], ['b', target(portOf(linklog.url), inTable(stack.ksqldbUrl))]])
    if (classPath !== undefined) {
      const kafka: BenchBroker = await startApacheKafka(classPath, folderOf('kafka'))
      closing.push(async () => await kafka.stop())
      pinElsewhere(kafka.pid)
      yieldToLoad(kafka.pid)
      const shipping = await ServiceProcess.start({ dataDir: folderOf('c'), env: gatewayEnv(stack, kafka.brokers), prefix: onServerCpu })
      closing.push(async () => await shipping.stop())
      const counter = await inTopic(kafka.brokers)
      closing.push(async () => await counter.close())
      targets.set('c', target(portOf(shipping.url), counter))
    }
    await rounds(targets, settings, progress)
    const each = Array.from({ length: settings.rounds }, (_, round) =>
      reportOf(new Map([...targets].map(([name, target]) => [name, { ...target, results: target.results.slice(round, round + 1) }])), settings))
    return { ...reportOf(targets, settings), each }
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

/** Links that are not in memory are asked for together, those of more connections more of them at once: hence with few and with many. */
const suites = [['--links', '1000'], ['--links', '1000000', '--no-kafka'], ['--links', '1000000', '--connections', '256', '--no-kafka']]

export const benchmark: Benchmark = { usage, run, suites, rounds: '--rounds' }
