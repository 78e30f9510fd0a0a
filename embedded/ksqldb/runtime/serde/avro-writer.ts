// Writes SQL values in Avro's binary form, by a closure made once for each pair of schema and type.
import type { SqlType } from '../../sql/sql-type.js'
import type { Decimal } from '../../plan/decimal.js'
import type { Value } from '../../plan/value.js'
import { ByteWriter } from '../bytes.js'
import { isMapEntries, optionalBranch } from './avro-schema.js'
import type { AvroField, AvroSchema } from './avro-schema.js'
import { fitDecimal } from './coerce.js'
import { SerdeError } from './format.js'

export type Write = (to: ByteWriter, value: Value) => void

/** A function that writes values of `type` by `schema`, which is the one ksqlDB made of the type or one named by its id. Throws SerdeError. */
export function avroWriter (schema: AvroSchema, type: SqlType): Write {
  if (schema.type === 'union') return unionWriter(schema, type)
  const present = presentWriter(schema, type)
  return (to, value) => {
    if (value === null) throw new SerdeError('A value that must not be null is null')
    present(to, value)
  }
}

function unionWriter (schema: Extract<AvroSchema, { type: 'union' }>, type: SqlType): Write {
  const single = optionalBranch(schema)
  const nullAt = schema.branches.findIndex(branch => branch.type === 'null')
  if (single === undefined) throw new SerdeError('A union of several types cannot be written')
  const at = schema.branches.indexOf(single)
  const present = presentWriter(single, type)
  return (to, value) => {
    if (value === null) {
      if (nullAt < 0) throw new SerdeError('A value that must not be null is null')
      to.signed(nullAt)
    } else {
      to.signed(at)
      present(to, value)
    }
  }
}

function presentWriter (schema: AvroSchema, type: SqlType): Write {
  const is = (...types: readonly AvroSchema['type'][]): void => {
    if (!types.includes(schema.type)) throw new SerdeError(`A ${type.base} cannot be written as Avro ${schema.type}`)
  }
  switch (type.base) {
    case 'BOOLEAN': is('boolean'); return (to, value) => to.byte(value === true ? 1 : 0)
    case 'INTEGER': case 'DATE': case 'TIME': is('int', 'long'); return (to, value) => to.signed(value as number)
    case 'TIMESTAMP': is('long'); return (to, value) => to.signed(value as number)
    case 'BIGINT': is('long'); return (to, value) => to.signed64(value as bigint)
    case 'DOUBLE': {
      is('double', 'float')
      return schema.type === 'double' ? (to, value) => to.doubleLE(value as number) : (to, value) => { to.reserve(4); to.at = to.buffer.writeFloatLE(value as number, to.at) }
    }
    case 'STRING': is('string', 'enum'); return stringWriter(schema)
    case 'BYTES': is('bytes', 'fixed'); return (to, value) => {
      const data = value as Buffer
      if (schema.type === 'bytes') to.signed(data.length)
      else if (schema.type === 'fixed' && schema.size !== data.length) throw new SerdeError(`${data.length} bytes do not fit a fixed of ${schema.size}`)
      to.bytes(data)
    }
    case 'DECIMAL': is('bytes', 'fixed'); return (to, value) => writeDecimal(to, fitDecimal(value as Decimal, type), schema)
    case 'ARRAY': is('array'); return arrayWriter(avroWriter((schema as Extract<AvroSchema, { type: 'array' }>).items, type.items))
    case 'MAP': is('array', 'map'); return mapWriter(schema, type)
    case 'STRUCT': is('record'); return avroRecordWriter(schema as Extract<AvroSchema, { type: 'record' }>, type.fields) as Write
  }
}

function stringWriter (schema: AvroSchema): Write {
  if (schema.type !== 'enum') return (to, value) => writeText(to, value as string)
  return (to, value) => {
    const at = schema.symbols.indexOf(value as string)
    if (at < 0) throw new SerdeError(`The enum ${schema.name} has no symbol ${String(value)}`)
    to.signed(at)
  }
}

function writeText (to: ByteWriter, text: string): void {
  const start = to.at
  if (text.length < 21) {
    to.reserve(64)
    const written = to.buffer.write(text, start + 1)
    to.buffer[start] = written * 2
    to.at = start + 1 + written
    return
  }
  to.signed(Buffer.byteLength(text))
  to.utf8(text)
}

/** Two's complement, as BigInteger.toByteArray: as few bytes as hold the sign. */
export function twosComplement (value: bigint): Buffer {
  let bytes = 1
  while (BigInt.asIntN(bytes * 8, value) !== value) bytes++
  return Buffer.from(BigInt.asUintN(bytes * 8, value).toString(16).padStart(bytes * 2, '0'), 'hex')
}

function writeDecimal (to: ByteWriter, value: Decimal, schema: AvroSchema): void {
  const data = twosComplement(value.unscaled)
  if (schema.type === 'fixed') {
    if (data.length > schema.size) throw new SerdeError(`A decimal does not fit a fixed of ${schema.size}`)
    to.bytes(Buffer.alloc(schema.size - data.length, value.unscaled < 0n ? 255 : 0))
  } else {
    to.signed(data.length)
  }
  to.bytes(data)
}

