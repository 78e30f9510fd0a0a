// A visit as the API tells it, in pages and live: whole, or without what was erased.
import type { KeyRing } from '../erasure/key-ring.js'
import type { LoggedVisit } from './log.js'

/** Where a sealed visit can no longer be opened, nothing is told of who came: neither the visitor nor what the visitor's browser said. */
export const presentVisit = (logged: LoggedVisit, keys: Pick<KeyRing, 'open'>) => {
  const { link, partition, offset, visit } = logged
  const visitor = visit.sealed === null ? visit.visitor : keys.open(logged)
  const erased = visitor === undefined
  return {
    id: visit.visit_id,
    link,
    version: visit.version,
    rule: visit.rule,
    url: visit.url,
    outcome: visit.outcome,
    visitedAt: new Date(visit.visited_at).toISOString(),
    referrer: erased ? null : visit.referrer,
    device: erased ? null : visit.device,
    browser: erased ? null : visit.browser,
    os: erased ? null : visit.os,
    country: erased ? null : visit.country,
    language: erased ? null : visit.language,
    visitor: visitor ?? null,
    bot: visit.bot,
    erased,
    partition,
    offset
  }
}
