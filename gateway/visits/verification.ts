// Recounts the log for one link and holds the tables against it.
import { setTimeout as wait } from 'node:timers/promises'
import { LinklogError } from '../errors.js'
import { KeyedGate } from '../links/gate.js'
import type { LinkCounts, VisitTables } from '../queries/visit-tables.js'
import type { LoggedVisit, VisitLog } from './log.js'

export interface LogCount {
  readonly partition: number
  /** The offset behind the last record that was read. */
  readonly offset: number
  readonly records: number
  readonly total: number
  readonly withoutBots: number
  readonly firstVisit: number | null
  readonly lastVisit: number | null
}

export interface Difference { readonly table: string, readonly field: string, readonly log: number | null, readonly found: number | null }

export interface Verification {
  /** Whether the log was read to its end in time: without it nothing is compared. */
  readonly complete: boolean
  readonly equal: boolean | null
  readonly log: LogCount
  readonly tables: Readonly<Record<string, LinkCounts>> | null
  readonly differences: readonly Difference[]
}

export interface VerificationOptions {
  readonly log: Pick<VisitLog, 'partitionOf' | 'visits'>
  readonly tables: Pick<VisitTables, 'counted'>
  /** Where each partition of the log ends now. */
  readonly ends: () => Promise<ReadonlyMap<number, number>>
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
  readonly timeoutMs: number
}

/** A recount reads a whole partition: one at a time, a few waiting. */
const recountsAtOnce = 1
const recountsWaiting = 4
/** Tables follow the log by a moment: they are given so many looks to come to where it was read to. */
const looksMax = 10
const lookAgainMs = 300

const fields = ['total', 'withoutBots', 'records', 'firstVisit', 'lastVisit'] as const

export class Verifier {
  readonly #options: VerificationOptions
  readonly #gate = new KeyedGate(recountsAtOnce, recountsWaiting)

  constructor (options: VerificationOptions) {
    this.#options = options
  }

  /** @throws LinklogError overloaded. */
  async verify (link: string, signal: AbortSignal): Promise<Verification> {
    let started = false
    try {
      return await this.#gate.run('', async () => {
        started = true
        return await this.#verify(link, signal)
      })
    } catch (error) {
      if (!started) throw new LinklogError('overloaded', 'Other recounts wait', { headers: { 'retry-after': '10' }, cause: error })
      throw error
    }
  }

  async #verify (link: string, asked: AbortSignal): Promise<Verification> {
    const { log, ends, timeoutMs, now } = this.#options
    const deadline = now() + timeoutMs
    const signal = AbortSignal.any([asked, AbortSignal.timeout(timeoutMs)])
    const partition = await log.partitionOf(link)
    const counter = new Counter(partition)
    for (let look = 1; ; look++) {
      const end = (await ends()).get(partition) ?? 0
      const before = counter.count.records
      counter.offset = await log.visits(partition, counter.offset, end, key => key === link, visit => counter.add(visit), signal)
      if (signal.aborted) return { complete: false, equal: null, log: counter.count, tables: null, differences: [] }
      const tables = await this.#options.tables.counted(link)
      const differences = compare(counter.count, tables)
      if (differences.length === 0) return { complete: true, equal: true, log: counter.count, tables, differences }
      // a link that is visited without a pause never stands still: what differs then is told as it was last seen
      const isStill = look > 1 && counter.count.records === before
      if ((look >= looksMax && isStill) || look >= looksMax * 3 || now() + lookAgainMs > deadline) {
        return { complete: true, equal: false, log: counter.count, tables, differences }
      }
      await wait(lookAgainMs, undefined, { signal }).catch(() => {})
    }
  }
}

class Counter {
  readonly #partition: number
  #records = 0
  #total = 0
  #withoutBots = 0
  #first: number | null = null
  #last: number | null = null
  offset = 0

  constructor (partition: number) {
    this.#partition = partition
  }

  add ({ visit: { outcome, bot, visited_at: at } }: LoggedVisit): void {
    if (outcome !== 'not_found') this.#records++
    if (outcome !== 'redirected') return
    this.#total++
    if (!bot) this.#withoutBots++
    this.#first = Math.min(this.#first ?? at, at)
    this.#last = Math.max(this.#last ?? at, at)
  }

  get count (): LogCount {
    return {
      partition: this.#partition, offset: this.offset, records: this.#records, total: this.#total, withoutBots: this.#withoutBots,
      firstVisit: this.#first, lastVisit: this.#last
    }
  }
}

const compare = (log: LogCount, tables: Readonly<Record<string, LinkCounts>>): readonly Difference[] =>
  Object.entries(tables).flatMap(([table, found]) => fields
    .filter(field => field in found && found[field] !== log[field])
    .map(field => ({ table, field, log: log[field], found: found[field] ?? null })))
