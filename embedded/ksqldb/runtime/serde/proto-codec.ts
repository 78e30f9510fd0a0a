// The wire form of Protocol Buffers, compiled for a message and the columns that it is read into or written from.
import type { SqlType } from '../../sql/sql-type.js'
import { printSqlType } from '../../sql/sql-type.js'
import { Decimal } from '../../plan/decimal.js'
import type { Column } from '../../plan/schema.js'
import type { Row, Value } from '../../plan/value.js'
import { fitDecimal } from './coerce.js'
import { twosComplement } from './avro-writer.js'
import { SerdeError } from './format.js'
import { wrapped } from './proto-columns.js'
import { isEntry, type ProtoField, type ProtoMessage, type ProtoType, type ScalarName } from './proto-schema.js'
import { FIXED32, FIXED64, LENGTH, VARINT, WIRE } from './proto-wire.js'

const DAY_MS = 86_400_000

// ---- writing

export function varint (value: bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

function tag (number: number, wire: number): Buffer {
  return varint(BigInt(number * 8 + wire))
}

function scalarBytes (name: ScalarName, value: Value): Buffer {
  switch (name) {
    case 'string': return Buffer.from(String(value))
    case 'bytes': return value as Buffer
    case 'bool': return Buffer.from([value === true ? 1 : 0])
    case 'sint32': case 'sint64': {
      const signed = BigInt(value as number | bigint)
      return varint(signed < 0n ? -signed * 2n - 1n : signed * 2n)
    }
    case 'int32': case 'int64': case 'uint32': case 'uint64': return varint(BigInt(value as number | bigint))
    default: return fixedBytes(name, value)
  }
}

function fixedBytes (name: ScalarName, value: Value): Buffer {
  const bytes = Buffer.alloc(WIRE[name] === FIXED64 ? 8 : 4)
  if (name === 'double') bytes.writeDoubleLE(value as number)
  else if (name === 'float') bytes.writeFloatLE(value as number)
  else if (WIRE[name] === FIXED64) bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value as number | bigint)))
  else bytes.writeUInt32LE(Number(BigInt.asUintN(32, BigInt(value as number | bigint))))
  return bytes
}

const isDefault = (value: Value): boolean =>
  value === 0 || value === 0n || value === false || value === '' || (Buffer.isBuffer(value) && value.length === 0)

type Write = (value: Value) => Buffer | undefined

/** With its tag; and its length before it, where it has one. */
function entry (number: number, wire: number, data: Buffer): Buffer {
  return wire === LENGTH ? Buffer.concat([tag(number, wire), varint(BigInt(data.length)), data]) : Buffer.concat([tag(number, wire), data])
}

function number (field: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : entry(field, VARINT, varint(BigInt(value)))
}

function knownBytes (name: string, value: Value, type: SqlType): Buffer {
  const scalar = wrapped(name)
  if (scalar !== undefined) return isDefault(value) ? Buffer.alloc(0) : entry(1, WIRE[scalar], scalarBytes(scalar, value))
  switch (name) {
    case 'google.protobuf.Timestamp': {
      const seconds = Math.floor(value as number / 1000)
      return Buffer.concat([number(1, seconds), number(2, (value as number - seconds * 1000) * 1_000_000)])
    }
    case 'google.type.Date': {
      const date = new Date(value as number * DAY_MS)
      return Buffer.concat([number(1, date.getUTCFullYear()), number(2, date.getUTCMonth() + 1), number(3, date.getUTCDate())])
    }
    case 'google.type.TimeOfDay': {
      const ms = value as number
      return Buffer.concat([number(1, Math.floor(ms / 3_600_000)), number(2, Math.floor(ms / 60_000) % 60), number(3, Math.floor(ms / 1000) % 60),
        number(4, (ms % 1000) * 1_000_000)])
    }
    default: {
      const decimal = value as Decimal
      const precision = type.base === 'DECIMAL' ? type.precision : 0
      return Buffer.concat([entry(1, LENGTH, twosComplement(decimal.unscaled)), number(2, precision), number(3, decimal.scale)])
    }
  }
}

