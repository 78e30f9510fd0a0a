// Makes records of the sink topic out of a query's results, and batches out of records: what goes to the outbox.
import { BATCH_HEADER_BYTES, BatchBuilder } from '../../records/batch.js'
import type { RecordHeader } from '../../records/batch.js'
import type { Log } from '../../log.js'
import type { SchemaRegistry } from '../../schema-registry.js'
import { compileExpression } from '../plan/compile.js'
import type { CompileContext } from '../plan/compile.js'
import type { LogicalSchema } from '../plan/schema.js'
import type { Formats, TimestampColumn, WindowInfo } from '../plan/steps.js'
import type { Row, Value } from '../plan/value.js'
import type { Window } from './api.js'
import { partitionOfKey } from './partitioner.js'
import type { StreamRecord } from './processors/context.js'
import { createSerializer, SerdeError, valueColumns } from './serde/index.js'
import { timestampExpression, timestampOfValue } from './timestamp-column.js'

const MESSAGE_BYTES_MAX = 1048588
const RECORD_OVERHEAD_BYTES = 64
const BATCH_RECORDS_MAX = 20_000

export interface SinkDescription {
  readonly topic: string
  readonly formats: Formats
  readonly timestampColumn?: TimestampColumn
}

/** What it gives is good until its next call. */
export interface RecordWriter {
  /** Throws SerdeError. */
  readonly key: (key: Row | null, window: Window | undefined) => { readonly bytes: Buffer | null, readonly base: Buffer | null }
  readonly value: (value: Row | null) => Buffer | null
}

/** The key, then the window: WindowKeySchema and SessionKeySchema of Kafka Streams. */
function windowedKey (key: Buffer, window: Window, session: boolean): Buffer {
  const whole = Buffer.allocUnsafe(key.length + (session ? 16 : 8))
  whole.set(key)
  if (session) writeInstant(whole, window.end, key.length)
  writeInstant(whole, window.start, whole.length - 8)
  return whole
}

function writeInstant (to: Buffer, ms: number, at: number): void {
  const high = Math.floor(ms / 4294967296)
  to.writeInt32BE(high, at)
  to.writeUInt32BE(ms - high * 4294967296, at + 4)
}

/** Registers the schemas of the sink where its formats have one. */
export async function createWriter (
  schema: LogicalSchema, sink: SinkDescription, windowInfo: WindowInfo | undefined, registry: SchemaRegistry
): Promise<RecordWriter> {
  const keys = await createSerializer(schema.key, sink.formats.key, { topic: sink.topic, isKey: true, registry })
  const values = await createSerializer(valueColumns(schema), sink.formats.value, { topic: sink.topic, isKey: false, registry })
  const session = windowInfo?.type === 'SESSION'
  return {
    key: (key, window) => {
      const base = key === null ? null : keys(key)
      if (base === null || window === undefined || windowInfo === undefined) return { bytes: base, base }
      return { bytes: windowedKey(base, window, session), base }
    },
    value: value => value === null ? null : values(value)
  }
}

/** A batch that is to be appended to a partition. */
export interface OutgoingBatch {
  readonly partition: number
  readonly batch: Buffer
}

/** A record that no partition of the topic takes: what Kafka's producer would say (RecordTooLargeException). */
export class RecordTooLargeError extends Error {}

/** WITH (TIMESTAMP=…) gave none: the row is left out, whatever the settings. */
export class SinkTimestampError extends Error {}

/** The key, not the value, could not be written. */
export class KeyError extends Error {
  readonly causes: readonly string[]

  constructor (error: Error) {
    super(error.message)
    this.causes = error instanceof SerdeError ? error.causes : []
  }
}

function keyOf (writer: RecordWriter, { key, window }: StreamRecord): ReturnType<RecordWriter['key']> {
  try {
    return writer.key(key, window)
  } catch (error) {
    throw new KeyError(error instanceof Error ? error : new Error(String(error)))
  }
}

