// Reads the protocol's primitive types from one frame, never past its end.
import { VarintCursor, VarintError } from '../../records/varint.js'
import { ProtocolError } from './errors.js'

export class Reader {
  readonly buffer: Buffer
  /** Whether the message's version is a flexible one: compact strings and arrays, tagged fields (KIP-482). */
  flexible: boolean
  at: number

  constructor (buffer: Buffer, flexible = false, at = 0) {
    this.buffer = buffer
    this.flexible = flexible
    this.at = at
  }

  get remaining (): number { return this.buffer.length - this.at }

  /** Moves over `bytes` bytes and gives the position before them. */
  #take (bytes: number): number {
    const start = this.at
    if (bytes > this.buffer.length - start) throw new ProtocolError(`a field of ${bytes} bytes at ${start} ends behind the frame of ${this.buffer.length}`)
    this.at = start + bytes
    return start
  }

  boolean (): boolean { return this.buffer[this.#take(1)] !== 0 }
  int8 (): number { return this.buffer.readInt8(this.#take(1)) }
  int16 (): number { return this.buffer.readInt16BE(this.#take(2)) }
  int32 (): number { return this.buffer.readInt32BE(this.#take(4)) }
  float64 (): number { return this.buffer.readDoubleBE(this.#take(8)) }

  int64 (): number {
    const at = this.#take(8)
    return this.buffer.readInt32BE(at) * 4294967296 + this.buffer.readUInt32BE(at + 4)
  }

  unsignedVarint (): number {
    const cursor = new VarintCursor(this.buffer, this.at)
    try {
      return cursor.unsigned()
    } catch (error) {
      throw error instanceof VarintError ? new ProtocolError(error.message) : error
    } finally {
      this.at = cursor.at
    }
  }

  uuid (): string {
    const at = this.#take(16)
    return this.buffer.toString('base64url', at, at + 16)
  }

  /** A length that precedes bytes or elements; -1 for null. No element is smaller than a byte, so a longer one is a lie. */
  #length (classic: 2 | 4): number {
    const length = this.flexible ? this.unsignedVarint() - 1 : classic === 2 ? this.int16() : this.int32()
    if (length < -1 || length > this.remaining) throw new ProtocolError(`a length of ${length} with ${this.remaining} bytes left`)
    return length
  }

  nullableString (): string | null {
    const length = this.#length(2)
    if (length === -1) return null
    const start = this.#take(length)
    return this.buffer.toString('utf8', start, start + length)
  }

  string (): string {
    const value = this.nullableString()
    if (value === null) throw new ProtocolError('null where a string must be')
    return value
  }

  /** Shares the frame's memory. */
  nullableBytes (): Buffer | null {
    const length = this.#length(4)
    if (length === -1) return null
    const start = this.#take(length)
    return this.buffer.subarray(start, start + length)
  }

  bytes (): Buffer {
    const value = this.nullableBytes()
    if (value === null) throw new ProtocolError('null where bytes must be')
    return value
  }

  /** Number of elements, -1 for null. */
  arrayLength (): number {
    return this.#length(4)
  }

  /** Walks the tagged fields that end a flexible structure; those that `take` does not read are skipped. */
  taggedFields (take?: (tag: number, reader: Reader) => void): void {
    const count = this.unsignedVarint()
    for (let i = 0; i < count; i++) {
      const tag = this.unsignedVarint()
      const size = this.unsignedVarint()
      const start = this.#take(size)
      if (take === undefined) continue
      this.at = start
      take(tag, this)
      if (this.at > start + size) throw new ProtocolError(`tagged field ${tag} is longer than it says`)
      this.at = start + size
    }
  }
}
