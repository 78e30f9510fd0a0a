// The AVRO format: Confluent's header (0, schema id in 32 bits), then Avro's binary form, read by the schema that wrote it.
import type { SqlType } from '../../sql/sql-type.js'
import type { SchemaReference, SchemaRegistry } from '../../../schema-registry.js'
import type { Column } from '../../plan/schema.js'
import type { Row, Value } from '../../plan/value.js'
import { ByteReader, ByteWriter } from '../bytes.js'
import { avroReader, recordReader } from './avro-reader.js'
import type { Read } from './avro-reader.js'
import { avroSchemaFor, parseAvroSchema } from './avro-schema.js'
import type { AvroSchema } from './avro-schema.js'
import { avroRecordWriter, avroWriter } from './avro-writer.js'
import { isUnwrapped, SerdeError } from './format.js'
import type { Format, RowLayout, SerdeContext } from './format.js'

/** Bytes in front of the Avro data: a zero, then the schema's id. */
export const HEADER_BYTES = 5
const SCHEMAS_MAX = 1000

/** The texts that a registered schema refers to, the deepest first. */
export async function referencedTexts (registry: SchemaRegistry, references: readonly SchemaReference[], depth = 0): Promise<string[]> {
  const texts: string[] = []
  if (depth > 20) throw new SerdeError('Schema references are nested too deep')
  for (const reference of references) {
    const found = await registry.latest(reference.subject)
    if (found === undefined) throw new SerdeError(`The schema of subject ${reference.subject} is missing`)
    texts.push(...await referencedTexts(registry, found.references, depth + 1), found.schema)
  }
  return texts
}

/** The parsed schema of an id. Throws SerdeError where the registry does not have it. */
export async function avroSchemaById (registry: SchemaRegistry, id: number): Promise<AvroSchema> {
  const found = await registry.byId(id)
  if (found === undefined) throw new SerdeError(`Error retrieving Avro value schema for id ${id}`, [`Schema ${id} not found`])
  if (found.schemaType !== 'AVRO') throw new SerdeError(`Schema ${id} is not an Avro schema but ${found.schemaType}`)
  return parseAvroSchema(found.schema, await referencedTexts(registry, found.references))
}

function failure (context: SerdeContext, cause: unknown): SerdeError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new SerdeError(`Error deserializing message from topic: ${context.topic}`, [message, ...cause instanceof SerdeError ? cause.causes : []])
}

/** For a record within a union. */
function laidOut (read: Read, { width, places }: RowLayout): Read {
  return from => {
    const values = read(from) as Row | null
    if (values === null) return null
    const row: Row = new Array<Value>(width).fill(null)
    places.forEach((place, i) => { if (place >= 0) row[place] = values[i]! })
    return row
  }
}

function deserializer (columns: readonly Column[], unwrapped: boolean, context: SerdeContext) {
  const readers = new Map<number, Read | Error>()
  const reader = new ByteReader(Buffer.alloc(0))
  const target: SqlType = unwrapped ? columns[0]!.type : { base: 'STRUCT', fields: columns }
  const layout = unwrapped ? undefined : context.layout
  const readerOf = (schema: AvroSchema): Read => {
    if (layout === undefined) return avroReader(schema, target)
    return schema.type === 'record' ? recordReader(schema, columns, '', layout) : laidOut(avroReader(schema, target), layout)
  }
  const load = async (id: number): Promise<void> => {
    let made: Read | Error
    try {
      made = readerOf(await avroSchemaById(context.registry, id))
    } catch (error) {
      made = failure(context, error)
    }
    if (readers.size >= SCHEMAS_MAX) readers.clear()
    readers.set(id, made)
  }
  const idAt = (buffer: Buffer, start: number, end: number) => end - start < HEADER_BYTES || buffer[start] !== 0 ? -1 : buffer.readInt32BE(start + 1)
  const isPrepared = (buffer: Buffer, start: number, end: number): boolean => {
    const id = idAt(buffer, start, end)
    return id < 0 || readers.has(id)
  }
  const deserializeAt = (buffer: Buffer, start: number, end: number): Row | null => {
    const id = idAt(buffer, start, end)
    if (id < 0) throw failure(context, new Error('Unknown magic byte!'))
    const read = readers.get(id)
    if (read === undefined) throw failure(context, new Error(`The schema with id ${id} was not loaded`))
    if (read instanceof Error) throw read
    try {
      const value = read(reader.reset(buffer, start + HEADER_BYTES, end))
      return unwrapped ? value === null ? null : [value] : value as Row | null
    } catch (error) {
      throw failure(context, error)
    }
  }
  return {
    prepare: (data: Buffer) => isPrepared(data, 0, data.length) ? undefined : load(idAt(data, 0, data.length)),
    isPrepared,
    isLaidOut: layout !== undefined,
    deserialize: (data: Buffer) => deserializeAt(data, 0, data.length),
    deserializeAt
  }
}

async function schemaToWrite (
  columns: readonly Column[], unwrapped: boolean, properties: Readonly<Record<string, string>>, context: SerdeContext
): Promise<{ id: number, schema: AvroSchema }> {
  if (properties.schemaId !== undefined) {
    const id = Number(properties.schemaId)
    return { id, schema: await avroSchemaById(context.registry, id) }
  }
  const text = avroSchemaFor(columns, { unwrapped, ...(properties.fullSchemaName === undefined ? {} : { fullName: properties.fullSchemaName }) })
  const { id } = await context.registry.register(`${context.topic}-${context.isKey ? 'key' : 'value'}`, { schema: text, schemaType: 'AVRO' })
  return { id, schema: parseAvroSchema(text) }
}

export const avroFormat: Format = {
  deserializer: async (columns, info, context) => deserializer(columns, isUnwrapped(info, columns), context),
  serializer: async (columns, info, context) => {
    const unwrapped = isUnwrapped(info, columns)
    const { id, schema } = await schemaToWrite(columns, unwrapped, info.properties, context)
    // A single column stands alone, unless a schema given by its id has a record around it after all.
    const alone = unwrapped && (schema.type !== 'record' || columns[0]!.type.base === 'STRUCT')
    const writeRow = alone ? undefined : avroRecordWriter(schema as Extract<AvroSchema, { type: 'record' }>, columns)
    const writeValue = alone ? avroWriter(schema, columns[0]!.type) : undefined
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeInt32BE(id, 1)
    const to = new ByteWriter()
    return row => {
      if (unwrapped && (row[0] === null || row[0] === undefined)) return null
      to.shrink()
      to.bytes(header)
      writeRow?.(to, row)
      writeValue?.(to, row[0]!)
      return to.view()
    }
  }
}
