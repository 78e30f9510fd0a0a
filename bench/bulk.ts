// How fast POST /api/links/bulk makes links: one request of many lines, each outcome told, and how much memory that takes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { Client } from 'undici'
import { readLines } from '../gateway/ksqldb/lines.js'
import { linksInTable } from './create.js'
import { machine, rateGoal } from './report.js'
import type { Benchmark, Report } from './report.js'
import { ServiceProcess } from './service.js'

const usage = `Links made by one POST /api/links/bulk on the embedded stack, each line answered as created.
  --lines N    in the request (100,000)
`

const linesPerChunk = 500
const sampleMs = 250

async function * body (lines: number, name: string): AsyncGenerator<string> {
  for (let from = 0; from < lines; from += linesPerChunk) {
    let chunk = ''
    for (let n = from; n < Math.min(lines, from + linesPerChunk); n++) {
      chunk += `{"url":"https://example.com/${name}/${n}","slug":"${name}-${n}","title":"Page ${n}","tags":["bench"]}\n`
    }
    yield chunk
  }
}

/** Sends the lines while it reads the outcomes. @throws Error where one is not `created`, or they are not as many. */
async function send (url: string, lines: number, name: string): Promise<number> {
  const client = new Client(url, { bodyTimeout: 120_000, headersTimeout: 120_000 })
  const started = performance.now()
  try {
    const response = await client.request({
      method: 'POST',
      path: '/api/links/bulk',
      headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': name },
      body: Readable.from(body(lines, name))
    })
    if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${await response.body.text()}`)
    let told = 0
    for await (const outcome of readLines(response.body)) {
      if (!outcome.includes('"outcome":"created"')) throw new Error(outcome)
      told++
    }
    if (told !== lines) throw new Error(`${lines} lines were sent, and ${told} answered`)
    return (performance.now() - started) / 1_000
  } finally {
    await client.close()
  }
}

const run = async (flags: readonly string[], progress: (text: string) => void): Promise<Report> => {
  const { values } = parseArgs({ args: [...flags], options: { lines: { type: 'string', default: '100000' } } })
  const lines = Number(values.lines)
  const folder = mkdtempSync(join(tmpdir(), 'linklog-bench-'))
  const service = await ServiceProcess.start({ dataDir: folder })
  try {
    const warmUp = Math.min(5_000, lines)
    await send(service.url, warmUp, 'warm')
    progress(`${lines} lines`)
    let memory = service.memoryMiB()
    const sampling = setInterval(() => {
      const { gateway, others } = service.memoryMiB()
      memory = { gateway: Math.max(gateway, memory.gateway), others: Math.max(others, memory.others) }
    }, sampleMs)
    const before = service.cpuSeconds()
    const seconds = await send(service.url, lines, 'bulk')
    const after = service.cpuSeconds()
    clearInterval(sampling)
    const found = await linksInTable(service.ksqldbUrl)
    if (found !== warmUp + lines) throw new Error(`${warmUp + lines} links were confirmed, and the table has ${found}`)
    const perLink = (spent: number) => spent * 1_000 / lines
    return {
      benchmark: 'bulk',
      machine: machine(),
      settings: { lines },
      measures: [
        { name: 'confirmed links', value: lines / seconds, unit: '/s' },
        { name: 'processor time of the gateway a link', value: perLink(after.gateway - before.gateway), unit: 'ms' },
        { name: 'processor time of the stack a link', value: perLink(after.others - before.others), unit: 'ms' },
        { name: 'memory of the gateway, at most', value: memory.gateway, unit: 'MiB' },
        { name: 'memory of the stack, at most', value: memory.others, unit: 'MiB' }
      ],
      goals: [rateGoal('confirmed links', 2_000, lines / seconds, '/s')]
    }
  } finally {
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = { usage, run }
