// Keys as bytes whose order is the order of the values, so that a range of keys is a range of the store.
import type { SqlType } from '../../sql/sql-type.js'
import { createHash } from 'node:crypto'
import { Decimal } from '../../plan/decimal.js'
import type { Row, Value } from '../../plan/value.js'
import { ByteWriter, CorruptDataError } from '../bytes.js'
import type { ByteReader } from '../bytes.js'

// NULL is 0. Anything else is 1, then: numbers big endian with the sign bit turned (a negative double with all bits turned), text in
// UTF-8 with 0 written as 0 255 and a 0 behind it, array items one after another and a 0 behind them.
const SIGN = 0x8000000000000000n
const DECIMAL_BYTES = 32

/** Longer keys are cut and a hash put behind: lmdb takes 1,978 bytes, of which a window and the store's id need some. */
export const KEY_BYTES_MAX = 1900
/** What is kept of a longer key. */
export const KEPT_BYTES = KEY_BYTES_MAX - 32

function writeEscaped (to: ByteWriter, data: Buffer): void {
  let start = 0
  for (let zero = data.indexOf(0); zero >= 0; zero = data.indexOf(0, start)) {
    to.bytes(data.subarray(start, zero + 1))
    to.byte(255)
    start = zero + 1
  }
  to.bytes(start === 0 ? data : data.subarray(start))
  to.byte(0)
}

function readEscaped (from: ByteReader): Buffer {
  const parts: Buffer[] = []
  for (;;) {
    const zero = from.buffer.indexOf(0, from.at)
    if (zero < 0 || zero >= from.end) throw new CorruptDataError('a key ends before its end')
    parts.push(from.buffer.subarray(from.at, zero))
    from.at = zero + 1
    if (from.at >= from.end || from.buffer[from.at] !== 255) return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    parts.push(Buffer.of(0))
    from.at++
  }
}

function writeText (to: ByteWriter, text: string): void {
  if (text.includes('\0')) {
    writeEscaped(to, Buffer.from(text))
    return
  }
  to.utf8(text)
  to.byte(0)
}

function doubleBits (value: number): bigint {
  const scratch = Buffer.allocUnsafe(8)
  scratch.writeDoubleBE(value)
  const bits = scratch.readBigUInt64BE()
  return bits >= SIGN ? BigInt.asUintN(64, ~bits) : bits | SIGN
}

function doubleOf (bits: bigint): number {
  const scratch = Buffer.allocUnsafe(8)
  scratch.writeBigUInt64BE(bits >= SIGN ? bits & ~SIGN : BigInt.asUintN(64, ~bits))
  return scratch.readDoubleBE()
}

const flip64 = (value: bigint) => BigInt.asIntN(64, BigInt.asUintN(64, value) ^ SIGN)

export function writeKeyValue (to: ByteWriter, type: SqlType, value: Value): void {
  if (value === null || value === undefined) {
    to.byte(0)
    return
  }
  to.byte(1)
  switch (type.base) {
    case 'BOOLEAN': to.byte(value === true ? 1 : 0); return
    case 'INTEGER': case 'DATE': case 'TIME': to.int32((value as number) ^ -2147483648); return
    case 'BIGINT': to.int64(flip64(value as bigint)); return
    case 'TIMESTAMP': to.int64(flip64(BigInt(value as number))); return
    case 'DOUBLE': to.int64(BigInt.asIntN(64, doubleBits(value as number))); return
    case 'STRING': writeText(to, value as string); return
    case 'BYTES': writeEscaped(to, value as Buffer); return
    case 'DECIMAL': {
      const shifted = (value as Decimal).unscaled + (1n << BigInt(DECIMAL_BYTES * 8 - 1))
      to.bytes(Buffer.from(shifted.toString(16).padStart(DECIMAL_BYTES * 2, '0'), 'hex'))
      return
    }
    case 'ARRAY':
      for (const item of value as readonly Value[]) {
        to.byte(1)
        writeKeyValue(to, type.items, item)
      }
      to.byte(0)
      return
    case 'MAP':
      for (const [key, item] of value as ReadonlyMap<Value, Value>) {
        to.byte(1)
        writeKeyValue(to, type.keys, key)
        writeKeyValue(to, type.values, item)
      }
      to.byte(0)
      return
    case 'STRUCT': type.fields.forEach((field, i) => writeKeyValue(to, field.type, (value as readonly Value[])[i] ?? null))
  }
}

