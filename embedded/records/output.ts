// The growing output of a block decompressor: literals and back references land in one buffer whose size has a bound.

export class BlockOutput {
  #buffer: Buffer
  #length = 0
  readonly #maxBytes: number

  constructor (sizeHint: number, maxBytes: number) {
    this.#maxBytes = maxBytes
    this.#buffer = Buffer.allocUnsafe(Math.min(Math.max(sizeHint, 64), maxBytes))
  }

  #reserve (bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    if (needed > this.#maxBytes) throw new RangeError(`more than ${this.#maxBytes} bytes`)
    const grown = Buffer.allocUnsafe(Math.min(Math.max(needed, this.#buffer.length * 2), this.#maxBytes))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }

  literal (source: Buffer, start: number, end: number): void {
    if (end > source.length) throw new RangeError('a literal ends behind the data')
    this.#reserve(end - start)
    source.copy(this.#buffer, this.#length, start, end)
    this.#length += end - start
  }

  /** Repeats `length` bytes from `distance` back. Source and target may overlap: that is how a run is written. */
  copy (distance: number, length: number): void {
    if (distance === 0 || distance > this.#length) throw new RangeError('a back reference points before the start')
    this.#reserve(length)
    const buffer = this.#buffer
    let to = this.#length
    if (distance >= length) buffer.copyWithin(to, to - distance, to - distance + length)
    else for (let from = to - distance, end = to + length; to < end;) buffer[to++] = buffer[from++]!
    this.#length += length
  }

  finish (): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }
}
