// Redirect rules: which a link takes, and which of them decides where a visitor is led. The first rule whose conditions all hold wins.
import { createHash } from 'node:crypto'
import { LinklogError, type FieldError } from '../errors.js'
import type { RedirectRule, RuleCondition } from '../events/link-event.js'
import { drawn, keptOperands, OperandError, placesOf, predicateOf, ruleDimensions, type Predicate, type RuleDimension, type Share } from './rule-conditions.js'
import { drawPlaces, type RuleFacts } from './rule-facts.js'
import { normaliseUrl } from './url.js'

export const rulesMax = 20
export const conditionsMax = 10
export const operandsMax = 50
export const operandCharsMax = 256
export const argumentCharsMax = 100
/** All rules of a link together, as JSON: a link's history is one record, and holds them at each version. */
export const rulesBytesMax = 16_384

/** Rules as a client gives them. */
export interface RuleInput {
  readonly url: string
  readonly conditions: readonly { readonly dimension: string, readonly argument?: string | null, readonly operands?: readonly string[] }[]
}

const isDimension = (name: string): name is RuleDimension => (ruleDimensions as readonly string[]).includes(name)

type Report = (pointer: string, detail: string) => void

const checkCondition = (given: RuleInput['conditions'][number], pointer: string, report: Report): RuleCondition => {
  const { dimension } = given
  const argument = given.argument ?? null
  const operands = given.operands ?? []
  const kept = { dimension, argument, operands }
  if (!isDimension(dimension)) {
    report(`${pointer}/dimension`, `must be one of ${ruleDimensions.join(', ')}`)
    return kept
  }
  if (dimension === 'query' && (argument === null || argument === '')) report(`${pointer}/argument`, 'must name the query parameter')
  if (dimension !== 'query' && argument !== null) report(`${pointer}/argument`, 'is for query conditions only')
  if (argument !== null && argument.length > argumentCharsMax) report(`${pointer}/argument`, `must not be longer than ${argumentCharsMax} characters`)
  if (operands.length > operandsMax) report(`${pointer}/operands`, `must not have more than ${operandsMax} values`)
  const tooLong = operands.findIndex(operand => operand.length > operandCharsMax)
  if (tooLong >= 0) report(`${pointer}/operands/${tooLong}`, `must not be longer than ${operandCharsMax} characters`)
  try {
    return { ...kept, operands: keptOperands(dimension, operands) }
  } catch (error) {
    if (!(error instanceof OperandError)) throw error
    report(`${pointer}/operands${error.index === undefined ? '' : `/${error.index}`}`, error.message)
    return kept
  }
}

const checkRule = (given: RuleInput, ownHosts: ReadonlySet<string>, pointer: string, report: Report): RedirectRule => {
  let { url } = given
  try {
    url = normaliseUrl(url, ownHosts, `${pointer}/url`)
  } catch (error) {
    if (!(error instanceof LinklogError)) throw error
    for (const { pointer, detail } of error.errors ?? []) report(pointer, detail)
  }
  if (given.conditions.length === 0) report(`${pointer}/conditions`, 'must have at least one condition: where a visitor goes that meets none is the link\'s own URL')
  if (given.conditions.length > conditionsMax) report(`${pointer}/conditions`, `must not have more than ${conditionsMax}`)
  const conditions = given.conditions.map((condition, index) => checkCondition(condition, `${pointer}/conditions/${index}`, report))
  const second = conditions.findIndex(({ dimension }, index) => dimension === 'percent' && conditions.slice(0, index).some(before => before.dimension === 'percent'))
  if (second >= 0) report(`${pointer}/conditions/${second}/dimension`, 'percent may stand once in a rule')
  return { url, conditions }
}

