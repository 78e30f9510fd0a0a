// Visits made up in the way real ones fall, the same in every run, with the recount that every table is held against.
import type { Visit } from '../gateway/events/visit.js'

const BROWSERS = ['Chrome', 'Safari', 'Firefox', 'Edge', 'Samsung Internet', 'Opera'] as const
const SYSTEMS = ['Windows', 'iOS', 'Android', 'macOS', 'Linux'] as const
const REFERRERS = [null, null, null, 'www.google.com', 't.co', 'www.linkedin.com', 'news.ycombinator.com', 'github.com'] as const
const COUNTRIES = [null, 'DE', 'US', 'GB', 'FR', 'CH', 'IN', 'BR'] as const
const FIRST_MS = Date.UTC(2026, 0, 1)
const SPAN_MS = 86_400_000
const HOUR_MS = 3_600_000
const BOT_SHARE = 0.12
const REDIRECTED_SHARE = 0.95
const VISITORS = 200_000

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
function randomFrom (seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6D2B79F5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface LinkVisit { readonly link: string, readonly visit: Visit }

/** What a table must say of one key. */
export interface Tally { total: number, withoutBots: number }

/** What the tables must say when all visits are in them. */
export class Recount {
  readonly byLink = new Map<string, Tally>()
  readonly byUrl = new Map<string, Tally>()
  readonly byLinkHour = new Map<string, Tally>()

  count ({ link, visit }: LinkVisit): void {
    if (visit.outcome !== 'redirected') return
    tally(this.byLink, link, visit.bot)
    if (visit.url !== null) tally(this.byUrl, visit.url, visit.bot)
    tally(this.byLinkHour, `${link} ${visit.visited_at - visit.visited_at % HOUR_MS}`, visit.bot)
  }
}

function tally (into: Map<string, Tally>, key: string, bot: boolean): void {
  let found = into.get(key)
  if (found === undefined) into.set(key, found = { total: 0, withoutBots: 0 })
  found.total++
  if (!bot) found.withoutBots++
}

export const linkName = (n: number): string => `l${n.toString(36).padStart(5, '0')}`
export const linkUrl = (n: number): string => `https://www.example-${n % 997}.com/articles/${n}`

/**
 * `count` visits over one day, in the order of time. Few of the `links` have most of the visits: the n-th comes up about in proportion to 1/n.
 * With `distinct` every visit is of a link of its own.
 */
export function * makeVisits (count: number, links: number, distinct: boolean): Generator<LinkVisit> {
  const random = randomFrom(20_261_123)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  for (let n = 0; n < count; n++) {
    const link = distinct ? n : Math.min(links - 1, Math.floor(links ** random()) - 1)
    const bot = random() < BOT_SHARE
    const redirected = distinct || random() < REDIRECTED_SHARE
    yield {
      link: linkName(link),
      visit: {
        visit_id: `01936f00-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
        version: 1,
        url: redirected ? linkUrl(link) : null,
        outcome: redirected ? 'redirected' : 'not_found',
        visited_at: FIRST_MS + Math.floor(n / count * SPAN_MS),
        referrer: pick(REFERRERS),
        device: bot ? 'bot' : 'desktop',
        browser: bot ? 'Googlebot' : pick(BROWSERS),
        os: pick(SYSTEMS),
        country: pick(COUNTRIES),
        language: 'en',
        visitor: Math.floor(random() * VISITORS).toString(16).padStart(32, '0'),
        bot,
        rule: null,
        sealed: null
      }
    }
  }
}
