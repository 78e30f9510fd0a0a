// The keys in memory: read whole, kept true by the feed of changes, believed only briefly without it, and never believed when they cannot be read.
import type { ApiKey } from '../queries/api-keys.js'

export interface KeyRingOptions {
  /** Reads every key, beginning after the call. */
  readonly load: () => Promise<readonly ApiKey[]>
  /** How long what was read is believed while the feed is down, in milliseconds. */
  readonly staleMs: number
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
}

/** ksqlDB answers a push query before its consumer stands at the end of the topic: a change in between is not seen. */
const feedSettlesMs = 5_000
/** Even with the feed up, the keys are read again now and then: no fault of the feed can keep a revoked key alive. */
const believedMsMax = 30_000

export class KeyRing {
  readonly #options: KeyRingOptions
  readonly #keys = new Map<string, ApiKey>()
  #readAt = -Infinity
  #reading: Promise<void> | undefined
  #feedUp = false
  #feedSince = 0
  #locked = false

  constructor (options: KeyRingOptions) {
    this.#options = options
  }

  get feedUp (): boolean {
    return this.#feedUp
  }

  get size (): number {
    return this.#keys.size
  }

  /** Whether a key was ever made: then every route of the API asks for one, even where all were revoked since. */
  get locked (): boolean {
    return this.#locked
  }

  /** Says that there are keys, though the views may not show them yet. */
  lock (): void {
    this.#locked = true
  }

  get #believable (): boolean {
    const age = this.#options.now() - this.#readAt
    if (this.#feedUp && this.#readAt >= this.#feedSince + feedSettlesMs) return age < believedMsMax
    return age < this.#options.staleMs
  }

  /**
   * Resolves once the keys in memory can be believed; requests that wait share one read.
   * @throws the error of the read: what cannot be checked is refused.
   */
  async fresh (): Promise<void> {
    if (this.#believable) return
    this.#reading ??= this.#read().finally(() => { this.#reading = undefined })
    await this.#reading
  }

  async #read (): Promise<void> {
    const startedAt = this.#options.now()
    for (const key of await this.#options.load()) this.changed(key)
    this.#readAt = startedAt
  }

  /** The key of an id, as it is in memory. */
  get (id: string): ApiKey | undefined {
    return this.#keys.get(id)
  }

  all (): readonly ApiKey[] {
    return [...this.#keys.values()].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  }

  /** A key as the feed, a read or a write of this gateway shows it. No key ever goes, and one that was revoked stays so: older news changes nothing. */
  changed (key: ApiKey): void {
    this.#locked = true
    const held = this.#keys.get(key.id)
    if (held?.revokedAt === undefined || held.revokedAt === null) this.#keys.set(key.id, key)
  }

  /** Whether changes arrive. What was read before the feed came up may have changed unseen, and is read again. */
  setFeed (up: boolean): void {
    if (up && !this.#feedUp) this.#feedSince = this.#options.now()
    this.#feedUp = up
  }
}