/** Rules that draw from one lot may not promise more than all visitors. */
const checkShares = (rules: readonly RedirectRule[], report: Report): void => {
  for (const [index, share] of sharesOf(rules).entries()) {
    if (share === undefined || share.below <= drawPlaces) continue
    const condition = rules[index]?.conditions.findIndex(({ dimension }) => dimension === 'percent')
    report(`/rules/${index}/conditions/${condition}/operands/0`, `makes ${share.below / (drawPlaces / 100)} percent with the rules before it that have the same other conditions`)
  }
}

/**
 * The rules in the form in which they are kept: URLs normalised, names as the visits have them, instants in UTC.
 * @throws LinklogError validation_failed with a pointer for each part that breaks a rule.
 */
export const validateRules = (given: readonly RuleInput[], ownHosts: ReadonlySet<string>): readonly RedirectRule[] => {
  const errors: FieldError[] = []
  const report: Report = (pointer, detail) => { errors.push({ pointer, detail }) }
  if (given.length > rulesMax) report('/rules', `must not be more than ${rulesMax}`)
  const rules = given.slice(0, rulesMax).map((rule, index) => checkRule(rule, ownHosts, `/rules/${index}`, report))
  if (errors.length === 0) checkShares(rules, report)
  const bytes = Buffer.byteLength(JSON.stringify(rules))
  if (bytes > rulesBytesMax) report('/rules', `must not be longer than ${rulesBytesMax} bytes together; they have ${bytes}`)
  if (errors.length > 0) throw new LinklogError('validation_failed', errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; '), { errors })
  return rules
}

/** The name of the draw of a rule: rules with the same other conditions draw together, so that their shares are disjoint. */
const drawOf = (rule: RedirectRule): string => {
  const others = rule.conditions.filter(({ dimension }) => dimension !== 'percent')
    .map(({ dimension, argument, operands }) => JSON.stringify([dimension, argument, dimension === 'date' ? operands : [...operands].sort()]))
  return createHash('sha256').update(others.sort().join()).digest('base64url').slice(0, 22)
}

/** The part of its draw that each rule with a percent condition takes: laid end to end, in the order of the rules. */
const sharesOf = (rules: readonly RedirectRule[]): readonly (Share | undefined)[] => {
  const taken = new Map<string, number>()
  return rules.map(rule => {
    const percent = rule.conditions.find(({ dimension }) => dimension === 'percent')
    if (percent === undefined) return undefined
    const draw = drawOf(rule)
    const from = taken.get(draw) ?? 0
    const below = from + placesOf(percent)
    taken.set(draw, below)
    return { draw, from, below }
  })
}

export interface CompiledRule {
  readonly url: string
  /** In the order of the rule's conditions. */
  readonly conditions: readonly Predicate[]
  /** The same, with the dearest last. */
  readonly ordered: readonly Predicate[]
  readonly share: Share | undefined
}

const compile = (rules: readonly RedirectRule[]): readonly CompiledRule[] => {
  const shares = sharesOf(rules)
  return rules.map((rule, index) => {
    const share = shares[index]
    const ofPercent = share === undefined ? undefined : drawn(share)
    const conditions = rule.conditions.map(condition => condition.dimension === 'percent' && ofPercent !== undefined ? ofPercent : predicateOf(condition))
    const ordered = [...conditions].sort((a, b) => Number(a === ofPercent) - Number(b === ofPercent))
    return { url: rule.url, conditions, ordered, share }
  })
}

const compiled = new WeakMap<readonly RedirectRule[], readonly CompiledRule[]>()

/** The rules of one version of a link, compiled once for as long as that version is held. */
export const compiledRules = (rules: readonly RedirectRule[]): readonly CompiledRule[] => {
  const known = compiled.get(rules)
  if (known !== undefined) return known
  const fresh = compile(rules)
  compiled.set(rules, fresh)
  return fresh
}

/** The index of the rule that decides, or -1 where the link's own URL does. What is not known does not hold. */
export const decidingRule = (rules: readonly CompiledRule[], facts: RuleFacts): number =>
  rules.findIndex(({ ordered }) => ordered.every(holds => holds(facts) === true))
