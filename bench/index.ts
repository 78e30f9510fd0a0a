#!/usr/bin/env node
// Runs one benchmark by name: `npm run bench -- NAME [--json] [its own flags]`, as a table for people or one JSON object for programs.
import { printReport } from './report.js'
import type { Benchmark } from './report.js'

const benchmarks: Readonly<Record<string, () => Promise<{ benchmark: Benchmark }>>> = {
  broker: () => import('./broker.js'),
  bulk: () => import('./bulk.js'),
  create: () => import('./create.js'),
  engine: () => import('./engine.js'),
  freshness: () => import('./freshness.js'),
  redirect: () => import('./redirect.js'),
  soak: () => import('./soak.js'),
  state: () => import('./state.js')
}

async function all (flags: readonly string[]): Promise<number> {
  const { allUsage, runAll } = await import('./all.js')
  if (flags.includes('--help')) {
    process.stdout.write(`Usage: npm run bench -- all [flags]\n\n${allUsage}`)
    return 0
  }
  const loaded = await Promise.all(Object.entries(benchmarks).map(async ([name, load]) => [name, (await load()).benchmark] as const))
  process.stdout.write(await runAll(flags, new Map(loaded), text => process.stderr.write(`${text}\n`)))
  return 0
}

async function main (args: readonly string[]): Promise<number> {
  const [name = '', ...flags] = args
  if (name === 'all') return await all(flags)
  const load = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined
  if (load === undefined || flags.includes('--help')) {
    const { benchmark } = load === undefined ? { benchmark: undefined } : await load()
    const usage = `Usage: npm run bench -- NAME [--json] [flags]\n\n${benchmark?.usage ?? `NAME is one of: ${Object.keys(benchmarks).join(', ')}, or all\n`}`
    process.stdout.write(usage)
    return flags.includes('--help') || name === '--help' ? 0 : 1
  }
  const { benchmark } = await load()
  const json = flags.includes('--json')
  // Progress goes to standard error, so that standard output is the result alone.
  const report = await benchmark.run(flags.filter(flag => flag !== '--json'), text => process.stderr.write(`${text}\n`))
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : printReport(report))
  return 0
}

try {
  process.exit(await main(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.stack ?? error.message : String(error)}\n`)
  process.exit(1)
}
