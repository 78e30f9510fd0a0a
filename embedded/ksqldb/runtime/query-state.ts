// All that one query keeps: its stores, its offsets and its outbox, committed together in one transaction of the state store.
import type { RecordHeader } from '../../records/batch.js'
import type { CompileContext } from '../plan/compile.js'
import type { FunctionRegistry } from '../plan/function-registry.js'
import { printExpression } from '../sql/expression-printer.js'
import type { Column } from '../plan/schema.js'
import type { Row } from '../plan/value.js'
import { ByteWriter } from './bytes.js'
import { partitionOfKey } from './partitioner.js'
import type { ProcessorContext, StoreSpec, StreamTimes } from './processors/context.js'
import { messagesOf } from './query-failure.js'
import { ExpiryIndex } from './state/expiry-index.js'
import { KeyCodec } from './state/key-codec.js'
import type { StateCache } from './state/state-cache.js'
import { STORE_ID_BYTES } from './state/state-db.js'
import type { QueryRecord, StateDb } from './state/state-db.js'
import { TableStore } from './state/table-store.js'
import { TimeIndex } from './state/time-index.js'

const OUTBOX = ' outbox'

/** What a step could not do with a row. */
export interface StepError {
  readonly message: string
  readonly causes: readonly string[]
  readonly row?: Row
}

export interface QueryStateOptions {
  readonly id: string
  readonly db: StateDb
  readonly functions: FunctionRegistry
  readonly partitions: number
  readonly coalesce: boolean
  readonly cache: StateCache
  readonly onError: (step: string, error: StepError) => void
}

/** A batch that is committed but perhaps not yet in its topic. */
export interface OutboxEntry {
  readonly number: number
  readonly topic: string
  readonly partition: number
  readonly batch: Buffer
}

export class QueryState implements ProcessorContext {
  readonly record: QueryRecord
  /** False where nothing of this query was kept. */
  readonly existed: boolean
  readonly partitions: number
  readonly coalesce: boolean
  partition = 0
  headers: readonly RecordHeader[] = []
  readonly #options: QueryStateOptions
  readonly #db: StateDb
  readonly #stores: TableStore[] = []
  readonly #indexes: (TimeIndex | ExpiryIndex)[] = []
  /** Whether each slice must be a transaction. */
  isTransactional = false
  readonly #beforeCommit: (() => void)[] = []
  readonly #onRollback: (() => void)[] = []
  readonly #keyCodecs = new Map<readonly Column[], KeyCodec>()
  readonly #keyBytes = new ByteWriter()
  readonly #outboxStore: number
  #appendedThrough = -1
  #moreToExpire = false

  constructor (options: QueryStateOptions) {
    this.#options = options
    this.#db = options.db
    this.partitions = options.partitions
    this.coalesce = options.coalesce
    const found = options.db.query(options.id)
    this.existed = found !== undefined
    this.record = found ?? { stores: {}, offsets: {}, sequences: {}, streamTimes: {}, outbox: [0, 0] }
    this.#outboxStore = this.#storeId(OUTBOX)
  }

