// The newest batches of all logs, in memory: a consumer that keeps up reads no file. One budget for all logs; the oldest batch goes first.

/** One batch as it lies at the end of a log. */
export interface CachedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly buffer: Buffer
}

/** The batches of one log that the cache still has: always an unbroken run up to the log's end. */
export class CachedTail {
  #batches: (CachedBatch | undefined)[] = []
  #head = 0

  push (batch: CachedBatch): void {
    this.#batches.push(batch)
  }

  /** Drops the oldest batch and gives its size in bytes, 0 where there is none (the tail was cleared before). */
  shift (): number {
    const batch = this.#batches[this.#head]
    if (batch === undefined) return 0
    // The slot goes later, with others; what it held goes now, or the cache would take twice its budget.
    this.#batches[this.#head++] = undefined
    if (this.#head > 64 && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
    return batch.buffer.length
  }

  /** Forgets everything, as a failed write or a truncation asks. */
  clear (): void {
    this.#batches = []
    this.#head = 0
  }

  /** The place of the batch that holds `offset` (or the first one after it), or undefined where the cache does not reach back so far. */
  find (offset: number): number | undefined {
    const first = this.#batches[this.#head]
    if (first === undefined || first.baseOffset > offset) return undefined
    let low = this.#head
    let high = this.#batches.length
    while (low < high) {
      const middle = low + high >>> 1
      if (this.#batches[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  at (place: number): CachedBatch | undefined {
    return this.#batches[place]
  }
}

export class TailCache {
  readonly #bytesMax: number
  #bytes = 0
  #order: { tail: CachedTail, generation: number, bytes: number }[] = []
  #head = 0
  readonly #generations = new WeakMap<CachedTail, number>()

  constructor (bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add (tail: CachedTail, batch: CachedBatch): void {
    // A slice of a much larger buffer would keep all of it alive.
    const buffer = batch.buffer.buffer.byteLength > batch.buffer.length * 2 + 16384 ? Buffer.from(batch.buffer) : batch.buffer
    tail.push({ baseOffset: batch.baseOffset, lastOffset: batch.lastOffset, buffer })
    this.#order.push({ tail, generation: this.#generations.get(tail) ?? 0, bytes: buffer.length })
    this.#bytes += buffer.length
    while (this.#bytes > this.#bytesMax) this.#evict()
  }

  clear (tail: CachedTail): void {
    tail.clear()
    this.#generations.set(tail, (this.#generations.get(tail) ?? 0) + 1)
  }

  #evict (): void {
    const oldest = this.#order[this.#head]
    if (oldest === undefined) return
    this.#head++
    this.#bytes -= oldest.bytes
    if ((this.#generations.get(oldest.tail) ?? 0) === oldest.generation) oldest.tail.shift()
    if (this.#head > 1024 && this.#head * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#head)
      this.#head = 0
    }
  }
}
