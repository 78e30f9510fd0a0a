// Record batches, magic 2 (KIP-98): the one format in which records travel, rest on disk and reach the engine.
import { COMPRESSIONS, compress, decompress, type Compression, type WritableCompression } from './compression.js'
import { crc32c } from './crc32c.js'
import { VarintCursor, VarintError, varintSize, writeVarint } from './varint.js'

// baseOffset int64 · batchLength int32 · partitionLeaderEpoch int32 · magic int8 · crc uint32 · attributes int16 · lastOffsetDelta int32 ·
// baseTimestamp int64 · maxTimestamp int64 · producerId int64 · producerEpoch int16 · baseSequence int32 · recordCount int32 · records
const LENGTH_AT = 8
const LEADER_EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const PRODUCER_EPOCH_AT = 51
const BASE_SEQUENCE_AT = 53
const RECORD_COUNT_AT = 57

/** Bytes in front of the first record. */
export const BATCH_HEADER_BYTES = 61
/** Bytes of baseOffset and batchLength, which batchLength does not count. */
export const LOG_OVERHEAD_BYTES = 12

const COMPRESSION_MASK = 7
const LOG_APPEND_TIME = 8
const TRANSACTIONAL = 16
const CONTROL = 32
const DELETE_HORIZON = 64

export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

export interface LogRecord {
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

/** A record as it lies in its batch: key and value are cut out only when asked for, each time anew. */
export class PlacedRecord implements LogRecord {
  readonly offset: number
  readonly timestamp: number
  readonly headers: readonly RecordHeader[]
  readonly body: Buffer
  /** Where key and value lie in `body`; a start of -1 is null. */
  readonly keyStart: number
  readonly keyEnd: number
  readonly valueStart: number
  readonly valueEnd: number

  constructor (
    offset: number, timestamp: number, headers: readonly RecordHeader[], body: Buffer, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number
  ) {
    this.offset = offset
    this.timestamp = timestamp
    this.headers = headers
    this.body = body
    this.keyStart = keyStart
    this.keyEnd = keyEnd
    this.valueStart = valueStart
    this.valueEnd = valueEnd
  }

  get key (): Buffer | null { return this.keyStart < 0 ? null : this.body.subarray(this.keyStart, this.keyEnd) }
  get value (): Buffer | null { return this.valueStart < 0 ? null : this.body.subarray(this.valueStart, this.valueEnd) }
}

export interface NewRecord {
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeader[] | undefined
  /** Distance from the batch's base offset. The record's place in the batch unless given. */
  readonly offsetDelta?: number | undefined
}

export interface BatchOptions {
  readonly baseOffset?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  readonly compression?: WritableCompression
  /** At least the delta of the last record, which it is unless given: a compacted batch keeps the last offset it once had. */
  readonly lastOffsetDelta?: number
  readonly partitionLeaderEpoch?: number
  /** The instant from which tombstones of a compacted batch may go (KIP-534). It takes the base timestamp's place. */
  readonly deleteHorizon?: number
}

/** The bytes are no whole, valid record batch of magic 2. */
export class CorruptBatchError extends Error {
  constructor (message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CorruptBatchError'
  }
}

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([])

function readInt64 (buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 4294967296 + buffer.readUInt32BE(at + 4)
}

function writeInt64 (buffer: Buffer, value: number, at: number): void {
  buffer.writeInt32BE(Math.floor(value / 4294967296), at)
  buffer.writeUInt32BE(value - Math.floor(value / 4294967296) * 4294967296, at + 4)
}

/** Encodes at least one record as one batch. Throws RangeError without a record. */
export function encodeBatch (records: readonly NewRecord[], options: BatchOptions = {}): Buffer {
  const first = records[0]
  if (first === undefined) throw new RangeError('A batch needs at least one record')
  const baseTimestamp = options.deleteHorizon ?? first.timestamp
  const bodies: number[] = []
  let size = 0
  let maxTimestamp = first.timestamp
  let lastDelta = 0
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!
    if (record.timestamp > maxTimestamp) maxTimestamp = record.timestamp
    lastDelta = record.offsetDelta ?? i
    const body = recordBodySize(record, lastDelta, baseTimestamp)
    bodies.push(body)
    size += varintSize(body) + body
  }
  const plain = (options.compression ?? 'none') === 'none'
  const start = plain ? BATCH_HEADER_BYTES : 0
  let batch = Buffer.allocUnsafe(start + size)
  for (let i = 0, at = start; i < records.length; i++) {
    const record = records[i]!
    at = writeRecord(batch, at, record, bodies[i]!, record.offsetDelta ?? i, baseTimestamp)
  }
  if (!plain) batch = Buffer.concat([Buffer.allocUnsafe(BATCH_HEADER_BYTES), compress(options.compression!, batch)])
  writeHeader(batch, { ...options, lastOffsetDelta: options.lastOffsetDelta ?? lastDelta }, records.length, baseTimestamp, maxTimestamp)
  return batch
}

