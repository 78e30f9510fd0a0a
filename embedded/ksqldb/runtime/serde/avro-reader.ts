// Reads Avro's binary form into SQL values, by a closure made once for each pair of schema and type (ConnectDataTranslator's rules).
import type { SqlType } from '../../sql/sql-type.js'
import { Decimal } from '../../plan/decimal.js'
import type { Row, Value } from '../../plan/value.js'
import type { ByteReader } from '../bytes.js'
import { branchName, decimalOf, isMapEntries, optionalBranch } from './avro-schema.js'
import type { AvroSchema } from './avro-schema.js'
import { fitDecimal } from './coerce.js'
import { SerdeError } from './format.js'
import type { RowLayout } from './format.js'
import { javaDouble } from './json-text.js'
import { TextCache } from './text-cache.js'

const ITEMS_MAX = 10_000_000

export type Read = (from: ByteReader) => Value

const CONNECT_TYPES: Readonly<Record<string, string>> = {
  int: 'int32', long: 'int64', float: 'float32', double: 'float64', enum: 'string', fixed: 'bytes', record: 'struct', union: 'struct'
}
const SQL_CONNECT_TYPES: Readonly<Record<SqlType['base'], string>> = {
  BOOLEAN: 'boolean', INTEGER: 'int32', BIGINT: 'int64', DOUBLE: 'float64', DECIMAL: 'bytes', STRING: 'string', BYTES: 'bytes', DATE: 'int32', TIME: 'int32',
  TIMESTAMP: 'int64', ARRAY: 'array', MAP: 'map', STRUCT: 'struct'
}

// Records that contain themselves are followed this far; deeper ones are refused when they come.
const RECURSION_MAX = 64

/** A function that reads what `schema` wrote as a value of `type`. Throws SerdeError where ksqlDB would not convert. */
export function avroReader (schema: AvroSchema, type: SqlType, path = ''): Read {
  const single = optionalBranch(schema)
  if (schema.type === 'union') {
    if (single !== undefined) return optionalReader(schema, avroReader(single, type, path))
    return unionReader(schema, type, path)
  }
  const mismatch = (): never => {
    throw new SerdeError(`Cannot deserialize type ${CONNECT_TYPES[schema.type] ?? schema.type} as type ${SQL_CONNECT_TYPES[type.base]} for path: ${path}`)
  }
  if (schema.type === 'null') return () => null
  switch (type.base) {
    case 'BOOLEAN': return schema.type === 'boolean' ? from => from.byte() !== 0 : mismatch()
    case 'INTEGER': case 'DATE': case 'TIME': return schema.type === 'int' ? from => from.signed() : mismatch()
    case 'BIGINT': return schema.type === 'long' || schema.type === 'int' ? from => from.signed64() : mismatch()
    case 'TIMESTAMP': return schema.type === 'long' || schema.type === 'int' ? from => from.signed() : mismatch()
    case 'DOUBLE': return schema.type === 'double' ? from => from.doubleLE() : schema.type === 'float' ? from => from.floatLE() : mismatch()
    case 'STRING': return stringReader(schema) ?? mismatch()
    case 'BYTES': {
      if (schema.type === 'bytes') return from => Buffer.from(from.bytes(from.signed()))
      return schema.type === 'fixed' ? from => Buffer.from(from.bytes(schema.size)) : mismatch()
    }
    case 'DECIMAL': return decimalReader(schema, type) ?? mismatch()
    case 'ARRAY': return schema.type === 'array' ? arrayReader(avroReader(schema.items, type.items, `${path}->ARRAY`)) : mismatch()
    case 'MAP': return mapReader(schema, type, path) ?? mismatch()
    case 'STRUCT': return schema.type === 'record' ? recordReader(schema, type.fields, path) : mismatch()
  }
}

function optionalReader (schema: Extract<AvroSchema, { type: 'union' }>, read: Read): Read {
  const nullAt = schema.branches.findIndex(branch => branch.type === 'null')
  const last = schema.branches.length - 1
  return from => {
    const branch = from.signed()
    if (branch === nullAt) return null
    if (branch < 0 || branch > last) throw new SerdeError(`The union has no branch ${branch}`)
    return read(from)
  }
}

/** A union of several types is a STRUCT with a field for each, of which one is set. */
function unionReader (schema: Extract<AvroSchema, { type: 'union' }>, type: SqlType, path: string): Read {
  if (type.base !== 'STRUCT') throw new SerdeError(`Cannot deserialize type struct as type ${SQL_CONNECT_TYPES[type.base]} for path: ${path}`)
  const branches = schema.branches.map(branch => {
    const name = branchName(branch)
    const at = fieldIndex(type.fields, name)
    return { at, read: at >= 0 ? avroReader(branch, type.fields[at]!.type, `${path}->${name}`) : avroSkipper(branch) }
  })
  return from => {
    const branch = branches[from.signed()]
    if (branch === undefined) throw new SerdeError('The union has no such branch')
    const value = branch.read(from)
    if (branch.at < 0) return null
    const row: Row = new Array<Value>(type.fields.length).fill(null)
    row[branch.at] = value
    return row
  }
}

function stringReader (schema: AvroSchema): Read | undefined {
  switch (schema.type) {
    case 'string': {
      const cache = new TextCache()
      return from => cache.read(from, from.signed())
    }
    case 'enum': return from => schema.symbols[from.signed()] ?? (() => { throw new SerdeError(`The enum ${schema.name} has no such symbol`) })()
    case 'int': case 'long': return from => String(from.signed64())
    case 'boolean': return from => String(from.byte() !== 0)
    case 'double': return from => javaDouble(from.doubleLE())
    case 'float': return from => javaDouble(Number(from.floatLE().toPrecision(7)))
    default: return undefined
  }
}

