// How soon a visit is seen: from the 302 to its count in a pull query, while so many redirects a second are answered besides.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Client } from 'undici'
import { makeLinks, pullLines } from './redirect-links.js'
import { runLoad } from './redirect-load-process.js'
import { machine, quantile, timeGoal, type Benchmark, type Report } from './report.js'
import { ServiceProcess } from './service.js'
import { linkName } from './visits.js'

const usage = `From a 302 to its count in a pull query, with other redirects beside it.
  --rate N     redirects a second besides (5,000)
  --seconds N  (20)
  --links N    that they are spread over (1,000)
`

const PROBES = 200
const LOOK_EVERY_MS = 5
const GIVE_UP_MS = 30_000
const WARM_UP_MS = 3_000

/** Visits a link that nobody else asks for, and waits for its count. */
async function probe (client: Client, ksqldbUrl: string, link: string, visit: number): Promise<number> {
  const { statusCode, body } = await client.request({ method: 'GET', path: `/${link}`, headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0' } })
  await body.dump()
  if (statusCode !== 302) throw new Error(`A probe was answered ${statusCode}`)
  const answered = performance.now()
  for (;;) {
    let total = 0
    await pullLines(ksqldbUrl, `SELECT total FROM visits_by_link WHERE link = '${link}';`, line => { total = Number((JSON.parse(line) as number[])[0]) })
    const ms = performance.now() - answered
    if (total > visit) throw new Error(`${link} was counted ${total} times after ${visit} visits`)
    if (total === visit) return ms
    if (ms > GIVE_UP_MS) throw new Error(`${link} was not counted within ${GIVE_UP_MS} ms`)
    await delay(LOOK_EVERY_MS)
  }
}

async function run (flags: readonly string[], progress: (text: string) => void): Promise<Report> {
  const { values } = parseArgs({
    args: [...flags],
    options: { rate: { type: 'string', default: '5000' }, seconds: { type: 'string', default: '20' }, links: { type: 'string', default: '1000' } }
  })
  const [rate, seconds, links] = [Number(values.rate), Number(values.seconds), Number(values.links)]
  const dataDir = mkdtempSync(join(tmpdir(), 'linklog-bench-freshness-'))
  const service = await ServiceProcess.start({ dataDir })
  const client = new Client(service.url)
  try {
    await makeLinks(service, 0, links + PROBES)
    const port = Number(new URL(service.url).port)
    const loading = rate === 0 ? undefined : runLoad({ port, connections: 64, links, seconds: seconds + WARM_UP_MS / 1000, rate, seed: 1 })
    await delay(WARM_UP_MS)
    const times: number[] = []
    const endsAt = performance.now() + seconds * 1000
    // several at once, each on links of its own, so that moments in the whole of an interval are met
    await Promise.all(Array.from({ length: 8 }, async (_, worker) => {
      for (let n = 0; performance.now() < endsAt; n++) {
        times.push(await probe(client, service.ksqldbUrl, linkName(links + worker * 25 + n % 25), Math.floor(n / 25) + 1))
        await delay(n * 37 % 100)
      }
    }))
    const result = await loading
    progress(`${times.length} probes beside ${Math.round((result?.redirected ?? 0) / (result?.seconds ?? 1))} redirects a second`)
    const sorted = Float64Array.from(times).sort()
    return {
      benchmark: 'freshness',
      machine: machine(),
      settings: { rate, seconds, links },
      measures: [
        { name: 'redirects besides', value: (result?.redirected ?? 0) / (result?.seconds ?? 1), unit: '/s' },
        { name: 'from 302 to count, p50', value: quantile(sorted, 0.5), unit: 'ms' },
        { name: 'from 302 to count, p99', value: quantile(sorted, 0.99), unit: 'ms' }
      ],
      goals: [timeGoal('from 302 to count, p99', 500, quantile(sorted, 0.99), 'ms')]
    }
  } finally {
    await client.close()
    await service.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = { usage, run }
