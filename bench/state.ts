// What a commit costs in a state store of some age, whose free pages lie scattered: with the engine's bounds of free pages in memory,
// and with lmdb's own, in the same run.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openEnvironment, type Environment } from '../embedded/ksqldb/runtime/state/environment.js'
import { machine, quantile, timeGoal, type Benchmark, type Measure, type Report } from './report.js'

const usage = `Commits of one row in a state store of some age: (linklog) as the engine opens it, (lmdb) with lmdb's own bounds of free pages, each after the same writes.
  --rows N      rows of 100 bytes that the store has (400,000)
  --rounds N    of writes that make it old: 20,000 rows anywhere, then one value of 400 kB (30)
  --commits N   of one row, measured after that (100)
`
const ROW_BYTES = 100
const LARGE_BYTES = 400_000
const SCATTERED_ROWS = 20_000
const FILL_ROWS = 50_000
const KEY_BYTES = 16

/** Rows lie by a number that has nothing to do with their order, as keys of links do. */
const keyOf = (n: number): Buffer => {
  const key = Buffer.alloc(KEY_BYTES)
  key.writeUInt32BE(Math.imul(n, 2_654_435_761) >>> 0, 4)
  key.writeUInt32BE(n, 8)
  return key
}
const largeKey = Buffer.alloc(KEY_BYTES, 255)

interface Settings { readonly rows: number, readonly rounds: number, readonly commits: number }
interface Commits { readonly p50: number, readonly p99: number, readonly fileMiB: number }

/** Ages the store and measures its commits, in milliseconds. */
async function measure (db: Environment, { rows, rounds, commits }: Settings): Promise<Commits> {
  for (let from = 0; from < rows; from += FILL_ROWS) {
    db.transactionSync(() => { for (let n = from; n < Math.min(rows, from + FILL_ROWS); n++) db.putSync(keyOf(n), Buffer.alloc(ROW_BYTES)) })
  }
  for (let round = 0; round < rounds; round++) {
    db.transactionSync(() => {
      // a stride that has no divisor in common with the rows: each round other rows, spread over all
      for (let i = 0; i < SCATTERED_ROWS; i++) db.putSync(keyOf((round * SCATTERED_ROWS + i) * 7919 % rows), Buffer.alloc(ROW_BYTES, round))
    })
    db.transactionSync(() => db.putSync(largeKey, Buffer.alloc(LARGE_BYTES, round)))
    await delay(0)
  }
  const times: number[] = []
  for (let n = 0; n < commits; n++) {
    const started = performance.now()
    db.transactionSync(() => db.putSync(keyOf(n % rows), Buffer.alloc(ROW_BYTES, 255)))
    times.push(performance.now() - started)
    await delay(0)
  }
  times.sort((a, b) => a - b)
  const { pageSize, lastPageNumber } = db.getStats() as { pageSize: number, lastPageNumber: number }
  await db.close()
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), fileMiB: pageSize * lastPageNumber / 2 ** 20 }
}

async function run (flags: readonly string[], progress: (text: string) => void): Promise<Report> {
  const { values } = parseArgs({
    args: [...flags],
    options: { rows: { type: 'string', default: '400000' }, rounds: { type: 'string', default: '30' }, commits: { type: 'string', default: '100' } }
  })
  const settings: Settings = { rows: Number(values.rows), rounds: Number(values.rounds), commits: Number(values.commits) }
  const folder = mkdtempSync(join(tmpdir(), 'linklog-bench-state-'))
  const ways: readonly (readonly [string, (path: string) => Environment])[] = [
    ['linklog', path => openEnvironment(path)],
    ['lmdb', path => openEnvironment(path, {})]
  ]
  try {
    const results = new Map<string, Commits>()
    for (const [name, openStore] of ways) {
      const result = await measure(openStore(join(folder, name)), settings)
      progress(`${name}: a commit of one row takes ${result.p50.toFixed(2)} ms, p99 ${result.p99.toFixed(2)} ms; ${result.fileMiB.toFixed(0)} MiB`)
      results.set(name, result)
    }
    const measures: Measure[] = [...results].flatMap(([name, { p50, p99, fileMiB }]) => [
      { name: `${name}: commit of one row, p50`, value: p50, unit: 'ms' }, { name: `${name}: commit of one row, p99`, value: p99, unit: 'ms' },
      { name: `${name}: file`, value: fileMiB, unit: 'MiB' }
    ])
    const [linklog, lmdb] = [results.get('linklog')!, results.get('lmdb')!]
    return {
      benchmark: 'state', machine: machine(), settings: { ...settings }, measures, goals: [timeGoal('commit of one row, p50, of linklog / of lmdb', 1, linklog.p50 / lmdb.p50, '')]
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const benchmark: Benchmark = { usage, run }