const BUILDER_BYTES = 4096

/** A batch made record by record: keys and values are copied in at once, and may be used again. */
export class BatchBuilder {
  #buffer = Buffer.allocUnsafe(BUILDER_BYTES)
  #end = BATCH_HEADER_BYTES
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0

  /** How many records it has. */
  get count (): number { return this.#count }
  /** Bytes of the batch as it stands. */
  get size (): number { return this.#end }

  /** The record becomes the last of the batch; its `offsetDelta` does not count. */
  add (record: NewRecord): void {
    const { timestamp } = record
    if (this.#count === 0) this.#baseTimestamp = this.#maxTimestamp = timestamp
    else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const body = recordBodySize(record, this.#count, this.#baseTimestamp)
    this.#reserve(varintSize(body) + body)
    this.#end = writeRecord(this.#buffer, this.#end, record, body, this.#count, this.#baseTimestamp)
    this.#count++
  }

  #reserve (bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#end + bytes))
    this.#buffer.copy(larger, 0, 0, this.#end)
    this.#buffer = larger
  }

  /** The batch as it stands. Throws RangeError without a record. */
  encode (options: Pick<BatchOptions, 'producerId' | 'producerEpoch' | 'baseSequence'>): Buffer {
    if (this.#count === 0) throw new RangeError('A batch needs at least one record')
    const batch = Buffer.from(this.#buffer.subarray(0, this.#end))
    writeHeader(batch, { ...options, lastOffsetDelta: this.#count - 1 }, this.#count, this.#baseTimestamp, this.#maxTimestamp)
    return batch
  }
}

function writeHeader (batch: Buffer, options: BatchOptions, count: number, baseTimestamp: number, maxTimestamp: number): void {
  const attributes = COMPRESSIONS.indexOf(options.compression ?? 'none') | (options.isTransactional === true ? TRANSACTIONAL : 0) |
    (options.isControl === true ? CONTROL : 0) | (options.deleteHorizon !== undefined ? DELETE_HORIZON : 0)
  writeInt64(batch, options.baseOffset ?? 0, 0)
  batch.writeInt32BE(batch.length - LOG_OVERHEAD_BYTES, LENGTH_AT)
  batch.writeInt32BE(options.partitionLeaderEpoch ?? 0, LEADER_EPOCH_AT)
  batch[MAGIC_AT] = 2
  batch.writeInt16BE(attributes, ATTRIBUTES_AT)
  batch.writeInt32BE(options.lastOffsetDelta ?? 0, LAST_OFFSET_DELTA_AT)
  writeInt64(batch, baseTimestamp, BASE_TIMESTAMP_AT)
  writeInt64(batch, maxTimestamp, MAX_TIMESTAMP_AT)
  writeInt64(batch, options.producerId ?? -1, PRODUCER_ID_AT)
  batch.writeInt16BE(options.producerEpoch ?? -1, PRODUCER_EPOCH_AT)
  batch.writeInt32BE(options.baseSequence ?? -1, BASE_SEQUENCE_AT)
  batch.writeInt32BE(count, RECORD_COUNT_AT)
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT), CRC_AT)
}

function recordBodySize (record: NewRecord, delta: number, baseTimestamp: number): number {
  const { key, value, headers } = record
  let size = 1 + varintSize(record.timestamp - baseTimestamp) + varintSize(delta) +
    (key === null ? 1 : varintSize(key.length) + key.length) +
    (value === null ? 1 : varintSize(value.length) + value.length) + varintSize(headers?.length ?? 0)
  for (const header of headers ?? NO_HEADERS) {
    const keyBytes = Buffer.byteLength(header.key)
    size += varintSize(keyBytes) + keyBytes + (header.value === null ? 1 : varintSize(header.value.length) + header.value.length)
  }
  return size
}

function writeRecord (buffer: Buffer, start: number, record: NewRecord, body: number, delta: number, baseTimestamp: number): number {
  let at = writeVarint(buffer, body, start)
  buffer[at++] = 0
  at = writeVarint(buffer, record.timestamp - baseTimestamp, at)
  at = writeVarint(buffer, delta, at)
  at = writeBytes(buffer, record.key, at)
  at = writeBytes(buffer, record.value, at)
  at = writeVarint(buffer, record.headers?.length ?? 0, at)
  for (const header of record.headers ?? NO_HEADERS) {
    at = writeVarint(buffer, Buffer.byteLength(header.key), at)
    at += buffer.write(header.key, at)
    at = writeBytes(buffer, header.value, at)
  }
  return at
}

function writeBytes (buffer: Buffer, bytes: Buffer | null, at: number): number {
  if (bytes === null) return writeVarint(buffer, -1, at)
  at = writeVarint(buffer, bytes.length, at)
  buffer.set(bytes, at)
  return at + bytes.length
}

/** A view of one whole batch inside a buffer. It copies nothing; records that it gives share the buffer's memory unless the batch is compressed. */
export class BatchView {
  /** The whole batch, header included. */
  readonly buffer: Buffer

  /** Throws CorruptBatchError unless a whole batch of magic 2 begins at `at`. The CRC is not checked here: see crcIsValid. */
  constructor (buffer: Buffer, at = 0) {
    if (buffer.length - at < BATCH_HEADER_BYTES) throw new CorruptBatchError(`A batch header takes ${BATCH_HEADER_BYTES} bytes, here are ${buffer.length - at}`)
    const magic = buffer[at + MAGIC_AT]!
    if (magic !== 2) throw new CorruptBatchError(`Record batches of magic ${magic} are not supported, only of magic 2`)
    const size = buffer.readInt32BE(at + LENGTH_AT) + LOG_OVERHEAD_BYTES
    if (size < BATCH_HEADER_BYTES || at + size > buffer.length) {
      throw new CorruptBatchError(`The batch says that it has ${size} bytes, here are ${buffer.length - at}`)
    }
    this.buffer = at === 0 && size === buffer.length ? buffer : buffer.subarray(at, at + size)
  }

  /** Bytes of the whole batch. */
  get size (): number { return this.buffer.length }
  get baseOffset (): number { return readInt64(this.buffer, 0) }
  get lastOffsetDelta (): number { return this.buffer.readInt32BE(LAST_OFFSET_DELTA_AT) }
  get lastOffset (): number { return this.baseOffset + this.lastOffsetDelta }
  get recordCount (): number { return this.buffer.readInt32BE(RECORD_COUNT_AT) }
  get partitionLeaderEpoch (): number { return this.buffer.readInt32BE(LEADER_EPOCH_AT) }
  get crc (): number { return this.buffer.readUInt32BE(CRC_AT) }
  get attributes (): number { return this.buffer.readInt16BE(ATTRIBUTES_AT) }
  get isTransactional (): boolean { return (this.attributes & TRANSACTIONAL) !== 0 }
  get isControl (): boolean { return (this.attributes & CONTROL) !== 0 }
  get isLogAppendTime (): boolean { return (this.attributes & LOG_APPEND_TIME) !== 0 }
  /** The base timestamp as stored: that of the first record, except where a delete horizon stands in its place. */
  get firstTimestamp (): number { return readInt64(this.buffer, BASE_TIMESTAMP_AT) }
  get maxTimestamp (): number { return readInt64(this.buffer, MAX_TIMESTAMP_AT) }
  get deleteHorizon (): number | undefined { return (this.attributes & DELETE_HORIZON) !== 0 ? this.firstTimestamp : undefined }
  /** -1 where the producer was not idempotent. */
  get producerId (): number { return readInt64(this.buffer, PRODUCER_ID_AT) }
  get producerEpoch (): number { return this.buffer.readInt16BE(PRODUCER_EPOCH_AT) }
  get baseSequence (): number { return this.buffer.readInt32BE(BASE_SEQUENCE_AT) }

  /** Throws CorruptBatchError for an id that no codec has. */
  get compression (): Compression {
    const codec = COMPRESSIONS[this.attributes & COMPRESSION_MASK]
    if (codec === undefined) throw new CorruptBatchError(`No codec has the id ${this.attributes & COMPRESSION_MASK}`)
    return codec
  }

  crcIsValid (): boolean {
    return crc32c(this.buffer, ATTRIBUTES_AT) === this.crc
  }

  /** Sets what the broker decides. Neither field is under the CRC. */
  assign (baseOffset: number, partitionLeaderEpoch: number): void {
    writeInt64(this.buffer, baseOffset, 0)
    this.buffer.writeInt32BE(partitionLeaderEpoch, LEADER_EPOCH_AT)
  }

  /** Stamps the batch with the log's own time, as message.timestamp.type=LogAppendTime asks, and renews the CRC. */
  assignAppendTime (timestamp: number): void {
    this.buffer.writeInt16BE(this.attributes | LOG_APPEND_TIME, ATTRIBUTES_AT)
    writeInt64(this.buffer, timestamp, MAX_TIMESTAMP_AT)
    this.buffer.writeUInt32BE(crc32c(this.buffer, ATTRIBUTES_AT), CRC_AT)
  }

  /**
   * All records of the batch, in order. Keys, values and header values are parts of the batch's own memory (or of what it unfolds to): whoever
   * keeps one for long copies it. Throws CorruptBatchError, or CompressionError from a codec.
   */
  records (): LogRecord[] {
    return this.places().map(({ offset, timestamp, key, value, headers }) => ({ offset, timestamp, key, value, headers }))
  }

  /** As `records`, for whoever needs few of the keys and values as buffers. */
  places (): PlacedRecord[] {
    const codec = this.compression
    const body = codec === 'none' ? this.buffer : decompress(codec, this.buffer.subarray(BATCH_HEADER_BYTES))
    try {
      return readRecords(body, codec === 'none' ? BATCH_HEADER_BYTES : 0, this)
    } catch (error) {
      if (!(error instanceof VarintError)) throw error
      throw new CorruptBatchError(`The records of the batch at offset ${this.baseOffset} cannot be read: ${error.message}`, { cause: error })
    }
  }
}

function readRecords (body: Buffer, start: number, view: BatchView): PlacedRecord[] {
  const cursor = new VarintCursor(body, start)
  const { baseOffset, recordCount: count, firstTimestamp } = view
  const appendTime = view.isLogAppendTime ? view.maxTimestamp : undefined
  // A record takes at least seven bytes: a larger count is a lie, and must not size an array.
  if (count < 0 || count * 7 > body.length - start) throw new CorruptBatchError(`The batch says that it has ${count} records`)
  const records: PlacedRecord[] = []
  for (let i = 0; i < count; i++) {
    const length = cursor.signed()
    const end = cursor.at + length
    if (length < 0 || end > body.length) throw new CorruptBatchError('A record ends behind its batch')
    cursor.at++
    const timestamp = firstTimestamp + cursor.signed()
    const offset = baseOffset + cursor.signed()
    const keyStart = passBytes(cursor, end)
    const keyEnd = cursor.at
    const valueStart = passBytes(cursor, end)
    const valueEnd = cursor.at
    const headers = readHeaders(body, cursor, end)
    if (cursor.at !== end) throw new CorruptBatchError('A record is longer or shorter than it says')
    records.push(new PlacedRecord(offset, appendTime ?? timestamp, headers, body, keyStart, keyEnd, valueStart, valueEnd))
  }
  if (cursor.at !== body.length) throw new CorruptBatchError(`${body.length - cursor.at} bytes follow the last record`)
  return records
}

/** Passes over a field and gives where it begins; -1: it is null. */
function passBytes (cursor: VarintCursor, limit: number): number {
  const length = cursor.signed()
  if (length < 0) return -1
  const start = cursor.at
  if (start + length > limit) throw new CorruptBatchError('A field ends behind its record')
  cursor.at = start + length
  return start
}

function readBytes (body: Buffer, cursor: VarintCursor, limit: number): Buffer | null {
  const start = passBytes(cursor, limit)
  return start < 0 ? null : body.subarray(start, cursor.at)
}

function readHeaders (body: Buffer, cursor: VarintCursor, limit: number): readonly RecordHeader[] {
  const count = cursor.signed()
  if (count === 0) return NO_HEADERS
  if (count < 0 || count * 2 > limit - cursor.at) throw new CorruptBatchError(`A record says that it has ${count} headers`)
  const headers: RecordHeader[] = []
  for (let i = 0; i < count; i++) {
    const key = readBytes(body, cursor, limit)
    if (key === null) throw new CorruptBatchError('A header has no key')
    headers.push({ key: key.toString(), value: readBytes(body, cursor, limit) })
  }
  return headers
}

/** The batches that lie back to back in `buffer`. A cut last one is left out, as a fetch may end in the middle of it. */
export function * iterateBatches (buffer: Buffer): Generator<BatchView, void, undefined> {
  for (let at = 0; buffer.length - at >= BATCH_HEADER_BYTES;) {
    const size = buffer.readInt32BE(at + LENGTH_AT) + LOG_OVERHEAD_BYTES
    if (size >= BATCH_HEADER_BYTES && size > buffer.length - at) return
    const view = new BatchView(buffer, at)
    yield view
    at += view.size
  }
}
