// What each format can do, and how that decides a topic's formats and wrapping (SerdeFeaturesFactory and the classes of the formats).
import type { SqlType } from '../sql/sql-type.js'
import { printSqlType } from '../sql/sql-type.js'
import { KsqlError } from './error.js'
import type { Column, LogicalSchema } from './schema.js'
import type { FormatInfo, FormatName, Formats, WindowInfo } from './steps.js'

type Feature = 'WRAP_SINGLES' | 'UNWRAP_SINGLES'

interface Capabilities {
  readonly features: readonly Feature[]
  readonly inference: boolean
  readonly inheritable: readonly string[]
  /** The WITH properties that configure it. */
  readonly properties: readonly string[]
}

const CAPABILITIES: Readonly<Record<FormatName, Capabilities>> = {
  AVRO: { features: ['WRAP_SINGLES', 'UNWRAP_SINGLES'], inference: true, inheritable: [], properties: ['fullSchemaName', 'schemaId'] },
  JSON: { features: ['WRAP_SINGLES', 'UNWRAP_SINGLES'], inference: false, inheritable: [], properties: [] },
  JSON_SR: { features: ['WRAP_SINGLES', 'UNWRAP_SINGLES'], inference: true, inheritable: [], properties: ['schemaId', 'fullSchemaName'] },
  KAFKA: { features: ['UNWRAP_SINGLES'], inference: false, inheritable: [], properties: [] },
  DELIMITED: { features: ['UNWRAP_SINGLES'], inference: false, inheritable: ['delimiter'], properties: ['delimiter'] },
  NONE: { features: [], inference: false, inheritable: [], properties: [] },
  PROTOBUF: {
    features: ['WRAP_SINGLES'], inference: true, inheritable: ['unwrapPrimitives', 'nullableRepresentation'],
    properties: ['unwrapPrimitives', 'nullableRepresentation', 'fullSchemaName', 'schemaId']
  },
  PROTOBUF_NOSR: {
    features: ['WRAP_SINGLES', 'UNWRAP_SINGLES'], inference: false, inheritable: ['unwrapPrimitives', 'nullableRepresentation'],
    properties: ['unwrapPrimitives', 'nullableRepresentation']
  }
}

/** A format name of any case. Throws KsqlError. */
export function formatName (text: string): FormatName {
  const name = text.toUpperCase()
  if (!(name in CAPABILITIES)) throw new KsqlError(`Unknown format: ${name}`)
  return name as FormatName
}

export function supportsInference (format: FormatName): boolean {
  return CAPABILITIES[format].inference
}

/** The properties of a source's format that a sink of the same format takes over. */
export function inheritedProperties (info: FormatInfo): Record<string, string> {
  const { inheritable } = CAPABILITIES[info.format]
  return Object.fromEntries(Object.entries(info.properties).filter(([name]) => inheritable.includes(name)))
}

/** Throws KsqlError where a property says nothing to the format. */
export function checkFormatProperties (format: FormatName, properties: Readonly<Record<string, string>>): void {
  const unknown = Object.keys(properties).filter(name => !CAPABILITIES[format].properties.includes(name))
  if (unknown.length > 0) throw new KsqlError(`${format} does not support the following configs: [${unknown.join(', ')}]`)
}

/** The features of a key: single keys are written bare wherever the format could do either. */
export function keyFeatures (format: FormatName, columns: number): readonly Feature[] {
  const { features } = CAPABILITIES[format]
  return columns === 1 && features.includes('WRAP_SINGLES') && features.includes('UNWRAP_SINGLES') ? ['UNWRAP_SINGLES'] : []
}

/** The features of a value. `wrap` is the WITH clause's WRAP_SINGLE_VALUE, `byDefault` the server's property. Throws KsqlError. */
export function valueFeatures (format: FormatName, columns: number, wrap: boolean | undefined, byDefault: boolean | undefined): readonly Feature[] {
  const chosen = wrap ?? (columns === 1 ? byDefault : undefined)
  if (chosen === undefined) return []
  const feature = chosen ? 'WRAP_SINGLES' : 'UNWRAP_SINGLES'
  const supported = CAPABILITIES[format].features.includes(feature)
  if (wrap === undefined) return supported ? [feature] : []
  if (!supported) throw new KsqlError(`Format '${format}' does not support 'WRAP_SINGLE_VALUE' set to '${wrap}'.`)
  if (columns !== 1) throw new KsqlError("'WRAP_SINGLE_VALUE' is only valid for single-field value schemas")
  return [feature]
}

export interface KeyFormat { readonly info: FormatInfo, readonly window?: WindowInfo }

function containsMap (type: SqlType): boolean {
  switch (type.base) {
    case 'MAP': return true
    case 'ARRAY': return containsMap(type.items)
    case 'STRUCT': return type.fields.some(f => containsMap(f.type))
    default: return false
  }
}

const PRIMITIVE_KEYS = new Set(['INTEGER', 'BIGINT', 'DOUBLE', 'STRING', 'BYTES'])

function supportsKeyType (format: FormatName, type: SqlType): boolean {
  switch (format) {
    case 'KAFKA': return PRIMITIVE_KEYS.has(type.base)
    case 'DELIMITED': return type.base !== 'ARRAY' && type.base !== 'MAP' && type.base !== 'STRUCT' && type.base !== 'DECIMAL'
    case 'NONE': return false
    default: return true
  }
}

