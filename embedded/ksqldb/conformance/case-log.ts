// A log in memory for one case: it knows in which order all records arrived, and hides from queries what they write to topics that the case supplies.
import { BatchView, encodeBatch } from '../../records/batch.js'
import type { LogRecord, NewRecord } from '../../records/batch.js'
import { LogError } from '../../log.js'
import { partitionOfKey } from '../runtime/partitioner.js'
import type { AppendResult, Log, PartitionLog, ReadResult, TopicDescription, TopicSpec } from '../../log.js'

class CasePartition implements PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset = 0
  readonly #log: CaseLog
  readonly #batches: Buffer[] = []
  readonly arrivals: number[] = []
  readonly #listeners = new Set<() => void>()

  constructor (log: CaseLog, topic: string, partition: number) {
    this.#log = log
    this.topic = topic
    this.partition = partition
  }

  get logEndOffset (): number { return this.arrivals.length }
  get lastStableOffset (): number { return this.arrivals.length }

  async read (offset: number, maxBytes: number): Promise<ReadResult> {
    let bytes = 0
    const batches: Buffer[] = []
    for (const batch of this.#batches) {
      if (new BatchView(batch).lastOffset < offset) continue
      if (bytes > 0 && bytes + batch.length > maxBytes) break
      batches.push(batch)
      bytes += batch.length
    }
    return { batches: Buffer.concat(batches), abortedTransactions: [], lastStableOffset: this.lastStableOffset, logStartOffset: 0 }
  }

  async append (batch: Buffer): Promise<AppendResult> {
    const view = new BatchView(Buffer.from(batch))
    const baseOffset = this.arrivals.length
    view.assign(baseOffset, 0)
    this.#log.written(this.topic, view.records())
    if (!this.#log.isSupplied(this.topic)) this.add(view.buffer, view.records().map(() => this.#log.nextArrival()))
    return { baseOffset, duplicate: false }
  }

  add (batch: Buffer, arrivals: readonly number[]): void {
    this.#batches.push(batch)
    this.arrivals.push(...arrivals)
    for (const listener of this.#listeners) listener()
  }

  async offsetForTimestamp (): Promise<undefined> {
    return undefined
  }

  get isFollowed (): boolean { return this.#listeners.size > 0 }

  onAppend (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

export class CaseLog implements Log {
  readonly #supplied: ReadonlySet<string>
  readonly #topics = new Map<string, { readonly description: TopicDescription, readonly partitions: readonly CasePartition[] }>()
  readonly #written = new Map<string, LogRecord[]>()
  readonly #spread: boolean
  #arrival: number
  #producers = 0

  /**
   * `supplied`: topics whose records the case gives. `inputs`: how many those are; what queries write arrives after them. `spread`: inputs go to the
   * partition of their key, not all to the first.
   */
  constructor (supplied: ReadonlySet<string>, inputs: number, spread = false) {
    this.#supplied = supplied
    this.#arrival = inputs
    this.#spread = spread
  }

  isSupplied (topic: string): boolean { return this.#supplied.has(topic) }
  nextArrival (): number { return this.#arrival++ }

  written (topic: string, records: readonly LogRecord[]): void {
    const known = this.#written.get(topic)
    if (known === undefined) this.#written.set(topic, [...records])
    else known.push(...records)
  }

  /** All that was appended to a topic by queries, in the order of appending. */
  outputs (topic: string): readonly LogRecord[] {
    return this.#written.get(topic) ?? []
  }

  /** Puts one of the case's own records in its topic. `arrival` is its place among all inputs. */
  supply (topic: string, record: NewRecord, arrival: number): void {
    const partitions = this.#topics.get(topic)?.partitions ?? []
    const partition = partitions[this.#spread && record.key !== null ? partitionOfKey(record.key, partitions.length) : 0]
    if (partition === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `Topic '${topic}' does not exist`)
    partition.add(encodeBatch([record], { baseOffset: partition.logEndOffset }), [arrival])
  }

  arrivalOf (topic: string, partition: number, offset: number): number {
    return this.#topics.get(topic)?.partitions[partition]?.arrivals[offset] ?? Infinity
  }

  listTopics (): readonly TopicDescription[] {
    return [...this.#topics.values()].map(topic => topic.description)
  }

  describeTopic (name: string): TopicDescription | undefined {
    return this.#topics.get(name)?.description
  }

  async createTopic (spec: TopicSpec): Promise<TopicDescription> {
    if (this.#topics.has(spec.name)) throw new LogError('TOPIC_ALREADY_EXISTS', `Topic '${spec.name}' already exists.`)
    const description = { name: spec.name, partitions: spec.partitions, replicationFactor: spec.replicationFactor ?? 1, config: spec.config ?? {} }
    const partitions = Array.from({ length: spec.partitions }, (_, partition) => new CasePartition(this, spec.name, partition))
    this.#topics.set(spec.name, { description, partitions })
    return description
  }

  async deleteTopic (name: string): Promise<void> {
    if (!this.#topics.delete(name)) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `Topic '${name}' does not exist`)
    this.#written.delete(name)
  }

  partition (topic: string, partition: number): PartitionLog | undefined {
    return this.#topics.get(topic)?.partitions[partition]
  }

  async internalProducerId (): Promise<number> {
    return this.#producers++
  }
}
