// Benchmarks, each so many times, and one table of what came out: bench/RESULTS.md, with the machine, the versions and the day.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine, printNumber, type Benchmark, type Goal, type Report } from './report.js'

const usual = 'redirect,create,freshness'

export const allUsage = `The benchmarks of what is promised, each run a process of its own, into one table: about 25 minutes.
  --runs N      of each, or rounds where a run measures several (5)
  --only NAMES  these, with commas between (${usual})
  --out FILE    (bench/RESULTS.md)
`

const root = fileURLToPath(new URL('../../', import.meta.url))
const RUN_TIMEOUT_MS = 1_800_000

interface Row { readonly name: string, readonly unit: string, readonly values: number[], asked: string }

/** The rows of some runs with the same flags: each measure and each goal with the least, the middle and the most of them. */
export function rowsOf (reports: readonly Report[]): Row[] {
  const rows = new Map<string, Row>()
  const add = (name: string, unit: string, value: number, asked: string): void => {
    const row = rows.get(name) ?? { name, unit, values: [], asked }
    row.values.push(value)
    rows.set(name, row)
  }
  const asked = ({ goal, reached, ratio }: Goal): string => `${(reached > goal) === (ratio > 1) ? 'at least' : 'at most'} ${printNumber(goal)}`
  for (const { measures, goals } of reports) {
    for (const { name, value, unit } of measures) add(name, unit, value, '')
    for (const goal of goals) {
      // a goal may be one of the measures: then it has its values already
      if (measures.some(({ name }) => name === goal.name)) rows.get(goal.name)!.asked = asked(goal)
      else add(goal.name, goal.unit, goal.reached, asked(goal))
    }
  }
  return [...rows.values()]
}

/** A benchmark's part of the page. */
export function section (title: string, reports: readonly Report[]): string {
  const settings = Object.entries(reports[0]?.settings ?? {}).map(([name, value]) => `${name} ${value}`).join(', ')
  const lines = rowsOf(reports).map(({ name, unit, values, asked }) => {
    const sorted = [...values].sort((a, b) => a - b)
    return `| ${name} | ${[sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map(value => printNumber(value ?? 0)).join(' | ')} | ${unit} | ${asked} |`
  })
  return `## ${title}\n\n${settings === '' ? '' : `${settings}\n\n`}| | min | median | max | | asked |\n|---|---:|---:|---:|---|---|\n${lines.join('\n')}\n`
}

function runOnce (name: string, flags: readonly string[]): Report {
  const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(new URL('index.js', import.meta.url)), name, '--json', ...flags], {
    encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: RUN_TIMEOUT_MS, maxBuffer: 2 ** 26
  })
  if (status !== 0) throw new Error(`${name} ${flags.join(' ')} ended with ${status ?? 'a signal'}`)
  return JSON.parse(stdout) as Report
}

/** Runs them and writes the page; a benchmark that fails fails it all, since a table with holes would hide that. */
export async function runAll (flags: readonly string[], benchmarks: ReadonlyMap<string, Benchmark>, progress: (text: string) => void): Promise<string> {
  const { values } = parseArgs({
    args: [...flags],
    options: { runs: { type: 'string', default: '5' }, only: { type: 'string', default: usual }, out: { type: 'string', default: `${root}bench/RESULTS.md` } }
  })
  const names = values.only.split(',')
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }
  const { cpus, model, memoryGiB, node } = machine()
  const parts: string[] = []
  for (const name of names) {
    const benchmark = benchmarks.get(name)
    if (benchmark === undefined) throw new Error(`There is no benchmark ${name}: ${[...benchmarks.keys()].join(', ')}`)
    for (const suite of benchmark.suites ?? [[]]) {
      const reports: Report[] = []
      const processes = benchmark.rounds === undefined ? Number(values.runs) : 1
      const asked = benchmark.rounds === undefined ? suite : [...suite, benchmark.rounds, values.runs]
      for (let run = 1; run <= processes; run++) {
        progress(`${name} ${asked.join(' ')}: run ${run} of ${processes}`)
        const report = runOnce(name, asked)
        reports.push(...report.each ?? [report])
      }
      parts.push(section([name, ...suite].join(' '), reports))
    }
  }
  const head = `# What was measured\n\nLinklog ${version}, Node ${node}, ${process.platform} ${process.arch}, ${cpus} × ${model}, ${memoryGiB} GiB, ${new Date().toISOString().slice(0, 10)}. ` +
    `Each row is of ${values.runs} runs. Made by \`npm run bench -- all\`; what a benchmark measures is told by \`npm run bench -- NAME --help\`.\n\n`
  const page = head + parts.join('\n')
  writeFileSync(values.out, page)
  return page
}
