// Protocol Buffers data as the text that Protobuf's TextFormat gives on one line: what PRINT shows of it.
import { ByteReader } from '../runtime/bytes.js'
import { SerdeError } from '../runtime/serde/format.js'
import { javaDouble } from '../runtime/serde/json-text.js'
import { wrapped } from '../runtime/serde/proto-columns.js'
import { parseProto, type ProtoField, type ProtoMessage, type ProtoType, type ScalarName } from '../runtime/serde/proto-schema.js'
import { FIXED32, FIXED64, LENGTH, VARINT, WIRE } from '../runtime/serde/proto-wire.js'
import { javaFloat } from './avro-text.js'

const DEPTH_MAX = 100
/** Bytes that no schema describes are looked into so far for messages. */
const UNKNOWN_DEPTH_MAX = 10

const WELL_KNOWN: ReadonlyMap<string, ProtoMessage> = new Map(parseProto(`
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }
  message Date { int32 year = 1; int32 month = 2; int32 day = 3; }
  message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }
  message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`).map(message => [message.name, message]))
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface Piece { readonly number: number, readonly wire: number, readonly bits: bigint, readonly data: Buffer }

/** A message's fields by their numbers, then those that the schema does not have. Throws SerdeError, CorruptDataError where the bytes are no such message. */
export function protoText (message: ProtoMessage, content: Buffer): string {
  return fieldsOf(message, content, 0).join(' ')
}

function fieldsOf (message: ProtoMessage, content: Buffer, depth: number): string[] {
  if (depth > DEPTH_MAX) throw new SerdeError('Protobuf data nested too deep')
  const found = new Map<number, Piece[]>()
  const unknown: Piece[] = []
  const byNumber = new Map(message.fields.map(field => [field.number, field]))
  for (const piece of pieces(content)) {
    const field = byNumber.get(piece.number)
    if (field === undefined || !fits(field, piece.wire)) unknown.push(piece)
    else found.set(piece.number, [...found.get(piece.number) ?? [], piece])
  }
  const texts: string[] = []
  for (const field of [...message.fields].sort((a, b) => a.number - b.number)) {
    const own = found.get(field.number)
    if (own !== undefined) texts.push(...fieldTexts(field, own, message.isMapEntry, depth))
    else if (message.isMapEntry) {
      const absent = { number: field.number, wire: wireOf(field.type), bits: 0n, data: Buffer.alloc(0) }
      texts.push(...fieldTexts(field, [absent], true, depth))
    }
  }
  return [...texts, ...unknown.sort((a, b) => a.number - b.number).map(piece => unknownText(piece, 0))]
}

function * pieces (content: Buffer): Generator<Piece> {
  const from = new ByteReader(content)
  while (from.at < from.end) {
    const tag = Number(varint(from))
    const number = Math.floor(tag / 8)
    const wire = tag % 8
    if (number < 1 || number >= 2 ** 29) throw new SerdeError('Protocol message contained an invalid tag (zero).')
    switch (wire) {
      case VARINT: yield { number, wire, bits: varint(from), data: content.subarray(0, 0) }; break
      case FIXED64: yield { number, wire, bits: from.bytes(8).readBigUInt64LE(), data: content.subarray(0, 0) }; break
      case FIXED32: yield { number, wire, bits: BigInt(from.bytes(4).readUInt32LE()), data: content.subarray(0, 0) }; break
      case LENGTH: yield { number, wire, bits: 0n, data: from.bytes(Number(varint(from))) }; break
      default: throw new SerdeError('Protocol message tag had invalid wire type.')
    }
  }
}

function varint (from: ByteReader): bigint {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = from.byte()
    value |= BigInt(byte & 127) << shift
    if (byte < 128) return BigInt.asUintN(64, value)
  }
  throw new SerdeError('CodedInputStream encountered a malformed varint.')
}

const wireOf = (type: ProtoType): number => type.kind === 'scalar' ? WIRE[type.name] : type.kind === 'enum' ? VARINT : LENGTH

const fits = (field: ProtoField, wire: number): boolean => wire === wireOf(field.type) || (wire === LENGTH && field.label === 'repeated')

function fieldTexts (field: ProtoField, found: readonly Piece[], withDefaults: boolean, depth: number): string[] {
  const { name, label, type } = field
  if (type.kind === 'message' || type.kind === 'known') {
    const message = type.kind === 'message' ? type.message : wellKnown(type.name)
    if (label !== 'repeated') return [messageText(name, fieldsOf(message, Buffer.concat(found.map(piece => piece.data)), depth + 1))]
    const entries = message.isMapEntry ? mapEntries(message, found) : found
    return entries.map(piece => messageText(name, fieldsOf(message, piece.data, depth + 1)))
  }
  if (label === 'repeated') return found.flatMap(piece => unpacked(piece, wireOf(type))).map(piece => `${name}: ${valueText(type, piece)}`)
  const last = found[found.length - 1]!
  const isDefault = last.bits === 0n && last.data.length === 0
  return isDefault && label === 'single' && !withDefaults ? [] : [`${name}: ${valueText(type, last)}`]
}