function decimalReader (schema: AvroSchema, type: Extract<SqlType, { base: 'DECIMAL' }>): Read | undefined {
  const written = decimalOf(schema)
  if (written === undefined || (schema.type !== 'bytes' && schema.type !== 'fixed')) return undefined
  return from => {
    const data = from.bytes(schema.type === 'fixed' ? schema.size : from.signed())
    const unscaled = data.length === 0 ? 0n : BigInt.asIntN(data.length * 8, BigInt(`0x${data.toString('hex')}`))
    const value = new Decimal(unscaled, written.scale)
    return written.scale === type.scale ? value : fitDecimal(value, type)
  }
}

/** Avro's blocks: counts, negative with the block's size behind it, until a zero. */
function forEachItem (from: ByteReader, read: () => void): void {
  for (let total = 0; ;) {
    let count = from.signed()
    if (count === 0) return
    if (count < 0) {
      count = -count
      from.signed()
    }
    total += count
    if (total > ITEMS_MAX) throw new SerdeError('An array is too long')
    for (let i = 0; i < count; i++) read()
  }
}

function arrayReader (item: Read): Read {
  return from => {
    const items: Value[] = []
    forEachItem(from, () => { items.push(item(from)) })
    return items
  }
}

function mapReader (schema: AvroSchema, type: Extract<SqlType, { base: 'MAP' }>, path: string): Read | undefined {
  if (schema.type === 'map') {
    const value = avroReader(schema.values, type.values, `${path}->MAP_VAL`)
    return from => {
      const map = new Map<Value, Value>()
      forEachItem(from, () => { map.set(from.utf8(from.signed()), value(from)) })
      return map
    }
  }
  if (!isMapEntries(schema)) return undefined
  const fields = schema.items.fields.map(field => ({
    isKey: field.name === 'key',
    read: field.name === 'key'
      ? avroReader(field.type, type.keys, `${path}->MAP_KEY`)
      : field.name === 'value' ? avroReader(field.type, type.values, `${path}->MAP_VAL`) : avroSkipper(field.type)
  }))
  return from => {
    const map = new Map<Value, Value>()
    forEachItem(from, () => {
      let key: Value = null
      let value: Value = null
      for (const field of fields) {
        if (field.isKey) key = field.read(from)
        else value = field.read(from)
      }
      map.set(key, value)
    })
    return map
  }
}

function fieldIndex (fields: readonly { readonly name: string }[], name: string): number {
  const exact = fields.findIndex(field => field.name === name)
  return exact >= 0 ? exact : fields.findIndex(field => field.name === name.toUpperCase())
}

/** Fields that no column asks for are passed over, as are those whose column no one reads. */
export function recordReader (
  schema: Extract<AvroSchema, { type: 'record' }>, columns: readonly { readonly name: string, readonly type: SqlType }[], path: string,
  { width, places }: RowLayout = { width: columns.length, places: columns.map((_, i) => i) }
): Read {
  const found = schema.fields.map(field => fieldIndex(columns, field.name))
  const targets = found.map(at => places[at] ?? -1)
  const reads = schema.fields.map((field, i) => {
    const column = columns[found[i]!]
    if (column === undefined) return avroSkipper(field.type)
    // Made in any case: types that do not go together are an error, whether the column is read or not.
    const read = avroReader(field.type, column.type, `${path}->${column.name}`)
    return targets[i]! < 0 ? avroSkipper(field.type) : read
  })
  return from => {
    const row: Row = new Array<Value>(width).fill(null)
    for (let i = 0; i < reads.length; i++) {
      const value = reads[i]!(from)
      const target = targets[i]!
      if (target >= 0) row[target] = value
    }
    return row
  }
}

/** A function that passes over one value. Made when first used, since a record may contain itself. */
export function avroSkipper (schema: AvroSchema, depth = 0): Read {
  if (depth > RECURSION_MAX) return () => { throw new SerdeError('Avro data nested too deep') }
  let made: Read | undefined
  return from => (made ??= makeSkipper(schema, depth))(from)
}

function makeSkipper (schema: AvroSchema, depth: number): Read {
  const part = (one: AvroSchema) => avroSkipper(one, depth + 1)
  switch (schema.type) {
    case 'null': return () => null
    case 'boolean': return from => { from.skip(1); return null }
    case 'int': case 'long': case 'enum': return from => { from.skipVarint(); return null }
    case 'float': return from => { from.skip(4); return null }
    case 'double': return from => { from.skip(8); return null }
    case 'bytes': case 'string': return from => { from.skip(from.signed()); return null }
    case 'fixed': return from => { from.skip(schema.size); return null }
    case 'array': {
      const item = part(schema.items)
      return from => { forEachItem(from, () => { item(from) }); return null }
    }
    case 'map': {
      const value = part(schema.values)
      return from => { forEachItem(from, () => { from.skip(from.signed()); value(from) }); return null }
    }
    case 'record': {
      const fields = schema.fields.map(field => part(field.type))
      return from => { for (const field of fields) field(from); return null }
    }
    case 'union': {
      const branches = schema.branches.map(part)
      return from => (branches[from.signed()] ?? (() => { throw new SerdeError('The union has no such branch') }))(from)
    }
  }
}
