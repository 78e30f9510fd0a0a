// What rules would do: condition by condition for one described request, and in shares where not all is known of the visitors.
import type { RedirectRule, RuleCondition } from '../events/link-event.js'
import { compiledRules, type CompiledRule } from './rules.js'
import { drawPlaces, type RuleFacts } from './rule-facts.js'

/** Null: what the condition asks about is not known. */
export type Verdict = boolean | null

export interface RuleVerdict {
  readonly url: string
  /** All conditions hold; null where it depends on what is not known. */
  readonly holds: Verdict
  readonly conditions: readonly (RuleCondition & { readonly holds: Verdict })[]
}

const all = (verdicts: readonly Verdict[]): Verdict => verdicts.includes(false) ? false : verdicts.includes(null) ? null : true

/** Each rule and each of its conditions against the facts, in order. */
export const explainRules = (rules: readonly RedirectRule[], facts: RuleFacts): readonly RuleVerdict[] => {
  const compiled = compiledRules(rules)
  return rules.map((rule, index) => {
    const predicates = compiled[index]?.conditions ?? []
    const conditions = rule.conditions.map((condition, at) => ({ ...condition, holds: predicates[at]?.(facts) ?? null }))
    return { url: rule.url, holds: all(conditions.map(({ holds }) => holds)), conditions }
  })
}

export interface Spread {
  /** The part of such visitors that each rule decides, from 0 to 1, in the order of the rules. */
  readonly rules: readonly number[]
  /** The part that goes to the link's own URL. */
  readonly rest: number
  /** The part that comes to each rule and meets all its conditions but those that cannot be answered: taken as not met. */
  readonly undecided: readonly number[]
}

/** Whether all conditions but the percentage hold: undefined where one cannot be answered and no other fails. */
const applies = ({ ordered, share }: CompiledRule, facts: RuleFacts): boolean | undefined => {
  const others = (share === undefined ? ordered : ordered.slice(0, -1)).map(holds => holds(facts))
  return others.includes(false) ? false : others.includes(undefined) ? undefined : true
}

/**
 * How visitors with these facts, of whom no draw is known, would be spread. Draws are independent of one another; within one draw the
 * shares are disjoint. A condition that cannot be answered is taken as not met, and what that concerns is told as undecided.
 */
export const spreadOf = (rules: readonly RedirectRule[], facts: RuleFacts): Spread => {
  const left = new Map<string, number>()
  const partOf = (rule: CompiledRule): number => {
    if (rule.share === undefined) return [...left.values()].reduce((product, part) => product * part, 1)
    const { draw, from, below } = rule.share
    const others = [...left].filter(([name]) => name !== draw).reduce((product, [, part]) => product * part, 1)
    return others * Math.max(0, Math.min(below, drawPlaces) - from) / drawPlaces
  }
  const parts: number[] = []
  const undecided: number[] = []
  let done = false
  for (const rule of compiledRules(rules)) {
    const holds = done ? false : applies(rule, facts)
    const part = holds === false ? 0 : partOf(rule)
    parts.push(holds === true ? part : 0)
    undecided.push(holds === undefined ? part : 0)
    if (holds !== true) continue
    if (rule.share === undefined) done = true
    else left.set(rule.share.draw, (left.get(rule.share.draw) ?? 1) - (rule.share.below - rule.share.from) / drawPlaces)
  }
  const rest = done ? 0 : [...left.values()].reduce((product, part) => product * part, 1)
  return { rules: parts, rest, undecided }
}
