// Reads source topics: each stretch of a partition is read once and decoded once for each way of decoding, however many queries ask.
import { iterateBatches } from '../../records/batch.js'
import type { LogRecord, RecordHeader } from '../../records/batch.js'
import { readMarker } from '../../records/control.js'
import type { AbortedTransaction, PartitionLog } from '../../log.js'
import type { Row } from '../plan/value.js'
import type { Window } from './api.js'

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
  /** ROWTIME; negative where it could not be had: the record is to be skipped. */
  readonly timestamp: number
  readonly key: Row | null
  readonly window: Window | undefined
  readonly value: Row | null
  readonly headers: readonly RecordHeader[]
  /** Why the record could not be decoded. */
  readonly error?: DecodeError
}

export interface RecordDecoder {
  /** The same for decoders that give the same. */
  readonly id: string
  readonly prepare: (records: readonly LogRecord[]) => Promise<void>
  readonly decode: (record: LogRecord, partition: number) => SourceRecord
}

export interface Chunk {
  readonly records: readonly LogRecord[]
  /** Where to read next. */
  readonly nextOffset: number
  readonly decoded: Map<string, Promise<readonly SourceRecord[]>>
}

const READ_BYTES = 256 * 1024
const CHUNKS_MAX = 24

/** Kafka's read_committed: what an aborted transaction wrote is left out, and so are the markers. */
export function committedRecords (batches: Buffer, from: number, aborted: readonly AbortedTransaction[]): { records: LogRecord[], nextOffset: number } {
  const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const open = new Set<number>()
  const records: LogRecord[] = []
  let nextOffset = from
  for (const batch of iterateBatches(batches)) {
    nextOffset = batch.lastOffset + 1
    while (pending[0] !== undefined && pending[0].firstOffset <= batch.lastOffset) open.add(pending.shift()!.producerId)
    if (batch.isControl) {
      if (readMarker(batch)?.type === 'abort') open.delete(batch.producerId)
      continue
    }
    if (batch.isTransactional && open.has(batch.producerId)) continue
    for (const record of batch.records()) if (record.offset >= from) records.push(record)
  }
  return { records, nextOffset: Math.max(nextOffset, from) }
}

export class TopicReader {
  /** By partition, then offset; the map as a whole is bounded, the longest unused first out. */
  readonly #chunks = new Map<string, { readonly log: PartitionLog, readonly chunk: Promise<Chunk> }>()

  /** The records from `offset` on, none at the end. Throws LogError OFFSET_OUT_OF_RANGE. */
  async read (log: PartitionLog, offset: number): Promise<Chunk> {
    const name = `${log.topic}/${log.partition}/${offset}`
    const found = this.#chunks.get(name)
    // A topic deleted and made again has another log: its old chunks are not its records.
    if (found !== undefined && found.log === log) {
      this.#chunks.delete(name)
      this.#chunks.set(name, found)
      return await found.chunk
    }
    const chunk = this.#load(log, offset)
    this.#chunks.set(name, { log, chunk })
    if (this.#chunks.size > CHUNKS_MAX) {
      const oldest = this.#chunks.keys().next()
      if (oldest.done !== true) this.#chunks.delete(oldest.value)
    }
    try {
      const read = await chunk
      // An empty chunk says where the log ended: that will change.
      if (read.nextOffset === offset) this.#chunks.delete(name)
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
