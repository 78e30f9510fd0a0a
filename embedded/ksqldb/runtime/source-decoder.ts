// Turns a record of a topic into the row of a source step: key, value, headers, pseudo columns, at the places the plan has given them.
import type { PlacedRecord, RecordHeader } from '../../records/batch.js'
import type { SchemaRegistry } from '../../schema-registry.js'
import { compileExpression } from '../plan/compile.js'
import type { CompileContext } from '../plan/compile.js'
import { printSchema } from '../plan/schema.js'
import type { Column, LogicalSchema } from '../plan/schema.js'
import type { Formats, TimestampColumn, WindowInfo } from '../plan/steps.js'
import { columnsIn } from '../plan/tree.js'
import type { Row, Value } from '../plan/value.js'
import type { Window } from './api.js'
import { createDeserializer, SerdeError, valueColumns } from './serde/index.js'
import type { Deserializer, RowLayout } from './serde/index.js'
import { StreamRecord } from './processors/context.js'
import type { DecodeError, RecordDecoder, SourceRecord } from './topic-reader.js'
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
  /** The columns that are read: others may be null. Absent: all. */
  readonly reads?: ReadonlySet<string>
}

type Place = (record: PlacedRecord, partition: number, key: Row | null, window: Window | undefined) => Value

function headersOf (headers: readonly RecordHeader[]): Value {
  return headers.map(header => [header.key, header.value])
}

function lastHeader (headers: readonly RecordHeader[], key: string): Value {
  for (let i = headers.length - 1; i >= 0; i--) if (headers[i]!.key === key) return headers[i]!.value
  return null
}

/** Where a column comes from that does not stand in the value. */
function placeOf (column: Column, source: SourceDescription): Place {
  const { name } = column
  const headerKey = headerKeyOf(column, source)
  if (headerKey !== undefined) return headerKey === '' ? record => headersOf(record.headers) : record => lastHeader(record.headers, headerKey)
  const keyAt = source.sourceSchema.key.findIndex(one => one.name === name)
  if (keyAt >= 0) return (_record, _partition, key) => key === null ? null : key[keyAt]!
  switch (name) {
    case 'ROWPARTITION': return (_record, partition) => partition
    case 'ROWOFFSET': return record => BigInt(record.offset)
    case 'WINDOWSTART': return (_record, _partition, _key, window) => window === undefined ? null : BigInt(window.start)
    case 'WINDOWEND': return (_record, _partition, _key, window) => window === undefined ? null : BigInt(window.end)
    default: throw new Error(`The source of topic ${source.topic} has no column ${name}`)
  }
}

function headerKeyOf ({ name, headerKey }: Column, { sourceSchema }: SourceDescription): string | undefined {
  return headerKey ?? sourceSchema.value.find(one => one.name === name)?.headerKey
}

/** The names of all columns that are to be in the row. */
function columnsRead ({ reads, columns, timestampColumn }: SourceDescription): ReadonlySet<string> {
  const names = new Set(reads ?? columns.map(column => column.name))
  if (timestampColumn !== undefined) for (const { name } of columnsIn(timestampExpression(timestampColumn))) names.add(name)
  return names
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

/** A function that makes the source's rows but for ROWTIME: of a decoded value, which may be a row already, and of what does not stand in it. */
function rowMaker (source: SourceDescription, isLaidOut: boolean, layout: RowLayout): (value: Row, ...of: Parameters<Place>) => Row {
  const read = columnsRead(source)
  const inValue = new Set(layout.places)
  const isExtra = ({ name }: Column, at: number): boolean => name !== 'ROWTIME' && !inValue.has(at) && read.has(name)
  const places = source.columns.flatMap((column, at) => isExtra(column, at) ? [{ at, of: placeOf(column, source) }] : [])
  const { width } = layout
  return (value, record, partition, key, window) => {
    let row = value
    if (!isLaidOut) {
      row = new Array<Value>(width).fill(null)
      for (let i = 0; i < layout.places.length; i++) if (layout.places[i]! >= 0) row[layout.places[i]!] = value[i]!
    }
    for (let i = 0; i < places.length; i++) {
      const { at, of } = places[i]!
      row[at] = of(record, partition, key, window)
    }
    return row
  }
}

/** Where the columns of the value stand in the source's rows. */
function layoutOf (source: SourceDescription): RowLayout {
  const read = columnsRead(source)
  const places = valueColumns(source.sourceSchema).map(({ name }) => {
    return read.has(name) ? source.columns.findIndex(column => column.name === name && headerKeyOf(column, source) === undefined) : -1
  })
  return { width: source.columns.length, places }
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

async function deserializers ({ topic, sourceSchema, formats }: SourceDescription, layout: RowLayout, registry: SchemaRegistry): Promise<Deserializers> {
  return {
    key: await createDeserializer(sourceSchema.key, formats.key, { topic, isKey: true, registry }),
    value: await createDeserializer(valueColumns(sourceSchema), formats.value, { topic, isKey: false, registry, layout })
  }
}

function partReader ({ deserialize, deserializeAt }: Deserializer): (buffer: Buffer, start: number, end: number) => Row | null {
  return deserializeAt ?? ((buffer, start, end) => deserialize(buffer.subarray(start, end)))
}

/** The same for sources whose records are decoded in the same way. */
export function decoderId ({ topic, formats, sourceSchema, columns, window, timestampColumn, reads }: SourceDescription): string {
  const names = columns.map(column => column.name)
  return JSON.stringify([topic, formats, printSchema(sourceSchema), names, window, timestampColumn, reads === undefined ? null : [...reads].sort()])
}

/** Throws SerdeError where the formats cannot hold the columns. */
export async function createDecoder (source: SourceDescription, { registry, context }: DecoderDependencies): Promise<RecordDecoder> {
  const layout = layoutOf(source)
  const { key: keys, value: values } = await deserializers(source, layout, registry)
  const [keyOf, valueOf] = [partReader(keys), partReader(values)]
  const rowOf = rowMaker(source, values.isLaidOut === true, layout)
  const timestampOf = timestampExtractor(source, context)
  const { window: windowInfo } = source
  // ROWTIME may come out of the row: so its place is filled last.
  const rowtimeAt = columnsRead(source).has('ROWTIME') ? source.columns.findIndex(column => column.name === 'ROWTIME') : -1
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
  const withoutTime = (row: Row | null): DecodeError => ({ message: 'Failed to extract timestamp from row', causes: timestampOf.causes ?? [], record: row })
  const decode = (record: PlacedRecord, partition: number): SourceRecord => {
    reading = 'key'
    const { key, window } = readKey(record)
    reading = 'value'
    const { offset, headers } = record
    const value = record.valueStart < 0 ? null : valueOf(record.body, record.valueStart, record.valueEnd)
    if (value === null) {
      const timestamp = source.timestampColumn === undefined ? record.timestamp : timestampOf(null, record)
      return { offset, record: new StreamRecord(key, window, null, null, timestamp), headers, error: timestamp < 0 ? withoutTime(null) : undefined }
    }
    const row = rowOf(value, record, partition, key, window)
    const timestamp = timestampOf(row, record)
    if (rowtimeAt >= 0) row[rowtimeAt] = BigInt(Math.max(timestamp, -1))
    return { offset, record: new StreamRecord(key, window, row, null, timestamp), headers, error: timestamp < 0 ? withoutTime(row) : undefined }
  }
  return {
    id: decoderId(source),
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
        return {
          offset, record: new StreamRecord(null, undefined, null, null, timestamp), headers,
          error: { message, causes, target: reading, record: record[reading] }
        }
      }
    }
  }
}
