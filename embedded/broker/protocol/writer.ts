// Writes the protocol's primitive types. Large byte fields (record batches) are not copied: what comes out is a list of chunks for one writev.
import { unsignedVarintSize, writeUnsignedVarint } from '../../records/varint.js'

/** From this size on a byte field becomes a chunk of its own. */
const CHUNK_BYTES_MIN = 4096

export class Writer {
  flexible: boolean
  readonly #chunks: Buffer[] = []
  #buffer: Buffer
  #start = 0
  #at = 0
  #flushed = 0

  constructor (flexible = false, sizeHint = 512) {
    this.flexible = flexible
    this.#buffer = Buffer.allocUnsafe(sizeHint)
  }

  /** Bytes written so far. */
  get size (): number { return this.#flushed + this.#at - this.#start }

  #reserve (bytes: number): number {
    const at = this.#at
    if (at + bytes > this.#buffer.length) return this.#grow(bytes)
    this.#at = at + bytes
    return at
  }

  #grow (bytes: number): number {
    this.#flush()
    this.#buffer = Buffer.allocUnsafe(Math.max(bytes, Math.min(this.#buffer.length * 2, 65536)))
    this.#start = 0
    this.#at = bytes
    return 0
  }

  #flush (): void {
    if (this.#at === this.#start) return
    this.#chunks.push(this.#buffer.subarray(this.#start, this.#at))
    this.#flushed += this.#at - this.#start
    this.#start = this.#at
  }

  boolean (value: boolean): void { this.#buffer[this.#reserve(1)] = value ? 1 : 0 }
  // The position comes first: reserving may change the buffer.
  int8 (value: number): void { const at = this.#reserve(1); this.#buffer.writeInt8(value, at) }
  int16 (value: number): void { const at = this.#reserve(2); this.#buffer.writeInt16BE(value, at) }
  int32 (value: number): void { const at = this.#reserve(4); this.#buffer.writeInt32BE(value, at) }
  float64 (value: number): void { const at = this.#reserve(8); this.#buffer.writeDoubleBE(value, at) }

  int64 (value: number): void {
    const at = this.#reserve(8)
    const high = Math.floor(value / 4294967296)
    this.#buffer.writeInt32BE(high, at)
    this.#buffer.writeUInt32BE(value - high * 4294967296, at + 4)
  }

  unsignedVarint (value: number): void {
    const at = this.#reserve(unsignedVarintSize(value))
    writeUnsignedVarint(this.#buffer, value, at)
  }

  uuid (value: string): void {
    const at = this.#reserve(16)
    if (this.#buffer.write(value, at, 'base64url') !== 16) throw new RangeError(`"${value}" is no uuid in base64url`)
  }

  #length (length: number, classic: 2 | 4): void {
    if (this.flexible) this.unsignedVarint(length + 1)
    else if (classic === 2) this.int16(length)
    else this.int32(length)
  }

  nullableString (value: string | null): void {
    if (value === null) {
      this.#length(-1, 2)
      return
    }
    const bytes = Buffer.byteLength(value)
    this.#length(bytes, 2)
    const at = this.#reserve(bytes)
    this.#buffer.write(value, at, bytes)
  }

  string (value: string): void { this.nullableString(value) }

  nullableBytes (value: Buffer | readonly Buffer[] | null): void {
    if (value === null) {
      this.#length(-1, 4)
    } else if (Buffer.isBuffer(value)) {
      this.#length(value.length, 4)
      this.raw(value)
    } else {
      this.#length(value.reduce((sum, part) => sum + part.length, 0), 4)
      for (const part of value) this.raw(part)
    }
  }

  arrayLength (length: number): void { this.#length(length, 4) }

  raw (value: Buffer): void {
    if (value.length < CHUNK_BYTES_MIN) {
      const at = this.#reserve(value.length)
      this.#buffer.set(value, at)
      return
    }
    this.#flush()
    this.#chunks.push(value)
    this.#flushed += value.length
  }

  /** What was written, in order. The writer must not be used after it. */
  chunks (): Buffer[] {
    this.#flush()
    return this.#chunks
  }

  toBuffer (): Buffer {
    const chunks = this.chunks()
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }
}
