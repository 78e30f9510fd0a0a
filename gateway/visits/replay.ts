// How the visits of a past period would have been spread by rules, from the cells of the tables: what the visits tell, and what they do not.
import type { RedirectRule } from '../events/link-event.js'
import type { RuleFacts } from '../links/rule-facts.js'
import { spreadOf, type Spread } from '../links/rule-trial.js'
import { cellColumns } from '../queries/visit-tables.js'
import { quarterMs } from './calendar.js'

const column = (name: typeof cellColumns[number]): number => cellColumns.indexOf(name)
const columns = { browser: column('browser'), os: column('os'), device: column('device'), country: column('country'), language: column('language') }

/** The facts of visits that were alike: of their language only the primary subtag, nothing of their query, no draw. */
class RecordedFacts implements RuleFacts {
  readonly isLanguageWhole = false
  readonly query = undefined
  readonly at: number
  readonly #values: readonly string[]

  constructor (values: readonly string[], at: number) {
    this.#values = values
    this.at = at
  }

  #of (name: keyof typeof columns): string {
    return this.#values[columns[name]] ?? ''
  }

  get device (): string { return this.#of('device') }
  get os (): string { return this.#of('os') }
  get browser (): string { return this.#of('browser') }
  get language (): string | null { return this.#of('language') || null }
  get country (): string | null { return this.#of('country') || null }
  draw (): undefined { return undefined }
}

/** A condition that recorded visits cannot answer, or not whole. */
export interface Caveat { readonly pointer: string, readonly detail: string }

const caveatOf = (dimension: string, operands: readonly string[]): string | undefined => {
  switch (dimension) {
    case 'query': return 'visits do not record query parameters: taken as not met, and what it concerns is told as undecided'
    case 'percent': return 'who would have been drawn is not known: counted as the share that is to be expected'
    case 'language': return operands.some(tag => tag.includes('-'))
      ? 'visits record languages without region: where that decides it is taken as not met, and told as undecided'
      : undefined
    case 'date': return operands.some(end => end !== '' && Date.parse(end) % quarterMs !== 0)
      ? 'visits are counted by the quarter of an hour: those of the quarter in which the window begins or ends go by its start'
      : undefined
    default: return undefined
  }
}

/** What the visits cannot tell about these rules. */
export const caveatsOf = (rules: readonly RedirectRule[]): readonly Caveat[] =>
  rules.flatMap(({ conditions }, rule) => conditions.flatMap(({ dimension, operands }, condition) => {
    const detail = caveatOf(dimension, operands)
    return detail === undefined ? [] : [{ pointer: `/rules/${rule}/conditions/${condition}`, detail }]
  }))

/** Sums up cells; visits are expected numbers where rules split by percentage. */
export class Replay {
  readonly #rules: readonly RedirectRule[]
  readonly #hasDates: boolean
  /** Visits that were alike are spread alike: worked out once, for each quarter of an hour where a date decides. */
  readonly #known = new Map<string, Spread>()
  readonly visits: number[]
  readonly undecided: number[]
  rest = 0
  total = 0
  unclassified = 0

  constructor (rules: readonly RedirectRule[]) {
    this.#rules = rules
    this.#hasDates = rules.some(({ conditions }) => conditions.some(({ dimension }) => dimension === 'date'))
    this.visits = rules.map(() => 0)
    this.undecided = rules.map(() => 0)
  }

  #spread (values: readonly string[], start: number): Spread {
    const key = JSON.stringify([...Object.values(columns).map(index => values[index]), this.#hasDates ? start : 0])
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const spread = spreadOf(this.#rules, new RecordedFacts(values, start))
    this.#known.set(key, spread)
    return spread
  }

  add (values: readonly string[], start: number, count: number): void {
    const { rules, rest, undecided } = this.#spread(values, start)
    for (const [index, part] of rules.entries()) this.visits[index] = (this.visits[index] ?? 0) + part * count
    for (const [index, part] of undecided.entries()) this.undecided[index] = (this.undecided[index] ?? 0) + part * count
    this.rest += rest * count
    this.total += count
  }
}
