// Whether a field's default fits its type: Avro's Schema.isValidDefault.
import { JsonNumber } from '../json.js'
import { AvroSchemaError } from './schema.js'
import type { Json } from '../json.js'
import type { AvroSchema } from './schema.js'

const within = (value: Json, bits: bigint) =>
  value instanceof JsonNumber && value.isInteger && BigInt.asIntN(Number(bits), BigInt(value.text)) === BigInt(value.text)

/** A union takes a default of its first branch only. Throws AvroSchemaError for a default of a record that is being read itself. */
export function isValidDefault (schema: AvroSchema, value: Json, unfinished: ReadonlySet<AvroSchema>): boolean {
  const fits = (inner: AvroSchema, one: Json): boolean => isValidDefault(inner, one, unfinished)
  switch (schema.type) {
    case 'string': case 'bytes': case 'enum': case 'fixed': return typeof value === 'string'
    case 'int': return within(value, 32n)
    case 'long': return within(value, 64n)
    case 'float': case 'double': return value instanceof JsonNumber
    case 'boolean': return typeof value === 'boolean'
    case 'null': return value === null
    case 'array': return Array.isArray(value) && value.every(item => fits(schema.items, item))
    case 'map': return value instanceof Map && [...value.values()].every(item => fits(schema.values, item))
    case 'union': return schema.branches[0] !== undefined && fits(schema.branches[0], value)
    case 'record': {
      if (!(value instanceof Map)) return false
      if (unfinished.has(schema)) throw new AvroSchemaError('Schema fields not set yet')
      return schema.fields.every(field => {
        const given = value.has(field.name) ? value.get(field.name) : field.defaultValue
        return given !== undefined && fits(field.schema, given)
      })
    }
  }
}
