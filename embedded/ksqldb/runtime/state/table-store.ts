// A state store: rows by key, or by key and window, with a bounded cache in front that writes back at each commit.
import type { Column } from '../../plan/schema.js'
import type { KeyRange, PullBound } from '../../plan/pull-plan.js'
import type { Row, Value } from '../../plan/value.js'
import type { Window } from '../api.js'
import { ByteReader, ByteWriter } from '../bytes.js'
import { Entry, PlainEntryMap, WindowedEntryMap } from './entry-map.js'
import type { EntryMap, Identity } from './entry-map.js'
import { entryBytes } from './heap-bytes.js'
import { KEPT_BYTES, KeyCodec, writeKeyValue } from './key-codec.js'
import type { CachedStore, StateCache } from './state-cache.js'
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
// What a row is taken for until the store has written some that tell what its rows weigh.
const FRESH_BYTES = 320
const FRESH_STORED_BYTES = 100
// What an entry of Kafka Streams' cache is counted for beside its key and its row.
const CACHE_ENTRY_BYTES = 48
const EMPTY = Buffer.alloc(0)

export { Entry } from './entry-map.js'
export type WindowKind = 'none' | 'time' | 'session'

export interface StoreRow {
  readonly key: Row
  readonly window: Window | undefined
  readonly row: Row
  readonly timestamp: number
}

export interface StoreOptions {
  readonly id: number
  readonly key: readonly Column[]
  readonly value: readonly Column[]
  readonly windowKind: WindowKind
  /** The size of a time window: its end is not stored. */
  readonly windowSizeMs?: number
  readonly cache: StateCache
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

function rowOf ({ key, window, row, timestamp }: Entry): StoreRow[] {
  return row === null ? [] : [{ key, window, row, timestamp }]
}

export class TableStore implements CachedStore {
  readonly options: StoreOptions
  readonly #db: StateDb
  readonly #cache: StateCache
  readonly #keys: KeyCodec
  readonly #values: ValueCodec
  readonly #to = new ByteWriter()
  readonly #valueTo = new ByteWriter()
  readonly #from = new ByteReader(EMPTY)
  readonly #suffixBytes: number
  #young: EntryMap
  #old: EntryMap
  #dirty: Entry[] = []
  #dirtyBytes = 0
  #bufferedBytes = 0
  /** The mean of the rows last written: what new ones are taken for. */
  #meanBytes = FRESH_BYTES
  #meanStoredBytes = FRESH_STORED_BYTES

  constructor (db: StateDb, options: StoreOptions) {
    this.#db = db
    this.options = options
    this.#cache = options.cache
    this.#keys = new KeyCodec(options.key.map(column => column.type))
    this.#values = new ValueCodec(options.value.map(column => column.type))
    this.#suffixBytes = options.windowKind === 'none' ? 0 : options.windowKind === 'time' ? 8 : 16
    this.#young = this.#newMap()
    this.#old = this.#newMap()
    this.#cache.add(this)
  }

  #newMap (): EntryMap {
    return this.options.windowKind === 'time' ? new WindowedEntryMap() : new PlainEntryMap()
  }

  /** The entry of a key, which may have no row. It is the cache's own: change it by `put` only, and do not keep it beyond the record at hand. */
  entry (key: Row, window?: Window): Entry {
    const identity = this.#keys.identity(key)
    let entry = this.#young.get(identity, window)
    if (entry !== undefined) return entry
    entry = this.#old.get(identity, window)
    if (entry === undefined) {
      entry = this.#load(key, window)
      if (entry.row !== null) entry.bytes = entryBytes(key, entry.row)
    }
    this.#remember(identity, entry)
    return entry
  }

  /** As `entry`, of a key of one column and, with time windows, the window that begins at `start`: neither is made where the cache has the entry. */
  entryOf (part: Value, start: number | undefined): Entry {
    const identity = typeof part === 'string' ? part : this.#keys.identity([part])
    return this.#young.at(identity, start) ?? this.entry([part], start === undefined ? undefined : { start, end: start + this.options.windowSizeMs! })
  }

  /** As `entry`, for one who only looks: what the cache does not have is not put there. */
  peek (key: Row, window?: Window): Entry {
    const identity = this.#keys.identity(key)
    return this.#young.get(identity, window) ?? this.#old.get(identity, window) ?? this.#load(key, window)
  }

