// A state store: rows by key, or by key and window, with a bounded cache in front that writes back at each commit.
import type { Column } from '../../plan/schema.js'
import type { KeyRange, PullBound } from '../../plan/pull-plan.js'
import type { Row, Value } from '../../plan/value.js'
import type { Window } from '../api.js'
import { ByteReader, ByteWriter } from '../bytes.js'
import { KEPT_BYTES, KeyCodec, writeKeyValue } from './key-codec.js'
import { STORE_ID_BYTES } from './state-db.js'
import type { StateDb } from './state-db.js'
import { ValueCodec } from './value-codec.js'

// Key: store id, key columns, then for windows: start in 64 bits; for sessions: end, start. Value: flags, the whole key where it was
// cut, the row's timestamp as a double, the row.
const WHOLE_KEY = 1
// Pages grow, so that a LIMIT reads little and a scan asks seldom.
const FIRST_PAGE = 32
const PAGE_MAX = 512
const BEHIND_ALL = Buffer.alloc(33, 255)
const ENTRY_OVERHEAD = 200
const EMPTY = Buffer.alloc(0)

export type WindowKind = 'none' | 'time' | 'session'

/** One key's row as the cache holds it. Rows are never changed in place. */
export interface Entry {
  readonly key: Row
  readonly window: Window | undefined
  /** null: there is none. */
  row: Row | null
  timestamp: number
  dirty: boolean
  /** True while the entry waits in the list of its processor's changes. */
  changed: boolean
  bytes: number
}

export interface StoreRow {
  readonly key: Row
  readonly window: Window | undefined
  readonly row: Row
  readonly timestamp: number
}

type Identity = string | number | bigint | boolean

export interface StoreOptions {
  readonly id: number
  readonly key: readonly Column[]
  readonly value: readonly Column[]
  readonly windowKind: WindowKind
  /** The size of a time window: its end is not stored. */
  readonly windowSizeMs?: number
  /** Bytes of rows kept in memory when they are not dirty. */
  readonly cacheBytes: number
}

/** Which windows of a key to read: bounds of the part stored first (start of a time window, end of a session), inclusive. */
export interface WindowRange { readonly from: number, readonly to: number }

function writeInstant (to: ByteWriter, ms: number): void {
  to.int32(Math.floor(ms / 4294967296) | 0)
  to.int32(ms - Math.floor(ms / 4294967296) * 4294967296 | 0)
}

function readInstant (buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 4294967296 + buffer.readUInt32BE(at + 4)
}

export class TableStore {
  readonly options: StoreOptions
  readonly #db: StateDb
  readonly #keys: KeyCodec
  readonly #values: ValueCodec
  readonly #to = new ByteWriter()
  readonly #valueTo = new ByteWriter()
  readonly #from = new ByteReader(EMPTY)
  readonly #suffixBytes: number
  // Two generations: what is not asked for while the younger fills goes with the older.
  #young = new Map<Identity, Entry>()
  #old = new Map<Identity, Entry>()
  #youngBytes = 0
  #dirty: Entry[] = []

  constructor (db: StateDb, options: StoreOptions) {
    this.#db = db
    this.options = options
    this.#keys = new KeyCodec(options.key.map(column => column.type))
    this.#values = new ValueCodec(options.value.map(column => column.type))
    this.#suffixBytes = options.windowKind === 'none' ? 0 : options.windowKind === 'time' ? 8 : 16
  }

