// Whether the gateway's memory stays what it is: over many redirects, and with many connections that are kept open and ask nothing.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { request } from 'undici'
import { sample } from '../test/helpers/metrics.js'
import { makeLinks } from './redirect-links.js'
import { runLoad } from './redirect-load-process.js'
import { machine, timeGoal, type Benchmark, type Goal, type Measure, type Report } from './report.js'
import { ServiceProcess } from './service.js'
import { readUse } from './stack.js'
import { linkName } from './visits.js'

const usage = `Memory of the gateway: with connections that idle, and over many redirects.
  --redirects N  in all, with a sample at each tenth (10,000,000)
  --idle N       connections that are kept open (10,000): \`ulimit -n\` must allow a few more
  --seconds N    of load beside the idle ones (10)
`

const LINKS = 1_000
const CONNECTIONS = 64
const SAMPLES = 10
const CHUNK_SECONDS = 5
const SHIPPED_TIMEOUT_MS = 600_000
const MIB = 2 ** 20
/** Files that a gateway has open beside its connections, and as many of the benchmark. */
const OTHER_FILES = 200

async function samples (url: string): Promise<(name: string) => number> {
  const { body } = await request(`${url}/metrics`)
  const text = await body.text()
  return name => sample(text, name) ?? NaN
}

/** Resolves when the log has every visit, so that all samples are taken in the same state. */
async function shipped (url: string): Promise<void> {
  const until = performance.now() + SHIPPED_TIMEOUT_MS
  while ((await samples(url))('linklog_spool_unshipped_bytes') > 0) {
    if (performance.now() > until) throw new Error(`The spool was not shipped within ${SHIPPED_TIMEOUT_MS} ms`)
    await delay(200)
  }
}

/** One connection: opened, asked once, kept. `ask` asks again; both throw where the answer is no 302. */
class KeptConnection {
  readonly #socket: Socket
  #answered = (_: Error | undefined): void => {}

  constructor (port: number) {
    this.#socket = connect({ port, host: '127.0.0.1' })
    this.#socket.on('data', chunk => this.#answered(chunk.toString('latin1').startsWith('HTTP/1.1 302') ? undefined : new Error(chunk.toString('latin1').slice(0, 200))))
    this.#socket.on('error', error => this.#answered(error))
    this.#socket.on('close', () => this.#answered(new Error('the connection was closed')))
  }

  async ask (n: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#answered = error => error === undefined ? resolve() : reject(error)
      this.#socket.write(`GET /${linkName(n % LINKS)} HTTP/1.1\r\nHost: go.example\r\nUser-Agent: Mozilla/5.0\r\n\r\n`)
    })
  }

  close (): void {
    this.#socket.destroy()
  }
}

const atOnce = 100

async function askAll (connections: readonly KeptConnection[]): Promise<void> {
  for (let n = 0; n < connections.length; n += atOnce) await Promise.all(connections.slice(n, n + atOnce).map(async (one, at) => await one.ask(n + at)))
}

async function idle (service: ServiceProcess, count: number, seconds: number, progress: (text: string) => void): Promise<Measure[]> {
  const allowed = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  if (allowed !== 'unlimited' && Number(allowed) < count + OTHER_FILES) {
    throw new Error(`${count} connections need \`ulimit -n ${count + OTHER_FILES}\`, and it is ${allowed}`)
  }
  const port = Number(new URL(service.url).port)
  const alone = await runLoad({ port, connections: CONNECTIONS, links: LINKS, seconds, rate: 1_000, seed: 1 })
  await shipped(service.url)
  const before = readUse(service.pid).rssMiB
  const connections: KeptConnection[] = []
  for (let n = 0; n < count; n += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, count - n) }, () => new KeptConnection(port))
    connections.push(...some)
    await askAll(some)
  }
  const after = readUse(service.pid).rssMiB
  const beside = await runLoad({ port, connections: CONNECTIONS, links: LINKS, seconds, rate: 1_000, seed: 2 })
  await askAll(connections)
  progress(`${count} connections stayed, and were answered again`)
  for (const one of connections) one.close()
  return [
    { name: 'idle connections, answered before and after', value: count, unit: '' },
    { name: 'memory of one of them', value: Math.max(0, after - before) * 1024 / count, unit: 'KiB' },
    { name: '1,000 redirects a second without them, p50', value: alone.p50, unit: 'ms' },
    { name: '1,000 redirects a second without them, p99', value: alone.p99, unit: 'ms' },
    { name: '1,000 redirects a second beside them, p50', value: beside.p50, unit: 'ms' },
    { name: '1,000 redirects a second beside them, p99', value: beside.p99, unit: 'ms' }
  ]
}

