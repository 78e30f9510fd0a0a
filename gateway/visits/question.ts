// What can be asked of visits: a period in a time zone, cut into a series or not, filters and breakdowns. Read from a request's parameters.
import { LinklogError } from '../errors.js'
import { boundaries, hourMs, isZone, quarterMs, dayMs, type Unit } from './calendar.js'

/** What a visit can be told apart by beyond its link. */
export const dimensions = ['version', 'rule', 'referrer', 'browser', 'os', 'device', 'country', 'language'] as const
export type Dimension = typeof dimensions[number]
/** What visits can be broken down by: `link` where several are asked for, `domain` where all links of domains are. */
export const groupings = [...dimensions, 'bot', 'link', 'domain'] as const
export type Grouping = typeof groupings[number]
export const botChoices = ['exclude', 'include', 'only'] as const
export type Bots = typeof botChoices[number]

export interface Filter { readonly dimension: Dimension, readonly values: ReadonlySet<string>, readonly isExclusion: boolean }

export interface Question {
  /** Undefined: the whole period is one. */
  readonly by: Unit | undefined
  readonly zone: string
  /** Where the series' buckets begin, and behind them where the last ends; without a series the period's two ends. */
  readonly bounds: readonly number[]
  readonly bots: Bots
  readonly filters: readonly Filter[]
  readonly groups: readonly Grouping[]
  /** Values told of each breakdown. */
  readonly limit: number
}

/** A parameter that may be given several times. */
export type Several = string | readonly string[]

export type QuestionParameters = Partial<Record<Dimension | `${Dimension}Not`, Several>> & {
  readonly by?: Unit
  readonly zone?: string
  readonly from?: string
  readonly to?: string
  readonly bots?: Bots
  readonly group?: Several
  readonly limit?: number
}

export const bucketsMax = 5_000
export const valuesMax = 100
const limitPreset = 100

/** How a value that a visit does not have is called. */
export const noValue = (dimension: Dimension): string => dimension === 'referrer' ? '(direct)' : dimension === 'rule' ? '(none)' : '(unknown)'

const defaultMs: Readonly<Record<Unit, number>> = { hour: 24 * hourMs, day: 30 * dayMs, week: 12 * 7 * dayMs, month: 365 * dayMs }

export const refuse = (pointer: string, detail: string): LinklogError =>
  new LinklogError('invalid_request', `${pointer} ${detail}`, { errors: [{ pointer, detail }] })

const list = (value: Several | undefined): readonly string[] => value === undefined ? [] : typeof value === 'string' ? [value] : value

const period = (asked: QuestionParameters, zone: string, now: number): readonly number[] => {
  const { by } = asked
  const to = asked.to === undefined ? now + 1 : Date.parse(asked.to)
  const from = asked.from === undefined ? to - defaultMs[by ?? 'day'] : Date.parse(asked.from)
  if (from >= to) throw refuse('from', 'must be earlier than to')
  if (from < 0) throw refuse('from', 'must not be before 1970')
  if (by === undefined) return [Math.floor(from / quarterMs) * quarterMs, Math.ceil(to / quarterMs) * quarterMs]
  try {
    return boundaries(by, zone, from, to, bucketsMax)
  } catch (error) {
    if (error instanceof RangeError) throw refuse('from', `must not be more than ${bucketsMax} ${by}s before to`)
    throw error
  }
}

const filtersOf = (asked: QuestionParameters): readonly Filter[] => dimensions.flatMap(dimension => {
  const filters: Filter[] = []
  for (const [name, isExclusion] of [[dimension, false], [`${dimension}Not`, true]] as const) {
    const values = list(asked[name])
    if (values.length > valuesMax) throw refuse(name, `must be given at most ${valuesMax} times`)
    if (values.length > 0) filters.push({ dimension, values: new Set(values), isExclusion })
  }
  return filters
})

const groupsOf = (asked: QuestionParameters, allowed: readonly Grouping[]): readonly Grouping[] => {
  const names = [...new Set(list(asked.group).flatMap(text => text.split(',')).map(text => text.trim()))]
  for (const name of names) {
    if (!(allowed as readonly string[]).includes(name)) throw refuse('group', `must be some of ${allowed.join(', ')}`)
  }
  return names as Grouping[]
}

/**
 * The question that the parameters ask. `from` is put back and `to` forward to where a bucket begins; without a series, to a quarter of an hour.
 * @param allowed what the visits may be filtered and broken down by.
 * @throws LinklogError invalid_request naming the parameter.
 */
export const toQuestion = (asked: QuestionParameters, allowed: readonly Grouping[], now: number): Question => {
  const zone = asked.zone ?? 'UTC'
  if (!isZone(zone)) throw refuse('zone', 'must be a time zone of the IANA database, such as Europe/Zurich')
  const filters = filtersOf(asked)
  for (const { dimension } of filters) {
    if (!allowed.includes(dimension)) throw refuse(dimension, 'says something of the links of one question only')
  }
  return {
    by: asked.by, zone, bounds: period(asked, zone, now), bots: asked.bots ?? 'exclude', filters, groups: groupsOf(asked, allowed), limit: asked.limit ?? limitPreset
  }
}