  #identity (key: Row, window: Window | undefined): Identity {
    const identity = this.#keys.identity(key)
    if (window === undefined) return identity
    return `${window.start}|${this.options.windowKind === 'session' ? window.end : ''}|${typeof identity}${String(identity)}`
  }

  /** The entry of a key, which may have no row. It is the cache's own: change it by `put` only. */
  entry (key: Row, window?: Window): Entry {
    const identity = this.#identity(key, window)
    let entry = this.#young.get(identity)
    if (entry !== undefined) return entry
    entry = this.#old.get(identity)
    if (entry !== undefined) this.#old.delete(identity)
    else entry = this.#load(key, window)
    this.#remember(identity, entry)
    return entry
  }

  #remember (identity: Identity, entry: Entry): void {
    this.#young.set(identity, entry)
    this.#youngBytes += entry.bytes
    if (this.#youngBytes * 2 < this.options.cacheBytes) return
    // Entries that are dirty live on in #dirty; an entry that is asked for again must be found, so they are kept here too.
    const kept = new Map<Identity, Entry>()
    for (const [name, one] of this.#old) if (one.dirty || one.changed) kept.set(name, one)
    for (const [name, one] of this.#young) kept.set(name, one)
    this.#old = kept
    this.#young = new Map()
    this.#youngBytes = 0
  }

  #load (key: Row, window: Window | undefined): Entry {
    const entry: Entry = { key, window, row: null, timestamp: -1, dirty: false, changed: false, bytes: ENTRY_OVERHEAD }
    const found = this.#db.get(this.#storeKey(key, window))
    if (found !== undefined) {
      const from = this.#from.reset(found)
      if ((from.byte() & WHOLE_KEY) !== 0) from.bytes(from.unsigned())
      entry.timestamp = from.doubleLE()
      entry.row = this.#values.read(from)
      entry.bytes += found.length * 2
    }
    return entry
  }

  get (key: Row, window?: Window): Row | null {
    return this.entry(key, window).row
  }

  /** `row` null removes. */
  put (entry: Entry, row: Row | null, timestamp: number): void {
    entry.row = row
    entry.timestamp = timestamp
    if (entry.dirty) return
    entry.dirty = true
    this.#dirty.push(entry)
  }

  /** How many entries wait to be written. */
  get dirtyEntries (): number { return this.#dirty.length }

  /** Writes what has changed. Within a transaction. */
  flush (): void {
    for (const entry of this.#dirty) {
      const whole = this.#writeKey(entry.key, entry.window)
      const storeKey = this.#to.take()
      if (entry.row === null) {
        this.#db.remove(storeKey)
      } else {
        const to = this.#valueTo
        to.byte(whole === undefined ? 0 : WHOLE_KEY)
        if (whole !== undefined) {
          to.unsigned(whole.length)
          to.bytes(whole)
        }
        to.doubleLE(entry.timestamp)
        this.#values.write(to, entry.row)
        const value = to.take()
        this.#youngBytes += Math.max(0, value.length * 2 + ENTRY_OVERHEAD - entry.bytes)
        entry.bytes = value.length * 2 + ENTRY_OVERHEAD
        this.#db.put(storeKey, value)
      }
      entry.dirty = false
    }
    this.#dirty = []
  }

  /** Forgets all that is not committed: after a transaction that failed. */
  reset (): void {
    this.#young.clear()
    this.#old.clear()
    this.#youngBytes = 0
    this.#dirty = []
  }

  #writeKey (key: Row, window: Window | undefined): Buffer | undefined {
    const to = this.#to
    to.at = 0
    to.int32(this.options.id)
    const whole = this.#keys.write(to, key)
    if (window !== undefined) {
      if (this.options.windowKind === 'session') writeInstant(to, window.end)
      writeInstant(to, window.start)
    }
    return whole
  }

  #storeKey (key: Row, window: Window | undefined): Buffer {
    this.#writeKey(key, window)
    return this.#to.take()
  }

  #parse (storeKey: Buffer, value: Buffer): StoreRow {
    const from = new ByteReader(value)
    const whole = (from.byte() & WHOLE_KEY) !== 0
    const keyBytes = whole ? from.bytes(from.unsigned()) : storeKey.subarray(STORE_ID_BYTES, storeKey.length - this.#suffixBytes)
    const key = this.#keys.read(new ByteReader(keyBytes))
    const timestamp = from.doubleLE()
    return { key, window: this.#windowOf(storeKey), row: this.#values.read(from), timestamp }
  }

  #windowOf (storeKey: Buffer): Window | undefined {
    if (this.#suffixBytes === 0) return undefined
    const start = readInstant(storeKey, storeKey.length - 8)
    const end = this.options.windowKind === 'session' ? readInstant(storeKey, storeKey.length - 16) : start + (this.options.windowSizeMs ?? 0)
    return { start, end }
  }

  /** The committed rows of one key's windows, in order. Within a transaction `flush` first. */
  * windows (key: Row, range: WindowRange): Generator<StoreRow> {
    const bound = (ms: number): Buffer => {
      this.#to.at = 0
      this.#to.int32(this.options.id)
      this.#keys.write(this.#to, key)
      writeInstant(this.#to, ms)
      return this.#to.take()
    }
    if (range.to < range.from) return
    yield * this.#pages(bound(Math.max(range.from, 0)), bound(Math.min(range.to, Number.MAX_SAFE_INTEGER) + 1))
  }

  /** Committed rows whose first key columns are these. */
  * withPrefix (values: Row): Generator<StoreRow> {
    yield * this.scan({ prefix: values })
  }

  /** Committed rows of a stretch of keys, by key; all without one. */
  * scan (range: KeyRange = { prefix: [] }): Generator<StoreRow> {
    const start = this.#rangeEnd(range.prefix, range.from, range.from?.inclusive === false, false)
    const end = this.#rangeEnd(range.prefix, range.to, range.to?.inclusive !== false, true)
    if (start.compare(end) < 0) yield * this.#pages(start, end)
  }

  /** The place before all keys that begin with these values, or behind them. Longer than stored keys are kept, it is moved outwards. */
  #rangeEnd (prefix: readonly Value[], bound: PullBound<Value> | undefined, behind: boolean, outwardsIsBehind: boolean): Buffer {
    const to = this.#to
    to.at = 0
    to.int32(this.options.id)
    const values = bound === undefined ? prefix : [...prefix, bound.value]
    values.forEach((value, i) => { writeKeyValue(to, this.options.key[i]!.type, value) })
    const isCut = to.at > STORE_ID_BYTES + KEPT_BYTES
    if (isCut) to.at = STORE_ID_BYTES + KEPT_BYTES
    // Behind a whole value come 0 or 1, before the next column, or an instant; 255 only where text goes on behind a zero. Behind a cut one, anything.
    if (isCut && outwardsIsBehind) to.bytes(BEHIND_ALL)
    else if (!isCut && behind) to.byte(254)
    return to.take()
  }

  /** A page at a time: the store may change in between, and a slow reader holds no transaction open. */
  * #pages (start: Buffer, end: Buffer): Generator<StoreRow> {
    let size = FIRST_PAGE
    for (let from = start; ; size = Math.min(size * 4, PAGE_MAX)) {
      const page = this.#db.range(from, end, size)
      for (const { key, value } of page) yield this.#parse(key, value)
      const last = page.at(-1)
      if (last === undefined || page.length < size) return
      from = Buffer.concat([last.key, Buffer.of(0)])
    }
  }
}
