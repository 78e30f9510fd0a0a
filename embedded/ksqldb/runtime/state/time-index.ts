// Keys in the order of an instant: which windows have closed, which rows of a join's side are to be forgotten.
import type { Column } from '../../plan/schema.js'
import type { Row } from '../../plan/value.js'
import type { Window } from '../api.js'
import { ByteReader, ByteWriter } from '../bytes.js'
import { KeyCodec } from './key-codec.js'
import { STORE_ID_BYTES } from './state-db.js'
import type { StateDb } from './state-db.js'

const NO_WHOLE_KEY = Buffer.of(0)
const WHOLE_KEY = Buffer.of(1)

export interface IndexedKey { readonly at: number, readonly key: Row, readonly window: Window }

/** Entries (instant, key, window). Additions wait for `flush`; `below` flushes, so it and `remove` belong in a transaction. */
export class TimeIndex {
  readonly #db: StateDb
  readonly #id: number
  readonly #keys: KeyCodec
  readonly #to = new ByteWriter()
  #added: { readonly storeKey: Buffer, readonly whole: Buffer | undefined }[] = []

  constructor (db: StateDb, id: number, key: readonly Column[]) {
    this.#db = db
    this.#id = id
    this.#keys = new KeyCodec(key.map(column => column.type))
  }

  #write (at: number, key: Row, window: Window): { storeKey: Buffer, whole: Buffer | undefined } {
    const to = this.#to
    to.at = 0
    to.int32(this.#id)
    for (const ms of [at, window.start, window.end]) to.int64(BigInt(ms))
    const whole = this.#keys.write(to, key)
    return { storeKey: to.take(), whole }
  }

  add (at: number, key: Row, window: Window): void {
    this.#added.push(this.#write(at, key, window))
  }

  flush (): void {
    for (const { storeKey, whole } of this.#added) this.#db.put(storeKey, whole === undefined ? NO_WHOLE_KEY : Buffer.concat([WHOLE_KEY, whole]))
    this.#added = []
  }

  /** Forgets what is not committed. */
  reset (): void {
    this.#added = []
  }

  remove (at: number, key: Row, window: Window): void {
    this.flush()
    this.#db.remove(this.#write(at, key, window).storeKey)
  }

  /** Up to `limit` entries whose instant is below `before`, the earliest first. */
  below (before: number, limit: number): IndexedKey[] {
    const bound = (ms: number): Buffer => {
      this.#to.at = 0
      this.#to.int32(this.#id)
      this.#to.int64(BigInt(ms))
      return this.#to.take()
    }
    if (before <= 0) return []
    this.flush()
    return this.#db.range(bound(0), bound(before), limit).map(({ key, value }) => {
      const from = new ByteReader(key, STORE_ID_BYTES)
      const [at, start, end] = [Number(from.int64()), Number(from.int64()), Number(from.int64())]
      const keyFrom = value.length > 1 ? new ByteReader(value, 1) : from
      return { at, key: this.#keys.read(keyFrom), window: { start, end } }
    })
  }
}
