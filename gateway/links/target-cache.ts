// The links that redirects are answered from: bounded, unknown ones too, kept true by the feed of changes and believed only briefly without it.
import { LRUCache } from 'lru-cache'
import type { Waiter } from '../queries/batch.js'
import type { Target } from '../queries/links.js'
import { targetAt } from './schedule.js'

interface Entry {
  /** Null for a link that is known not to exist. */
  target: Target | null
  /** When it was last known to be true, in milliseconds of options.now. */
  seenAt: number
}

export interface TargetCacheOptions {
  /** Reads a link, beginning after the call, and tells the waiter, never within the call; undefined where there is none. */
  readonly load: (link: string, waiter: Waiter<Target | undefined>) => void
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

interface Loading { readonly waiters: Waiter<Target | null>[], readonly startedAt: number, pushed: Target | undefined }

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

  /** As `ask`, by a promise. */
  get (link: string): Promise<Target | null> {
    return new Promise((resolve, reject) => this.ask(link, { resolve, reject }))
  }

  /**
   * Tells the link, at once where memory has it, else when it is loaded; requests for one link share one load. Where it is held but old, and the views do not
   * answer soon or at all, what is held is taken: redirects go on while ksqlDB is away. Where nothing is held, the error of the load is told.
   */
  ask (link: string, waiter: Waiter<Target | null>): void {
    const held = this.#entries.get(link)
    if (held !== undefined && this.#believable(held)) {
      waiter.resolve(this.#standing(held.target))
      return
    }
    const loading = this.#loading.get(link) ?? this.#load(link)
    if (held === undefined) loading.waiters.push(waiter)
    else this.#awaitOrHeld(loading, held, waiter)
  }

  #awaitOrHeld (loading: Loading, held: Entry, waiter: Waiter<Target | null>): void {
    const left = loading.startedAt + this.#options.patienceMs - this.#options.now()
    if (left <= 0) {
      waiter.resolve(this.#standing(held.target))
      return
    }
    let isTold = false
    const tell = (target: Target | null): void => {
      if (isTold) return
      isTold = true
      clearTimeout(patience)
      waiter.resolve(target)
    }
    const tellHeld = (): void => tell(this.#standing(held.target))
    const patience = setTimeout(tellHeld, left)
    loading.waiters.push({ resolve: tell, reject: tellHeld })
  }

  #load (link: string): Loading {
    const seenAt = this.#options.now()
    const loading: Loading = { waiters: [], startedAt: seenAt, pushed: undefined }
    this.#loading.set(link, loading)
    this.#options.load(link, {
      resolve: loaded => {
        this.#loading.delete(link)
        // a change that came by while the read was under way may be newer than what was read
        const target = versionOf(loading.pushed) > versionOf(loaded) ? loading.pushed as Target : loaded ?? null
        const standing = this.#standing(this.#store(link, target, seenAt))
        for (const waiter of loading.waiters.splice(0)) waiter.resolve(standing)
      },
      reject: error => {
        this.#loading.delete(link)
        for (const waiter of loading.waiters.splice(0)) waiter.reject(error)
      }
    })
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
