// Writing and reading binary values without an object per value: what the state store and the Avro and Kafka formats stand on.

const INITIAL_BYTES = 1024
const BYTES_KEPT_MAX = 4 * 1024 * 1024
const SAFE = BigInt(Number.MAX_SAFE_INTEGER)

/** The bytes end before the value does, or hold what no writer makes. */
export class CorruptDataError extends Error {
  override readonly name: string = 'CorruptDataError'
}

/** A buffer that grows. Used again and again: `take` copies what was written and begins anew. */
export class ByteWriter {
  buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  at = 0

  reserve (bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + bytes))
    this.buffer.copy(larger, 0, 0, this.at)
    this.buffer = larger
  }

  byte (value: number): void {
    this.reserve(1)
    this.buffer[this.at++] = value
  }

  bytes (value: Uint8Array): void {
    this.reserve(value.length)
    this.buffer.set(value, this.at)
    this.at += value.length
  }

  utf8 (value: string): void {
    this.reserve(value.length * 3)
    this.at += this.buffer.write(value, this.at)
  }

  int32 (value: number): void {
    this.reserve(4)
    this.at = this.buffer.writeInt32BE(value, this.at)
  }

  int64 (value: bigint): void {
    this.reserve(8)
    this.at = this.buffer.writeBigInt64BE(value, this.at)
  }

  doubleBE (value: number): void {
    this.reserve(8)
    this.at = this.buffer.writeDoubleBE(value, this.at)
  }

  doubleLE (value: number): void {
    this.reserve(8)
    this.at = this.buffer.writeDoubleLE(value, this.at)
  }

  /** An unsigned varint below 2^53. */
  unsigned (value: number): void {
    this.reserve(8)
    const { buffer } = this
    while (value >= 128) {
      buffer[this.at++] = value % 128 | 128
      value = Math.floor(value / 128)
    }
    buffer[this.at++] = value
  }

  /** A zigzag varint: Avro's int and long. `value` is a safe integer. */
  signed (value: number): void {
    if (value > 4503599627370495 || value < -4503599627370495) this.signed64(BigInt(value))
    else this.unsigned(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /** As `signed`, for all 64 bits. */
  signed64 (value: bigint): void {
    if (value >= -4503599627370495n && value <= 4503599627370495n) {
      const small = Number(value)
      this.unsigned(small < 0 ? -2 * small - 1 : 2 * small)
      return
    }
    this.reserve(10)
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    while (rest > 127n) {
      this.buffer[this.at++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.buffer[this.at++] = Number(rest)
  }

  /** Length as an unsigned varint, then UTF-8. */
  text (value: string): void {
    const start = this.at
    const most = value.length * 3
    if (most < 128) {
      this.reserve(most + 1)
      this.at = start + 1
      const written = this.buffer.write(value, this.at)
      this.buffer[start] = written
      this.at += written
      return
    }
    this.unsigned(Buffer.byteLength(value))
    this.utf8(value)
  }

  /** What was written, in place: good until the next write. */
  view (): Buffer {
    return this.buffer.subarray(0, this.at)
  }

  /** A copy of what was written since the last call. */
  take (): Buffer {
    const copy = Buffer.from(this.buffer.subarray(0, this.at))
    this.shrink()
    return copy
  }

  /** Begins anew. One huge value must not hold its memory for good. */
  shrink (): void {
    this.at = 0
    if (this.buffer.length > BYTES_KEPT_MAX) this.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES)
  }
}

/** Walks a buffer; each method throws CorruptDataError at its end. */
export class ByteReader {
  buffer: Buffer
  at: number
  end: number

  constructor (buffer: Buffer, at = 0) {
    this.buffer = buffer
    this.at = at
    this.end = buffer.length
  }

  reset (buffer: Buffer, at = 0, end = buffer.length): this {
    this.buffer = buffer
    this.at = at
    this.end = end
    return this
  }

  #need (bytes: number): number {
    const { at } = this
    if (bytes < 0 || at + bytes > this.end) throw new CorruptDataError(`${bytes} bytes are missing behind byte ${at}`)
    this.at = at + bytes
    return at
  }

  /** Passes over so many bytes and gives where they begin. */
  skip (bytes: number): number { return this.#need(bytes) }

  /** Passes over a varint of up to ten bytes. */
  skipVarint (): void {
    for (let bytes = 0; bytes < 10; bytes++) if (this.byte() < 128) return
    throw new CorruptDataError('a number is longer than ten bytes')
  }

  byte (): number {
    return this.buffer[this.#need(1)]!
  }

  bytes (length: number): Buffer {
    const at = this.#need(length)
    return this.buffer.subarray(at, at + length)
  }

  utf8 (length: number): string {
    const at = this.#need(length)
    return length < 8 ? shortUtf8(this.buffer, at, at + length) : this.buffer.toString('utf8', at, at + length)
  }

  int32 (): number { return this.buffer.readInt32BE(this.#need(4)) }
  int64 (): bigint { return this.buffer.readBigInt64BE(this.#need(8)) }
  doubleBE (): number { return this.buffer.readDoubleBE(this.#need(8)) }
  doubleLE (): number { return this.buffer.readDoubleLE(this.#need(8)) }
  floatLE (): number { return this.buffer.readFloatLE(this.#need(4)) }

  unsigned (): number {
    const { buffer, end } = this
    let value = 0
    for (let scale = 1, bytes = 0; bytes < 8; bytes++, scale *= 128) {
      if (this.at >= end) throw new CorruptDataError('a number ends behind the data')
      const byte = buffer[this.at++]!
      if (byte < 128) return value + byte * scale
      value += (byte & 127) * scale
    }
    throw new CorruptDataError('a number is too large')
  }

  /** A zigzag varint that is a safe integer. */
  signed (): number {
    const { buffer, end } = this
    let { at } = this
    if (at < end && buffer[at]! < 128) {
      this.at = at + 1
      return buffer[at]! >>> 1 ^ -(buffer[at]! & 1)
    }
    let low = 0
    for (let scale = 1, last = Math.min(end, at + 7); at < last; scale *= 128) {
      const byte = buffer[at++]!
      low += (byte & 127) * scale
      if (byte < 128) {
        this.at = at
        return low % 2 === 0 ? low / 2 : -(low + 1) / 2
      }
    }
    const value = this.signed64()
    if (value > SAFE || value < -SAFE) throw new CorruptDataError('a number is too large')
    return Number(value)
  }

  signed64 (): bigint {
    const start = this.at
    const { buffer, end } = this
    let low = 0
    for (let scale = 1, bytes = 0; bytes < 7; bytes++, scale *= 128) {
      if (this.at >= end) throw new CorruptDataError('a number ends behind the data')
      const byte = buffer[this.at++]!
      low += (byte & 127) * scale
      if (byte < 128) return BigInt(low % 2 === 0 ? low / 2 : -(low + 1) / 2)
    }
    this.at = start
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= end) throw new CorruptDataError('a number ends behind the data')
      const byte = buffer[this.at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw new CorruptDataError('a number is longer than ten bytes')
  }

  text (): string {
    return this.utf8(this.unsigned())
  }
}

/** For a few ASCII bytes a loop is faster than the call into native code. */
function shortUtf8 (buffer: Buffer, start: number, end: number): string {
  let text = ''
  for (let i = start; i < end; i++) {
    const byte = buffer[i]!
    if (byte > 127) return buffer.toString('utf8', start, end)
    text += String.fromCharCode(byte)
  }
  return text
}
