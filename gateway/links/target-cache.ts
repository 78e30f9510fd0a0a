// The links that redirects are answered from: bounded, unknown ones too, kept true by the feed of changes and believed only briefly without it.
import { LRUCache } from 'lru-cache'
import type { Target } from '../queries/links.js'
import { targetAt } from './schedule.js'

interface Entry {
  /** Null for a link that is known not to exist. */
  target: Target | null
  /** When it was last known to be true, in milliseconds of options.now. */
  seenAt: number
}

export interface TargetCacheOptions {
  /** Reads a link, beginning after the call; undefined where there is none. */
  readonly load: (link: string) => Promise<Target | undefined>
  readonly max: number
  /** How long an entry is believed while the feed is down, in milliseconds. */
  readonly staleMs: number
  /** How long a request waits for a link to be read again before it takes what is held, in milliseconds. */
  readonly patienceMs: number
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
  /** The time of day, in milliseconds since 1970: scheduled edits come due by it. */
  readonly date: () => number
}

/** ksqlDB answers a push query before its consumer stands at the end of the topic: a change in between is not seen. */
const feedSettlesMs = 5_000
/** A ksqlDB that was started anew answers from tables that it is still restoring, as if the rows to come were not there. */
const absenceSettlesMs = 120_000
/** Even with the feed up, a link is read again now and then: no fault of the feed can make an error last. */
const believedMsMax = 300_000

interface Loading { readonly promise: Promise<Target | null>, readonly startedAt: number, pushed: Target | undefined }

const versionOf = (target: Target | null | undefined): number => target?.version ?? 0

export class TargetCache {
  readonly #options: TargetCacheOptions
  readonly #entries: LRUCache<string, Entry>
  readonly #loading = new Map<string, Loading>()
  #feedUp = false
  #feedSince = 0
  /** How often peek found a link, and how often not. */
  hits = 0
  misses = 0

  constructor (options: TargetCacheOptions) {
    this.#options = options
    this.#entries = new LRUCache({ max: options.max })
  }

  get size (): number {
    return this.#entries.size
  }

  get feedUp (): boolean {
    return this.#feedUp
  }

  /** The link from memory: null where it is known not to exist, undefined where it must be loaded. */
  peek (link: string): Target | null | undefined {
    const entry = this.#entries.get(link)
    if (entry === undefined || !this.#believable(entry)) {
      this.misses++
      return undefined
    }
    this.hits++
    return this.#standing(entry.target)
  }

  /** What is held is the link as its last event left it; what is given, as it stands now. */
  #standing (target: Target | null): Target | null {
    return target === null || target.scheduled.length === 0 ? target : targetAt(target, this.#options.date())
  }

  /** While the feed is up, what was read since it came up stays true; without it, only for a short while. */
  #believable (entry: Entry): boolean {
    const age = this.#options.now() - entry.seenAt
    const settlesMs = entry.target === null ? absenceSettlesMs : feedSettlesMs
    if (this.#feedUp && entry.seenAt >= this.#feedSince + settlesMs) return age < believedMsMax
    return age < this.#options.staleMs
  }

  /**
   * The link, loaded where memory does not have it; requests for one link share one load. Where it is held but old, and the views do not
   * answer soon or at all, what is held is taken: redirects go on while ksqlDB is away.
   * @throws the error of the load, where nothing is held.
   */
  get (link: string): Promise<Target | null> {
    const held = this.#entries.get(link)
    if (held !== undefined && this.#believable(held)) return Promise.resolve(this.#standing(held.target))
    const loading = this.#loading.get(link) ?? this.#load(link)
    return (held === undefined ? loading.promise : this.#orHeld(loading, held)).then(target => this.#standing(target))
  }

  async #orHeld (loading: Loading, held: Entry): Promise<Target | null> {
    const left = loading.startedAt + this.#options.patienceMs - this.#options.now()
    if (left <= 0) {
      loading.promise.catch(() => {}) // nobody waits to be told
      return held.target
    }
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<null>(resolve => { timer = setTimeout(resolve, left, null) })
    try {
      return await Promise.race([loading.promise, patience.then(() => held.target)])
    } catch {
      return held.target
    } finally {
      clearTimeout(timer)
    }
  }

  #load (link: string): Loading {
    const seenAt = this.#options.now()
    const loading: Loading = {
      pushed: undefined,
      startedAt: seenAt,
      promise: this.#options.load(link).then(loaded => {
        this.#loading.delete(link)
        // a change that came by while the read was under way may be newer than what was read
        const target = versionOf(loading.pushed) > versionOf(loaded) ? loading.pushed as Target : loaded ?? null
        return this.#store(link, target, seenAt)
      }, (error: unknown) => {
        this.#loading.delete(link)
        throw error
      })
    }
    this.#loading.set(link, loading)
    return loading
  }

  /** A link never ceases to be: what is held is not given up for an older reading, or for none. @returns what is held now. */
  #store (link: string, target: Target | null, seenAt: number): Target | null {
    const held = this.#entries.peek(link)
    const newest = held !== undefined && versionOf(held.target) > versionOf(target) ? held.target : target
    this.#entries.set(link, { target: newest, seenAt })
    return newest
  }

  /** A change of a link, from the feed or from a write of this gateway. */
  changed (target: Target): void {
    const loading = this.#loading.get(target.link)
    if (loading !== undefined && versionOf(loading.pushed) < target.version) loading.pushed = target
    const held = this.#entries.peek(target.link)
    if (held !== undefined && versionOf(held.target) <= target.version) {
      held.target = target
      held.seenAt = this.#options.now()
    }
  }

  /** Takes a link that was just made here, so that its first redirect needs no lookup. */
  put (target: Target): void {
    this.changed(target)
    this.#store(target.link, target, this.#options.now())
  }

  /** Whether changes arrive. What was read before the feed came up may have changed unseen, and is read again. */
  setFeed (up: boolean): void {
    if (up && !this.#feedUp) this.#feedSince = this.#options.now()
    this.#feedUp = up
  }
}