  #storeId (name: string): number {
    const known = this.record.stores[name]
    if (known !== undefined) return known
    const id = this.#db.newStore()
    this.record.stores[name] = id
    return id
  }

  compileContext (step: string): CompileContext {
    const { functions, onError } = this.#options
    return {
      functions,
      onError: (error, expression, row, message = `Error computing expression ${printExpression(expression)}`) => {
        onError(step, { message, causes: messagesOf(error), ...row === undefined ? {} : { row } })
      }
    }
  }

  store (name: string, spec: StoreSpec): TableStore {
    const store = new TableStore(this.#db, {
      id: this.#storeId(name), key: spec.key, value: spec.value, windowKind: spec.windowKind ?? 'none',
      cache: this.#options.cache, ...(spec.windowSizeMs === undefined ? {} : { windowSizeMs: spec.windowSizeMs })
    })
    this.#stores.push(store)
    return store
  }

  index (name: string, key: readonly Column[]): TimeIndex {
    const index = new TimeIndex(this.#db, this.#storeId(name), key)
    this.#indexes.push(index)
    return index
  }

  expiryIndex (name: string, key: readonly Column[]): ExpiryIndex {
    const index = new ExpiryIndex(this.#db, this.#storeId(name), key)
    this.#indexes.push(index)
    return index
  }

  streamTimes (name: string): StreamTimes {
    const times = this.record.streamTimes[name] ?? []
    this.record.streamTimes[name] = times
    return times
  }

  partitionOf (key: Row, columns: readonly Column[]): number {
    if (this.partitions === 1) return 0
    let codec = this.#keyCodecs.get(columns)
    if (codec === undefined) {
      codec = new KeyCodec(columns.map(column => column.type))
      this.#keyCodecs.set(columns, codec)
    }
    this.#keyBytes.at = 0
    codec.write(this.#keyBytes, key)
    return partitionOfKey(this.#keyBytes.buffer, this.partitions, this.#keyBytes.at)
  }

  beforeCommit (work: () => void): void {
    this.#beforeCommit.push(work)
  }

  needsTransaction (): void {
    this.isTransactional = true
  }

  hasMoreToExpire (): void {
    this.#moreToExpire = true
  }

  /** Whether the last commit left expired rows that the next one can remove, though no record may come. */
  get moreToExpire (): boolean { return this.#moreToExpire }

  /** About the bytes of heap of the rows that wait to be written. */
  get dirtyBytes (): number {
    let bytes = 0
    for (const store of this.#stores) bytes += store.dirtyBytes
    return bytes
  }

  /** The rows that wait to be written, counted as cache.max.bytes.buffering is. */
  get bufferedBytes (): number {
    let bytes = 0
    for (const store of this.#stores) bytes += store.bufferedBytes
    return bytes
  }

  /** Gives up the stores' part of the cache. */
  close (): void {
    for (const store of this.#stores) store.close()
  }

  error (step: string, message: string, row?: Row): void {
    this.#options.onError(step, { message, causes: [], ...row === undefined ? {} : { row } })
  }

  /** Sends what processors hold back. To be called before the sink's batches are taken. */
  finishRecords (): void {
    this.#moreToExpire = false
    for (const work of this.#beforeCommit) work()
  }

  /** Writes stores, offsets and the batches to be appended. Within a transaction. */
  commit (batches: readonly Omit<OutboxEntry, 'number'>[]): OutboxEntry[] {
    for (const store of this.#stores) store.flush()
    for (const index of this.#indexes) index.flush()
    this.#removeAppended()
    const entries = batches.map(batch => ({ ...batch, number: this.record.outbox[1]++ }))
    for (const entry of entries) this.#db.put(this.#outboxKey(entry.number), encodeEntry(entry))
    this.#db.putQuery(this.#options.id, this.record)
    return entries
  }

  /** What `commit` wrote elsewhere is committed. */
  written (): void {
    for (const store of this.#stores) store.written()
  }

  /** Takes back what is not committed: stores, offsets, sequences and stream times are as the last commit left them. */
  rollback (): void {
    for (const store of this.#stores) store.reset()
    for (const index of this.#indexes) index.reset()
    const saved = this.#db.query(this.#options.id)
    this.record.offsets = saved?.offsets ?? {}
    this.record.sequences = saved?.sequences ?? {}
    this.record.outbox = saved?.outbox ?? [0, 0]
    for (const reset of this.#onRollback) reset()
    // Processors hold these arrays: they are filled anew, not replaced.
    for (const [name, known] of Object.entries(this.record.streamTimes)) known.splice(0, known.length, ...saved?.streamTimes[name] ?? [])
  }

  onRollback (reset: () => void): void {
    this.#onRollback.push(reset)
  }

  /** What was committed and perhaps not appended before the last end of the process. */
  outbox (): OutboxEntry[] {
    const [first, next] = this.record.outbox
    const entries: OutboxEntry[] = []
    for (let number = first; number < next; number++) {
      const data = this.#db.get(this.#outboxKey(number))
      // lmdb lends one large buffer whose `length` alone is the value's: only a view of that length can be copied.
      if (data !== undefined) entries.push(decodeEntry(number, Buffer.from(data.subarray(0, data.length))))
    }
    return entries
  }

  /** The batches up to this one are in their topics: the next commit, or `settle`, forgets them. */
  appended (through: number): void {
    this.#appendedThrough = through
  }

  #removeAppended (): void {
    const { outbox } = this.record
    for (; outbox[0] <= this.#appendedThrough; outbox[0]++) this.#db.remove(this.#outboxKey(outbox[0]))
  }

  /** Whether nothing that was appended is remembered. */
  get isSettled (): boolean { return this.record.outbox[0] > this.#appendedThrough }

  /** Forgets what was appended, where no commit follows soon. */
  async settle (): Promise<void> {
    if (this.isSettled) return
    const work = (): void => {
      this.#removeAppended()
      this.#db.putQuery(this.#options.id, this.record)
    }
    if (this.#db.isWriting) await this.#db.writeElsewhere(0, work)
    else this.#db.transaction(work)
  }

  #outboxKey (number: number): Buffer {
    const key = Buffer.alloc(STORE_ID_BYTES + 8)
    key.writeUInt32BE(this.#outboxStore)
    key.writeBigUInt64BE(BigInt(number), STORE_ID_BYTES)
    return key
  }
}

function encodeEntry ({ topic, partition, batch }: Omit<OutboxEntry, 'number'>): Buffer {
  const head = Buffer.alloc(6 + Buffer.byteLength(topic))
  head.writeInt32BE(partition)
  head.writeUInt16BE(head.length - 6, 4)
  head.write(topic, 6)
  return Buffer.concat([head, batch])
}

function decodeEntry (number: number, data: Buffer): OutboxEntry {
  const length = data.readUInt16BE(4)
  return { number, partition: data.readInt32BE(), topic: data.toString('utf8', 6, 6 + length), batch: data.subarray(6 + length) }
}
