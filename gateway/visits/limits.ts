// Whether a link with maxVisits has had them: the table's count, and this gateway's own visits that the table does not show yet.
import { LRUCache } from 'lru-cache'

interface Entry { readonly base: number, pulled: number, own: number, pulledAt: number }

export interface VisitLimitsOptions {
  /** Counted visits of a link without bots, as the table has them. */
  readonly count: (link: string) => Promise<number>
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
}

const refreshMs = 1_000
const entriesMax = 50_000

/**
 * One gateway alone does not overshoot, but for visits that lie unshipped in its spool when it starts. Of several, each sees the others' visits
 * about a second after they are in the table, where they come later while visits are held back (held.ts): the overshoot is what they redirect in that time.
 */
export class VisitLimits {
  readonly #options: VisitLimitsOptions
  readonly #entries = new LRUCache<string, Entry>({ max: entriesMax })
  readonly #loading = new Map<string, Promise<Entry>>()

  constructor (options: VisitLimitsOptions) {
    this.#options = options
  }

  async #load (link: string): Promise<Entry> {
    const pulledAt = this.#options.now()
    const pulled = await this.#options.count(link)
    const known = this.#entries.get(link)
    if (known !== undefined) {
      known.pulled = Math.max(known.pulled, pulled)
      known.pulledAt = pulledAt
      return known
    }
    const entry = { base: pulled, pulled, own: 0, pulledAt }
    this.#entries.set(link, entry)
    return entry
  }

  async #entry (link: string): Promise<Entry> {
    const known = this.#entries.get(link)
    if (known !== undefined && this.#options.now() - known.pulledAt < refreshMs) return known
    const loading = this.#loading.get(link) ?? this.#load(link).finally(() => this.#loading.delete(link))
    this.#loading.set(link, loading)
    return await loading
  }

  /** Takes one of the link's visits, unless it is exhausted. Robots and HEAD requests ask without taking. */
  async take (link: string, max: number, counts: boolean): Promise<boolean> {
    const entry = await this.#entry(link)
    if (Math.max(entry.pulled, entry.base + entry.own) >= max) return false
    if (counts) entry.own++
    return true
  }
}