/** One value of a type, without its tag: its wire form and its bytes. */
function valueWriter (proto: ProtoType, type: SqlType): { readonly wire: number, readonly bytes: (value: Value) => Buffer } {
  switch (proto.kind) {
    case 'scalar': return { wire: WIRE[proto.name], bytes: value => scalarBytes(proto.name, value) }
    case 'known': return { wire: LENGTH, bytes: value => knownBytes(proto.name, value, type) }
    case 'enum': {
      const numbers = new Map([...proto.values].map(([n, name]) => [name, n]))
      return {
        wire: VARINT,
        bytes: value => {
          const found = numbers.get(String(value))
          if (found === undefined) throw new SerdeError(`${String(value)} is no value of the enum`)
          return varint(BigInt(found))
        }
      }
    }
    case 'message': {
      if (type.base !== 'STRUCT') throw new SerdeError(`A message cannot hold ${printSqlType(type)}`)
      const write = messageWriter(proto.message, type.fields)
      return { wire: LENGTH, bytes: value => write(value as readonly Value[]) }
    }
  }
}

function fieldWriter (field: ProtoField, type: SqlType): Write {
  if (type.base === 'MAP' && field.type.kind === 'message' && isEntry(field.type.message)) {
    const write = messageWriter(field.type.message, [{ name: 'key', type: type.keys }, { name: 'value', type: type.values }])
    return value => value === null ? undefined : Buffer.concat([...value as ReadonlyMap<Value, Value>].map(pair => entry(field.number, LENGTH, write(pair))))
  }
  if (type.base === 'ARRAY') {
    const { wire, bytes } = valueWriter(field.type, type.items)
    return value => value === null
      ? undefined
      : listBytes(field.number, wire, (value as readonly Value[]).map(item => {
        if (item === null) throw new SerdeError('The PROTOBUF format cannot hold a list with a null in it')
        return bytes(item)
      }))
  }
  const { wire, bytes } = valueWriter(field.type, type)
  const leavesOut = field.type.kind === 'scalar' && field.label === 'single'
  return value => value === null || (leavesOut && isDefault(value)) ? undefined : entry(field.number, wire, bytes(value))
}

/** Numbers stand packed in one entry, all else in one each. */
function listBytes (number: number, wire: number, items: readonly Buffer[]): Buffer {
  if (wire === LENGTH) return Buffer.concat(items.map(item => entry(number, LENGTH, item)))
  return items.length === 0 ? Buffer.alloc(0) : entry(number, LENGTH, Buffer.concat(items))
}

const same = (a: string, b: string): boolean => a === b || a.toUpperCase() === b.toUpperCase()

/** Throws SerdeError where a column has no field. What it gives throws SerdeError for a value that cannot be written. */
export function messageWriter (message: ProtoMessage, columns: readonly Column[]): (values: readonly Value[]) => Buffer {
  const writers = columns.map(({ name, type }) => {
    const field = message.fields.find(one => one.name === name) ?? message.fields.find(one => same(one.name, name.replaceAll(/[^\w]/g, '_')))
    if (field === undefined) throw new SerdeError(`The message ${message.name} has no field ${name}`)
    return { number: field.number, write: fieldWriter(field, type) }
  }).map((writer, i) => ({ ...writer, i })).sort((a, b) => a.number - b.number)
  return values => Buffer.concat(writers.flatMap(({ i, write }) => write(values[i] ?? null) ?? []))
}

// ---- reading

class Cursor {
  readonly data: Buffer
  at: number
  readonly end: number

  constructor (data: Buffer, at: number, end: number) {
    this.data = data
    this.at = at
    this.end = end
  }

