// JSON Schema and SQL: the columns of a registered schema, and the schema that ksqlDB registers for columns (Kafka Connect's JsonSchemaData).
import type { SqlType } from '../../sql/sql-type.js'
import type { Column } from '../../plan/schema.js'
import type { InferenceOptions } from './avro-schema.js'
import { SerdeError } from './format.js'

interface Json { readonly [name: string]: unknown }

const CONNECT = 'org.apache.kafka.connect.data.'
const DEPTH_MAX = 100

/**
 * The columns that ksqlDB infers from a JSON schema: an object's properties by `connect.index`, then as they stand; names upper-cased unless asked otherwise.
 * Throws SerdeError where the text is no schema or gives no column.
 */
export function sqlSchemaFromJson (text: string, options: InferenceOptions = {}): readonly Column[] {
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch {
    throw new SerdeError(`The text is no JSON schema: ${text}`)
  }
  const type = typeOf(schema, options.keepCase !== true, 0)
  if (options.unwrapped === true) {
    if (type === undefined) throw new SerdeError('Schema does not include any columns with types that ksqlDB supports.')
    return [{ name: options.unwrappedName ?? 'ROWVAL', type }]
  }
  if (type?.base !== 'STRUCT') throw new SerdeError('KSQL stream/table schema must be structured')
  return type.fields
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

function typeOf (schema: unknown, upper: boolean, depth: number): SqlType | undefined {
  if (!isObject(schema) || depth > DEPTH_MAX) return undefined
  const choices = schema['oneOf'] ?? schema['anyOf']
  if (Array.isArray(choices)) {
    const present = choices.filter(choice => !(isObject(choice) && choice['type'] === 'null'))
    return present.length === 1 ? typeOf(present[0], upper, depth + 1) : undefined
  }
  const types = (Array.isArray(schema['type']) ? schema['type'] : [schema['type']]).filter(name => name !== 'null')
  switch (types.length === 1 ? types[0] : undefined) {
    case 'boolean': return { base: 'BOOLEAN' }
    case 'string': return schema['connect.type'] === 'bytes' ? { base: 'BYTES' } : { base: 'STRING' }
    case 'integer': return integerType(schema)
    case 'number': return schema['title'] === `${CONNECT}Decimal` ? decimalType(schema) : { base: 'DOUBLE' }
    case 'array': return arrayType(schema, upper, depth)
    case 'object': return objectType(schema, upper, depth)
    default: return undefined
  }
}

function integerType (schema: Json): SqlType {
  switch (schema['title']) {
    case `${CONNECT}Date`: return { base: 'DATE' }
    case `${CONNECT}Time`: return { base: 'TIME' }
    case `${CONNECT}Timestamp`: return { base: 'TIMESTAMP' }
    default: return { base: ['int8', 'int16', 'int32'].includes(String(schema['connect.type'])) ? 'INTEGER' : 'BIGINT' }
  }
}

function decimalType (schema: Json): SqlType {
  const parameters = isObject(schema['connect.parameters']) ? schema['connect.parameters'] : {}
  return { base: 'DECIMAL', precision: Number(parameters['connect.decimal.precision'] ?? 64), scale: Number(parameters['scale'] ?? 0) }
}

/** Also a MAP whose keys are no strings: an array of objects with key and value. */
function arrayType (schema: Json, upper: boolean, depth: number): SqlType | undefined {
  const items = typeOf(schema['items'], schema['connect.type'] === 'map' ? false : upper, depth + 1)
  if (schema['connect.type'] !== 'map') return items === undefined ? undefined : { base: 'ARRAY', items }
  if (items?.base !== 'STRUCT') return undefined
  const part = (name: string): SqlType | undefined => items.fields.find(field => field.name === name)?.type
  const keys = part('key')
  const values = part('value')
  return keys === undefined || values === undefined ? undefined : { base: 'MAP', keys, values }
}

function objectType (schema: Json, upper: boolean, depth: number): SqlType | undefined {
  if (schema['connect.type'] === 'map' || (schema['properties'] === undefined && isObject(schema['additionalProperties']))) {
    const values = typeOf(schema['additionalProperties'], upper, depth + 1)
    return values === undefined ? undefined : { base: 'MAP', keys: { base: 'STRING' }, values }
  }
  const properties = isObject(schema['properties']) ? Object.entries(schema['properties']) : []
  const indexOf = ([, property]: [string, unknown]): number => isObject(property) && typeof property['connect.index'] === 'number' ? property['connect.index'] : Infinity
  const fields = properties.map((property, place) => ({ property, place, index: indexOf(property) }))
    .sort((a, b) => a.index === b.index ? a.place - b.place : a.index - b.index)
    .flatMap(({ property: [name, member] }) => {
      const type = typeOf(member, upper, depth + 1)
      return type === undefined ? [] : [{ name: upper ? name.toUpperCase() : name, type }]
    })
  return fields.length === 0 ? undefined : { base: 'STRUCT', fields }
}

/** The text of the JSON schema that ksqlDB registers for these columns. */
export function jsonSchemaFor (columns: readonly Column[], options: { readonly unwrapped?: boolean } = {}): string {
  const single = options.unwrapped === true ? columns[0] : undefined
  return JSON.stringify(single === undefined ? objectSchema(columns) : optional(schemaOf(single.type)))
}

function optional (schema: Json, more: Json = {}): Json {
  return { ...more, oneOf: [{ type: 'null' }, schema] }
}

function objectSchema (fields: readonly Column[]): Json {
  return { type: 'object', properties: Object.fromEntries(fields.map(({ name, type }, i) => [name, optional(schemaOf(type), { 'connect.index': i })])) }
}

function logical (type: string, name: string, connectType: string, more: Json = {}): Json {
  return { type, title: CONNECT + name, 'connect.version': 1, 'connect.type': connectType, ...more }
}

function schemaOf (type: SqlType): Json {
  switch (type.base) {
    case 'BOOLEAN': return { type: 'boolean' }
    case 'INTEGER': return { type: 'integer', 'connect.type': 'int32' }
    case 'BIGINT': return { type: 'integer', 'connect.type': 'int64' }
    case 'DOUBLE': return { type: 'number', 'connect.type': 'float64' }
    case 'STRING': return { type: 'string' }
    case 'BYTES': return { type: 'string', 'connect.type': 'bytes' }
    case 'DATE': return logical('integer', 'Date', 'int32')
    case 'TIME': return logical('integer', 'Time', 'int32')
    case 'TIMESTAMP': return logical('integer', 'Timestamp', 'int64')
    case 'DECIMAL': return logical('number', 'Decimal', 'bytes', {
      'connect.parameters': { scale: String(type.scale), 'connect.decimal.precision': String(type.precision) }
    })
    case 'ARRAY': return { type: 'array', items: optional(schemaOf(type.items)) }
    case 'MAP': return type.keys.base === 'STRING'
      ? { type: 'object', 'connect.type': 'map', additionalProperties: optional(schemaOf(type.values)) }
      : { type: 'array', 'connect.type': 'map', items: objectSchema([{ name: 'key', type: type.keys }, { name: 'value', type: type.values }]) }
    case 'STRUCT': return objectSchema(type.fields)
  }
}