export function readKeyValue (from: ByteReader, type: SqlType): Value {
  if (from.byte() === 0) return null
  switch (type.base) {
    case 'BOOLEAN': return from.byte() === 1
    case 'INTEGER': case 'DATE': case 'TIME': return from.int32() ^ -2147483648
    case 'BIGINT': return flip64(from.int64())
    case 'TIMESTAMP': return Number(flip64(from.int64()))
    case 'DOUBLE': return doubleOf(BigInt.asUintN(64, from.int64()))
    case 'STRING': return readEscaped(from).toString()
    case 'BYTES': return Buffer.from(readEscaped(from))
    case 'DECIMAL': {
      const shifted = BigInt(`0x${from.bytes(DECIMAL_BYTES).toString('hex')}`)
      return new Decimal(shifted - (1n << BigInt(DECIMAL_BYTES * 8 - 1)), type.scale)
    }
    case 'ARRAY': {
      const items: Value[] = []
      while (from.byte() === 1) items.push(readKeyValue(from, type.items))
      return items
    }
    case 'MAP': {
      const map = new Map<Value, Value>()
      while (from.byte() === 1) map.set(readKeyValue(from, type.keys), readKeyValue(from, type.values))
      return map
    }
    case 'STRUCT': return type.fields.map(field => readKeyValue(from, field.type))
  }
}

/** A text for keys whose columns are all of simple types, none of which it can mix up; undefined for others. */
function plainIdentity (key: Row): string | undefined {
  let identity = ''
  for (let i = 0; i < key.length; i++) {
    const part = key[i]!
    switch (typeof part) {
      case 'string': identity += `${part.length}:${part}`; break
      case 'bigint': identity += `b${part};`; break
      case 'boolean': identity += part ? 't' : 'f'; break
      case 'number':
        if (!Number.isInteger(part) || Object.is(part, -0)) return undefined
        identity += `i${part};`
        break
      default:
        if (part !== null) return undefined
        identity += 'n'
    }
  }
  return identity
}

/** Writes and reads the key columns of one store. */
export class KeyCodec {
  readonly types: readonly SqlType[]
  readonly #full = new ByteWriter()

  constructor (types: readonly SqlType[]) { this.types = types }

  /** Writes the key, cut where it is too long. Gives the whole key then, for the value to keep. */
  write (to: ByteWriter, key: Row): Buffer | undefined {
    const start = to.at
    for (let i = 0; i < this.types.length; i++) writeKeyValue(to, this.types[i]!, key[i]!)
    const length = to.at - start
    if (length <= KEY_BYTES_MAX) return undefined
    const whole = Buffer.from(to.buffer.subarray(start, to.at))
    to.at = start
    to.bytes(whole.subarray(0, KEPT_BYTES))
    to.bytes(createHash('sha256').update(whole).digest())
    return whole
  }

  read (from: ByteReader): Row {
    return this.types.map(type => readKeyValue(from, type))
  }

  /** A value that is the same exactly for equal keys: cheap for the usual keys, of text and numbers. */
  identity (key: Row): string | number | bigint | boolean {
    const only = key[0]
    if (this.types.length === 1 && (typeof only === 'string' || typeof only === 'bigint' || typeof only === 'number' || typeof only === 'boolean')) return only
    const text = this.types.length > 1 ? plainIdentity(key) : undefined
    if (text !== undefined) return text
    this.#full.at = 0
    for (let i = 0; i < this.types.length; i++) writeKeyValue(this.#full, this.types[i]!, key[i]!)
    return `\u0000${this.#full.buffer.toString('latin1', 0, this.#full.at)}`
  }
}
