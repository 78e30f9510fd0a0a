// Avro data as the text that Avro's own GenericData.toString gives: what PRINT shows of it.
import type { ByteReader } from '../runtime/bytes.js'
import type { AvroSchema } from '../runtime/serde/avro-schema.js'
import { SerdeError } from '../runtime/serde/format.js'
import { javaDouble } from '../runtime/serde/json-text.js'

/** Items without bytes (nulls) cost a writer nothing: so many are still printed. */
const ITEMS_MAX = 1_000_000
const DEPTH_MAX = 200

/** Reads one value. A string or enum that is the whole value stands without quotes; null is null. Throws SerdeError, CorruptDataError. */
export function avroText (schema: AvroSchema, from: ByteReader): string | null {
  switch (schema.type) {
    case 'union': return avroText(branch(schema.branches, from), from)
    case 'null': return null
    case 'string': return from.utf8(from.signed())
    case 'enum': return symbol(schema.symbols, from)
    default: return part(schema, from, 0)
  }
}

function branch (branches: readonly AvroSchema[], from: ByteReader): AvroSchema {
  const found = branches[from.signed()]
  if (found === undefined) throw new SerdeError('The union has no such branch')
  return found
}

function symbol (symbols: readonly string[], from: ByteReader): string {
  const found = symbols[from.signed()]
  if (found === undefined) throw new SerdeError('The enum has no such symbol')
  return found
}

function part (schema: AvroSchema, from: ByteReader, depth: number): string {
  if (depth > DEPTH_MAX) throw new SerdeError('Avro data nested too deep')
  const inner = (one: AvroSchema): string => part(one, from, depth + 1)
  switch (schema.type) {
    case 'null': return 'null'
    case 'boolean': return String(from.byte() !== 0)
    case 'int': case 'long': return String(from.signed64())
    case 'float': return floating(javaFloat(from.floatLE()))
    case 'double': return floating(javaDouble(from.doubleLE()))
    case 'string': return quoted(from.utf8(from.signed()))
    case 'enum': return quoted(symbol(schema.symbols, from))
    case 'bytes': return quoted(from.bytes(from.signed()).toString('latin1'))
    case 'fixed': return `[${[...from.bytes(schema.size)].map(byte => byte << 24 >> 24).join(', ')}]`
    case 'array': return `[${items(from, () => inner(schema.items)).join(', ')}]`
    case 'map': return `{${items(from, () => `${quoted(from.utf8(from.signed()))}: ${inner(schema.values)}`).join(', ')}}`
    case 'record': return `{${schema.fields.map(field => `${quoted(field.name)}: ${inner(field.type)}`).join(', ')}}`
    case 'union': return inner(branch(schema.branches, from))
  }
}

/** Avro's blocks: counts, negative with the block's size behind it, until a zero. */
function items (from: ByteReader, read: () => string): string[] {
  const texts: string[] = []
  for (;;) {
    let count = from.signed()
    if (count === 0) return texts
    if (count < 0) {
      count = -count
      from.signed()
    }
    if (texts.length + count > ITEMS_MAX) throw new SerdeError('An array is too long')
    for (let i = 0; i < count; i++) texts.push(read())
  }
}

/** As Java's Float.toString: the fewest digits that give the same float again. */
export function javaFloat (value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === value) return javaDouble(shorter)
  }
  return javaDouble(Number(value.toPrecision(9)))
}

/** What is no JSON number stands in quotes. */
function floating (text: string): string {
  return /^-?\d/.test(text) ? text : `"${text}"`
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function quoted (text: string): string {
  // eslint-disable-next-line no-control-regex
  const escaped = text.replace(/["\\\u0000-\u001f\u007f-\u009f\u2000-\u20ff]/g, c => ESCAPES[c] ?? `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`)
  return `"${escaped}"`
}
