// What each client did on each broker, kept between runs and put together as the table for the README.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE } from './real-kafka.js'

export interface Results {
  readonly client: string
  readonly stack: string
  /** By operation: whether it went well. */
  readonly results: Readonly<Record<string, boolean>>
}

const FOLDER = join(CACHE, 'results')

/** Markdown: a row for each client's operation, a column for each broker. What was not run is left empty. */
export function tableOf (all: readonly Results[]): string {
  const clients = [...new Set(all.map(one => one.client))].sort()
  const cell = (client: string, stack: string, operation: string) => {
    const ok = all.find(one => one.client === client && one.stack === stack)?.results[operation]
    return ok === undefined ? '' : ok ? 'yes' : '**no**'
  }
  const rows = clients.flatMap(client => {
    const operations = [...new Set(all.filter(one => one.client === client).flatMap(one => Object.keys(one.results)))]
    return operations.map(operation => `| ${client} | ${operation} | ${cell(client, 'embedded', operation)} | ${cell(client, 'kafka', operation)} |`)
  })
  return ['| client | operation | embedded | Apache Kafka 3.9.1 |', '|---|---|---|---|', ...rows, ''].join('\n')
}

const read = (name: string) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Results

/** Whole or not at all: files of tests that run side by side read what the others write. */
function write (name: string, text: string): void {
  const partial = join(FOLDER, `${name}.partial-${process.pid}`)
  writeFileSync(partial, text)
  renameSync(partial, join(FOLDER, name))
}

/** Keeps the results beside those of operations that were not run this time and still exist, and renews `table.md`. */
export function recordResults ({ client, stack, results }: Results, operations: readonly string[]): void {
  mkdirSync(FOLDER, { recursive: true })
  const name = `${client}.${stack}.json`
  const known = existsSync(join(FOLDER, name)) ? { ...read(name).results, ...results } : results
  const kept = Object.fromEntries(operations.flatMap(operation => known[operation] === undefined ? [] : [[operation, known[operation]]]))
  write(name, JSON.stringify({ client, stack, results: kept }))
  write('table.md', tableOf(readdirSync(FOLDER).filter(file => file.endsWith('.json')).map(read)))
}
