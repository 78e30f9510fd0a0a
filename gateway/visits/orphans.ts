// The slugs asked for most that were not there, in pages.
import type { Orphan } from '../queries/visit-tables.js'
import { refuse } from './question.js'
import type { VisitQuestions } from './questions.js'
import { defaultDomain } from './scopes.js'

export interface OrphansAsked {
  readonly outcome: string | undefined
  /** As the tables call it. */
  readonly domain: string | undefined
  readonly withBots: boolean
  readonly limit: number
  readonly cursor: string | undefined
}

type Place = readonly [total: number, slug: string, outcome: string]

const place = ({ total, slug, outcome }: Orphan): Place => [total, slug, outcome]
const compare = ([totalA, slugA, outcomeA]: Place, [totalB, slugB, outcomeB]: Place): number =>
  totalB - totalA || (slugA < slugB ? -1 : slugA > slugB ? 1 : outcomeA < outcomeB ? -1 : outcomeA > outcomeB ? 1 : 0)

const domainOf = (slug: string): string => slug.includes('/') ? slug.slice(0, slug.indexOf('/')) : defaultDomain

const toCursor = (last: Place): string => Buffer.from(JSON.stringify(last)).toString('base64url')

const fromCursor = (text: string): Place => {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (Array.isArray(value) && value.length === 3 && Number.isSafeInteger(value[0]) && typeof value[1] === 'string' && typeof value[2] === 'string') return value as unknown as Place
  } catch {
    // told below
  }
  throw refuse('cursor', 'is not the next of a page')
}

/** One page, and the cursor of the next. @throws LinklogError invalid_request, question_too_large, overloaded. */
export const orphansPage = async (questions: Pick<VisitQuestions, 'orphans'>, asked: OrphansAsked) => {
  const after = asked.cursor === undefined ? undefined : fromCursor(asked.cursor)
  const isWanted = (orphan: Orphan): boolean =>
    (asked.outcome === undefined || orphan.outcome === asked.outcome) &&
    (asked.domain === undefined || domainOf(orphan.slug) === asked.domain) &&
    (asked.withBots || orphan.withoutBots > 0) &&
    (after === undefined || compare(after, place(orphan)) < 0)
  const { orphans, slugs } = await questions.orphans(asked.limit, isWanted, (a, b) => compare(place(a), place(b)))
  const last = orphans.at(-1)
  return { slugs, orphans, next: last !== undefined && slugs > orphans.length ? toCursor(place(last)) : null }
}
