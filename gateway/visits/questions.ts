// Answers questions about visits from the tables: the hours where they are enough, else the cells; within bounds of rows, time and questions at once.
import { LinklogError } from '../errors.js'
import { KeyedGate } from '../links/gate.js'
import type { CellVisitor, DomainTotals, Orphan, RestVisitor, Scope, VisitTables } from '../queries/visit-tables.js'
import { hourMs } from './calendar.js'
import type { Question } from './question.js'
import { Tally, type Breakdown, type Bucket } from './tally.js'

export interface Answer {
  readonly visits: number
  /** About how many, without robots, summed over the days (UTC) that begin in the period; null where filters or a short period leave nothing to tell. */
  readonly visitors: number | null
  /** Visits of which the tables tell no more than that they were. */
  readonly unclassified: number
  readonly buckets: readonly Bucket[]
  readonly breakdowns: readonly Breakdown[]
}

export interface OrphanPage { readonly orphans: readonly Orphan[], readonly slugs: number }

export interface VisitQuestionsOptions {
  readonly tables: VisitTables
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
  readonly timeoutMs: number
  /** Cells and hours that one question may read. */
  readonly rowsMax?: number
}

/** Questions that read many rows run a few at a time; others wait, and beyond that are refused. */
const questionsAtOnce = 4
const questionsWaiting = 64
const rowsPreset = 1_000_000
/** Links that a tag may lead to in one question. */
export const linksMax = 1_000
const domainsMax = 1_000

const tooLarge = (detail: string): LinklogError => new LinklogError('question_too_large', detail)

/** Whether hours (UTC) can be put together to the buckets: not so in a zone that is half an hour off. */
const isWholeHours = (bounds: readonly number[]): boolean => bounds.every(ms => ms % hourMs === 0)

export class VisitQuestions {
  readonly #options: VisitQuestionsOptions
  readonly #gate = new KeyedGate(questionsAtOnce, questionsWaiting)

  constructor (options: VisitQuestionsOptions) {
    this.#options = options
  }

  async #run<T> (task: (timeLeftMs: () => number) => Promise<T>): Promise<T> {
    let started = false
    try {
      return await this.#gate.run('', async () => {
        started = true
        const deadline = this.#options.now() + this.#options.timeoutMs
        return await task(() => Math.max(1, Math.ceil(deadline - this.#options.now())))
      })
    } catch (error) {
      if (!started) throw new LinklogError('overloaded', 'Too many questions wait', { headers: { 'retry-after': '1' }, cause: error })
      throw error
    }
  }

  #counter (): (rows: number) => void {
    const max = this.#options.rowsMax ?? rowsPreset
    let read = 0
    return rows => {
      read += rows
      if (read > max) throw tooLarge(`It takes more than ${max} rows: ask for a shorter period, or fewer links`)
    }
  }

  /** @throws LinklogError question_too_large, overloaded. */
  async ask (scope: Scope, question: Question): Promise<Answer> {
    const { bounds, filters, groups } = question
    const [from, to] = [bounds[0] as number, bounds.at(-1) as number]
    const needsCells = filters.length > 0 || groups.some(by => by !== 'link' && by !== 'domain') || !isWholeHours(bounds)
    const tally = new Tally(question)
    if (scope.names.length > 0) {
      await this.#run(async timeLeftMs => {
        const count = this.#counter()
        const { tables } = this.#options
        const reading = needsCells
          ? tables.cells(scope, from, to, {
            onCell: (...cell) => tally.cell(...cell), onRest: (...rest) => tally.rest(...rest), onRow: cells => count(cells + 1)
          }, timeLeftMs)
          : tables.hours(scope, from, to, ({ name, start, total, withoutBots }) => {
            count(1)
            tally.hour(name, start, withoutBots, total - withoutBots)
          }, timeLeftMs)
        const counting = filters.length > 0 ? undefined : tables.visitors(scope, from, to, (start, visitors) => tally.day(start, visitors), timeLeftMs)
        await Promise.all([reading, counting])
      })
    }
    return {
      visits: tally.visits,
      visitors: tally.visitors,
      unclassified: tally.unclassified,
      buckets: tally.buckets(),
      breakdowns: tally.breakdowns()
    }
  }

  /** Every cell of a link in the quarters of an hour that begin from `from` on and before `to`. @throws LinklogError question_too_large, overloaded. */
  async cells (link: string, from: number, to: number, onCell: CellVisitor, onRest: RestVisitor): Promise<void> {
    await this.#run(async timeLeftMs => {
      const count = this.#counter()
      await this.#options.tables.cells({ of: 'links', names: [link] }, from, to, { onCell, onRest, onRow: cells => count(cells + 1) }, timeLeftMs)
    })
  }

  /** The links that have a tag now. @throws LinklogError question_too_large. */
  async tagged (tag: string): Promise<readonly string[]> {
    const links = await this.#options.tables.tagged(tag, linksMax + 1)
    if (links.length > linksMax) throw tooLarge(`More than ${linksMax} links have the tag`)
    return links
  }

  /** Every domain that was ever visited, with its totals. @throws LinklogError question_too_large. */
  async domains (): Promise<readonly DomainTotals[]> {
    const domains = await this.#options.tables.domains()
    if (domains.length > domainsMax) throw tooLarge(`There are more than ${domainsMax} domains`)
    return domains
  }

  /** The slugs asked for most that were not there, `count` of them that `isWanted`, the first first. @throws LinklogError question_too_large, overloaded. */
  async orphans (count: number, isWanted: (orphan: Orphan) => boolean, order: (a: Orphan, b: Orphan) => number): Promise<OrphanPage> {
    return await this.#run(async timeLeftMs => {
      const read = this.#counter()
      let best: Orphan[] = []
      let slugs = 0
      await this.#options.tables.orphans(orphan => {
        read(1)
        if (!isWanted(orphan)) return
        slugs++
        best.push(orphan)
        if (best.length >= count * 2 + 1_000) best = best.sort(order).slice(0, count)
      }, timeLeftMs)
      return { orphans: best.sort(order).slice(0, count), slugs }
    })
  }
}
