// Writes to the state store as bytes, for the thread that carries them out.
//
//   each: 1 | key's length | key | value's length | value      (a row is put)
//         0 | key's length | key                               (it is removed)
// Lengths are unsigned varints.
import { ByteReader, ByteWriter } from '../bytes.js'

const PUT = 1
const REMOVE = 0

export class WriteBatch {
  readonly #to = new ByteWriter()

  /** `bytes`: about how many there will be. `memory`: what an earlier batch had, to be used again. */
  constructor (bytes: number, memory?: Buffer) {
    if (memory !== undefined) this.#to.buffer = memory
    this.#to.reserve(bytes)
  }

  put (key: Buffer, value: Buffer): void {
    this.#to.byte(PUT)
    this.#part(key)
    this.#part(value)
  }

  remove (key: Buffer): void {
    this.#to.byte(REMOVE)
    this.#part(key)
  }

  #part (bytes: Buffer): void {
    this.#to.unsigned(bytes.length)
    this.#to.bytes(bytes)
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
  const from = new ByteReader(bytes)
  while (from.at < from.end) {
    const isPut = from.byte() === PUT
    const key = from.bytes(from.unsigned())
    if (isPut) target.put(key, from.bytes(from.unsigned()))
    else target.remove(key)
  }
}