interface Point { readonly redirects: number, readonly rssMiB: number, readonly heapMiB: number }

/** By least squares: how much `of` grows with a million redirects. The first point is left out: until then caches fill. */
export function slopePerMillion (points: readonly Point[], of: (point: Point) => number): number {
  const rest = points.slice(1)
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(rest.map(({ redirects }) => redirects)), mean(rest.map(of))]
  const variance = rest.reduce((sum, { redirects }) => sum + (redirects - x) ** 2, 0)
  return variance === 0 ? 0 : rest.reduce((sum, point) => sum + (point.redirects - x) * (of(point) - y), 0) / variance * 1_000_000
}

/** The least heap that is seen, in MiB, as long as it goes on. */
async function watch (url: string, goesOn: () => boolean): Promise<number> {
  let least = Infinity
  for (; goesOn(); await delay(250)) least = Math.min(least, (await samples(url))('nodejs_heap_size_used_bytes') / MIB)
  return least
}

async function soak (service: ServiceProcess, redirects: number, progress: (text: string) => void): Promise<Point[]> {
  const port = Number(new URL(service.url).port)
  const points: Point[] = []
  let answered = 0
  while (answered < redirects) {
    let heapMiB = Infinity
    for (const until = Math.min(redirects, answered + redirects / SAMPLES); answered < until;) {
      const loading = runLoad({ port, connections: CONNECTIONS, links: LINKS, seconds: CHUNK_SECONDS, rate: 0, seed: answered + 1 })
      // what is left behind a collection is the least that is seen: whether one has just run does not matter then
      let watching = true
      const [{ redirected, others }, least] = await Promise.all([loading.finally(() => { watching = false }), watch(service.url, () => watching)])
      heapMiB = Math.min(heapMiB, least)
      if (others > 0) throw new Error(`${others} requests were answered otherwise`)
      answered += redirected
      await shipped(service.url)
    }
    points.push({ redirects: answered, rssMiB: readUse(service.pid).rssMiB, heapMiB })
    const { rssMiB } = points.at(-1) as Point
    progress(`${answered} redirects: resident ${rssMiB.toFixed(1)} MiB, least heap ${heapMiB.toFixed(1)} MiB`)
  }
  return points
}

async function run (flags: readonly string[], progress: (text: string) => void): Promise<Report> {
  const { values } = parseArgs({
    args: [...flags],
    options: { redirects: { type: 'string', default: '10000000' }, idle: { type: 'string', default: '10000' }, seconds: { type: 'string', default: '10' } }
  })
  const [redirects, connections, seconds] = [Number(values.redirects), Number(values.idle), Number(values.seconds)]
  const dataDir = mkdtempSync(join(tmpdir(), 'linklog-bench-soak-'))
  const service = await ServiceProcess.start({ dataDir })
  try {
    await makeLinks(service, 0, LINKS)
    const measures = connections === 0 ? [] : await idle(service, connections, seconds, progress)
    const points = redirects === 0 ? [] : await soak(service, redirects, progress)
    const goals: Goal[] = []
    if (points.length > 2) {
      const heap = slopePerMillion(points, ({ heapMiB }) => heapMiB)
      measures.push(
        { name: 'redirects', value: (points.at(-1) as Point).redirects, unit: '' },
        { name: 'resident after the first tenth', value: (points[0] as Point).rssMiB, unit: 'MiB' },
        { name: 'resident at the end', value: (points.at(-1) as Point).rssMiB, unit: 'MiB' },
        { name: 'resident, growth with a million', value: slopePerMillion(points, ({ rssMiB }) => rssMiB), unit: 'MiB' },
        { name: 'least heap after the first tenth', value: (points[0] as Point).heapMiB, unit: 'MiB' },
        { name: 'least heap at the end', value: (points.at(-1) as Point).heapMiB, unit: 'MiB' }
      )
      goals.push(timeGoal('least heap, growth with a million', 1, Math.max(heap, 0.001), 'MiB'))
    }
    return { benchmark: 'soak', machine: machine(), settings: { redirects, idle: connections, seconds }, measures, goals }
  } finally {
    await service.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = { usage, run }
