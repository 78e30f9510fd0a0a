// Writes to the state store as bytes, for the thread that carries them out.
//
//   each: 1 | key's length u16 | key | value's length u32 | value      (a row is put)
//         0 | key's length u16 | key                                   (it is removed)
import { ByteWriter } from '../bytes.js'

const PUT = 1
const REMOVE = 0
const HEAD_BYTES = 3
const LENGTH_BYTES = 4

export class WriteBatch {
  readonly #to = new ByteWriter()

  /** `bytes`: about how many there will be. `memory`: what an earlier batch had, to be used again. */
  constructor (bytes: number, memory?: Buffer) {
    if (memory !== undefined) this.#to.buffer = memory
    this.#to.reserve(bytes)
  }

  put (key: Buffer, value: Buffer): void {
    this.#head(PUT, key)
    this.#to.int32(value.length)
    this.#to.bytes(value)
  }

  remove (key: Buffer): void { this.#head(REMOVE, key) }

  #head (kind: number, key: Buffer): void {
    const to = this.#to
    to.reserve(HEAD_BYTES + key.length)
    to.buffer[to.at] = kind
    to.buffer.writeUInt16BE(key.length, to.at + 1)
    to.at += HEAD_BYTES
    to.bytes(key)
  }

  /** What was written, in a memory of its own, which may be given to another thread. */
  take (): Buffer<ArrayBuffer> { return this.#to.view() as Buffer<ArrayBuffer> }
}

export interface WriteTarget {
  put (key: Buffer, value: Buffer): void
  remove (key: Buffer): void
}

/** Does what the bytes of a batch say, in order. */
export function applyBatch (bytes: Buffer, target: WriteTarget): void {
  for (let at = 0; at < bytes.length;) {
    const isPut = bytes[at] === PUT
    const keyStart = at + HEAD_BYTES
    at = keyStart + bytes.readUInt16BE(at + 1)
    const key = bytes.subarray(keyStart, at)
    if (!isPut) {
      target.remove(key)
      continue
    }
    const valueStart = at + LENGTH_BYTES
    at = valueStart + bytes.readInt32BE(at)
    target.put(key, bytes.subarray(valueStart, at))
  }
}
