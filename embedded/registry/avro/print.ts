// The text of an Avro schema as Java's Schema.toString gives it, which is what Schema Registry keeps, compares and serves.
import { JsonNumber, printJson } from '../json.js'
import { PRIMITIVES } from './schema.js'
import type { Json, JsonObject } from '../json.js'
import type { AvroField, AvroName, AvroNamed, AvroSchema } from './schema.js'

export interface PrintOptions {
  /** Named types that are given elsewhere: only their names are written. */
  readonly known?: readonly AvroSchema[]
  /** Writes properties in order of their names, so that two schemas that differ in that order only print alike. */
  readonly sortProps?: boolean
}

class Printer {
  readonly #written: Map<string, AvroSchema>
  readonly #sortProps: boolean

  constructor (options: PrintOptions) {
    this.#written = new Map((options.known ?? []).flatMap(schema => 'name' in schema ? [[schema.name.full, schema]] : []))
    this.#sortProps = options.sortProps ?? false
  }

  schema (schema: AvroSchema, space: string | undefined): Json {
    switch (schema.type) {
      case 'union': return schema.branches.map(branch => this.schema(branch, space))
      case 'array': return this.#object([['type', 'array'], ['items', this.schema(schema.items, space)]], schema.props)
      case 'map': return this.#object([['type', 'map'], ['values', this.schema(schema.values, space)]], schema.props)
      case 'record': case 'enum': case 'fixed': return this.#named(schema, space)
      default: return schema.props.size === 0 ? schema.type : this.#object([['type', schema.type]], schema.props)
    }
  }

  #object (members: [string, Json][], props: JsonObject, after: [string, Json][] = []): JsonObject {
    const rest = this.#sortProps ? [...props].sort(([left], [right]) => left < right ? -1 : 1) : [...props]
    return new Map([...members, ...rest, ...after])
  }

  #named (schema: AvroNamed, space: string | undefined): Json {
    const { name } = schema
    if (this.#written.get(name.full) === schema) return qualified(name, space)
    this.#written.set(name.full, schema)
    const members: [string, Json][] = [['type', schema.type === 'record' && schema.isError ? 'error' : schema.type], ['name', name.name]]
    if (name.space !== undefined && name.space !== space) members.push(['namespace', name.space])
    if (name.space === undefined && space !== undefined) members.push(['namespace', ''])
    if (schema.doc !== undefined) members.push(['doc', schema.doc])
    if (schema.type === 'record') members.push(['fields', schema.fields.map(field => this.#field(field, name.space))])
    if (schema.type === 'enum') {
      members.push(['symbols', [...schema.symbols]])
      if (schema.defaultSymbol !== undefined) members.push(['default', schema.defaultSymbol])
    }
    if (schema.type === 'fixed') members.push(['size', new JsonNumber(String(schema.size))])
    const aliases: [string, Json][] = schema.aliases.length === 0 ? [] : [['aliases', schema.aliases.map(alias => qualified(alias, name.space))]]
    return this.#object(members, schema.props, aliases)
  }

  #field (field: AvroField, space: string | undefined): Json {
    const members: [string, Json][] = [['name', field.name], ['type', this.schema(field.schema, space)]]
    if (field.doc !== undefined) members.push(['doc', field.doc])
    if (field.defaultValue !== undefined) members.push(['default', field.defaultValue])
    if (field.order !== 'ascending') members.push(['order', field.order])
    if (field.aliases.length > 0) members.push(['aliases', [...field.aliases]])
    return this.#object(members, field.props)
  }
}

/** The short name where the namespace around it is its own and it is not mistaken for a primitive, else the full one. */
function qualified (name: AvroName, space: string | undefined): string {
  return name.space === undefined || (name.space === space && !PRIMITIVES.has(name.name)) ? name.name : name.full
}

/** One line, no white space. */
export function printAvro (schema: AvroSchema, options: PrintOptions = {}): string {
  return printJson(new Printer(options).schema(schema, undefined), options.sortProps)
}