const messageText = (name: string, fields: readonly string[]): string => fields.length === 0 ? `${name} { }` : `${name} { ${fields.join(' ')} }`

function wellKnown (fullName: string): ProtoMessage {
  const scalar = wrapped(fullName)
  const name = fullName.slice(fullName.lastIndexOf('.') + 1)
  if (scalar !== undefined) {
    return { name, fullName, nested: [], isMapEntry: false, fields: [{ name: 'value', number: 1, label: 'single', type: { kind: 'scalar', name: scalar } }] }
  }
  const found = WELL_KNOWN.get(name)
  if (found === undefined) throw new SerdeError(`The protobuf schema does not define ${fullName}`)
  return found
}

/** TextFormat prints a map by its keys; of several entries with one key the last counts. */
function mapEntries (entry: ProtoMessage, found: readonly Piece[]): Piece[] {
  const type = entry.fields[0]!.type
  const byKey = new Map<bigint | string, Piece>()
  for (const piece of found) {
    const key = [...pieces(piece.data)].filter(({ number }) => number === 1).pop()
    const isText = type.kind === 'scalar' && type.name === 'string'
    byKey.set(isText ? key?.data.toString() ?? '' : type.kind === 'scalar' ? integer(type.name, key?.bits ?? 0n) : 0n, piece)
  }
  return [...byKey].sort(([a], [b]) => a < b ? -1 : 1).map(([, piece]) => piece)
}

/** The values of a packed field; any other piece as it is. */
function unpacked (piece: Piece, wire: number): Piece[] {
  if (piece.wire === wire) return [piece]
  const from = new ByteReader(piece.data)
  const values: Piece[] = []
  while (from.at < from.end) {
    const bits = wire === VARINT ? varint(from) : wire === FIXED64 ? from.bytes(8).readBigUInt64LE() : BigInt(from.bytes(4).readUInt32LE())
    values.push({ number: piece.number, wire, bits, data: piece.data.subarray(0, 0) })
  }
  return values
}

function valueText (type: ProtoType, { bits, data }: Piece): string {
  if (type.kind === 'enum') {
    const number = Number(BigInt.asIntN(32, bits))
    return type.values.get(number) ?? String(number)
  }
  const name = type.kind === 'scalar' ? type.name : 'bytes'
  switch (name) {
    case 'string': UTF8.decode(data); return quoted(data)
    case 'bytes': return quoted(data)
    case 'bool': return String(bits !== 0n)
    case 'double': return javaDouble(new DataView(BigUint64Array.of(bits).buffer).getFloat64(0, true))
    case 'float': return javaFloat(new DataView(BigUint64Array.of(bits).buffer).getFloat32(0, true))
    default: return String(integer(name, bits))
  }
}

function integer (name: ScalarName, bits: bigint): bigint {
  switch (name) {
    case 'uint64': case 'fixed64': return bits
    case 'uint32': case 'fixed32': return BigInt.asUintN(32, bits)
    case 'sint32': return zigzag(BigInt.asUintN(32, bits))
    case 'sint64': return zigzag(bits)
    case 'int32': case 'sfixed32': return BigInt.asIntN(32, bits)
    default: return BigInt.asIntN(64, bits)
  }
}

const zigzag = (bits: bigint): bigint => (bits >> 1n) ^ -(bits & 1n)

function unknownText ({ number, wire, bits, data }: Piece, depth: number): string {
  if (wire === VARINT) return `${number}: ${bits}`
  if (wire !== LENGTH) return `${number}: 0x${bits.toString(16).padStart(wire === FIXED64 ? 16 : 8, '0')}`
  if (depth < UNKNOWN_DEPTH_MAX) {
    try {
      return messageText(String(number), [...pieces(data)].sort((a, b) => a.number - b.number).map(piece => unknownText(piece, depth + 1)))
    } catch {
      // No message: shown as text.
    }
  }
  return `${number}: ${quoted(data)}`
}

const ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 0x22: '\\"', 0x27: "\\'", 0x5c: '\\\\'
}

function quoted (data: Buffer): string {
  let text = '"'
  for (const byte of data) {
    text += ESCAPES[byte] ?? (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`)
  }
  return `${text}"`
}
