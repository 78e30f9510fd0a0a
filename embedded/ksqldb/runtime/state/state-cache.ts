// The one bound on the rows that all state stores hold in memory, clean and dirty alike.

export interface CachedStore {
  /** Lets go of what was not asked for since the last call but one. What waits to be written stays. */
  age (): void
}

/**
 * Entries live in two generations. Once the younger ones have filled half of the bound, they become the older ones, and those that were the older ones
 * and were not asked for again go: an LRU cache to within one generation, at the price of a map look-up. Bytes are estimates of what the heap holds.
 */
export class StateCache {
  readonly maxBytes: number
  readonly #stores = new Set<CachedStore>()
  #youngBytes = 0
  #dirtyBytes = 0

  constructor (maxBytes: number) { this.maxBytes = maxBytes }

  /** Of entries that wait to be written, over all stores. */
  get dirtyBytes (): number { return this.#dirtyBytes }
  /** How many stores share the bound. */
  get stores (): number { return this.#stores.size }

  add (store: CachedStore): void { this.#stores.add(store) }

  /** `dirtyBytes`: what of the store's was never written. */
  remove (store: CachedStore, dirtyBytes: number): void {
    if (this.#stores.delete(store)) this.#dirtyBytes -= dirtyBytes
  }

  cached (bytes: number): void { this.#youngBytes += bytes }
  dirtied (bytes: number): void { this.#dirtyBytes += bytes }

  /** Keeps the bound. To be called between records only: whoever holds an entry while it ages would change one that no one finds again. */
  maintain (): void {
    if (this.#youngBytes * 2 < this.maxBytes) return
    this.#youngBytes = 0
    for (const store of this.#stores) store.age()
  }
}
