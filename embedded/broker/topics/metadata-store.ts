// What the broker knows besides records: topics, ids it has given out, where logs begin. A map whose changes are a log like any other.
import { encodeBatch, iterateBatches } from '../../records/batch.js'
import type { DiskLog } from '../log/partition-log.js'

export const METADATA_LOG = { topic: '__embedded_metadata', partition: 0 } as const

const READ_BYTES = 1024 * 1024
/** A log with this many times more changes than values is written anew when it is opened. */
const COMPACT_RATIO = 4
const COMPACT_CHANGES_MIN = 1000

export class MetadataStore {
  readonly #log: DiskLog
  readonly #clock: () => number
  readonly #values = new Map<string, unknown>()

  private constructor (log: DiskLog, clock: () => number) {
    this.#log = log
    this.#clock = clock
  }

  static async open (log: DiskLog, clock: () => number): Promise<MetadataStore> {
    const store = new MetadataStore(log, clock)
    let changes = 0
    for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
      const { chunks } = await log.readChunks(offset, READ_BYTES, 'read_uncommitted')
      for (const view of chunks.flatMap(chunk => [...iterateBatches(chunk)])) {
        for (const { key, value } of view.records()) {
          changes++
          if (value === null) store.#values.delete(key!.toString())
          else store.#values.set(key!.toString(), JSON.parse(value.toString()))
        }
        offset = view.lastOffset + 1
      }
    }
    if (changes > COMPACT_CHANGES_MIN && changes > COMPACT_RATIO * store.#values.size) await store.#rewrite()
    return store
  }

  async #rewrite (): Promise<void> {
    await this.#log.exclusively(async () => await this.#log.roll())
    const start = this.#log.logEndOffset
    await this.#append([...this.#values])
    await this.#log.flush()
    await this.#log.deleteBefore(start)
  }

  get<T> (key: string): T | undefined {
    return this.#values.get(key) as T | undefined
  }

  /** All entries whose key begins with `prefix`, with the rest of their key. */
  * entries<T> (prefix: string): Generator<[string, T]> {
    for (const [key, value] of this.#values) {
      if (key.startsWith(prefix)) yield [key.slice(prefix.length), value as T]
    }
  }

  /** Undefined removes. When it resolves, the change is on disk. */
  async set (changes: readonly (readonly [key: string, value: unknown])[]): Promise<void> {
    if (changes.length === 0) return
    for (const [key, value] of changes) {
      if (value === undefined) this.#values.delete(key)
      else this.#values.set(key, value)
    }
    await this.#append(changes)
    await this.#log.flush()
  }

  async #append (changes: readonly (readonly [string, unknown])[]): Promise<void> {
    const timestamp = this.#clock()
    const records = changes.map(([key, value]) => ({
      timestamp, key: Buffer.from(key), value: value === undefined ? null : Buffer.from(JSON.stringify(value))
    }))
    for (let i = 0; i < records.length; i += 500) await this.#log.appendBatch(encodeBatch(records.slice(i, i + 500)), 'coordinator')
  }
}
