// The spool's end that is shipped from: whole records from a position on, up to where the writer says that it has written.
import { closeSync, openSync, readSync, unlinkSync } from 'node:fs'
import { headerBytes, payloadBytesMax, recordAt, segmentsIn, type Segment } from './segments.js'
import type { SpoolState } from './spool-state.js'

export interface SpooledRecord {
  /** Of its first byte: no other record of this gateway ever has the same. */
  readonly position: number
  readonly payload: Buffer
}

export interface SpoolBatch {
  readonly records: readonly SpooledRecord[]
  /** Where to go on; the position itself where there is nothing new. */
  readonly next: number
  /** Bytes that are no record and were passed over. */
  readonly damagedBytes: number
}

export class SpoolReader {
  readonly #directory: string
  readonly #state: SpoolState
  #segments: Segment[]
  #open: { readonly file: string, readonly descriptor: number } | undefined

  constructor (directory: string, state: SpoolState) {
    this.#directory = directory
    this.#state = state
    this.#segments = segmentsIn(directory)
  }

  /**
   * The records from a position on, as many whole ones as fit the bytes (always one), within one segment.
   */
  read (position: number, bytesMax: number): SpoolBatch {
    const end = this.#state.get('end')
    const segment = position < end ? this.#holding(position) : undefined
    if (segment === undefined) return { records: [], next: position, damagedBytes: 0 }
    const from = Math.max(position, segment.base)
    const stop = Math.min(segment.base + segment.size, end)
    const bytes = this.#bytesOf(segment, from - segment.base, Math.min(stop - from, Math.max(bytesMax, headerBytes + payloadBytesMax)))
    const whole = from + bytes.length === stop
    const records: SpooledRecord[] = []
    let [offset, damagedBytes] = [0, 0]
    while (offset < bytes.length && offset < bytesMax) {
      const payload = recordAt(bytes, offset)
      if (payload !== undefined) {
        records.push({ position: from + offset, payload })
        offset += headerBytes + payload.length
      } else if (whole || bytes.length - offset > headerBytes + payloadBytesMax) {
        damagedBytes++
        offset++
      } else break
    }
    return { records, next: from + offset, damagedBytes }
  }

  /** The first segment with bytes behind the position. The list is read again where it may have grown. */
  #holding (position: number): Segment | undefined {
    const known = this.#segments.find(({ base, size }) => base + size > position)
    if (known !== undefined && known !== this.#segments.at(-1)) return known
    this.#segments = segmentsIn(this.#directory)
    return this.#segments.find(({ base, size }) => base + size > position)
  }

  #bytesOf (segment: Segment, offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    const descriptor = this.#descriptorOf(segment.file)
    let filled = 0
    while (filled < length) {
      const count = readSync(descriptor, bytes, filled, length - filled, offset + filled)
      if (count === 0) break
      filled += count
    }
    return bytes.subarray(0, filled)
  }

  #descriptorOf (file: string): number {
    if (this.#open?.file === file) return this.#open.descriptor
    this.close()
    const descriptor = openSync(file, 'r')
    this.#open = { file, descriptor }
    return descriptor
  }

  /** Deletes the segments that lie wholly before a position: the log has them. The last is the writer's. */
  release (position: number): void {
    if (this.#segments.length <= 1) this.#segments = segmentsIn(this.#directory)
    while (this.#segments.length > 1) {
      const first = this.#segments[0] as Segment
      if (first.base + first.size > position) return
      if (this.#open?.file === first.file) this.close()
      unlinkSync(first.file)
      this.#segments.shift()
      this.#state.add('releasedBytes', first.size)
    }
  }

  close (): void {
    if (this.#open !== undefined) closeSync(this.#open.descriptor)
    this.#open = undefined
  }
}
