// Adds up hours or cells into the buckets and breakdowns of a question.
import { dayMs } from './calendar.js'
import { cellColumns } from '../queries/visit-tables.js'
import { noValue, type Dimension, type Filter, type Grouping, type Question } from './question.js'

export interface Bucket {
  readonly start: number
  readonly end: number
  readonly total: number
  readonly withoutBots: number
  /** Of these, those that the question's choice of bots counts. */
  readonly visits: number
  readonly visitors: number | null
}

export interface Breakdown {
  readonly by: Grouping
  readonly values: readonly { readonly value: string, readonly visits: number }[]
  /** What lies behind the question's limit. */
  readonly more: { readonly values: number, readonly visits: number }
}

/** What visits that a table has left out are told as. */
export const other = '(other)'

interface Check { readonly column: number, readonly none: string, readonly values: ReadonlySet<string>, readonly isExclusion: boolean }

const column = (dimension: Dimension): number => cellColumns.indexOf(dimension)

export class Tally {
  readonly #question: Question
  readonly #people: Float64Array
  readonly #bots: Float64Array
  readonly #visitors: Float64Array
  readonly #checks: readonly Check[]
  readonly #groups: readonly { readonly by: Grouping, readonly counts: Map<string, number> }[]
  /** Visits that no cell told more of: they stand in the totals, unless there are filters, and in breakdowns as (other). */
  unclassified = 0
  #last = 0

  constructor (question: Question) {
    this.#question = question
    this.#people = new Float64Array(question.bounds.length - 1)
    this.#bots = new Float64Array(question.bounds.length - 1)
    this.#visitors = new Float64Array(question.bounds.length - 1)
    this.#checks = question.filters.map(({ dimension, values, isExclusion }: Filter) =>
      ({ column: column(dimension), none: noValue(dimension), values, isExclusion }))
    this.#groups = question.groups.map(by => ({ by, counts: new Map() }))
  }

  /** Which bucket holds an instant; rows of a link come in the order of time, so the last one found is tried first. */
  #bucket (start: number): number {
    const { bounds } = this.#question
    const last = this.#last
    if (start >= (bounds[last] ?? Infinity) && start < (bounds[last + 1] ?? -Infinity)) return last
    let low = 0
    let high = bounds.length - 1
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (start < (bounds[middle] as number)) high = middle
      else low = middle
    }
    this.#last = low
    return low
  }

  #count (start: number, people: number, bots: number): number {
    const bucket = this.#bucket(start)
    this.#people[bucket] = (this.#people[bucket] ?? 0) + people
    this.#bots[bucket] = (this.#bots[bucket] ?? 0) + bots
    return this.#wanted(people, bots)
  }

  #wanted (people: number, bots: number): number {
    const { bots: choice } = this.#question
    return choice === 'exclude' ? people : choice === 'only' ? bots : people + bots
  }

  #group (valueOf: (by: Grouping) => string, visits: number): void {
    if (visits === 0) return
    for (const { by, counts } of this.#groups) {
      const value = valueOf(by)
      counts.set(value, (counts.get(value) ?? 0) + visits)
    }
  }

  hour (name: string, start: number, people: number, bots: number): void {
    this.#group(() => name, this.#count(start, people, bots))
  }

  cell (name: string, start: number, values: readonly string[], bot: boolean, count: number): void {
    for (const check of this.#checks) {
      if (check.values.has(values[check.column] || check.none) === check.isExclusion) return
    }
    const visits = this.#count(start, bot ? 0 : count, bot ? count : 0)
    this.#group(by => {
      if (by === 'link' || by === 'domain') return name
      return by === 'bot' ? String(bot) : values[column(by)] || noValue(by)
    }, visits)
  }

  rest (name: string, start: number, people: number, bots: number): void {
    this.unclassified += this.#wanted(people, bots)
    if (this.#checks.length > 0) return
    this.#count(start, people, bots)
    for (const [isBot, count] of [['false', people], ['true', bots]] as const) {
      this.#group(by => by === 'link' || by === 'domain' ? name : by === 'bot' ? isBot : other, isBot === 'true' ? this.#wanted(0, count) : this.#wanted(count, 0))
    }
  }

  /** About how many visitors came on the day (UTC) that begins here. */
  day (start: number, visitors: number): void {
    const bucket = this.#bucket(start)
    this.#visitors[bucket] = (this.#visitors[bucket] ?? 0) + visitors
  }

  /** Visitors of the days (UTC) that begin in a bucket; none where there is no such day, or what is asked for cannot be told of visitors. */
  #visitorsOf (bucket: number): number | null {
    const { bounds, filters, bots } = this.#question
    const hasDay = Math.ceil((bounds[bucket] as number) / dayMs) * dayMs < (bounds[bucket + 1] as number)
    return hasDay && filters.length === 0 && bots !== 'only' ? this.#visitors[bucket] ?? 0 : null
  }

  get visitors (): number | null {
    const known = this.buckets().map(({ visitors }) => visitors).filter(visitors => visitors !== null)
    return known.length === 0 ? null : known.reduce((sum, visitors) => sum + visitors, 0)
  }

  get visits (): number {
    return this.buckets().reduce((sum, { visits }) => sum + visits, 0)
  }

  /** All buckets in order, those without visits too. */
  buckets (): readonly Bucket[] {
    const { bounds } = this.#question
    return Array.from(this.#people, (people, n) => {
      const bots = this.#bots[n] ?? 0
      return {
        start: bounds[n] as number,
        end: bounds[n + 1] as number,
        total: people + bots,
        withoutBots: people,
        visits: this.#wanted(people, bots),
        visitors: this.#visitorsOf(n)
      }
    })
  }

  /** Each with its most frequent values first, and how much is behind them. */
  breakdowns (): readonly Breakdown[] {
    return this.#groups.map(({ by, counts }) => {
      const sorted = [...counts].map(([value, visits]) => ({ value, visits })).sort((a, b) => b.visits - a.visits || (a.value < b.value ? -1 : 1))
      const rest = sorted.slice(this.#question.limit)
      return { by, values: sorted.slice(0, this.#question.limit), more: { values: rest.length, visits: rest.reduce((sum, { visits }) => sum + visits, 0) } }
    })
  }
}