/** The format for a key of other columns: JSON where the given one cannot write them and `mayChange`. */
export function keyFormatFor (key: KeyFormat, types: readonly SqlType[], mayChange: boolean): KeyFormat {
  const tooMany = types.length > 1 && (key.info.format === 'KAFKA' || key.info.format === 'NONE')
  const change = mayChange && (tooMany || !types.every(type => supportsKeyType(key.info.format, type)))
  if (change) return { info: { format: 'JSON', properties: {}, features: keyFeatures('JSON', types.length) } }
  const wrapped = key.info.features.length > 0
  if (types.length === 1 && !wrapped) return { ...key, info: { ...key.info, features: keyFeatures(key.info.format, 1) } }
  if (types.length !== 1 && wrapped) return { ...key, info: { ...key.info, features: [] } }
  return key
}

function firstUnsupported (format: string, bases: ReadonlySet<string>, type: SqlType): string | undefined {
  if (bases.has(type.base)) return type.base
  switch (type.base) {
    case 'ARRAY': return firstUnsupported(format, bases, type.items)
    case 'MAP': return firstUnsupported(format, bases, type.keys) ?? firstUnsupported(format, bases, type.values)
    case 'STRUCT': {
      for (const field of type.fields) {
        const found = firstUnsupported(format, bases, field.type)
        if (found !== undefined) return found
      }
      return undefined
    }
    default: return undefined
  }
}

const KAFKA_UNSUPPORTED = new Set(['BOOLEAN', 'DECIMAL', 'ARRAY', 'MAP', 'STRUCT', 'TIME', 'DATE', 'TIMESTAMP'])
const DELIMITED_UNSUPPORTED = new Set(['ARRAY', 'MAP', 'STRUCT'])

function nonStringMap (type: SqlType): boolean {
  switch (type.base) {
    case 'MAP': return type.keys.base !== 'STRING' || nonStringMap(type.values)
    case 'ARRAY': return nonStringMap(type.items)
    case 'STRUCT': return type.fields.some(f => nonStringMap(f.type))
    default: return false
  }
}

function printColumns (columns: readonly Column[], isKey: boolean): string {
  return `[${columns.map(c => `\`${c.name}\` ${printSqlType(c.type)}${isKey ? ' KEY' : ''}`).join(', ')}]`
}

const MAP_MESSAGES: Partial<Record<FormatName, string>> = {
  AVRO: 'Avro only supports MAPs with STRING keys',
  JSON: 'JSON only supports MAP types with STRING keys',
  JSON_SR: 'JSON only supports MAP types with STRING keys',
  PROTOBUF: 'PROTOBUF format only supports MAP types with STRING keys',
  PROTOBUF_NOSR: 'PROTOBUF format only supports MAP types with STRING keys'
}

/** Avro names: letters, digits and _; a struct's fields are upper or lower case as declared. */
function avroNameProblem (columns: ReadonlyArray<{ readonly name: string, readonly type: SqlType }>): string | undefined {
  for (const { name, type } of columns) {
    if (!/^[A-Za-z_]/.test(name)) return `Illegal initial character: ${name}`
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `Illegal character in: ${name}`
    const inner = type.base === 'STRUCT' ? type.fields : type.base === 'ARRAY' ? [{ name: 'item', type: type.items }] : []
    const problem = avroNameProblem(inner)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Why the format cannot write the columns, or undefined. */
function problemWith (info: FormatInfo, columns: readonly Column[], isKey: boolean): string | undefined {
  const { format } = info
  switch (format) {
    case 'KAFKA': {
      if (columns.length > 1) return `The 'KAFKA' format only supports a single field. Got: ${printColumns(columns, isKey)}`
      const bad = columns[0] === undefined ? undefined : firstUnsupported(format, KAFKA_UNSUPPORTED, columns[0].type)
      return bad === undefined ? undefined : `The 'KAFKA' format does not support type '${bad}'`
    }
    case 'NONE': return columns.length === 0 ? undefined : `The 'NONE' format can only be used when no columns are defined. Got: ${printColumns(columns, isKey)}`
    case 'DELIMITED': {
      const bad = columns.find(c => DELIMITED_UNSUPPORTED.has(c.type.base))
      return bad === undefined ? undefined : `The 'DELIMITED' format does not support type '${bad.type.base}', column: \`${bad.name}\``
    }
    default: {
      const message = MAP_MESSAGES[format]
      if (message !== undefined && columns.some(c => nonStringMap(c.type))) return message
      const avro = format === 'AVRO' ? avroNameProblem(columns) : undefined
      return avro === undefined ? undefined : `Schema is not compatible with Avro: ${avro}`
    }
  }
}

/** Throws KsqlError where a key column is or holds a MAP. */
export function checkKeyTypes (schema: LogicalSchema): void {
  const mapKey = schema.key.find(c => containsMap(c.type))
  if (mapKey === undefined) return
  throw new KsqlError('Map keys, including types that contain maps, are not supported as they may lead to unexpected behavior due to inconsistent serialization. ' +
    `Key column name: \`${mapKey.name}\`. Column type: ${printSqlType(mapKey.type)}. See https://github.com/confluentinc/ksql/issues/6621 for more.`)
}

/** Whether a value format can keep an aggregate's state in a changelog. */
export function canKeepState (format: FormatName, type: SqlType): boolean {
  return format !== 'DELIMITED' || !DELIMITED_UNSUPPORTED.has(type.base)
}

/** Throws KsqlError where the formats cannot write the schema's key or value. */
export function checkFormats (schema: LogicalSchema, formats: Formats): void {
  checkKeyTypes(schema)
  for (const isKey of [true, false]) {
    const info = isKey ? formats.key : formats.value
    const columns = isKey ? schema.key : schema.value.filter(c => c.headerKey === undefined)
    const problem = problemWith(info, columns, isKey)
    if (problem !== undefined) {
      throw new KsqlError(`${isKey ? 'Key' : 'Value'} format does not support schema.\nformat: ${info.format}\n` +
        `schema: Persistence{columns=${printColumns(columns, isKey)}, features=[${info.features.join(', ')}]}\nreason: ${problem}`)
    }
  }
}
