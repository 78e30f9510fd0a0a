// Avro schemas and SQL columns, each from the other, by the rules of Confluent's AvroData with connect.meta.data and of ksqlDB's AvroSchemas.
import type { SqlType } from '../../sql/sql-type.js'
import type { Column } from '../../plan/schema.js'
import { SerdeError } from './format.js'

/** An Avro schema as parsed: names resolved, so that a named type is the same object wherever it stands. */
export type AvroSchema =
  | { readonly type: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string', readonly logicalType?: string, readonly props: AvroProps }
  | { readonly type: 'fixed', readonly name: string, readonly size: number, readonly logicalType?: string, readonly props: AvroProps }
  | { readonly type: 'enum', readonly name: string, readonly symbols: readonly string[], readonly props: AvroProps }
  | { readonly type: 'array', readonly items: AvroSchema, readonly props: AvroProps }
  | { readonly type: 'map', readonly values: AvroSchema, readonly props: AvroProps }
  | { readonly type: 'record', readonly name: string, readonly fields: readonly AvroField[], readonly props: AvroProps }
  | { readonly type: 'union', readonly branches: readonly AvroSchema[], readonly props: AvroProps }

type AvroProps = Readonly<Record<string, unknown>>

export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  /** Absent: there is none. */
  readonly defaultValue?: unknown
}

const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])
const DEPTH_MAX = 200

