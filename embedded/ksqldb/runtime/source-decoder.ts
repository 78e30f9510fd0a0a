// Turns a record of a topic into the row of a source step: key, value, headers, pseudo columns, at the places the plan has given them.
import type { PlacedRecord, RecordHeader } from '../../records/batch.js'
import type { SchemaRegistry } from '../../schema-registry.js'
import { compileExpression } from '../plan/compile.js'
import type { CompileContext } from '../plan/compile.js'
import { printSchema } from '../plan/schema.js'
import type { Column, LogicalSchema } from '../plan/schema.js'
import type { FormatInfo, Formats, TimestampColumn, WindowInfo } from '../plan/steps.js'
import type { Row, Value } from '../plan/value.js'
import type { Window } from './api.js'
import { createDeserializer, SerdeError, valueColumns } from './serde/index.js'
import type { Deserializer } from './serde/index.js'
import type { RecordDecoder, SourceRecord } from './topic-reader.js'
import { timestampExpression, timestampOfValue } from './timestamp-column.js'

/** What a source step, or a source of the metastore, says about its topic. */
export interface SourceDescription {
  readonly topic: string
  readonly formats: Formats
  readonly sourceSchema: LogicalSchema
  /** The columns of the rows to give: declared value columns, pseudo columns, key columns. */
  readonly columns: readonly Column[]
  readonly window?: WindowInfo
  readonly timestampColumn?: TimestampColumn
}

interface Parts {
  readonly record: PlacedRecord
  readonly partition: number
  readonly timestamp: number
  readonly key: Row | null
  readonly window: Window | undefined
  readonly value: Row
}

type Place = (parts: Parts) => Value

function headersOf (headers: readonly RecordHeader[]): Value {
  return headers.map(header => [header.key, header.value])
}

function lastHeader (headers: readonly RecordHeader[], key: string): Value {
  for (let i = headers.length - 1; i >= 0; i--) if (headers[i]!.key === key) return headers[i]!.value
  return null
}

/** Where each column of the row comes from. */
function placeOf (column: Column, source: SourceDescription): Place {
  const { name } = column
  const declared = source.sourceSchema.value.find(one => one.name === name)
  const headerKey = declared?.headerKey ?? column.headerKey
  if (headerKey !== undefined) return headerKey === '' ? parts => headersOf(parts.record.headers) : parts => lastHeader(parts.record.headers, headerKey)
  const valueAt = valueColumns(source.sourceSchema).findIndex(one => one.name === name)
  if (valueAt >= 0) return parts => parts.value[valueAt]!
  const keyAt = source.sourceSchema.key.findIndex(one => one.name === name)
  if (keyAt >= 0) return parts => parts.key === null ? null : parts.key[keyAt]!
  switch (name) {
    case 'ROWTIME': return parts => BigInt(parts.timestamp)
    case 'ROWPARTITION': return parts => parts.partition
    case 'ROWOFFSET': return parts => BigInt(parts.record.offset)
    case 'WINDOWSTART': return parts => parts.window === undefined ? null : BigInt(parts.window.start)
    case 'WINDOWEND': return parts => parts.window === undefined ? null : BigInt(parts.window.end)
    default: throw new Error(`The source of topic ${source.topic} has no column ${name}`)
  }
}

/** The windowed key's own bytes and its window: WindowKeySchema and SessionKeySchema of Kafka Streams. */
function splitWindowedKey (data: Buffer, window: WindowInfo): { key: Buffer, window: Window } {
  const session = window.type === 'SESSION'
  const suffix = session ? 16 : 8
  if (data.length < suffix) throw new SerdeError(`A windowed key has at least ${suffix} bytes, this one ${data.length}`)
  const start = Number(data.readBigInt64BE(data.length - 8))
  const end = session ? Number(data.readBigInt64BE(data.length - 16)) : start + (window.sizeMs ?? 0)
  return { key: data.subarray(0, data.length - suffix), window: { start, end } }
}

/** Where the decoded value has the column; -1 where it comes from elsewhere. Most columns are copied by this, without a call. */
function valuePlaceOf ({ name, headerKey }: Column, { sourceSchema }: SourceDescription): number {
  const isHeader = (headerKey ?? sourceSchema.value.find(one => one.name === name)?.headerKey) !== undefined
  return isHeader ? -1 : valueColumns(sourceSchema).findIndex(one => one.name === name)
}

interface Extract {
  (row: Row | null, record: PlacedRecord): number
  /** Why the last call gave -1. */
  causes?: readonly string[]
}

/** ROWTIME from a column: -1 where it cannot be had, as ksqlDB's LoggingTimestampExtractor. */
function timestampExtractor (source: SourceDescription, context: CompileContext): Extract {
  const { timestampColumn } = source
  if (timestampColumn === undefined) return (_row, record) => record.timestamp
  const onError = (error: Error): void => { extract.causes = [error.message] }
  const { evaluate } = compileExpression(timestampExpression(timestampColumn), source.columns, { ...context, onError })
  const extract: Extract = row => {
    extract.causes = []
    if (row === null) return -1
    const timestamp = timestampOfValue(evaluate(row))
    if (timestamp < 0 && extract.causes.length === 0) {
      extract.causes = [`Invalid timestamp: ${timestamp}. Timestamp should always be non-negative or null.`]
    }
    return timestamp
  }
  return extract
}

