// Whether a field's default fits its type: Avro's Schema.isValidDefault.
import { JsonNumber } from '../json.js'
import type { Json } from '../json.js'
import type { AvroSchema } from './schema.js'

const within = (value: Json, bits: bigint) =>
  value instanceof JsonNumber && value.isInteger && BigInt.asIntN(Number(bits), BigInt(value.text)) === BigInt(value.text)

/** A union takes a default of its first branch only. */
export function isValidDefault (schema: AvroSchema, value: Json): boolean {
  switch (schema.type) {
    case 'string': case 'bytes': case 'enum': case 'fixed': return typeof value === 'string'
    case 'int': return within(value, 32n)
    case 'long': return within(value, 64n)
    case 'float': case 'double': return value instanceof JsonNumber
    case 'boolean': return typeof value === 'boolean'
    case 'null': return value === null
    case 'array': return Array.isArray(value) && value.every(item => isValidDefault(schema.items, item))
    case 'map': return value instanceof Map && [...value.values()].every(item => isValidDefault(schema.values, item))
    case 'union': return schema.branches[0] !== undefined && isValidDefault(schema.branches[0], value)
    case 'record': return value instanceof Map && schema.fields.every(field => {
      const given = value.has(field.name) ? value.get(field.name) : field.defaultValue
      return given !== undefined && isValidDefault(field.schema, given)
    })
  }
}
