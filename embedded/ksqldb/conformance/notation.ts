// Records in the JSON notation of the cases, to bytes and back, by the format of the topic's source.
import { ByteReader, ByteWriter } from '../runtime/bytes.js'
import { avroReader } from '../runtime/serde/avro-reader.js'
import { avroSchemaById } from '../runtime/serde/avro.js'
import { sqlTypeOf } from '../runtime/serde/avro-schema.js'
import { avroWriter } from '../runtime/serde/avro-writer.js'
import { parseDouble } from '../runtime/serde/coerce.js'
import { createDeserializer, createSerializer } from '../runtime/serde/index.js'
import { JsonNumber, parseJson, writeJson, javaDouble } from '../runtime/serde/json-text.js'
import type { JsonValue } from '../runtime/serde/json-text.js'
import { Decimal } from '../plan/decimal.js'
import type { Column } from '../plan/schema.js'
import type { FormatInfo } from '../plan/steps.js'
import type { Row, Value } from '../plan/value.js'
import type { SqlType } from '../sql/sql-type.js'
import type { SchemaRegistry } from '../../schema-registry.js'

/** One side, key or value, of a topic's records. */
export interface Notation {
  readonly topic: string
  readonly isKey: boolean
  readonly columns: readonly Column[]
  readonly info: FormatInfo
  readonly registry: SchemaRegistry
}

/** A decoded value, with its type where that is known: numbers compare by it. */
export interface Noted { readonly json: JsonValue, readonly type: SqlType | undefined }

const textOf = (json: JsonValue): string => typeof json === 'string' ? json : writeJson(json)

/** A value of the notation as a value of the type. Field names match in any case. Throws Error where it cannot be. */
export function valueOf (json: JsonValue | undefined, type: SqlType): Value {
  if (json === null || json === undefined) return null
  switch (type.base) {
    case 'BOOLEAN': return typeof json === 'boolean' ? json : textOf(json) === 'true'
    case 'INTEGER': case 'DATE': case 'TIME': case 'TIMESTAMP': return Number(textOf(json))
    case 'BIGINT': return BigInt(/^-?\d+$/.test(textOf(json)) ? textOf(json) : Math.trunc(Number(textOf(json))))
    case 'DOUBLE': return parseDouble(textOf(json)) ?? NaN
    case 'STRING': return textOf(json)
    case 'BYTES': return Buffer.from(textOf(json), 'base64')
    case 'DECIMAL': return Decimal.parse(textOf(json))
    case 'ARRAY': return Array.isArray(json) ? json.map(item => valueOf(item, type.items)) : fail(json, type)
    case 'MAP': return json instanceof Map ? new Map([...json].map(([key, item]) => [key, valueOf(item, type.values)])) : fail(json, type)
    case 'STRUCT': return json instanceof Map ? structOf(json, type.fields) : fail(json, type)
  }
}

function fail (json: JsonValue, type: SqlType): never {
  throw new Error(`${writeJson(json)} is no ${type.base}`)
}

function structOf (json: ReadonlyMap<string, JsonValue>, fields: readonly { readonly name: string, readonly type: SqlType }[]): Row {
  const upper = new Map([...json].map(([name, member]) => [name.toUpperCase(), member]))
  return fields.map(field => valueOf(json.get(field.name) ?? upper.get(field.name.toUpperCase()), field.type))
}

/** A value in the notation. */
export function jsonOf (value: Value, type: SqlType): JsonValue {
  if (value === null) return null
  switch (type.base) {
    case 'BIGINT': case 'DECIMAL': return new JsonNumber(String(value))
    case 'DOUBLE': return Number.isFinite(value as number) ? new JsonNumber(javaDouble(value as number)) : javaDouble(value as number)
    case 'BYTES': return (value as Buffer).toString('base64')
    case 'ARRAY': return (value as readonly Value[]).map(item => jsonOf(item, type.items))
    case 'MAP': return new Map([...value as ReadonlyMap<Value, Value>].map(([key, item]) => [String(key), jsonOf(item, type.values)]))
    case 'STRUCT': return new Map(type.fields.map((field, i) => [field.name, jsonOf((value as readonly Value[])[i] ?? null, field.type)]))
    default: return value as boolean | number | string
  }
}

function header (id: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.writeInt32BE(id, 1)
  return bytes
}

async function latestId ({ topic, isKey, registry, info }: Notation): Promise<number> {
  if (info.properties['schemaId'] !== undefined) return Number(info.properties['schemaId'])
  const found = await registry.latest(`${topic}-${isKey ? 'key' : 'value'}`)
  if (found === undefined) throw new Error(`Topic ${topic} has no schema for its ${isKey ? 'key' : 'value'}`)
  return found.id
}

const rowType = (columns: readonly Column[]): SqlType => ({ base: 'STRUCT', fields: columns })

/** Throws Error where the notation does not fit the columns or the schema. */
export async function encode (json: JsonValue | undefined, notation: Notation): Promise<Buffer | null> {
  if (json === null || json === undefined) return null
  const { columns, info } = notation
  switch (info.format) {
    case 'NONE': return null
    case 'JSON': return Buffer.from(writeJson(json))
    case 'JSON_SR': return Buffer.concat([header(await latestId(notation)), Buffer.from(writeJson(json))])
    case 'DELIMITED': return Buffer.from(textOf(json))
    case 'AVRO': {
      const id = await latestId(notation)
      const schema = await avroSchemaById(notation.registry, id)
      const type = sqlTypeOf(schema, [], false)
      if (type === undefined) throw new Error(`The schema of topic ${notation.topic} has no SQL type`)
      const to = new ByteWriter()
      avroWriter(schema, type)(to, valueOf(json, type))
      return Buffer.concat([header(id), to.take()])
    }
    default: {
      // Of a source without key columns the key is not looked at.
      if (columns.length === 0) return Buffer.from(textOf(json))
      const serialize = await createSerializer(columns, info, notation)
      const single = columns.length === 1 && (info.format === 'KAFKA' || !(json instanceof Map)) ? columns[0] : undefined
      return serialize(single === undefined ? valueOf(json, rowType(columns)) as Row : [valueOf(json, single.type)])
    }
  }
}

export async function decode (data: Buffer | null, notation: Notation): Promise<Noted> {
  const { columns, info } = notation
  const single = columns.length === 1 && info.features.includes('UNWRAP_SINGLES') ? columns[0] : undefined
  const type = single?.type ?? rowType(columns)
  if (data === null) return { json: null, type }
  switch (info.format) {
    case 'JSON': return { json: parseJson(data.toString()) ?? null, type }
    case 'JSON_SR': return { json: parseJson(data.toString('utf8', 5)) ?? null, type }
    case 'DELIMITED': return { json: data.toString(), type: undefined }
    case 'AVRO': {
      const schema = await avroSchemaById(notation.registry, data.readInt32BE(1))
      const written = sqlTypeOf(schema, [], false)
      if (written === undefined) throw new Error('The schema has no SQL type')
      return { json: jsonOf(avroReader(schema, written)(new ByteReader(data, 5)), written), type: written }
    }
    default: {
      const deserializer = await createDeserializer(columns, info, notation)
      await deserializer.prepare?.(data)
      const row = deserializer.deserialize(data)
      if (row === null) return { json: null, type }
      const only = columns.length === 1 && (info.format === 'KAFKA' || single !== undefined) ? columns[0] : undefined
      return only === undefined ? { json: jsonOf(row, type), type } : { json: jsonOf(row[0]!, only.type), type: only.type }
    }
  }
}
