// Variable length integers as record batches and flexible protocol versions use them (Protocol Buffers' encoding, zigzag where signed).

/** A varint ran past the end of its buffer or past its longest form. */
export class VarintError extends Error {
  constructor (message: string) {
    super(message)
    this.name = 'VarintError'
  }
}

/** Bytes that the unsigned number takes. Good for 0 to 2^53-1. */
export function unsignedVarintSize (value: number): number {
  let size = 1
  for (; value >= 128; value /= 128) size++
  return size
}

/** Bytes that the zigzag form of a safe integer takes. */
export function varintSize (value: number): number {
  if (value >= -64 && value < 64) return 1
  return unsignedVarintSize(value < 0 ? -2 * value - 1 : 2 * value)
}

/** Writes an unsigned varint and gives the position after it. */
export function writeUnsignedVarint (buffer: Uint8Array, value: number, at: number): number {
  while (value >= 128) {
    buffer[at++] = value % 128 | 128
    value = Math.floor(value / 128)
  }
  buffer[at++] = value
  return at
}

/** Writes the zigzag form of a safe integer and gives the position after it. */
export function writeVarint (buffer: Uint8Array, value: number, at: number): number {
  if (value >= -64 && value < 64) {
    buffer[at] = value << 1 ^ value >> 31
    return at + 1
  }
  return writeUnsignedVarint(buffer, value < 0 ? -2 * value - 1 : 2 * value, at)
}

/** Walks a buffer varint by varint. Fields are public because the record decoder reads bytes between them. */
export class VarintCursor {
  readonly buffer: Uint8Array
  at: number

  constructor (buffer: Uint8Array, at = 0) {
    this.buffer = buffer
    this.at = at
  }

  /** An unsigned varint of up to ten bytes; exact below 2^53. */
  unsigned (): number {
    const { buffer } = this
    let byte = buffer[this.at++]
    if (byte === undefined) throw new VarintError('a varint ends behind the buffer')
    if (byte < 128) return byte
    let value = byte & 127
    for (let scale = 128, bytes = 1; bytes < 10; bytes++, scale *= 128) {
      byte = buffer[this.at++]
      if (byte === undefined) throw new VarintError('a varint ends behind the buffer')
      if (byte < 128) return value + byte * scale
      value += (byte & 127) * scale
    }
    throw new VarintError('a varint is longer than ten bytes')
  }

  /** A zigzag varint (or varlong). */
  signed (): number {
    const first = this.buffer[this.at]
    if (first !== undefined && first < 128) {
      this.at++
      return first >>> 1 ^ -(first & 1)
    }
    const raw = this.unsigned()
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
  }
}
