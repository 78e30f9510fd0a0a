// What a request for a short link is answered, from the link and the request alone: no HTTP, no clock, nothing that waits.
import type { Refusal } from '../events/visit.js'
import { RuleRequestFacts, type VisitorDraw } from '../links/rule-facts.js'
import { compiledRules, decidingRule } from '../links/rules.js'
import type { Target } from '../queries/links.js'

/** What the request told; headers as they came. A redirect that needs none of it pays for none of it. */
export interface RequestFacts {
  /** What follows the ? of the short URL, as it came; empty where nothing does. */
  readonly query: string
  readonly userAgent: string | undefined
  readonly language: string | undefined
  readonly country: string | undefined
  readonly address: string | undefined
  /** Where the visitor stands in a split. A hash, so asked only where a rule needs it. */
  readonly draw: VisitorDraw
}

export interface Decision {
  readonly outcome: 'redirected' | Refusal
  /** Of the answer: the link's own where it redirects, 404 or 410 where it does not. */
  readonly status: number
  /** Where it leads; null where it leads nowhere. */
  readonly location: string | null
  /** The place, from 1, of the redirect rule that decided; null where none did. */
  readonly rule: number | null
}

export interface Blocks { readonly blocks: (link: string, url: string) => boolean }

const refusal = (outcome: Refusal, status: number): Decision => ({ outcome, status, location: null, rule: null })

/** The answers of links that lead nowhere. */
export const refusals: Readonly<Record<Refusal, Decision>> = {
  not_found: refusal('not_found', 404),
  expired: refusal('expired', 410),
  disabled: refusal('disabled', 410),
  deleted: refusal('deleted', 410),
  exhausted: refusal('exhausted', 410),
  blocked: refusal('blocked', 410)
}

/** A URL with one more query behind its own. */
export const withQuery = (url: string, query: string): string => {
  const location = new URL(url)
  location.search = location.search === '' ? query : `${location.search.slice(1)}&${query}`
  return location.href
}

const ruleFactsOf = (link: string, { query, userAgent, language, country, address, draw }: RequestFacts, at: number): RuleRequestFacts =>
  new RuleRequestFacts({ link, query, userAgent, language, country, address, at }, draw)

/**
 * The answer to a request at an instant (milliseconds since 1970), but for the count of visits: whether a link with maxVisits is exhausted
 * is asked for where this says that it redirects, and is then answered by `refusals.exhausted`.
 * @param target null where there is no such link
 * @param blocklist what leads nowhere for the operator's reasons
 */
export const decide = (target: Target | null, facts: RequestFacts, now: number, blocklist?: Blocks): Decision => {
  if (target === null) return refusals.not_found
  if (target.deleted) return refusals.deleted
  if (!target.enabled) return refusals.disabled
  if (target.validFrom !== null && now < target.validFrom) return refusals.expired
  if (target.validUntil !== null && now >= target.validUntil) return refusals.expired
  const index = target.rules.length === 0
    ? -1
    : decidingRule(compiledRules(target.rules), ruleFactsOf(target.link, facts, now))
  const url = target.rules[index]?.url ?? target.url
  if (blocklist?.blocks(target.link, url) === true) return refusals.blocked
  const location = target.forwardQuery && facts.query !== '' ? withQuery(url, facts.query) : url
  return { outcome: 'redirected', status: target.redirectStatus, location, rule: index < 0 ? null : index + 1 }
}