/** Collects what one commit writes to the sink. */
export class Sink {
  readonly topic: string
  readonly #writer: RecordWriter
  readonly #partitions: number
  readonly #messageBytesMax: number
  readonly #timestampOf: ((record: StreamRecord) => number) | undefined
  /** By partition: of several batches the last has room for more. */
  readonly #output = new Map<number, BatchBuilder[]>()
  #nextKeyless = 0
  bytes = 0
  records = 0

  private constructor (topic: string, writer: RecordWriter, log: Log, timestampOf: ((record: StreamRecord) => number) | undefined) {
    const description = log.describeTopic(topic)
    if (description === undefined) throw new Error(`The sink topic ${topic} does not exist`)
    this.topic = topic
    this.#writer = writer
    this.#partitions = description.partitions
    this.#messageBytesMax = Number(description.config['max.message.bytes'] ?? MESSAGE_BYTES_MAX)
    this.#timestampOf = timestampOf
  }

  static async open (
    sink: SinkDescription, schema: LogicalSchema, window: WindowInfo | undefined, log: Log, registry: SchemaRegistry, context: CompileContext
  ): Promise<Sink> {
    const writer = await createWriter(schema, sink, window, registry)
    return new Sink(sink.topic, writer, log, sink.timestampColumn === undefined ? undefined : sinkTimestamp(sink.timestampColumn, schema, context))
  }

  /** Throws Error where the record cannot be written: it is then not in the output. */
  add (record: StreamRecord, headers: readonly RecordHeader[]): void {
    const { bytes, base } = keyOf(this.#writer, record)
    const value = this.#writer.value(record.value)
    const timestamp = this.#timestampOf === undefined ? record.timestamp : this.#timestampOf(record)
    if (timestamp < 0) throw new SinkTimestampError(`Invalid timestamp: ${timestamp}. Timestamp should always be non-negative or null.`)
    const size = (bytes?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES
    if (size + BATCH_HEADER_BYTES > this.#messageBytesMax) {
      throw new RecordTooLargeError(`The message is ${size} bytes when serialized which is larger than ${this.#messageBytesMax}, the topic's max.message.bytes.`)
    }
    const partition = base === null ? this.#nextKeyless % this.#partitions : partitionOfKey(base, this.#partitions)
    const headerBytes = headers.reduce((sum, header) => sum + header.key.length * 3 + (header.value?.length ?? 0) + 10, 0)
    this.#builderOf(partition, size + headerBytes).add({ timestamp, key: bytes, value, headers })
    this.bytes += size
    this.records++
  }

  /** One that has room for so many bytes. */
  #builderOf (partition: number, bytes: number): BatchBuilder {
    const output = this.#output.get(partition)
    const last = output?.at(-1)
    if (last !== undefined && last.size + bytes <= this.#messageBytesMax && last.count < BATCH_RECORDS_MAX) return last
    const builder = new BatchBuilder()
    if (output === undefined) this.#output.set(partition, [builder])
    else output.push(builder)
    return builder
  }

  /** Ends the commit: its batches in the order in which they are to be appended. `sequences` (by partition) are moved on. */
  take (producerId: number, sequences: Record<string, number>): OutgoingBatch[] {
    const batches: OutgoingBatch[] = []
    for (const [partition, builders] of this.#output) {
      for (const builder of builders) {
        const name = `${this.topic}-${partition}`
        const baseSequence = sequences[name] ?? 0
        sequences[name] = (baseSequence + builder.count) % 2147483648
        batches.push({ partition, batch: builder.encode({ producerId, producerEpoch: 0, baseSequence }) })
      }
    }
    this.discard()
    this.#nextKeyless++
    return batches
  }

  discard (): void {
    this.#output.clear()
    this.bytes = 0
    this.records = 0
  }
}

/** WITH (TIMESTAMP=…) of a sink: the record's timestamp comes out of the row, which may name key columns too. */
function sinkTimestamp (column: TimestampColumn, schema: LogicalSchema, context: CompileContext): (record: StreamRecord) => number {
  const { evaluate } = compileExpression(timestampExpression(column), [...schema.value, ...schema.key], context)
  const noKey: Row = new Array<Value>(schema.key.length).fill(null)
  return record => {
    if (record.value === null) return record.timestamp
    return timestampOfValue(evaluate([...record.value, ...record.key ?? noKey]))
  }
}
