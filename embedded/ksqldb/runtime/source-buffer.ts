// One partition of one source of a query: what was read of it and not yet processed.
import type { PartitionLog } from '../../log.js'
import type { TopologySource } from './topology.js'
import type { DecoderLease } from './shared-decoders.js'
import type { SourceRecord } from './topic-reader.js'

export interface TaskSource {
  readonly source: TopologySource
  readonly decoder: DecoderLease
  readonly partitions: readonly PartitionLog[]
}

/** One partition of one source: what was read and not yet processed. */
export class SourceBuffer {
  readonly log: PartitionLog
  readonly name: string
  readonly decoder: DecoderLease
  readonly process: TopologySource['process']
  readonly loggerName: string
  records: readonly SourceRecord[] = []
  at = 0
  /** Where the records begin that follow the buffer. */
  nextOffset: number
  /** The first offset that is not read. */
  readonly #endOffset: number
  readonly #firstOffset: number
  readonly #source: TaskSource

  constructor (log: PartitionLog, from: TaskSource, offsets: ReadonlyMap<string, number>, bounded: boolean) {
    const { source, decoder } = from
    this.#source = from
    this.log = log
    this.name = `${source.step.context}/${log.topic}-${log.partition}`
    this.decoder = decoder
    this.process = source.process
    this.loggerName = source.step.context
    this.nextOffset = offsets.get(this.name) ?? log.logStartOffset
    this.#firstOffset = this.nextOffset
    this.#endOffset = bounded ? log.lastStableOffset : Infinity
  }

  get isEmpty (): boolean { return this.at >= this.records.length }
  /** The next offset to be processed. */
  get position (): number { return this.records[this.at]?.offset ?? this.nextOffset }
  get hasMore (): boolean { return this.nextOffset < Math.min(this.log.lastStableOffset, this.#endOffset) }
  get isAtEnd (): boolean { return this.isEmpty && this.nextOffset >= this.#endOffset }

  isOf (source: TaskSource): boolean { return this.#source === source }

  /** Begins again at an offset; where there was none, where it began. */
  rewind (offset: number | undefined): void {
    this.at = 0
    this.records = []
    this.nextOffset = offset ?? this.#firstOffset
  }

  fill (records: readonly SourceRecord[], nextOffset: number): void {
    this.at = 0
    this.records = nextOffset > this.#endOffset ? records.filter(record => record.offset < this.#endOffset) : records
    this.nextOffset = nextOffset
  }
}