function arrayWriter (item: Write): Write {
  return (to, value) => {
    const items = value as readonly Value[]
    if (items.length > 0) {
      to.signed(items.length)
      for (const one of items) item(to, one)
    }
    to.byte(0)
  }
}

function mapWriter (schema: AvroSchema, type: Extract<SqlType, { base: 'MAP' }>): Write {
  let entry: (to: ByteWriter, key: Value, value: Value) => void
  if (schema.type === 'map') {
    const member = avroWriter(schema.values, type.values)
    entry = (to, key, value) => {
      writeText(to, String(key))
      member(to, value)
    }
  } else {
    if (!isMapEntries(schema)) throw new SerdeError('A MAP cannot be written as this Avro array')
    const [key, value] = ['key', 'value'].map(name => schema.items.fields.find(field => field.name === name)?.type)
    const writeKey = avroWriter(key!, type.keys)
    const writeValue = avroWriter(value!, type.values)
    entry = (to, k, v) => {
      writeKey(to, k)
      writeValue(to, v)
    }
  }
  return (to, value) => {
    const map = value as ReadonlyMap<Value, Value>
    if (map.size > 0) {
      to.signed(map.size)
      map.forEach((one, key) => entry(to, key, one))
    }
    to.byte(0)
  }
}

/** Columns by name, exactly or upper-cased; a field that no column fills is written as its default. */
export function avroRecordWriter (
  schema: Extract<AvroSchema, { type: 'record' }>, columns: readonly { readonly name: string, readonly type: SqlType }[]
): (to: ByteWriter, row: readonly Value[]) => void {
  const compatible = (name: string) => name.replaceAll('.', '_')
  const writes = schema.fields.map(field => {
    let at = columns.findIndex(column => compatible(column.name) === field.name)
    if (at < 0) at = columns.findIndex(column => compatible(column.name) === field.name.toUpperCase())
    if (at >= 0) return { at, write: withDefault(field, avroWriter(field.type, columns[at]!.type)) }
    if (!('defaultValue' in field) && !(field.type.type === 'union' && field.type.branches.some(branch => branch.type === 'null'))) {
      throw new SerdeError(`Missing default value for required Avro field: [${field.name}]. This field appears in Avro schema in Schema Registry`)
    }
    return { at: -1, write: defaultWriter(field.type, field.defaultValue ?? null) }
  })
  return (to, row) => {
    for (let i = 0; i < writes.length; i++) {
      const { at, write } = writes[i]!
      write(to, at < 0 ? null : row[at]!)
    }
  }
}

/** A null in place of a field that has a default is the default, as Connect's Struct.get has it. */
function withDefault (field: AvroField, write: Write): Write {
  if (field.defaultValue === undefined || field.defaultValue === null) return write
  const writeDefault = defaultWriter(field.type, field.defaultValue)
  return (to, value) => { (value === null ? writeDefault : write)(to, value) }
}

function defaultWriter (schema: AvroSchema, value: unknown): Write {
  const encoded = new ByteWriter()
  encodeDefault(encoded, schema, value)
  const bytes = encoded.take()
  return to => to.bytes(bytes)
}

function encodeDefault (to: ByteWriter, schema: AvroSchema, value: unknown): void {
  switch (schema.type) {
    case 'union': {
      const at = schema.branches.findIndex(branch => (branch.type === 'null') === (value === null))
      to.signed(at)
      encodeDefault(to, schema.branches[at]!, value)
      return
    }
    case 'null': return
    case 'boolean': to.byte(value === true ? 1 : 0); return
    case 'int': case 'long': to.signed(Number(value)); return
    case 'float': to.reserve(4); to.at = to.buffer.writeFloatLE(Number(value), to.at); return
    case 'double': to.doubleLE(Number(value)); return
    case 'string': writeText(to, String(value)); return
    case 'bytes': to.signed(String(value).length); to.bytes(Buffer.from(String(value), 'latin1')); return
    case 'fixed': to.bytes(Buffer.from(String(value), 'latin1')); return
    case 'enum': to.signed(schema.symbols.indexOf(String(value))); return
    case 'array': {
      const items = value as readonly unknown[]
      if (items.length > 0) to.signed(items.length)
      for (const item of items) encodeDefault(to, schema.items, item)
      to.byte(0)
      return
    }
    case 'map': {
      const entries = Object.entries(value as Record<string, unknown>)
      if (entries.length > 0) to.signed(entries.length)
      for (const [key, one] of entries) {
        writeText(to, key)
        encodeDefault(to, schema.values, one)
      }
      to.byte(0)
      return
    }
    case 'record': for (const field of schema.fields) encodeDefault(to, field.type, (value as Record<string, unknown>)[field.name] ?? field.defaultValue ?? null)
  }
}
