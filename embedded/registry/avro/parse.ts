// Avro schema text to model, by the rules and with the messages of Avro's Java parser (org.apache.avro.Schema.Parser 1.11), because
// Schema Registry passes both on to its clients.
import { javaDouble, JsonNumber, JsonSyntaxError, parseJsonPrefix, printJson } from '../json.js'
import { AvroSchemaError, fullName, makeName, PRIMITIVES, validateName } from './schema.js'
import { isValidDefault } from './default.js'
import { printAvro } from './print.js'
import type { Json, JsonObject } from '../json.js'
import type { AvroEnum, AvroField, AvroFixed, AvroName, AvroNamed, AvroRecord, AvroSchema, PrimitiveName } from './schema.js'

export interface ParseOptions {
  /** Texts of the schemas referred to, each after those that it refers to. Their names are known to the schema. */
  readonly references?: readonly string[]
  /** Whether a default that does not fit its field is an error: so for new schemas, not for those already kept. */
  readonly validateDefaults?: boolean
}

export interface ParsedAvro {
  readonly schema: AvroSchema
  readonly references: readonly AvroSchema[]
}

const SCHEMA_RESERVED = new Set(['doc', 'fields', 'items', 'name', 'namespace', 'size', 'symbols', 'values', 'type', 'aliases'])
const FIELD_RESERVED = new Set(['default', 'doc', 'name', 'order', 'type', 'aliases'])
const NAMED = new Set(['record', 'error', 'enum', 'fixed'])
const ORDERS = new Set(['ascending', 'descending', 'ignore'])

function propsOf (node: JsonObject, reserved: ReadonlySet<string>, except?: string): JsonObject {
  return new Map([...node].filter(([name]) => !reserved.has(name) && name !== except))
}

function text (node: JsonObject, key: string): string | undefined {
  const value = node.get(key)
  return typeof value === 'string' ? value : undefined
}

function requiredText (node: JsonObject, key: string, complaint: string): string {
  const value = text(node, key)
  if (value === undefined) throw new AvroSchemaError(`${complaint}: ${printJson(node)}`)
  return value
}

function aliasesOf (node: JsonObject): string[] {
  const value = node.get('aliases')
  if (value === undefined) return []
  if (!Array.isArray(value)) throw new AvroSchemaError(`aliases not an array: ${printJson(node)}`)
  for (const alias of value) if (typeof alias !== 'string') throw new AvroSchemaError(`alias not a string: ${printJson(alias)}`)
  return [...new Set(value as string[])]
}

class SchemaReader {
  readonly #names = new Map<string, AvroNamed>()
  /** Records whose fields are being read. */
  readonly #unfinished = new Set<AvroSchema>()
  readonly #validateDefaults: boolean

  constructor (validateDefaults: boolean) { this.#validateDefaults = validateDefaults }

  read (node: Json, space: string | undefined): AvroSchema {
    if (typeof node === 'string') {
      const found = this.#lookup(node, space)
      if (found === undefined) throw new AvroSchemaError(`Undefined name: ${printJson(node)}`)
      return found
    }
    if (Array.isArray(node)) return this.#union(node, space)
    if (node instanceof Map) return this.#object(node, space)
    throw new AvroSchemaError(`Schema not yet supported: ${printJson(node)}`)
  }

  #lookup (written: string, space: string | undefined): AvroSchema | undefined {
    if (PRIMITIVES.has(written)) return { type: written as PrimitiveName, props: new Map() }
    const name = makeName(written, space)
    return this.#names.get(name.full) ?? this.#names.get(name.name)
  }

  #define (schema: AvroNamed): void {
    const { full, name, space } = schema.name
    if (space === undefined && PRIMITIVES.has(name)) throw new AvroSchemaError(`Schemas may not be named after primitives: ${name}`)
    if (this.#names.has(full)) throw new AvroSchemaError(`Can't redefine: ${full}`)
    this.#names.set(full, schema)
  }