/** Reads a schema's text. Throws SerdeError. `references` are the texts of schemas whose names it uses. */
export function parseAvroSchema (text: string, references: readonly string[] = []): AvroSchema {
  const names = new Map<string, AvroSchema>()
  const parse = (one: string): AvroSchema => {
    try {
      return resolve(JSON.parse(one), '', names, 0)
    } catch (error) {
      if (error instanceof SerdeError) throw error
      throw new SerdeError(`Not an Avro schema: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  for (const reference of references) parse(reference)
  return parse(text)
}

type Json = Record<string, unknown>

function resolve (json: unknown, namespace: string, names: Map<string, AvroSchema>, depth: number): AvroSchema {
  if (depth > DEPTH_MAX) throw new SerdeError('The Avro schema is nested too deep')
  if (typeof json === 'string') return named(json, namespace, names)
  if (Array.isArray(json)) return { type: 'union', branches: json.map(one => resolve(one, namespace, names, depth + 1)), props: {} }
  if (typeof json !== 'object' || json === null) throw new SerdeError('Not an Avro schema')
  const props = json as Json
  const { type } = props
  if (typeof type !== 'string') return resolve(type, namespace, names, depth + 1)
  switch (type) {
    case 'array': return { type, items: resolve(props.items, namespace, names, depth + 1), props }
    case 'map': return { type, values: resolve(props.values, namespace, names, depth + 1), props }
    case 'record': case 'error': case 'enum': case 'fixed': return define(props, namespace, names, depth)
    default: {
      if (!PRIMITIVES.has(type)) return named(type, namespace, names)
      const logical = typeof props.logicalType === 'string' ? { logicalType: props.logicalType } : {}
      return { type: type as 'int', props, ...logical }
    }
  }
}

function named (name: string, namespace: string, names: Map<string, AvroSchema>): AvroSchema {
  if (PRIMITIVES.has(name)) return { type: name as 'int', props: {} }
  const found = names.get(name.includes('.') || namespace === '' ? name : `${namespace}.${name}`) ?? names.get(name)
  if (found === undefined) throw new SerdeError(`Undefined name: "${name}"`)
  return found
}

function define (props: Json, outer: string, names: Map<string, AvroSchema>, depth: number): AvroSchema {
  if (typeof props.name !== 'string') throw new SerdeError('No name in schema')
  const dot = props.name.lastIndexOf('.')
  const namespace = dot >= 0 ? props.name.slice(0, dot) : typeof props.namespace === 'string' ? props.namespace : outer
  const name = dot >= 0 || namespace === '' ? props.name : `${namespace}.${props.name}`
  if (props.type === 'enum') {
    const schema: AvroSchema = { type: 'enum', name, symbols: props.symbols as string[], props }
    names.set(name, schema)
    return schema
  }
  if (props.type === 'fixed') {
    const logical = typeof props.logicalType === 'string' ? { logicalType: props.logicalType } : {}
    const schema: AvroSchema = { type: 'fixed', name, size: Number(props.size), props, ...logical }
    names.set(name, schema)
    return schema
  }
  const fields: AvroField[] = []
  const schema: AvroSchema = { type: 'record', name, fields, props }
  names.set(name, schema)
  if (!Array.isArray(props.fields)) throw new SerdeError(`Record has no fields: ${name}`)
  for (const field of props.fields as Json[]) {
    fields.push({
      name: String(field.name), type: resolve(field.type, namespace, names, depth + 1), ...('default' in field ? { defaultValue: field.default } : {})
    })
  }
  return schema
}

/** The one branch beside null, or undefined where the union has several. */
export function optionalBranch (schema: AvroSchema): AvroSchema | undefined {
  if (schema.type !== 'union') return undefined
  const others = schema.branches.filter(branch => branch.type !== 'null')
  return others.length === 1 ? others[0] : undefined
}

/** Connect's array of {key, value} records that stands for a map whose keys may be null. */
export function isMapEntries (schema: AvroSchema): schema is Extract<AvroSchema, { type: 'array' }> & { readonly items: Extract<AvroSchema, { type: 'record' }> } {
  return schema.type === 'array' && schema.items.type === 'record' &&
    (schema.items.props['connect.internal.type'] === 'MapEntry' || schema.items.name === 'io.confluent.connect.avro.MapEntry')
}

const shortName = (name: string) => name.slice(name.lastIndexOf('.') + 1)

/** The name by which Connect knows a branch of a union of several types. */
export function branchName (schema: AvroSchema): string {
  return 'name' in schema ? shortName(schema.name) : schema.type
}

export interface DecimalScale { readonly precision: number, readonly scale: number }

/** Precision and scale of a decimal logical type: 64 where the precision is not said, as Connect has it. */
export function decimalOf (schema: AvroSchema): DecimalScale | undefined {
  if (schema.type !== 'bytes' && schema.type !== 'fixed') return undefined
  if (schema.logicalType !== 'decimal' && schema.props['connect.name'] !== 'org.apache.kafka.connect.data.Decimal') return undefined
  const parameters = (schema.props['connect.parameters'] ?? {}) as Record<string, unknown>
  const number = (...candidates: unknown[]) => Number(candidates.find(one => one !== undefined))
  return { precision: number(schema.props.precision, parameters['connect.decimal.precision'], 64), scale: number(schema.props.scale, parameters.scale, 0) }
}

/** The SQL type of what a schema writes; undefined where there is none. `upper`: field names upper-cased. */
export function sqlTypeOf (schema: AvroSchema, seen: readonly AvroSchema[], upper: boolean): SqlType | undefined {
  const decimal = decimalOf(schema)
  if (decimal !== undefined) return { base: 'DECIMAL', ...decimal }
  const logical = 'logicalType' in schema ? schema.logicalType : undefined
  switch (schema.type) {
    case 'null': return undefined
    case 'boolean': return { base: 'BOOLEAN' }
    case 'int': return { base: logical === 'date' ? 'DATE' : logical === 'time-millis' ? 'TIME' : 'INTEGER' }
    case 'long': return { base: logical === 'timestamp-millis' ? 'TIMESTAMP' : 'BIGINT' }
    case 'float': case 'double': return { base: 'DOUBLE' }
    case 'bytes': case 'fixed': return { base: 'BYTES' }
    case 'string': case 'enum': return { base: 'STRING' }
    case 'map': return mapOf({ base: 'STRING' }, sqlTypeOf(schema.values, seen, upper))
    case 'array': {
      if (isMapEntries(schema)) {
        const entry = (name: string) => sqlTypeOf(schema.items.fields.find(field => field.name === name)?.type ?? { type: 'null', props: {} }, seen, upper)
        const keys = entry('key')
        return keys === undefined ? undefined : mapOf({ base: 'STRING' }, entry('value'))
      }
      const items = sqlTypeOf(schema.items, seen, upper)
      return items === undefined ? undefined : { base: 'ARRAY', items }
    }
    case 'record': {
      // A type that contains itself has no SQL form.
      if (seen.includes(schema)) return undefined
      return structOf(schema.fields, [...seen, schema], upper)
    }
    case 'union': {
      const single = optionalBranch(schema)
      if (single !== undefined) return sqlTypeOf(single, seen, upper)
      return structOf(schema.branches.filter(one => one.type !== 'null').map(type => ({ name: branchName(type), type })), seen, upper)
    }
  }
}

const mapOf = (keys: SqlType, values: SqlType | undefined): SqlType | undefined => values === undefined ? undefined : { base: 'MAP', keys, values }

function structOf (fields: readonly AvroField[], seen: readonly AvroSchema[], upper: boolean): SqlType | undefined {
  const known = fields.flatMap(field => {
    const type = sqlTypeOf(field.type, seen, upper)
    return type === undefined ? [] : [{ name: upper ? field.name.toUpperCase() : field.name, type }]
  })
  return known.length === 0 ? undefined : { base: 'STRUCT', fields: known }
}

export interface InferenceOptions {
  /** The whole schema is the one column's type, not a record of columns (UNWRAP_SINGLES, and keys that are no record). */
  readonly unwrapped?: boolean
  /** The name of that column: ROWKEY or ROWVAL by default. */
  readonly unwrappedName?: string
  readonly references?: readonly string[]
  /** Field names stay as they are: what ksqlDB does with a schema named by its id. */
  readonly keepCase?: boolean
}

/**
 * The columns that ksqlDB infers from an Avro schema of the registry; field names upper-cased, fields without a SQL form left out.
 * Throws SerdeError where the text is no schema or gives no column.
 */
export function sqlSchemaFromAvro (text: string, options: InferenceOptions = {}): readonly Column[] {
  const schema = parseAvroSchema(text, options.references)
  const type = sqlTypeOf(schema, [], options.keepCase !== true)
  if (options.unwrapped === true) {
    if (type === undefined) throw new SerdeError('Schema does not include any columns with types that ksqlDB supports.')
    return [{ name: options.unwrappedName ?? 'ROWVAL', type }]
  }
  if (type?.base !== 'STRUCT') {
    throw new SerdeError(schema.type === 'record'
      ? `Schema does not include any columns with types that ksqlDB supports.\nschema: ${text}`
      : 'KSQL stream/table schema must be structured')
  }
  return type.fields
}

const DEFAULT_NAME = 'io.confluent.ksql.avro_schemas.KsqlDataSourceSchema'

type Out = string | Json | readonly Out[]

const optional = (schema: Out): Out => ['null', schema]

function logical (type: string, name: string, logicalType: string): Json {
  return { type, 'connect.version': 1, 'connect.name': `org.apache.kafka.connect.data.${name}`, logicalType }
}

/** Writes records with the namespace once, at the first that has it, as Avro's own printer does. */
class SchemaPrinter {
  readonly #namespace: string
  #atRoot = true

  constructor (namespace: string) { this.#namespace = namespace }

  #name (fullName: string): Json {
    const name = { name: shortName(fullName) }
    if (!this.#atRoot || this.#namespace === '') return name
    this.#atRoot = false
    return { ...name, namespace: this.#namespace }
  }

  /** The head is made before the parts, since the namespace stands at the outermost record. */
  struct (fields: readonly { readonly name: string, readonly type: SqlType }[], fullName: string): Json {
    const head = { type: 'record', ...this.#name(fullName) }
    const members = fields.map(field => ({
      name: field.name.replaceAll('.', '_'), type: optional(this.type(field.type, `${fullName}_${field.name}`)), default: null
    }))
    return { ...head, fields: members, 'connect.name': fullName }
  }

  type (type: SqlType, fullName: string): Out {
    switch (type.base) {
      case 'BOOLEAN': return 'boolean'
      case 'INTEGER': return 'int'
      case 'BIGINT': return 'long'
      case 'DOUBLE': return 'double'
      case 'STRING': return 'string'
      case 'BYTES': return 'bytes'
      case 'DATE': return logical('int', 'Date', 'date')
      case 'TIME': return logical('int', 'Time', 'time-millis')
      case 'TIMESTAMP': return logical('long', 'Timestamp', 'timestamp-millis')
      case 'DECIMAL': return {
        type: 'bytes', scale: type.scale, precision: type.precision, 'connect.version': 1,
        'connect.parameters': { scale: String(type.scale), 'connect.decimal.precision': String(type.precision) },
        'connect.name': 'org.apache.kafka.connect.data.Decimal', logicalType: 'decimal'
      }
      case 'ARRAY': return { type: 'array', items: optional(this.type(type.items, fullName)) }
      case 'MAP': {
        const head = { type: 'record', ...this.#name(fullName) }
        const fields = [
          { name: 'key', type: optional(this.type(type.keys, `${fullName}_MapKey`)), default: null },
          { name: 'value', type: optional(this.type(type.values, `${fullName}_MapValue`)), default: null }
        ]
        return { type: 'array', items: { ...head, fields, 'connect.internal.type': 'MapEntry' }, 'connect.name': fullName }
      }
      case 'STRUCT': return this.struct(type.fields, fullName)
    }
  }
}

/** The text of the Avro schema that ksqlDB registers for these columns. `fullName` is the property VALUE_AVRO_SCHEMA_FULL_NAME or the default. */
export function avroSchemaFor (columns: readonly Column[], options: { readonly unwrapped?: boolean, readonly fullName?: string } = {}): string {
  const fullName = options.fullName ?? DEFAULT_NAME
  const printer = new SchemaPrinter(fullName.includes('.') ? fullName.slice(0, fullName.lastIndexOf('.')) : '')
  const single = options.unwrapped === true ? columns[0] : undefined
  const schema = single === undefined ? printer.struct(columns, fullName) : printer.type(single.type, fullName)
  return JSON.stringify(schema)
}
