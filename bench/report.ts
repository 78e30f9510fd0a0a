// What a benchmark gives, and how it is printed: measures in rows, and each goal beside what was reached.
import { cpus, totalmem } from 'node:os'

export interface Measure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

export interface Goal {
  readonly name: string
  /** What was asked for, in `unit`. */
  readonly goal: number
  readonly reached: number
  readonly unit: string
  /** 1 or more: the goal is met. For a time, goal / reached; for a rate, reached / goal. */
  readonly ratio: number
}

export interface Report {
  readonly benchmark: string
  readonly machine: { readonly cpus: number, readonly model: string, readonly memoryGiB: number, readonly node: string }
  readonly settings: Readonly<Record<string, number | string>>
  readonly measures: readonly Measure[]
  readonly goals: readonly Goal[]
  /** The same of each round, where one run measures several. */
  readonly each?: readonly Report[]
}

export interface Benchmark {
  readonly usage: string
  /** The flags of each of its runs in `all`; one run without any where it says nothing. */
  readonly suites?: readonly (readonly string[])[]
  /** The flag that says how many rounds one run measures: `all` then runs it once for each suite. */
  readonly rounds?: string
  /** Throws where a result is wrong: a fast wrong answer is no measure. */
  readonly run: (flags: readonly string[], progress: (text: string) => void) => Promise<Report>
}

export const machine = (): Report['machine'] => ({
  cpus: cpus().length,
  model: cpus()[0]?.model ?? 'unknown',
  memoryGiB: Math.round(totalmem() / 2 ** 30 * 10) / 10,
  node: process.version
})

const threeDigits = (value: number): number => Number(value.toPrecision(3))

/** The more the better. */
export const rateGoal = (name: string, goal: number, reached: number, unit: string): Goal =>
  ({ name, goal, reached, unit, ratio: threeDigits(reached / goal) })

/** The less the better. */
export const timeGoal = (name: string, goal: number, reached: number, unit: string): Goal =>
  ({ name, goal, reached, unit, ratio: threeDigits(goal / reached) })

/** The value below which a share of the values lies; the values must be sorted. 0 for none. */
export function quantile (sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** As people read it: three digits, or whole with commas. */
export const printNumber = (value: number): string => value >= 100 ? Math.round(value).toLocaleString('en-US') : String(threeDigits(value))

function columns (rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map(row => row[at]?.length ?? 0)))
  return rows.map(row => `  ${row.map((cell, at) => at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)).join('  ')}\n`).join('')
}

export function printReport ({ benchmark, machine, settings, measures, goals }: Report): string {
  const set = Object.entries(settings).map(([name, value]) => `${name} ${typeof value === 'number' ? printNumber(value) : value}`).join(', ')
  return `${benchmark}: ${machine.cpus} × ${machine.model}, ${machine.memoryGiB} GiB, Node ${machine.node}\n${set}\n\n` +
    columns(measures.map(({ name, value, unit }) => [name, printNumber(value), unit])) +
    '\n' + columns([
    ['goal', 'asked', 'reached', '', 'ratio'],
    ...goals.map(({ name, goal, reached, unit, ratio }) => [name, printNumber(goal), printNumber(reached), unit, String(ratio)])
  ])
}
