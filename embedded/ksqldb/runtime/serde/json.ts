// The JSON format: values as ksqlDB's KsqlJsonDeserializer coerces them and as its serializer writes them.
import type { SqlType } from '../../sql/sql-type.js'
import { Decimal } from '../../plan/decimal.js'
import { printSqlType } from '../../sql/sql-type.js'
import type { Column } from '../../plan/schema.js'
import type { Row, Value } from '../../plan/value.js'
import { checkTime, decodeBase64, fitDecimal, integerOfNumber, longOfNumber, parseDouble, parseInteger, parseLong } from './coerce.js'
import { isUnwrapped, SerdeError } from './format.js'
import type { Deserializer, Format, SerdeContext, Serializer } from './format.js'
import { javaDouble, JsonNumber, parseJson, writeJson } from './json-text.js'
import type { JsonValue } from './json-text.js'

type Reader = (value: JsonValue) => Value

/** A value that does not fit, with the path to it. */
class CoercionError extends Error {
  readonly raw: string
  readonly path: string
  constructor (raw: string, path: string) {
    super(`${raw}, path: ${path}`)
    this.raw = raw
    this.path = path
  }
}

function nodeName (value: JsonValue): string {
  if (value === null) return 'NullNode'
  if (typeof value === 'boolean') return 'BooleanNode'
  if (typeof value === 'string') return 'TextNode'
  if (typeof value === 'number') return 'IntNode'
  if (value instanceof JsonNumber) return /[.eE]/.test(value.text) ? 'DecimalNode' : value.text.length > 18 ? 'BigIntegerNode' : 'LongNode'
  return Array.isArray(value) ? 'ArrayNode' : 'ObjectNode'
}

function mismatch (value: JsonValue, type: string): never {
  throw new Error(`Can't convert type. sourceType: ${nodeName(value)}, requiredType: ${type}`)
}

const numberText = (value: JsonValue): string | undefined =>
  typeof value === 'number' ? String(value) : value instanceof JsonNumber ? value.text : undefined

/** A reader for numbers that takes them as text too: the number's text, or what `parse` makes of a string. */
function numeric<T extends Value> (name: string, ofNumber: (text: string) => T, ofText: (text: string) => T | undefined): Reader {
  return value => {
    const text = numberText(value)
    if (text !== undefined) return ofNumber(text)
    if (typeof value !== 'string') return mismatch(value, name)
    const parsed = ofText(value)
    if (parsed === undefined) throw new Error(`Can't coerce string to type. targetType: ${name}`)
    return parsed
  }
}

const longNumber = (text: string): number => Number(longOfNumber(text))
const longText = (text: string): number | undefined => {
  const value = parseLong(text)
  return value === undefined ? undefined : Number(value)
}

const integerReader = numeric('INTEGER', integerOfNumber, parseInteger)
const bigintReader = numeric('BIGINT', longOfNumber, parseLong)
const doubleReader = numeric('DOUBLE', Number, parseDouble)
const dateReader = numeric('DATE', longNumber, longText)
const timestampReader = numeric('TIMESTAMP', longNumber, longText)
const timeReader = numeric('TIME', text => checkTime(longNumber(text)), text => {
  const ms = longText(text)
  return ms === undefined ? undefined : checkTime(ms)
})

function stringReader (value: JsonValue): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `[${value.map(item => item === null ? 'null' : stringReader(item)).join(', ')}]`
  if (value instanceof Map) return writeJson(value)
  return numberText(value) ?? String(value)
}

function bytesReader (value: JsonValue): Value {
  if (typeof value !== 'string') return mismatch(value, 'BYTES')
  return decodeBase64(value) ?? (() => { throw new Error(`Value is not a valid Base64 encoded string: ${value}`) })()
}

/** Wraps a reader with null and with the path of what fails. */
function at (path: string, reader: Reader): Reader {
  return value => {
    if (value === null) return null
    try {
      return reader(value)
    } catch (error) {
      if (error instanceof CoercionError) throw new CoercionError(error.raw, path + error.path)
      throw new CoercionError(error instanceof Error ? error.message : String(error), path)
    }
  }
}

