// The dimensions that a rule's conditions may ask about: which operands each takes, in which form they are kept, and when one holds.
import Bowser from 'bowser'
import type { RuleCondition } from '../events/link-event.js'
import { drawPlaces, type RuleFacts } from './rule-facts.js'

export const ruleDimensions = ['device', 'os', 'browser', 'language', 'country', 'query', 'date', 'percent'] as const
export type RuleDimension = typeof ruleDimensions[number]

/** Thrown for an operand, by its index, or for the operands as a whole. */
export class OperandError extends Error {
  readonly index: number | undefined

  constructor (detail: string, index?: number) {
    super(detail)
    this.index = index
  }
}

/** Undefined: what it asks about is not known. */
export type Predicate = (facts: RuleFacts) => boolean | undefined

/** A percent condition's part of its draw: places from `from` on, below `below`. */
export interface Share { readonly draw: string, readonly from: number, readonly below: number }

interface Dimension {
  /** The operands in the form in which they are kept. @throws OperandError. */
  readonly operands: (given: readonly string[]) => readonly string[]
  readonly predicate: (condition: RuleCondition) => Predicate
}

/** Operands that are one of these names, whatever their case. */
const oneOf = (names: readonly string[], what: string) => {
  const byLowerCase = new Map(names.map(name => [name.toLowerCase(), name]))
  return (given: readonly string[]): readonly string[] => {
    const kept = given.map((text, index) => {
      const name = byLowerCase.get(text.trim().toLowerCase())
      if (name === undefined) throw new OperandError(`is no ${what}: ${names.join(', ')}`, index)
      return name
    })
    return some(kept)
  }
}

const some = (operands: readonly string[]): readonly string[] => {
  if (operands.length === 0) throw new OperandError('must name at least one value')
  return [...new Set(operands)]
}

const amongNames = (pick: (facts: RuleFacts) => string | null) => ({ operands }: RuleCondition): Predicate => {
  const names = new Set(operands.map(name => name.toLowerCase()))
  return facts => {
    const name = pick(facts)
    return name !== null && names.has(name.toLowerCase())
  }
}

const browserNames = [...Object.values(Bowser.BROWSER_MAP), 'unknown'] as string[]
const osNames = [...Object.values(Bowser.OS_MAP), 'unknown'] as string[]

const languages = (given: readonly string[]): readonly string[] => some(given.map((text, index) => {
  const tag = text.trim()
  if (!/^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$/.test(tag)) throw new OperandError('is no language: write it like de or de-AT', index)
  return tag.toLowerCase()
}))

/** RFC 4647 3.3.1: de holds for de-AT, de-AT does not hold for de. */
const spoken = ({ operands }: RuleCondition): Predicate => {
  const ranges = operands.map(tag => tag.toLowerCase())
  return ({ language, isLanguageWhole }) => {
    if (language === null) return false
    if (ranges.some(range => language === range || language.startsWith(`${range}-`))) return true
    return !isLanguageWhole && ranges.some(range => range.startsWith(`${language}-`)) ? undefined : false
  }
}

const countries = (given: readonly string[]): readonly string[] => some(given.map((text, index) => {
  const code = text.trim().toUpperCase()
  if (!/^[A-Z]{2}$/.test(code)) throw new OperandError('is no country: two letters of ISO 3166-1, like DE', index)
  return code
}))

const asked = ({ argument, operands }: RuleCondition): Predicate => {
  const name = argument ?? ''
  const values = new Set(operands)
  return ({ query }) => {
    if (query === undefined) return undefined
    return values.size === 0 ? query.has(name) : query.getAll(name).some(value => values.has(value))
  }
}

const instantOf = (text: string): number => text === '' ? Number.NaN : Date.parse(text)

const dates = (given: readonly string[]): readonly string[] => {
  if (given.length !== 2) throw new OperandError('must be two: the instant from which it holds and the instant before which it holds; either may be ""')
  const kept = given.map((text, index) => {
    if (text === '') return ''
    const ms = /^\d{4}-\d\d-\d\dT/.test(text) && /(?:Z|[+-]\d\d:\d\d)$/i.test(text) ? Date.parse(text) : Number.NaN
    if (Number.isNaN(ms)) throw new OperandError('is not an instant: write it like 2026-02-15T00:00:00Z, or "" for an open end', index)
    return new Date(ms).toISOString()
  })
  const [from, until] = kept.map(instantOf) as [number, number]
  if (Number.isNaN(from) && Number.isNaN(until)) throw new OperandError('must have at least one end')
  if (from >= until) throw new OperandError('must be later than the first', 1)
  return kept
}

const within = ({ operands }: RuleCondition): Predicate => {
  const [from = Number.NaN, until = Number.NaN] = operands.map(instantOf)
  // a comparison with NaN, an open end, is false
  return ({ at }) => !(at < from) && !(at >= until)
}

const percents = (given: readonly string[]): readonly string[] => {
  if (given.length !== 1) throw new OperandError('must be one number: a percentage')
  const text = (given[0] as string).trim()
  const percent = /^\d{1,3}(?:\.\d{1,2})?$/.test(text) ? Number(text) : Number.NaN
  if (!(percent >= 0.01 && percent <= 100)) throw new OperandError('must be a percentage from 0.01 to 100, with at most two decimals', 0)
  return [String(percent)]
}

/** Places of a draw that a percent condition takes. */
export const placesOf = ({ operands }: RuleCondition): number => Math.round(Number(operands[0]) * (drawPlaces / 100))

/** Holds for the visitors whose place in the draw lies in the share. */
export const drawn = ({ draw, from, below }: Share): Predicate => facts => {
  const place = facts.draw(draw)
  return place === undefined ? undefined : place >= from && place < below
}

const never: Predicate = () => false

const dimensions: Readonly<Record<RuleDimension, Dimension>> = {
  device: { operands: oneOf([...Object.values(Bowser.PLATFORMS_MAP), 'unknown'] as string[], 'device'), predicate: amongNames(facts => facts.device) },
  os: { operands: oneOf(osNames, 'operating system that is told apart'), predicate: amongNames(facts => facts.os) },
  browser: { operands: oneOf(browserNames, 'browser that is told apart'), predicate: amongNames(facts => facts.browser) },
  language: { operands: languages, predicate: spoken },
  country: { operands: countries, predicate: amongNames(facts => facts.country) },
  query: { operands: given => [...new Set(given)], predicate: asked },
  date: { operands: dates, predicate: within },
  percent: { operands: percents, predicate: () => never } // it needs the rules around it: rules.ts makes its predicate
}

const dimensionOf = (name: string): Dimension | undefined =>
  Object.hasOwn(dimensions, name) ? dimensions[name as RuleDimension] : undefined

/** The operands as they are kept. @throws OperandError. */
export const keptOperands = (dimension: RuleDimension, operands: readonly string[]): readonly string[] => dimensions[dimension].operands(operands)

/** When a condition holds. One whose dimension a newer version has brought never does. */
export const predicateOf = (condition: RuleCondition): Predicate => dimensionOf(condition.dimension)?.predicate(condition) ?? never
