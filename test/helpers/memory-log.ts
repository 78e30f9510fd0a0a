// A Log that lives in memory, so that the registry and the engine can be tested without a broker. It keeps whole batches as
// they were appended and follows Kafka's rules where a caller can see them: offsets, sequences, transactions, the last stable offset.
import { LogError } from '../../embedded/log.js'
import type { AppendResult, Log, PartitionLog, ReadResult, TopicDescription, TopicSpec } from '../../embedded/log.js'

// RecordBatch, magic 2: offsets of the header's fields (Kafka's protocol guide, "Record Batch").
const BASE_OFFSET = 0
const BATCH_LENGTH = 8
const MAGIC = 16
const ATTRIBUTES = 21
const LAST_OFFSET_DELTA = 23
const BASE_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const PRODUCER_ID = 43
const PRODUCER_EPOCH = 51
const BASE_SEQUENCE = 53
const RECORDS = 61
const LOG_OVERHEAD = 12
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const COMPRESSION = 0x07
const KEPT_BATCHES_PER_PRODUCER = 5

interface StoredBatch {
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly lastOffset: number
}

interface ProducerState {
  epoch: number
  batches: { baseSequence: number, lastSequence: number, baseOffset: number }[]
}

const long = (bytes: Buffer, at: number) => Number(bytes.readBigInt64BE(at))

function varint (bytes: Buffer, at: number): { value: number, next: number } {
  let value = 0n
  let shift = 0n
  for (let index = at; index < at + 10; index++) {
    const byte = bytes.readUInt8(index)
    value |= BigInt(byte & 0x7f) << shift
    if ((byte & 0x80) === 0) return { value: Number(BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))), next: index + 1 }
    shift += 7n
  }
  throw new LogError('CORRUPT_MESSAGE', 'A varint is longer than 10 bytes')
}

/** Kafka's control record key: version int16, type int16 (0 abort, 1 commit). */
function isAbortMarker (bytes: Buffer): boolean {
  let at = varint(bytes, RECORDS).next + 1 // length, attributes
  at = varint(bytes, at).next // timestamp delta
  at = varint(bytes, at).next // offset delta
  at = varint(bytes, at).next // key length
  return bytes.readInt16BE(at + 2) === 0
}

class MemoryPartition implements PartitionLog {
  readonly topic: string
  readonly partition: number
  logStartOffset = 0
  logEndOffset = 0
  readonly #batches: StoredBatch[] = []
  readonly #listeners = new Set<() => void>()
  readonly #producers = new Map<number, ProducerState>()
  readonly #ongoing = new Map<number, number>()
  readonly #aborted: { producerId: number, firstOffset: number, lastOffset: number }[] = []

