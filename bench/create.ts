// How fast links are made: creations that were confirmed by the log over many connections, and the time of one alone.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Client } from 'undici'
import { machine, quantile, rateGoal, timeGoal } from './report.js'
import type { Benchmark, Report } from './report.js'
import { ServiceProcess } from './service.js'

const usage = `Links made by POST /api/links on the embedded stack, each a 201 that the log has confirmed.
  --links N        how many under load (20,000)
  --connections N  over how many connections (32)
  --alone N        how many one after another (500)
`

interface Run { readonly perSecond: number, readonly p50: number, readonly p99: number }

/** Makes links of URLs that nobody has asked for. @throws Error at the first answer that is not 201: a fast refusal is no measure. */
async function create (url: string, connections: number, links: number, name: string): Promise<Run> {
  const times: number[] = []
  let next = 0
  const started = performance.now()
  await Promise.all(Array.from({ length: connections }, async () => {
    const client = new Client(url, { pipelining: 1 })
    while (next < links) {
      const body = `{"url":"https://example.com/${name}/${next++}"}`
      const asked = performance.now()
      const response = await client.request({ method: 'POST', path: '/api/links', headers: { 'content-type': 'application/json' }, body })
      const text = await response.body.text()
      times.push(performance.now() - asked)
      if (response.statusCode !== 201) throw new Error(`${response.statusCode}: ${text}`)
    }
    await client.close()
  }))
  const seconds = (performance.now() - started) / 1_000
  const sorted = Float64Array.from(times).sort()
  return { perSecond: links / seconds, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

/** What the tables hold afterwards, asked of ksqlDB itself. */
export async function linksInTable (ksqldbUrl: string): Promise<number> {
  const client = new Client(ksqldbUrl)
  try {
    const { body } = await client.request({
      method: 'POST',
      path: '/query-stream',
      headers: { 'content-type': 'application/json', accept: 'application/vnd.ksqlapi.delimited.v1' },
      body: JSON.stringify({ sql: 'SELECT link FROM link_revisions;' })
    })
    return (await body.text()).split('\n').filter(line => line.startsWith('[')).length
  } finally {
    await client.close()
  }
}

const run = async (flags: readonly string[], progress: (text: string) => void): Promise<Report> => {
  const { values } = parseArgs({
    args: [...flags],
    options: {
      links: { type: 'string', default: '20000' }, connections: { type: 'string', default: '32' }, alone: { type: 'string', default: '500' }
    }
  })
  const [links, connections, alone] = [Number(values.links), Number(values.connections), Number(values.alone)]
  const folder = mkdtempSync(join(tmpdir(), 'linklog-bench-'))
  const service = await ServiceProcess.start({ dataDir: folder })
  try {
    const warmUp = Math.min(5_000, links)
    await create(service.url, connections, warmUp, 'warm-up')
    progress(`${links} links over ${connections} connections`)
    const before = service.cpuSeconds()
    const loaded = await create(service.url, connections, links, 'loaded')
    const after = service.cpuSeconds()
    progress(`${alone} links one after another`)
    const single = await create(service.url, 1, alone, 'alone')
    const expected = warmUp + links + alone
    const found = await linksInTable(service.ksqldbUrl)
    if (found !== expected) throw new Error(`${expected} links were confirmed, and the table has ${found}`)
    const perLink = (seconds: number) => seconds * 1_000 / links
    return {
      benchmark: 'create',
      machine: machine(),
      settings: { links, connections, alone },
      measures: [
        { name: 'confirmed links', value: loaded.perSecond, unit: '/s' },
        { name: 'one of them, p50', value: loaded.p50, unit: 'ms' },
        { name: 'one of them, p99', value: loaded.p99, unit: 'ms' },
        { name: 'one alone, p50', value: single.p50, unit: 'ms' },
        { name: 'one alone, p99', value: single.p99, unit: 'ms' },
        { name: 'processor time of the gateway a link', value: perLink(after.gateway - before.gateway), unit: 'ms' },
        { name: 'processor time of the stack a link', value: perLink(after.others - before.others), unit: 'ms' }
      ],
      goals: [
        rateGoal('confirmed links', 2_000, loaded.perSecond, '/s'),
        timeGoal('one alone, p50', 15, single.p50, 'ms')
      ]
    }
  } finally {
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = { usage, run }
