// The spool's end that redirects write to: visits that are answered but not yet in Kafka. A record is in the operating system's hands before
// its answer leaves, so that killing the process loses none; those of one turn of the event loop are written by one call.
//
// Every opening begins a new segment, a wide gap behind the last: a position is never used twice, even where a power cut took a tail.
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, truncateSync, unlinkSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { headerBytes, payloadBytesMax, segmentFile, segmentsIn, wholeBytes, type Segment } from './segments.js'
import { SpoolState } from './spool-state.js'

export interface SpoolOptions {
  readonly directory: string
  /** Bytes on disk beyond which a record is refused. */
  readonly bytesMax: number
  readonly segmentBytes: number
  /** No new record takes a position below this: what the log is known to have. */
  readonly after?: number
  /** The clock that all threads share, unless a test has another. */
  readonly clock?: () => number
  /** How bytes reach the file; the system's own call, unless a test has another. */
  readonly write?: (file: number, bytes: Buffer, offset: number, length: number) => number
}

const gap = 2 ** 32
const groupBytes = 262_144

export class SpoolWriter {
  readonly state: SpoolState
  readonly #options: SpoolOptions
  readonly #write: NonNullable<SpoolOptions['write']>
  /** The records of this turn, as they will lie on disk. */
  readonly buffer = Buffer.allocUnsafeSlow(groupBytes)
  #groupBytes = 0
  #groupRecords = 0
  #segment: Segment
  #file: number
  #closed = false
  /** Bytes written since opening, and those that were there. */
  #bytesWritten: number
  recorded = 0
  /** Records that the spool had no room for, or the disk did not take. */
  dropped = 0
  /** Why the last one was dropped. */
  lastFault: Error | undefined

  private constructor (options: SpoolOptions, segment: Segment, bytesThere: number) {
    this.#options = options
    this.state = new SpoolState(undefined, options.clock)
    this.#write = options.write ?? writeSync
    this.#segment = segment
    this.#bytesWritten = bytesThere
    this.#file = openSync(segment.file, 'ax')
    this.state.setEnd(segment.base)
  }

  /** Opens the folder, cuts a torn tail and begins a new segment. */
  static open (options: SpoolOptions): SpoolWriter {
    const { directory, after = 0 } = options
    mkdirSync(directory, { recursive: true })
    const segments = segmentsIn(directory)
    const last = segments.at(-1)
    if (last !== undefined) {
      last.size = wholeBytes(readFileSync(last.file))
      truncateSync(last.file, last.size)
    }
    const base = Math.max(last === undefined ? 0 : last.base + last.size, after) + gap
    for (const { file, size } of segments) if (size === 0) unlinkSync(file)
    const bytesThere = segments.reduce((sum, { size }) => sum + size, 0)
    return new SpoolWriter(options, { base, file: segmentFile(directory, base), size: 0 }, bytesThere)
  }

  /** Bytes on disk, with those of this turn. */
  get bytes (): number {
    return this.#bytesWritten + this.#groupBytes - this.state.get('releasedBytes')
  }

  /**
   * Makes room for a record of at most so many bytes in `buffer`, and says at which offset it begins. `commit` must follow, and then, in the same
   * turn of the event loop, `flush`.
   * @returns -1 where there is no room: the record is counted as dropped.
   */
  reserve (bytesMax: number): number {
    if (this.#closed || bytesMax > payloadBytesMax || this.bytes + headerBytes + bytesMax > this.#options.bytesMax) {
      this.#drop(1, new Error(this.#closed ? 'the spool is closed' : `the spool holds ${this.bytes} of ${this.#options.bytesMax} bytes`))
      return -1
    }
    if (this.#groupBytes + headerBytes + bytesMax > groupBytes) this.flush()
    return this.#groupBytes + headerBytes
  }

  /** The reserved record ends at this offset of `buffer`. */
  commit (end: number): void {
    const start = this.#groupBytes + headerBytes
    this.buffer.writeUInt32BE(end - start, this.#groupBytes)
    this.buffer.writeUInt32BE(crc32(this.buffer.subarray(start, end)), this.#groupBytes + 4)
    this.#groupBytes = end
    this.#groupRecords++
  }

  /** Hands what was committed to the operating system. What it does not take is counted as dropped; nothing is thrown. */
  flush (): void {
    const length = this.#groupBytes
    if (length === 0) return
    const records = this.#groupRecords
    this.#groupBytes = this.#groupRecords = 0
    try {
      if (this.#segment.size > 0 && this.#segment.size + length > this.#options.segmentBytes) this.#roll()
      for (let written = 0; written < length;) written += this.#write(this.#file, this.buffer, written, length - written)
    } catch (error) {
      this.#cut()
      this.#drop(records, error as Error)
      return
    }
    this.#segment.size += length
    this.#bytesWritten += length
    this.recorded += records
    this.state.setEnd(this.#segment.base + this.#segment.size)
    if (this.#isHalfFull) this.release()
  }

  get #isHalfFull (): boolean {
    return this.bytes * 2 > this.#options.bytesMax
  }

  /** Keeps the shipper from beginning a transaction for so long; not where the spool is half full, or as soon as it is. */
  hold (ms: number): void {
    if (!this.#isHalfFull) this.state.hold(ms)
  }

  /** Lets the shipper go on. */
  release (): void {
    this.state.hold(0)
  }

  #drop (records: number, fault: Error): void {
    this.dropped += records
    this.lastFault = fault
  }

  /** Half a record must not stand before the next. */
  #cut (): void {
    try {
      ftruncateSync(this.#file, this.#segment.size)
    } catch {} // whoever reads passes over what is no record
  }

  #roll (): void {
    const base = this.#segment.base + this.#segment.size
    const fresh = { base, file: segmentFile(this.#options.directory, base), size: 0 }
    const file = openSync(fresh.file, 'ax')
    closeSync(this.#file)
    this.#file = file
    this.#segment = fresh
  }

  /** Begins a new segment where this one is shipped whole, so that what visitors' browsers said does not lie there for longer than it is needed. */
  rollShipped (): void {
    if (this.#closed || this.#segment.size === 0 || this.state.get('shipped') < this.state.get('end')) return
    try {
      this.#roll()
    } catch (error) {
      this.lastFault = error as Error
    }
  }

  /** Writes what is pending and closes the file. */
  close (): void {
    if (this.#closed) return
    this.flush()
    this.#closed = true
    closeSync(this.#file)
  }
}