function readerOf (type: SqlType): Reader {
  switch (type.base) {
    case 'BOOLEAN': return value => typeof value === 'boolean' ? value : mismatch(value, 'BOOLEAN')
    case 'INTEGER': return integerReader
    case 'BIGINT': return bigintReader
    case 'DOUBLE': return doubleReader
    case 'STRING': return stringReader
    case 'BYTES': return bytesReader
    case 'DATE': return dateReader
    case 'TIME': return timeReader
    case 'TIMESTAMP': return timestampReader
    case 'DECIMAL': return value => {
      const text = numberText(value) ?? (typeof value === 'string' ? value : mismatch(value, printSqlType(type)))
      return fitDecimal(Decimal.parse(text), type)
    }
    case 'ARRAY': {
      const item = readerOf(type.items)
      return value => Array.isArray(value) ? value.map((one, i) => at(`[${i}]`, item)(one)) : mismatch(value, printSqlType(type, name => name))
    }
    case 'MAP': {
      const member = readerOf(type.values)
      return value => value instanceof Map
        ? new Map([...value].map(([key, one]) => [key, at(`.${key}.value`, member)(one)]))
        : mismatch(value, printSqlType(type, name => name))
    }
    case 'STRUCT': return structReader(type.fields, printSqlType(type, name => name))
  }
}

/** Fields by their name, else by a member that has it when upper-cased. */
function structReader (fields: readonly { readonly name: string, readonly type: SqlType }[], printed: string): (value: JsonValue) => Row {
  const readers = fields.map(field => ({ name: field.name, read: at(`.${field.name}`, readerOf(field.type)) }))
  return value => {
    if (!(value instanceof Map)) return mismatch(value, printed)
    let upper: Map<string, JsonValue> | undefined
    return readers.map(({ name, read }) => {
      let member = value.get(name)
      if (member === undefined) {
        upper ??= new Map([...value].map(([key, one]) => [key.toUpperCase(), one]))
        member = upper.get(name)
      }
      return member === undefined ? null : read(member)
    })
  }
}

type Writer = (value: Value) => string

const quote = JSON.stringify as (text: string) => string

function writerOf (type: SqlType): Writer {
  switch (type.base) {
    case 'DOUBLE': return value => Number.isFinite(value as number) ? javaDouble(value as number) : quote(javaDouble(value as number))
    case 'STRING': return value => quote(value as string)
    case 'BYTES': return value => quote((value as Buffer).toString('base64'))
    case 'DECIMAL': return value => fitDecimal(value as Decimal, type).toString()
    case 'ARRAY': {
      const item = orNull(writerOf(type.items))
      return value => `[${(value as readonly Value[]).map(item).join(',')}]`
    }
    case 'MAP': {
      const member = orNull(writerOf(type.values))
      return value => `{${[...value as ReadonlyMap<Value, Value>].map(([key, one]) => `${quote(String(key))}:${member(one)}`).join(',')}}`
    }
    case 'STRUCT': return structWriter(type.fields) as Writer
    default: return String
  }
}

const orNull = (write: Writer): Writer => value => value === null ? 'null' : write(value)

function structWriter (fields: readonly { readonly name: string, readonly type: SqlType }[]): (row: readonly Value[]) => string {
  const writers = fields.map((field, i) => ({ head: `${i === 0 ? '{' : ','}${quote(field.name)}:`, write: orNull(writerOf(field.type)) }))
  return row => {
    let text = writers.length === 0 ? '{' : ''
    for (let i = 0; i < writers.length; i++) text += writers[i]!.head + writers[i]!.write(row[i]!)
    return text + '}'
  }
}

const printColumns = (columns: readonly Column[]) => `STRUCT<${columns.map(c => `${c.name} ${printSqlType(c.type, name => name)}`).join(', ')}>`

/** Decodes a JSON text that stands in `data` from `start` on. Shared with JSON_SR. */
export function jsonReader (columns: readonly Column[], unwrapped: boolean, context: SerdeContext): (data: Buffer, start: number) => Row | null {
  const single = unwrapped ? at('$', readerOf(columns[0]!.type)) : undefined
  const all = at('$', structReader(columns, printColumns(columns)))
  return (data, start) => {
    try {
      const tree = parseJson(data.toString('utf8', start, data.length))
      if (tree === undefined) throw new Error('No content to map due to end-of-input')
      if (single === undefined) return all(tree) as Row | null
      const value = single(tree)
      return value === null ? null : [value]
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new SerdeError(`Failed to deserialize ${context.isKey ? 'key' : 'value'} from topic: ${context.topic}. ${message}`, [message])
    }
  }
}

export function jsonWriter (columns: readonly Column[], unwrapped: boolean): (row: Row) => string | null {
  if (!unwrapped) return structWriter(columns)
  const write = writerOf(columns[0]!.type)
  return row => row[0] === null || row[0] === undefined ? null : write(row[0])
}

export const jsonFormat: Format = {
  deserializer: async (columns, info, context): Promise<Deserializer> => {
    const read = jsonReader(columns, isUnwrapped(info, columns), context)
    return { deserialize: data => read(data, 0) }
  },
  serializer: async (columns, info): Promise<Serializer> => {
    const write = jsonWriter(columns, isUnwrapped(info, columns))
    return row => {
      const text = write(row)
      return text === null ? null : Buffer.from(text)
    }
  }
}