  varint (): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= this.end) break
      const byte = this.data[this.at++] ?? 0
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    throw new SerdeError('The protobuf message ends within a number')
  }

  take (length: number): Buffer {
    if (length < 0 || this.at + length > this.end) throw new SerdeError('The protobuf message is shorter than it says')
    this.at += length
    return this.data.subarray(this.at - length, this.at)
  }

  /** The content of one entry: of a number its bytes. */
  content (wire: number): Buffer {
    switch (wire) {
      case VARINT: {
        const start = this.at
        this.varint()
        return this.data.subarray(start, this.at)
      }
      case FIXED64: return this.take(8)
      case FIXED32: return this.take(4)
      case LENGTH: return this.take(Number(this.varint()))
      default: throw new SerdeError(`The protobuf message has an entry of the unknown form ${wire}`)
    }
  }
}

/** A number of the message's index path, as Confluent's serializers write it: zigzag. */
export function readIndex (data: Buffer, at: number): { value: number, next: number } {
  const cursor = new Cursor(data, at, data.length)
  const raw = cursor.varint()
  return { value: Number((raw >> 1n) ^ -(raw & 1n)), next: cursor.at }
}

type Read = (content: Buffer) => Value

function scalarRead (name: ScalarName): Read {
  const int = (content: Buffer): bigint => new Cursor(content, 0, content.length).varint()
  switch (name) {
    case 'string': return content => content.toString()
    case 'bytes': return content => content
    case 'bool': return content => int(content) !== 0n
    case 'int32': return content => Number(BigInt.asIntN(32, int(content)))
    case 'int64': case 'uint64': return content => BigInt.asIntN(64, int(content))
    case 'uint32': return content => BigInt.asUintN(32, int(content))
    case 'sint32': case 'sint64': return content => {
      const raw = int(content)
      const value = (raw >> 1n) ^ -(raw & 1n)
      return name === 'sint32' ? Number(value) : value
    }
    case 'double': return content => content.readDoubleLE()
    case 'float': return content => content.readFloatLE()
    case 'fixed64': case 'sfixed64': return content => content.readBigInt64LE()
    case 'fixed32': return content => BigInt(content.readUInt32LE())
    case 'sfixed32': return content => content.readInt32LE()
  }
}

/** Between the number types that a schema and the columns may have. */
function toColumn (read: Read, type: SqlType): Read {
  if (type.base === 'BIGINT') return content => toBigInt(read(content))
  if (type.base === 'INTEGER' || type.base === 'DOUBLE') return content => Number(read(content))
  return read
}

function toBigInt (value: Value): Value {
  return typeof value === 'number' ? BigInt(Math.trunc(value)) : value
}

function numbersOf (content: Buffer): Map<number, Buffer> {
  const cursor = new Cursor(content, 0, content.length)
  const fields = new Map<number, Buffer>()
  while (cursor.at < cursor.end) {
    const key = Number(cursor.varint())
    fields.set(key >>> 3, cursor.content(key & 7))
  }
  return fields
}

function knownRead (name: string, type: SqlType): Read {
  const scalar = wrapped(name)
  if (scalar !== undefined) {
    const read = toColumn(scalarRead(scalar), type)
    return content => {
      const inner = numbersOf(content).get(1)
      return inner === undefined ? defaultOf(type) : read(inner)
    }
  }
  const int = (fields: Map<number, Buffer>, n: number): number => {
    const found = fields.get(n)
    return found === undefined ? 0 : Number(BigInt.asIntN(64, new Cursor(found, 0, found.length).varint()))
  }
  return content => {
    const fields = numbersOf(content)
    switch (name) {
      case 'google.protobuf.Timestamp': return int(fields, 1) * 1000 + Math.floor(int(fields, 2) / 1_000_000)
      case 'google.type.Date': return Math.floor(Date.UTC(int(fields, 1), int(fields, 2) - 1, int(fields, 3)) / DAY_MS)
      case 'google.type.TimeOfDay': return int(fields, 1) * 3_600_000 + int(fields, 2) * 60_000 + int(fields, 3) * 1000 + Math.floor(int(fields, 4) / 1_000_000)
      default: {
        const bytes = fields.get(1) ?? Buffer.alloc(0)
        const unscaled = bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
        const decimal = new Decimal(unscaled, int(fields, 3))
        return type.base === 'DECIMAL' ? fitDecimal(decimal, type) : decimal
      }
    }
  }
}