  constructor (topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get lastStableOffset (): number {
    return Math.min(this.logEndOffset, ...this.#ongoing.values())
  }

  async read (offset: number, maxBytes: number): Promise<ReadResult> {
    if (offset < this.logStartOffset || offset > this.logEndOffset) {
      throw new LogError('OFFSET_OUT_OF_RANGE', `Offset ${offset} is not within [${this.logStartOffset}, ${this.logEndOffset}]`)
    }
    const lastStableOffset = this.lastStableOffset
    const found: Buffer[] = []
    let size = 0
    for (const batch of this.#from(offset)) {
      if (batch.baseOffset >= lastStableOffset || (found.length > 0 && size + batch.bytes.length > maxBytes)) break
      found.push(batch.bytes)
      size += batch.bytes.length
    }
    return {
      batches: Buffer.concat(found),
      abortedTransactions: this.#aborted.filter(one => one.lastOffset >= offset).map(({ producerId, firstOffset }) => ({ producerId, firstOffset })),
      lastStableOffset,
      logStartOffset: this.logStartOffset
    }
  }

  async append (batch: Buffer): Promise<AppendResult> {
    if (batch.length < RECORDS || batch.readInt8(MAGIC) !== 2 || batch.readInt32BE(BATCH_LENGTH) + LOG_OVERHEAD !== batch.length) {
      throw new LogError('CORRUPT_MESSAGE', 'Not exactly one record batch of magic 2')
    }
    const bytes = Buffer.from(batch)
    const repeated = this.#checkSequence(bytes)
    if (repeated !== undefined) return { baseOffset: repeated, duplicate: true }
    const baseOffset = this.logEndOffset
    const stableBefore = this.lastStableOffset
    bytes.writeBigInt64BE(BigInt(baseOffset), BASE_OFFSET)
    const lastOffset = baseOffset + bytes.readInt32BE(LAST_OFFSET_DELTA)
    this.#batches.push({ bytes, baseOffset, lastOffset })
    this.logEndOffset = lastOffset + 1
    this.#trackTransaction(bytes, baseOffset, lastOffset)
    if (this.lastStableOffset !== stableBefore) for (const listener of [...this.#listeners]) listener()
    return { baseOffset, duplicate: false }
  }

  async offsetForTimestamp (timestamp: number): Promise<{ offset: number, timestamp: number } | undefined> {
    for (const { bytes, baseOffset } of this.#batches) {
      if (long(bytes, MAX_TIMESTAMP) < timestamp) continue
      if ((bytes.readInt16BE(ATTRIBUTES) & COMPRESSION) !== 0) return { offset: baseOffset, timestamp: long(bytes, BASE_TIMESTAMP) }
      for (let at = RECORDS; at < bytes.length;) {
        const length = varint(bytes, at)
        const timestampDelta = varint(bytes, length.next + 1)
        const found = long(bytes, BASE_TIMESTAMP) + timestampDelta.value
        if (found >= timestamp) return { offset: baseOffset + varint(bytes, timestampDelta.next).value, timestamp: found }
        at = length.next + length.value
      }
    }
    return undefined
  }

  get isFollowed (): boolean { return this.#listeners.size > 0 }

  onAppend (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** Removes what lies before `offset`, as DeleteRecords or retention would. */
  truncateBefore (offset: number): void {
    this.logStartOffset = Math.min(Math.max(offset, this.logStartOffset), this.logEndOffset)
    while (this.#batches[0] !== undefined && this.#batches[0].lastOffset < this.logStartOffset) this.#batches.shift()
  }

  #from (offset: number): readonly StoredBatch[] {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] as StoredBatch).lastOffset < offset) low = middle + 1
      else high = middle
    }
    return this.#batches.slice(low)
  }

  /** Kafka's ProducerStateManager: one of the last five batches again is a duplicate; anything but the next sequence is refused. */
  #checkSequence (bytes: Buffer): number | undefined {
    const producerId = long(bytes, PRODUCER_ID)
    if (producerId < 0 || (bytes.readInt16BE(ATTRIBUTES) & CONTROL) !== 0) return undefined
    const epoch = bytes.readInt16BE(PRODUCER_EPOCH)
    const baseSequence = bytes.readInt32BE(BASE_SEQUENCE)
    const lastSequence = (baseSequence + bytes.readInt32BE(LAST_OFFSET_DELTA)) % 2 ** 31
    const known = this.#producers.get(producerId)
    if (known !== undefined && epoch < known.epoch) throw new LogError('INVALID_PRODUCER_EPOCH', `Epoch ${epoch} of producer ${producerId} is fenced by ${known.epoch}`)
    if (known === undefined || epoch > known.epoch) {
      if (known !== undefined && baseSequence !== 0) throw new LogError('OUT_OF_ORDER_SEQUENCE_NUMBER', `A new epoch begins at sequence 0, not ${baseSequence}`)
      this.#producers.set(producerId, { epoch, batches: [{ baseSequence, lastSequence, baseOffset: this.logEndOffset }] })
      return undefined
    }
    const same = known.batches.find(one => one.baseSequence === baseSequence && one.lastSequence === lastSequence)
    if (same !== undefined) return same.baseOffset
    const expected = ((known.batches.at(-1)?.lastSequence ?? -1) + 1) % 2 ** 31
    if (baseSequence !== expected) throw new LogError('OUT_OF_ORDER_SEQUENCE_NUMBER', `Sequence ${baseSequence} of producer ${producerId}, expected ${expected}`)
    known.batches.push({ baseSequence, lastSequence, baseOffset: this.logEndOffset })
    if (known.batches.length > KEPT_BATCHES_PER_PRODUCER) known.batches.shift()
    return undefined
  }

  #trackTransaction (bytes: Buffer, baseOffset: number, lastOffset: number): void {
    const attributes = bytes.readInt16BE(ATTRIBUTES)
    const producerId = long(bytes, PRODUCER_ID)
    if ((attributes & TRANSACTIONAL) === 0) return
    if ((attributes & CONTROL) === 0) {
      if (!this.#ongoing.has(producerId)) this.#ongoing.set(producerId, baseOffset)
      return
    }
    const firstOffset = this.#ongoing.get(producerId)
    this.#ongoing.delete(producerId)
    if (firstOffset !== undefined && isAbortMarker(bytes)) this.#aborted.push({ producerId, firstOffset, lastOffset })
  }
}

/** What a test sees as a broker in the same process. Topics keep what they were given; nothing is on disk, so "restart" is a second user of the same object. */
export class MemoryLog implements Log {
  readonly #topics = new Map<string, { description: TopicDescription, partitions: MemoryPartition[] }>()
  readonly #producerIds = new Map<string, number>()

  listTopics (): readonly TopicDescription[] {
    return [...this.#topics.values()].map(topic => topic.description)
  }

  describeTopic (name: string): TopicDescription | undefined {
    return this.#topics.get(name)?.description
  }

  async createTopic (spec: TopicSpec): Promise<TopicDescription> {
    if (!/^[a-zA-Z0-9._-]{1,249}$/.test(spec.name) || spec.name === '.' || spec.name === '..') {
      throw new LogError('INVALID_TOPIC_EXCEPTION', `Topic name '${spec.name}' is not valid`)
    }
    if (this.#topics.has(spec.name)) throw new LogError('TOPIC_ALREADY_EXISTS', `Topic '${spec.name}' already exists.`)
    if (!Number.isInteger(spec.partitions) || spec.partitions < 1) throw new LogError('INVALID_PARTITIONS', 'Number of partitions must be larger than 0.')
    const description = { name: spec.name, partitions: spec.partitions, replicationFactor: 1, config: { ...spec.config } }
    const partitions = Array.from({ length: spec.partitions }, (_, partition) => new MemoryPartition(spec.name, partition))
    this.#topics.set(spec.name, { description, partitions })
    return description
  }

  /** As CreatePartitions: the topic has so many partitions from now on. */
  addPartitions (name: string, partitions: number): void {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `Topic '${name}' does not exist`)
    for (let partition = topic.partitions.length; partition < partitions; partition++) topic.partitions.push(new MemoryPartition(name, partition))
    topic.description = { ...topic.description, partitions }
  }

  async deleteTopic (name: string): Promise<void> {
    if (!this.#topics.delete(name)) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `Topic '${name}' does not exist`)
  }

  partition (topic: string, partition: number): MemoryPartition | undefined {
    return this.#topics.get(topic)?.partitions[partition]
  }

  async internalProducerId (name: string): Promise<number> {
    const known = this.#producerIds.get(name)
    if (known !== undefined) return known
    const producerId = 2 ** 40 + this.#producerIds.size
    this.#producerIds.set(name, producerId)
    return producerId
  }
}
