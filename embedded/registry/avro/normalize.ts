// The normal form behind `normalize=true`: what differs in order and form only becomes the same text (Schema Registry's
// AvroSchemaUtils.toNormalizedString): full names, properties and aliases in order, logical type first, numbers as their type has them.
import { JsonNumber, javaDouble, printJson } from '../json.js'
import { integerProp, logicalTypeOf } from './schema.js'
import { parseAvro } from './parse.js'
import { printAvro } from './print.js'
import type { Json, JsonObject } from '../json.js'
import type { AvroField, AvroNamed, AvroSchema } from './schema.js'

type Members = [string, Json][]

/** Members of objects in order of their names, at every depth. */
function sorted (value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (!(value instanceof Map)) return value
  return new Map([...value].sort(([left], [right]) => left < right ? -1 : 1).map(([name, member]) => [name, sorted(member)]))
}

function simpleProps (props: JsonObject): Members {
  return [...props].sort(([left], [right]) => left < right ? -1 : 1).map(([name, value]) => [name, sorted(value)])
}

function logicalProps (schema: AvroSchema): Members {
  const logical = logicalTypeOf(schema)
  if (logical === undefined || schema.type === 'union') return []
  if (logical !== 'decimal') return [['logicalType', logical]]
  const scale = integerProp(schema.props, 'scale') ?? 0
  const members: Members = [['logicalType', logical], ['precision', schema.props.get('precision') as Json]]
  return scale === 0 ? members : [...members, ['scale', schema.props.get('scale') as Json]]
}

/** Later members do not move earlier ones of the same name: duplicates in the text keep their first place. */
const objectOf = (...parts: Members[]): JsonObject => new Map(parts.flat())

/** A default as its type prints it: 0 of a double is 0.0. */
function defaultOf (schema: AvroSchema, value: Json): Json {
  if ((schema.type === 'double' || schema.type === 'float') && value instanceof JsonNumber) {
    return new JsonNumber(javaDouble(schema.type === 'float' ? Number(Math.fround(value.value).toPrecision(8)) : value.value))
  }
  if (schema.type === 'union' && schema.branches[0] !== undefined) return defaultOf(schema.branches[0], value)
  if (schema.type === 'array' && Array.isArray(value)) return value.map(item => defaultOf(schema.items, item))
  if (schema.type === 'map' && value instanceof Map) return sorted(new Map([...value].map(([name, item]) => [name, defaultOf(schema.values, item)])))
  if (schema.type === 'record' && value instanceof Map) {
    const fields = new Map(schema.fields.map(field => [field.name, field.schema]))
    return sorted(new Map([...value].map(([name, item]) => [name, fields.has(name) ? defaultOf(fields.get(name) as AvroSchema, item) : item])))
  }
  return sorted(value)
}

class Normalizer {
  readonly #seen: Set<string>

  constructor (known: readonly AvroSchema[]) {
    this.#seen = new Set(known.flatMap(schema => 'name' in schema ? [schema.name.full] : []))
  }

  schema (schema: AvroSchema): Json {
    switch (schema.type) {
      case 'union': return schema.branches.map(branch => this.schema(branch))
      case 'array': return objectOf([['type', 'array'], ['items', this.schema(schema.items)]], logicalProps(schema), simpleProps(schema.props))
      case 'map': return objectOf([['type', 'map'], ['values', this.schema(schema.values)]], logicalProps(schema), simpleProps(schema.props))
      case 'record': case 'enum': case 'fixed': return this.#named(schema)
      default: return schema.props.size === 0 ? schema.type : objectOf([['type', schema.type]], logicalProps(schema), simpleProps(schema.props))
    }
  }

  #named (schema: AvroNamed): Json {
    const { full } = schema.name
    if (this.#seen.has(full)) return full
    this.#seen.add(full)
    const members: Members = [['name', full], ['type', schema.type]]
    if (schema.type === 'enum') members.push(['symbols', [...schema.symbols]])
    if (schema.type === 'fixed') members.push(['size', new JsonNumber(String(schema.size))])
    if (schema.type === 'record') members.push(['fields', schema.fields.map(field => this.#field(field))])
    const complex: Members = []
    if (schema.doc !== undefined && schema.doc !== '') complex.push(['doc', schema.doc])
    if (schema.aliases.length > 0) complex.push(['aliases', schema.aliases.map(alias => alias.full).sort()])
    if (schema.type === 'enum' && schema.defaultSymbol !== undefined) complex.push(['default', schema.defaultSymbol])
    return objectOf(members, logicalProps(schema), complex, simpleProps(schema.props))
  }

  #field (field: AvroField): Json {
    const members: Members = [['name', field.name], ['type', this.schema(field.schema)], ['order', field.order.toUpperCase()]]
    if (field.doc !== undefined) members.push(['doc', field.doc])
    if (field.aliases.length > 0) members.push(['aliases', [...field.aliases].sort()])
    if (field.defaultValue !== undefined) members.push(['default', defaultOf(field.schema, field.defaultValue)])
    return objectOf(members, simpleProps(field.props))
  }
}

/** The normalised schema's text, printed as any other. `references` are the texts that the schema was parsed with. */
export function normalizeAvro (schema: AvroSchema, known: readonly AvroSchema[] = [], references: readonly string[] = []): string {
  const normal = parseAvro(printJson(new Normalizer(known).schema(schema)), { references })
  return printAvro(normal.schema, { known: normal.references })
}