  #object (node: JsonObject, space: string | undefined): AvroSchema {
    const type = requiredText(node, 'type', 'No type')
    if (PRIMITIVES.has(type)) return { type: type as PrimitiveName, props: propsOf(node, SCHEMA_RESERVED) }
    if (NAMED.has(type)) return this.#named(type, node, space)
    if (type === 'array') {
      const items = node.get('items')
      if (items === undefined) throw new AvroSchemaError(`Array has no items type: ${printJson(node)}`)
      return { type, items: this.read(items, space), props: propsOf(node, SCHEMA_RESERVED) }
    }
    if (type === 'map') {
      const values = node.get('values')
      if (values === undefined) throw new AvroSchemaError(`Map has no values type: ${printJson(node)}`)
      return { type, values: this.read(values, space), props: propsOf(node, SCHEMA_RESERVED) }
    }
    const known = this.#names.get(makeName(type, space).full)
    if (known === undefined) throw new AvroSchemaError(`Type not supported: ${type}`)
    return known
  }

  #named (type: string, node: JsonObject, around: string | undefined): AvroNamed {
    const name = makeName(requiredText(node, 'name', 'No name in schema'), text(node, 'namespace') ?? around)
    const doc = text(node, 'doc')
    const aliases = aliasesOf(node).map(alias => makeName(alias, name.space))
    if (type === 'enum') return this.#enum(node, name, doc, aliases)
    if (type === 'fixed') return this.#fixed(node, name, doc, aliases)
    const record: AvroRecord = { type: 'record', isError: type === 'error', name, doc, aliases, fields: [], props: propsOf(node, SCHEMA_RESERVED) }
    this.#define(record)
    const fields = node.get('fields')
    if (!Array.isArray(fields)) throw new AvroSchemaError(`Record has no fields: ${printJson(node)}`)
    this.#unfinished.add(record)
    for (const field of fields) this.#addField(record, field)
    this.#unfinished.delete(record)
    return record
  }

  #enum (node: JsonObject, name: AvroName, doc: string | undefined, aliases: AvroName[]): AvroEnum {
    const symbols = node.get('symbols')
    if (!Array.isArray(symbols)) throw new AvroSchemaError(`Enum has no symbols: ${printJson(node)}`)
    const seen = new Set<string>()
    for (const symbol of symbols) {
      if (typeof symbol !== 'string') throw new AvroSchemaError('Null name')
      const one = validateName(symbol)
      if (seen.has(one)) throw new AvroSchemaError(`Duplicate enum symbol: ${one}`)
      seen.add(one)
    }
    const defaultSymbol = text(node, 'default')
    if (defaultSymbol !== undefined && !seen.has(defaultSymbol)) {
      throw new AvroSchemaError(`The Enum Default: ${defaultSymbol} is not in the enum symbol set: [${[...seen].join(', ')}]`)
    }
    const schema: AvroEnum = { type: 'enum', name, doc, aliases, symbols: [...seen], defaultSymbol, props: propsOf(node, SCHEMA_RESERVED, 'default') }
    this.#define(schema)
    return schema
  }

  #fixed (node: JsonObject, name: AvroName, doc: string | undefined, aliases: AvroName[]): AvroFixed {
    const size = node.get('size')
    if (!(size instanceof JsonNumber) || !size.isInteger || size.value > 2 ** 31 - 1) throw new AvroSchemaError(`Invalid or no size: ${printJson(node)}`)
    if (size.value < 0) throw new AvroSchemaError(`Malformed data. Length is negative: ${size.text}`)
    const schema: AvroFixed = { type: 'fixed', name, doc, aliases, size: size.value, props: propsOf(node, SCHEMA_RESERVED) }
    this.#define(schema)
    return schema
  }

  #union (nodes: Json[], space: string | undefined): AvroSchema {
    const branches: AvroSchema[] = []
    const seen = new Set<string>()
    for (const node of nodes) branches.push(this.read(node, space))
    for (const branch of branches) {
      if (branch.type === 'union') throw new AvroSchemaError(`Nested union: ${printAvro({ type: 'union', branches })}`)
      const name = fullName(branch)
      if (seen.has(name)) throw new AvroSchemaError(`Duplicate in union:${name}`)
      seen.add(name)
    }
    return { type: 'union', branches }
  }

  #addField (record: AvroRecord, node: Json): void {
    if (!(node instanceof Map)) throw new AvroSchemaError(`No field name: ${printJson(node)}`)
    const written = requiredText(node, 'name', 'No field name')
    const type = node.get('type')
    if (type === undefined) throw new AvroSchemaError(`No field type: ${printJson(node)}`)
    const space = record.name.space
    if (typeof type === 'string' && this.#lookup(type, space) === undefined) {
      throw new AvroSchemaError(`${printJson(type)} is not a defined name. The type of the "${written}" field must be a defined name or a {"type": ...} expression.`)
    }
    const schema = this.read(type, space)
    const order = (text(node, 'order') ?? 'ascending').toLowerCase()
    if (!ORDERS.has(order)) throw new AvroSchemaError(`No enum constant org.apache.avro.Schema.Field.Order.${order.toUpperCase()}`)
    const name = validateName(written)
    const defaultValue = this.#defaultOf(node, name, schema)
    const first = record.fields.findIndex(field => field.name === name)
    if (first >= 0) {
      const was = record.fields[first] as AvroField
      const places = `${name} type:${schema.type.toUpperCase()} pos:${record.fields.length} and ${name} type:${was.schema.type.toUpperCase()} pos:${first}.`
      throw new AvroSchemaError(`Duplicate field ${name} in record ${record.name.full}: ${places}`)
    }
    record.fields.push({ name, schema, doc: text(node, 'doc'), defaultValue, order: order as AvroField['order'], aliases: aliasesOf(node), props: propsOf(node, FIELD_RESERVED) })
  }

  /** A text is taken as a number for float and double, as Avro does. */
  #defaultOf (node: JsonObject, name: string, schema: AvroSchema): Json | undefined {
    let value = node.get('default')
    if (typeof value === 'string' && (schema.type === 'float' || schema.type === 'double')) {
      const trimmed = value.trim()
      if (trimmed !== 'NaN' && (trimmed === '' || Number.isNaN(Number(trimmed)))) throw new AvroSchemaError(trimmed === '' ? 'empty String' : `For input string: "${value}"`)
      value = new JsonNumber(javaDouble(Number(trimmed)))
    }
    if (value !== undefined && this.#validateDefaults && !isValidDefault(schema, value, this.#unfinished)) {
      throw new AvroSchemaError(`Invalid default for field ${name}: ${printJson(value)} not a ${printAvro(schema)}`)
    }
    return value
  }
}

function readText (reader: SchemaReader, schemaText: string): AvroSchema {
  let parsed: { value: Json, rest: string }
  try {
    parsed = parseJsonPrefix(schemaText)
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new AvroSchemaError(error.asJavaException)
    throw error
  }
  const schema = reader.read(parsed.value, undefined)
  if (parsed.rest !== '') throw new AvroSchemaError(`dangling content after end of schema: ${parsed.rest}`)
  return schema
}

/** Reads a schema. Throws AvroSchemaError with Avro's message. */
export function parseAvro (schemaText: string, options: ParseOptions = {}): ParsedAvro {
  if (schemaText.trim() === '') throw new AvroSchemaError('Cannot parse <null> schema')
  const reader = new SchemaReader(options.validateDefaults ?? false)
  const references = (options.references ?? []).map(reference => readText(reader, reference))
  return { schema: readText(reader, schemaText), references }
}