  #remember (identity: Identity, entry: Entry): void {
    this.#young.set(identity, entry.window, entry)
    this.#cache.cached(entry.bytes)
  }

  age (): void {
    this.#old = this.#young
    this.#young = this.#newMap()
    for (const entry of this.#dirty) {
      const identity = this.#keys.identity(entry.key)
      if (this.#old.get(identity, entry.window) === undefined) this.#remember(identity, entry)
    }
  }

  /** Gives up its part of the cache: the store is used no more. */
  close (): void {
    this.#cache.remove(this, this.#dirtyBytes)
    this.#young.clear()
    this.#old.clear()
    this.#forgetDirty()
  }

  #forgetDirty (): void {
    this.#dirty = []
    this.#dirtyBytes = 0
    this.#bufferedBytes = 0
  }

  /** From the store, its weight not yet counted. */
  #load (key: Row, window: Window | undefined): Entry {
    const entry = new Entry(key, window, this.#meanBytes, this.#meanStoredBytes)
    this.#writeKey(key, window)
    const found = this.#db.get(this.#to.view())
    if (found !== undefined) {
      const from = this.#from.reset(found)
      if ((from.byte() & WHOLE_KEY) !== 0) from.bytes(from.unsigned())
      entry.timestamp = from.doubleLE()
      entry.row = this.#values.read(from)
      entry.storedBytes = this.#to.at + found.length
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
    this.#dirtyBytes += entry.bytes
    this.#bufferedBytes += entry.storedBytes + CACHE_ENTRY_BYTES
    this.#cache.dirtied(entry.bytes)
  }

  /** Forgets a row without telling anyone, whether it is in memory or not. Within a transaction. */
  expire (key: Row, window: Window): void {
    const identity = this.#keys.identity(key)
    const entry = this.#young.get(identity, window) ?? this.#old.get(identity, window)
    if (entry !== undefined) {
      this.put(entry, null, entry.timestamp)
      return
    }
    this.#writeKey(key, window)
    this.#db.remove(this.#to.view())
  }

  /** About the bytes of heap of the rows that wait to be written. */
  get dirtyBytes (): number { return this.#dirtyBytes }
  /** The same as Kafka Streams counts its cache: the bytes of key and row as they are stored, and a little for each entry. */
  get bufferedBytes (): number { return this.#bufferedBytes }

  /** Writes what has changed. Within a transaction; where it is carried out elsewhere, `written` is to follow. */
  flush (): void {
    if (this.#dirty.length === 0) return
    let [rows, bytes, storedBytes] = [0, 0, 0]
    for (const entry of this.#dirty) {
      const whole = this.#writeKey(entry.key, entry.window)
      if (entry.row === null) {
        this.#db.remove(this.#to.view())
        continue
      }
      this.#write(entry, entry.row, whole)
      rows++
      bytes += entry.bytes
      storedBytes += entry.storedBytes
    }
    if (rows > 0) {
      this.#meanBytes = Math.ceil(bytes / rows)
      this.#meanStoredBytes = Math.ceil(storedBytes / rows)
    }
    if (!this.#db.isGathering) this.written()
  }

  /** What was flushed is committed: until then readers are given what is in memory. */
  written (): void {
    for (const entry of this.#dirty) entry.dirty = false
    this.#cache.dirtied(-this.#dirtyBytes)
    this.#forgetDirty()
  }

  /** Writes a row under the key that stands in `#to`. */
  #write (entry: Entry, row: Row, whole: Buffer | undefined): void {
    const to = this.#valueTo
    to.at = 0
    to.byte(whole === undefined ? 0 : WHOLE_KEY)
    if (whole !== undefined) {
      to.unsigned(whole.length)
      to.bytes(whole)
    }
    to.doubleLE(entry.timestamp)
    this.#values.write(to, row)
    this.#db.put(this.#to.view(), to.view())
    entry.storedBytes = this.#to.at + to.at
    to.shrink()
    const bytes = entryBytes(entry.key, row)
    if (bytes > entry.bytes) this.#cache.cached(bytes - entry.bytes)
    entry.bytes = bytes
  }

  /** Forgets all that is not committed: after a transaction that failed. */
  reset (): void {
    this.#young.clear()
    this.#old.clear()
    this.#cache.dirtied(-this.#dirtyBytes)
    this.#forgetDirty()
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

  /** As `windows`, but with what waits to be written in place of what it will replace. Of time windows only. */
  * currentWindows (key: Row, range: WindowRange): Generator<StoreRow> {
    const waiting = this.#dirtyWindows(key, range)
    let next = 0
    for (const stored of waiting.length === 0 ? this.windows(key, range) : [...this.windows(key, range)]) {
      const { start } = stored.window!
      while (next < waiting.length && waiting[next]!.window!.start < start) yield * rowOf(waiting[next++]!)
      if (waiting[next]?.window!.start === start) yield * rowOf(waiting[next++]!)
      else yield stored
    }
    while (next < waiting.length) yield * rowOf(waiting[next++]!)
  }

  #dirtyWindows (key: Row, { from, to }: WindowRange): Entry[] {
    if (this.#dirty.length === 0) return []
    const identity = this.#keys.identity(key)
    const found = new Set([...this.#young.windowsOf(identity, from, to), ...this.#old.windowsOf(identity, from, to)])
    return [...found].filter(entry => entry.dirty).sort((a, b) => a.window!.start - b.window!.start)
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
