// Reads source topics: each stretch of a partition is read once and decoded once for each way of decoding, however many queries ask.
import { iterateBatches } from '../../records/batch.js'
import type { PlacedRecord, RecordHeader } from '../../records/batch.js'
import { readMarker } from '../../records/control.js'
import type { AbortedTransaction, PartitionLog } from '../../log.js'
import type { Row } from '../plan/value.js'
import type { StreamRecord } from './processors/context.js'

/** Why a record could not be decoded, or (without `target`) why it has no timestamp. */
export interface DecodeError {
  readonly message: string
  readonly causes: readonly string[]
  readonly target?: 'key' | 'value'
  readonly record?: Buffer | Row | null
}

/** One record as a query's source gives it. */
export interface SourceRecord {
  readonly offset: number
  /** What goes through the processors: the same for all queries that read it. Its timestamp is ROWTIME; negative where that could not be had. */
  readonly record: StreamRecord
  readonly headers: readonly RecordHeader[]
  /** Why the record could not be decoded, or has no timestamp: it is to be skipped. */
  readonly error: DecodeError | undefined
}

export interface RecordDecoder {
  /** The same for decoders that give the same. */
  readonly id: string
  readonly prepare: (records: readonly PlacedRecord[]) => Promise<void>
  readonly decode: (record: PlacedRecord, partition: number) => SourceRecord
}

export interface Chunk {
  readonly records: readonly PlacedRecord[]
  /** Where to read next. */
  readonly nextOffset: number
  readonly decoded: Map<string, Promise<readonly SourceRecord[]>>
}

const READ_BYTES = 128 * 1024
// Over all partitions. What all readers of a partition have passed goes before that.
const CHUNKS_MAX = 32
// A query waits for others that are so many chunks of a partition behind it, and no more: those can still have what it has read.
const LEAD_MAX = 2
const BEHIND_MAX = 6
/** ms that a query waits for slower ones, which may have other reasons not to come. */
const WAIT_MS = 25

/** Kafka's read_committed: what an aborted transaction wrote is left out, and so are the markers. */
export function committedRecords (batches: Buffer, from: number, aborted: readonly AbortedTransaction[]): { records: PlacedRecord[], nextOffset: number } {
  const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<number>()
  const records: PlacedRecord[] = []
  let nextOffset = from
  for (const batch of iterateBatches(batches)) {
    nextOffset = batch.lastOffset + 1
    while (pending[0] !== undefined && pending[0].firstOffset <= batch.lastOffset) open.add(pending.shift()!.producerId)
    if (batch.isControl) {
      if (readMarker(batch)?.type === 'abort') open.delete(batch.producerId)
      continue
    }
    if (batch.isTransactional && open.has(batch.producerId)) continue
    for (const record of batch.places()) if (record.offset >= from) records.push(record)
  }
  return { records, nextOffset: Math.max(nextOffset, from) }
}

/** Where the queries stand that read a partition's backlog, and who waits for them. */
class Readers {
  readonly #positions = new Map<object, number>()
  #waiting: (() => void)[] = []

  get isEmpty (): boolean { return this.#positions.size === 0 }

  /** The offset that all have come to. */
  get first (): number {
    let first = Infinity
    for (const position of this.#positions.values()) first = Math.min(first, position)
    return first
  }

  leave (reader: object): void {
    this.#positions.delete(reader)
    this.#wake()
  }

  moved (reader: object, offset: number): void {
    this.#positions.set(reader, offset)
    this.#wake()
  }

  #wake (): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** Whether someone is behind `offset` by more chunks than a reader may lead, but not by so many that there is no use in waiting. */
  #isAhead (reader: object, offset: number): boolean {
    const records = offset - (this.#positions.get(reader) ?? offset)
    if (records <= 0) return false
    for (const position of this.#positions.values()) {
      const behind = offset - position
      if (behind > LEAD_MAX * records && behind <= BEHIND_MAX * records) return true
    }
    return false
  }

  async follow (reader: object, offset: number): Promise<void> {
    if (this.#positions.size < 2) return
    for (const deadline = performance.now() + WAIT_MS; this.#isAhead(reader, offset) && performance.now() < deadline;) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, WAIT_MS)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
}

interface HeldChunk {
  readonly log: PartitionLog
  readonly chunk: Promise<Chunk>
  /** Where the chunk behind it begins; Infinity until it is read. */
  nextOffset: number
}

export class TopicReader {
  readonly #readers = new Map<PartitionLog, Readers>()
  /** By partition and offset, the longest unused first. */
  readonly #chunks = new Map<string, HeldChunk>()

  /** Said by one who reads no more of a partition for now: nobody needs to wait for it. */
  leave (log: PartitionLog, reader: object): void {
    const readers = this.#readers.get(log)
    readers?.leave(reader)
    if (readers?.isEmpty === true) this.#readers.delete(log)
  }

  /**
   * The records from `offset` on, none at the end; `reader` is whoever reads, the same each time. In a backlog, the faster of several waits a little
   * for the slower, so that one reading and decoding serves all. Throws LogError OFFSET_OUT_OF_RANGE.
   */
  async read (log: PartitionLog, offset: number, reader: object): Promise<Chunk> {
    let readers = this.#readers.get(log)
    if (readers === undefined) this.#readers.set(log, readers = new Readers())
    await readers.follow(reader, offset)
    readers.moved(reader, offset)
    this.#release(log, readers.first)
    return await this.#chunk(log, offset)
  }

  /** Decoded records that live long are costly to the garbage collector: they go as soon as no reader is left to whom they are new. */
  #release (log: PartitionLog, before: number): void {
    for (const [name, held] of this.#chunks) if (held.log === log && held.nextOffset <= before) this.#chunks.delete(name)
  }

  async #chunk (log: PartitionLog, offset: number): Promise<Chunk> {
    const name = `${log.topic}/${log.partition}/${offset}`
    const found = this.#chunks.get(name)
    // A topic deleted and made again has another log: its old chunks are not its records.
    if (found !== undefined && found.log === log) {
      this.#chunks.delete(name)
      this.#chunks.set(name, found)
      return await found.chunk
    }
    const chunk = this.#load(log, offset)
    const held: HeldChunk = { log, chunk, nextOffset: Infinity }
    this.#chunks.set(name, held)
    if (this.#chunks.size > CHUNKS_MAX) {
      const oldest = this.#chunks.keys().next()
      if (oldest.done !== true) this.#chunks.delete(oldest.value)
    }
    try {
      const read = await chunk
      // An empty chunk says where the log ended: that will change.
      if (read.nextOffset === offset) this.#chunks.delete(name)
      held.nextOffset = read.nextOffset
      return read
    } catch (error) {
      this.#chunks.delete(name)
      throw error
    }
  }

  async #load (log: PartitionLog, offset: number): Promise<Chunk> {
    const { batches, abortedTransactions } = await log.read(offset, READ_BYTES)
    return { ...committedRecords(batches, offset, abortedTransactions), decoded: new Map() }
  }

  async decode (chunk: Chunk, decoder: RecordDecoder, partition: number): Promise<readonly SourceRecord[]> {
    let decoded = chunk.decoded.get(decoder.id)
    if (decoded === undefined) {
      decoded = (async () => {
        await decoder.prepare(chunk.records)
        return chunk.records.map(record => decoder.decode(record, partition))
      })()
      chunk.decoded.set(decoder.id, decoded)
    }
    return await decoded
  }
}
