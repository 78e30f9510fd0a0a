// Which time windows are to be forgotten when: the windows begun within one commit stand together, one entry for each partition and instant.
import { randomBytes } from 'node:crypto'
import type { Column } from '../../plan/schema.js'
import type { Row } from '../../plan/value.js'
import { ByteReader, ByteWriter } from '../bytes.js'
import { ValueCodec } from './value-codec.js'
import { STORE_ID_BYTES } from './state-db.js'
import type { StateDb } from './state-db.js'

const AT_BYTES = STORE_ID_BYTES + 4
const NAME_BYTES = 8
const NO_NAME = Buffer.alloc(0)
const BLOCK_KEYS_MAX = 1000

export interface ExpiryBlock { readonly storeKey: Buffer, readonly at: number, readonly keys: readonly Row[] }

/** Entries: (partition, instant, a random name) → the keys whose window of that instant began within one commit. Additions wait for `flush`. */
export class ExpiryIndex {
  readonly #db: StateDb
  readonly #id: number
  readonly #keys: ValueCodec
  readonly #to = new ByteWriter()
  /** By partition, then instant. */
  #added: (Map<number, Row[]> | undefined)[] = []
  /** Keys added since the last call of `takeAdded`: how much has to go for the store not to grow. */
  #count = 0

  constructor (db: StateDb, id: number, key: readonly Column[]) {
    this.#db = db
    this.#id = id
    this.#keys = new ValueCodec(key.map(column => column.type))
  }

  add (partition: number, at: number, key: Row): void {
    const instants = this.#added[partition] ??= new Map()
    const keys = instants.get(at)
    if (keys === undefined) instants.set(at, [key])
    else keys.push(key)
    this.#count++
  }

  takeAdded (): number {
    const count = this.#count
    this.#count = 0
    return count
  }

  /** Takes out again what was added, is not flushed yet, and whose instant is below `before`. */
  takeBelow (partition: number, before: number): { readonly at: number, readonly keys: readonly Row[] }[] {
    const instants = this.#added[partition]
    const taken = [...instants ?? []].filter(([at]) => at < before)
    for (const [at] of taken) instants?.delete(at)
    return taken.map(([at, keys]) => ({ at, keys }))
  }

  flush (): void {
    this.#added.forEach((instants, partition) => {
      for (const [at, keys] of instants ?? []) {
        for (let first = 0; first < keys.length; first += BLOCK_KEYS_MAX) this.#writeBlock(partition, at, keys.slice(first, first + BLOCK_KEYS_MAX))
      }
    })
    this.#added = []
  }

  #writeBlock (partition: number, at: number, keys: readonly Row[]): void {
    const to = this.#to
    to.at = 0
    to.unsigned(keys.length)
    for (const key of keys) this.#keys.write(to, key)
    this.#db.put(this.#storeKey(partition, at, randomBytes(NAME_BYTES)), to.view())
    to.shrink()
  }

  #storeKey (partition: number, at: number, name: Buffer): Buffer {
    const storeKey = Buffer.alloc(AT_BYTES + 8 + name.length)
    storeKey.writeUInt32BE(this.#id)
    storeKey.writeUInt32BE(partition, STORE_ID_BYTES)
    storeKey.writeBigUInt64BE(BigInt(at), AT_BYTES)
    name.copy(storeKey, AT_BYTES + 8)
    return storeKey
  }

  /** Forgets what is not committed. */
  reset (): void {
    this.#added = []
    this.#count = 0
  }

  /** The earliest block of a partition's committed keys whose instant is below `before`; the next one after a block that was given. */
  below (partition: number, before: number, last?: ExpiryBlock): ExpiryBlock | undefined {
    if (before <= 0) return undefined
    const from = last === undefined ? this.#storeKey(partition, 0, NO_NAME) : Buffer.concat([last.storeKey, Buffer.of(0)])
    const [first] = this.#db.range(from, this.#storeKey(partition, before, NO_NAME), 1)
    if (first === undefined) return undefined
    const value = new ByteReader(first.value)
    const keys = Array.from({ length: value.unsigned() }, () => this.#keys.read(value))
    return { storeKey: first.key, at: Number(first.key.readBigUInt64BE(AT_BYTES)), keys }
  }

  remove ({ storeKey }: ExpiryBlock): void {
    this.#db.remove(storeKey)
  }
}
