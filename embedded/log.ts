// The log interface: what the engine needs of the broker that lives in the same process. Types only.
// The broker implements it over its segment files; a test may implement it in memory. Offsets, timestamps (ms since the
// epoch) and sizes (bytes) are plain numbers: all stay below 2^53.

/** Topic level settings by Kafka's own names, such as `cleanup.policy` or `retention.ms`. */
export type TopicConfig = Readonly<Record<string, string>>

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor?: number
  readonly config?: TopicConfig
}

export interface TopicDescription {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  /** Only what was set on the topic, without the defaults. */
  readonly config: TopicConfig
}

/** Offsets of one transaction that was aborted: records of `producerId` from `firstOffset` up to its abort marker do not count. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface ReadResult {
  /** Whole record batches (magic 2) as stored, back to back. The first may begin before the offset asked for. Empty at the end. */
  readonly batches: Buffer
  readonly abortedTransactions: readonly AbortedTransaction[]
  /** The first offset that this read may not see: the last stable offset. */
  readonly lastStableOffset: number
  readonly logStartOffset: number
}

export interface AppendResult {
  readonly baseOffset: number
  /** True where the batch had been appended before: same producer id, epoch and sequence. `baseOffset` is then the first one's. */
  readonly duplicate: boolean
}

export interface PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly logStartOffset: number
  /** The offset that the next record gets. */
  readonly logEndOffset: number
  readonly lastStableOffset: number
  /** Reads committed batches from `offset`, at most `maxBytes` of them but always at least one where there is one. Throws LogError OFFSET_OUT_OF_RANGE. */
  read (offset: number, maxBytes: number): Promise<ReadResult>
  /** Appends one encoded batch (see records/batch.ts). A batch with a producer id is checked by sequence as Kafka does: a repeat is answered as duplicate. */
  append (batch: Buffer): Promise<AppendResult>
  /** The first record whose timestamp is at or after `timestamp`, or undefined. */
  offsetForTimestamp (timestamp: number): Promise<{ offset: number, timestamp: number } | undefined>
  /** Calls back (synchronously, cheap work only) whenever `lastStableOffset` has moved. Returns what ends it. */
  onAppend (listener: () => void): () => void
  /** Whether someone is to be called back. */
  readonly isFollowed: boolean
}

export interface Log {
  listTopics (): readonly TopicDescription[]
  describeTopic (name: string): TopicDescription | undefined
  /** Throws LogError TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_CONFIG. */
  createTopic (spec: TopicSpec): Promise<TopicDescription>
  /** Throws LogError UNKNOWN_TOPIC_OR_PARTITION. */
  deleteTopic (name: string): Promise<void>
  partition (topic: string, partition: number): PartitionLog | undefined
  /**
   * A producer id that is the same at every start for the same `name`, epoch 0, never given to a Kafka client. The engine appends to its sink
   * topics with it, and so may append a batch again after a kill without a repeat.
   */
  internalProducerId (name: string): Promise<number>
}

/** `code` is the name of the error in Kafka's protocol. */
export class LogError extends Error {
  readonly code: string
  constructor (code: string, message: string) {
    super(message)
    this.name = 'LogError'
    this.code = code
  }
}
