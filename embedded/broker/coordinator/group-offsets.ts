// Committed offsets: the table that the __consumer_offsets log adds up to, and the commits that wait for their transaction's end.
import { LogError } from '../../log.js'
import { encodeBatch, iterateBatches, type BatchView, type NewRecord } from '../../records/batch.js'
import { readMarker, type MarkerType } from '../../records/control.js'
import type { DiskLog } from '../log/partition-log.js'
import { decodeOffsetKey, decodeOffsetValue, encodeOffsetKey, encodeOffsetValue, type CommittedOffset, type OffsetKey } from './state-records.js'

const READ_BYTES = 1024 * 1024
/** Kafka's offset.metadata.max.bytes. */
export const OFFSET_METADATA_BYTES_MAX = 4096

export interface OffsetChange { readonly key: OffsetKey, readonly value: CommittedOffset | null }
/** Whose transaction a commit is part of. */
export interface TxnProducer { readonly producerId: number, readonly producerEpoch: number }

type Table = Map<string, { topic: string, partition: number, value: CommittedOffset }>

const placeOf = (topic: string, partition: number): string => `${partition}/${topic}`

export class GroupOffsets {
  readonly log: DiskLog
  readonly #clock: () => number
  readonly #groups = new Map<string, Table>()
  readonly #pending = new Map<number, OffsetChange[]>()

  private constructor (log: DiskLog, clock: () => number) {
    this.log = log
    this.#clock = clock
  }

  static async open (log: DiskLog, clock: () => number): Promise<GroupOffsets> {
    const offsets = new GroupOffsets(log, clock)
    for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
      const { chunks, bytes } = await log.readChunks(offset, READ_BYTES, 'read_uncommitted')
      if (bytes === 0) break
      for (const view of chunks.flatMap(chunk => [...iterateBatches(chunk)])) {
        offsets.#replay(view)
        offset = view.lastOffset + 1
      }
    }
    return offsets
  }

  #replay (view: BatchView): void {
    const marker = readMarker(view)
    if (marker !== undefined) {
      this.endTransaction(view.producerId, marker.type)
      return
    }
    const changes: OffsetChange[] = []
    for (const { key, value } of view.records()) {
      const offsetKey = key === null ? undefined : decodeOffsetKey(key)
      if (offsetKey !== undefined) changes.push({ key: offsetKey, value: value === null ? null : decodeOffsetValue(value) })
    }
    if (view.isTransactional) this.#hold(view.producerId, changes)
    else this.#apply(changes)
  }

  #hold (producerId: number, changes: readonly OffsetChange[]): void {
    this.#pending.set(producerId, [...this.#pending.get(producerId) ?? [], ...changes])
  }

  #apply (changes: readonly OffsetChange[]): void {
    for (const { key: { group, topic, partition }, value } of changes) {
      let table = this.#groups.get(group)
      if (value === null) {
        table?.delete(placeOf(topic, partition))
        if (table?.size === 0) this.#groups.delete(group)
        continue
      }
      if (table === undefined) this.#groups.set(group, table = new Map())
      table.set(placeOf(topic, partition), { topic, partition, value })
    }
  }

  /** Writes commits (null forgets one). Within a transaction they count only once it is committed. */
  async write (changes: readonly OffsetChange[], producer?: TxnProducer): Promise<void> {
    if (changes.length === 0) return
    const timestamp = this.#clock()
    const records = changes.map(({ key, value }): NewRecord => ({
      timestamp, key: encodeOffsetKey(key), value: value === null ? null : encodeOffsetValue(value)
    }))
    const batch = encodeBatch(records, producer === undefined ? {} : { ...producer, isTransactional: true })
    try {
      await this.log.appendBatch(batch, 'coordinator')
    } catch (error) {
      // As Kafka's coordinator: a log that does not take a commit is one that is not there.
      if (error instanceof LogError && error.code === 'MESSAGE_TOO_LARGE') throw new LogError('INVALID_REQUEST', 'The commit is too large')
      throw error
    }
    if (producer === undefined) this.#apply(changes)
    else this.#hold(producer.producerId, changes)
  }

  endTransaction (producerId: number, type: MarkerType): void {
    const changes = this.#pending.get(producerId)
    if (changes === undefined) return
    this.#pending.delete(producerId)
    if (type === 'commit') this.#apply(changes)
  }

  get (group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(group)?.get(placeOf(topic, partition))?.value
  }

  /** Whether a transaction that is not over has committed this partition's offset for the group (KIP-447). */
  isUnstable (group: string, topic: string, partition: number): boolean {
    for (const changes of this.#pending.values()) {
      if (changes.some(({ key }) => key.group === group && key.topic === topic && key.partition === partition)) return true
    }
    return false
  }

  /** All that the group has committed. */
  of (group: string): { topic: string, partition: number, value: CommittedOffset }[] {
    return [...this.#groups.get(group)?.values() ?? []]
  }

  groups (): Iterable<string> { return this.#groups.keys() }
  has (group: string): boolean { return this.#groups.has(group) }

  async deleteGroup (group: string): Promise<void> {
    await this.write(this.of(group).map(({ topic, partition }) => ({ key: { group, topic, partition }, value: null })))
  }

  /** Forgets what groups committed for a topic that is gone. */
  async deleteTopic (topic: string): Promise<void> {
    const changes: OffsetChange[] = []
    for (const group of this.#groups.keys()) {
      for (const entry of this.of(group)) {
        if (entry.topic === topic) changes.push({ key: { group, topic, partition: entry.partition }, value: null })
      }
    }
    await this.write(changes)
  }
}