function valueRead (proto: ProtoType, type: SqlType): Read {
  switch (proto.kind) {
    case 'scalar': return toColumn(scalarRead(proto.name), type)
    case 'known': return knownRead(proto.name, type)
    case 'enum': return content => {
      const value = Number(new Cursor(content, 0, content.length).varint())
      return proto.values.get(value) ?? `UNKNOWN_ENUM_VALUE_${value}`
    }
    case 'message': return messageReader(proto.message, type.base === 'STRUCT' ? type.fields : [])
  }
}

function defaultOf (type: SqlType): Value {
  switch (type.base) {
    case 'BOOLEAN': return false
    case 'INTEGER': case 'DOUBLE': return 0
    case 'BIGINT': return 0n
    case 'STRING': return ''
    case 'BYTES': return Buffer.alloc(0)
    default: return null
  }
}

interface Slot { readonly i: number, readonly take: (row: Value[], content: Buffer, wire: number) => void }

function slotFor (field: ProtoField, type: SqlType, i: number): Slot {
  if (type.base === 'MAP' && field.type.kind === 'message') {
    const read = messageReader(field.type.message, [{ name: 'key', type: type.keys }, { name: 'value', type: type.values }])
    return { i, take: (row, content) => {
      const [key, value] = read(content) as readonly Value[]
      ;(row[i] as Map<Value, Value>).set(key ?? null, value ?? null)
    } }
  }
  if (type.base === 'ARRAY') {
    const read = valueRead(field.type, type.items)
    const wanted = field.type.kind === 'scalar' ? WIRE[field.type.name] : field.type.kind === 'enum' ? VARINT : LENGTH
    return { i, take: (row, content, wire) => {
      const list = row[i] as Value[]
      if (wire !== LENGTH || wanted === LENGTH) list.push(read(content))
      else for (const cursor = new Cursor(content, 0, content.length); cursor.at < cursor.end;) list.push(read(cursor.content(wanted)))
    } }
  }
  const read = valueRead(field.type, type)
  return { i, take: (row, content) => { row[i] = read(content) } }
}

/** What a field holds that is not in the data. */
function absent (field: ProtoField | undefined, type: SqlType): () => Value {
  if (field === undefined) return () => null
  if (type.base === 'ARRAY') return () => []
  if (type.base === 'MAP') return () => new Map()
  if (field.type.kind === 'enum' && field.label === 'single') {
    const first = field.type.values.get(0) ?? null
    return () => first
  }
  return field.type.kind === 'scalar' && field.label === 'single' ? () => defaultOf(type) : () => null
}

/** What it gives throws SerdeError for data that is no such message. */
export function messageReader (message: ProtoMessage, columns: readonly Column[]): (content: Buffer) => Row {
  const slots = new Map<number, Slot>()
  const initial = columns.map(({ name, type }, i) => {
    const field = message.fields.find(one => one.name === name) ?? message.fields.find(one => same(one.name, name.replaceAll(/[^\w]/g, '_')))
    if (field !== undefined) slots.set(field.number, slotFor(field, type, i))
    return absent(field, type)
  })
  return content => {
    const row = initial.map(make => make())
    const cursor = new Cursor(content, 0, content.length)
    while (cursor.at < cursor.end) {
      const key = Number(cursor.varint())
      const data = cursor.content(key & 7)
      slots.get(key >>> 3)?.take(row, data, key & 7)
    }
    return row
  }
}
