// Entries of one store by key and window, found without making a text of the two.
import type { Row } from '../../plan/value.js'
import type { Window } from '../api.js'

/** One key's row as the cache holds it. Only the processor that owns the store changes a row in place, and only where no one else holds it. */
export class Entry {
  readonly key: Row
  readonly window: Window | undefined
  /** null: there is none. */
  row: Row | null = null
  timestamp = -1
  /** True while the row waits to be written. */
  dirty = false
  /** True while the entry waits in the list of its processor's changes. */
  changed = false
  /** About what it takes of the heap. */
  bytes: number
  /** What it takes in the store, about where it was never written. */
  storedBytes: number

  constructor (key: Row, window: Window | undefined, bytes: number, storedBytes: number) {
    this.key = key
    this.window = window
    this.bytes = bytes
    this.storedBytes = storedBytes
  }
}

export type Identity = string | number | bigint | boolean

export interface EntryMap {
  get (identity: Identity, window: Window | undefined): Entry | undefined
  /** By the start of the window, or without windows; not for sessions. */
  at (identity: Identity, start: number | undefined): Entry | undefined
  set (identity: Identity, window: Window | undefined, entry: Entry): void
  clear (): void
  /** The entries of one key whose window begins within the bounds, in no order; of a map without windows none. */
  windowsOf (identity: Identity, from: number, to: number): Entry[]
}

/** By key alone; sessions by a text of key and bounds, since hardly two share theirs. */
export class PlainEntryMap implements EntryMap {
  readonly #entries = new Map<Identity, Entry>()

  #name (identity: Identity, window: Window | undefined): Identity {
    return window === undefined ? identity : `${window.start}|${window.end}|${typeof identity}${String(identity)}`
  }

  get (identity: Identity, window: Window | undefined): Entry | undefined { return this.#entries.get(this.#name(identity, window)) }
  at (identity: Identity): Entry | undefined { return this.#entries.get(identity) }
  set (identity: Identity, window: Window | undefined, entry: Entry): void { this.#entries.set(this.#name(identity, window), entry) }
  clear (): void { this.#entries.clear() }
  windowsOf (): Entry[] { return [] }
}

/** By window, then key: records come roughly in the order of time, so that one window's map serves many of them. */
export class WindowedEntryMap implements EntryMap {
  readonly #windows = new Map<number, Map<Identity, Entry>>()
  #lastStart = NaN
  #last: Map<Identity, Entry> | undefined

  #window (start: number): Map<Identity, Entry> | undefined {
    if (start === this.#lastStart) return this.#last
    const found = this.#windows.get(start)
    if (found === undefined) return undefined
    this.#lastStart = start
    this.#last = found
    return found
  }

  get (identity: Identity, window: Window | undefined): Entry | undefined {
    return this.#window(window!.start)?.get(identity)
  }

  at (identity: Identity, start: number | undefined): Entry | undefined {
    return this.#window(start!)?.get(identity)
  }

  set (identity: Identity, window: Window | undefined, entry: Entry): void {
    const { start } = window!
    let entries = this.#window(start)
    if (entries === undefined) {
      entries = new Map()
      this.#windows.set(start, entries)
      this.#lastStart = start
      this.#last = entries
    }
    entries.set(identity, entry)
  }

  clear (): void {
    this.#windows.clear()
    this.#lastStart = NaN
    this.#last = undefined
  }

  windowsOf (identity: Identity, from: number, to: number): Entry[] {
    const found: Entry[] = []
    for (const [start, entries] of this.#windows) {
      const entry = start < from || start > to ? undefined : entries.get(identity)
      if (entry !== undefined) found.push(entry)
    }
    return found
  }
}