export interface DecoderDependencies {
  readonly registry: SchemaRegistry
  readonly context: CompileContext
}

interface Deserializers {
  readonly key: Deserializer
  readonly value: Deserializer
}

async function deserializers (source: SourceDescription, registry: SchemaRegistry): Promise<Deserializers> {
  const make = (columns: readonly Column[], info: FormatInfo, isKey: boolean) => createDeserializer(columns, info, { topic: source.topic, isKey, registry })
  return {
    key: await make(source.sourceSchema.key, source.formats.key, true),
    value: await make(valueColumns(source.sourceSchema), source.formats.value, false)
  }
}

function partReader ({ deserialize, deserializeAt }: Deserializer): (buffer: Buffer, start: number, end: number) => Row | null {
  return deserializeAt ?? ((buffer, start, end) => deserialize(buffer.subarray(start, end)))
}

/** Throws SerdeError where the formats cannot hold the columns. */
export async function createDecoder (source: SourceDescription, { registry, context }: DecoderDependencies): Promise<RecordDecoder> {
  const { key: keys, value: values } = await deserializers(source, registry)
  const [keyOf, valueOf] = [partReader(keys), partReader(values)]
  const places = source.columns.map(column => placeOf(column, source))
  const valuePlaces = source.columns.map(column => valuePlaceOf(column, source))
  const timestampOf = timestampExtractor(source, context)
  const { window: windowInfo } = source
  // ROWTIME must be known before the row is whole, and may come out of it: so its place is filled last.
  const rowtimeAt = source.columns.findIndex(column => column.name === 'ROWTIME')
  const prepareOne = async (deserializer: Deserializer, data: Buffer | null): Promise<void> => {
    if (data !== null && data.length > 0) await deserializer.prepare?.(data)
  }
  const readKey = (record: PlacedRecord): { key: Row | null, window: Window | undefined } => {
    if (record.keyStart < 0) return { key: null, window: undefined }
    if (windowInfo === undefined) return { key: keyOf(record.body, record.keyStart, record.keyEnd), window: undefined }
    const split = splitWindowedKey(record.key!, windowInfo)
    return { key: keys.deserialize(split.key), window: split.window }
  }
  let reading: 'key' | 'value' = 'key'
  const withoutTime = (row: Row | null): Pick<SourceRecord, 'error'> => ({
    error: { message: 'Failed to extract timestamp from row', causes: timestampOf.causes ?? [], record: row }
  })
  const decode = (record: PlacedRecord, partition: number): SourceRecord => {
    reading = 'key'
    const { key, window } = readKey(record)
    reading = 'value'
    const { offset, headers } = record
    const value = record.valueStart < 0 ? null : valueOf(record.body, record.valueStart, record.valueEnd)
    if (value === null) {
      const timestamp = source.timestampColumn === undefined ? record.timestamp : timestampOf(null, record)
      return { offset, timestamp, key, window, value, headers, ...timestamp < 0 ? withoutTime(value) : {} }
    }
    const parts: Parts = { record, partition, timestamp: record.timestamp, key, window, value }
    const row = new Array<Value>(places.length)
    for (let i = 0; i < places.length; i++) {
      const at = valuePlaces[i]!
      row[i] = at >= 0 ? value[at]! : places[i]!(parts)
    }
    const timestamp = timestampOf(row, record)
    if (timestamp !== record.timestamp && rowtimeAt >= 0) row[rowtimeAt] = BigInt(Math.max(timestamp, -1))
    const decoded = { offset, timestamp, key, window, value: row, headers }
    return timestamp < 0 ? { ...decoded, ...withoutTime(row) } : decoded
  }
  return {
    id: JSON.stringify([source.formats, printSchema(source.sourceSchema), source.columns.map(column => column.name), source.window, source.timestampColumn]),
    prepare: async records => {
      if (keys.prepare === undefined && values.prepare === undefined) return
      for (const record of records) {
        if (keys.prepare !== undefined) await prepareOne(keys, record.key)
        if (values.prepare === undefined || values.isPrepared?.(record.body, record.valueStart, record.valueEnd) === true) continue
        const { value } = record
        if (value !== null && values.prepare(value) !== undefined) await prepareOne(values, value)
      }
    },
    decode: (record, partition) => {
      try {
        return decode(record, partition)
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        const causes = error instanceof SerdeError ? error.causes : []
        const { offset, timestamp, headers } = record
        return { offset, timestamp, key: null, window: undefined, value: null, headers, error: { message, causes, target: reading, record: record[reading] } }
      }
    }
  }
}
