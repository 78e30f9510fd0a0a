// A local append-only log of visits that are answered but not yet in Kafka. A record is in the operating system's hands before its answer
// leaves, so that killing the process loses none.
//
// Segment files are named by the position of their first byte, 20 digits and .spool. A record in them:
//   length u32 | crc32 of payload u32 | payload
// Every opening begins a new segment, a wide gap behind the last: a position is never used twice, even where a power cut took a tail.
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { mkdir, open, readdir, stat, truncate } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'

export interface SpoolOptions {
  readonly directory: string
  /** Bytes on disk beyond which a record is refused. */
  readonly bytesMax: number
  readonly segmentBytes: number
  /** No new record takes a position below this: what the log is known to have. */
  readonly after?: number
}

/** The spool holds as much as it may, or the disk took nothing more. */
export class SpoolFull extends Error {
  readonly code = 'LINKLOG_SPOOL_FULL'
}

interface Segment { readonly base: number, readonly file: string, size: number }
interface Pending { readonly payload: Buffer, readonly resolve: () => void, readonly reject: (error: Error) => void }
export interface SpoolBatch { readonly payloads: readonly Buffer[], readonly next: number }

const headerBytes = 8
const payloadBytesMax = 1_048_576
const gap = 2 ** 32
const fileName = (base: number): string => `${String(base).padStart(20, '0')}.spool`

/** The payload of a whole record at an offset, or undefined where there is none. */
const recordAt = (bytes: Buffer, offset: number): Buffer | undefined => {
  if (offset + headerBytes > bytes.length) return undefined
  const length = bytes.readUInt32BE(offset)
  if (length === 0 || length > payloadBytesMax || offset + headerBytes + length > bytes.length) return undefined
  const payload = bytes.subarray(offset + headerBytes, offset + headerBytes + length)
  return crc32(payload) === bytes.readUInt32BE(offset + 4) ? payload : undefined
}

/** Where the whole records of a segment end: what lies behind is a torn write. */
const wholeBytes = async (file: string): Promise<number> => {
  const handle = await open(file, 'r')
  try {
    const bytes = await handle.readFile()
    let end = 0
    for (let offset = 0; offset + headerBytes <= bytes.length;) {
      const payload = recordAt(bytes, offset)
      if (payload === undefined) offset++
      else end = offset += headerBytes + payload.length
    }
    return end
  } finally {
    await handle.close()
  }
}

export class Spool {
  readonly #options: SpoolOptions
  readonly #segments: Segment[]
  #file: number
  #pending: Pending[] = []
  #flushing = false
  #closed = false
  #wake: (() => void) | undefined
  /** Bytes that were damaged on disk and passed over. */
  damagedBytes = 0

  private constructor (options: SpoolOptions, segments: Segment[], file: number) {
    this.#options = options
    this.#segments = segments
    this.#file = file
  }

  /** Opens the folder, cuts a torn tail and begins a new segment. */
  static async open (options: SpoolOptions): Promise<Spool> {
    await mkdir(options.directory, { recursive: true })
    const segments: Segment[] = []
    for (const name of (await readdir(options.directory)).filter(name => /^\d{20}\.spool$/.test(name)).sort()) {
      const file = path.join(options.directory, name)
      segments.push({ base: Number(name.slice(0, 20)), file, size: (await stat(file)).size })
    }
    const last = segments.at(-1)
    if (last !== undefined) {
      last.size = await wholeBytes(last.file)
      await truncate(last.file, last.size)
    }
    const base = Math.max(last === undefined ? 0 : last.base + last.size, options.after ?? 0) + gap
    const fresh = { base, file: path.join(options.directory, fileName(base)), size: 0 }
    const file = openSync(fresh.file, 'ax')
    for (const { file, size } of segments) if (size === 0) unlinkSync(file)
    return new Spool(options, [...segments.filter(({ size }) => size > 0), fresh], file)
  }

  /** Bytes on disk. */
  get bytes (): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0)
  }

  /**
   * Resolves once the record is written; those of one turn of the event loop are written together.
   * @throws SpoolFull where it does not fit any more, or the disk does not take it.
   */
  async append (payload: Buffer): Promise<void> {
    if (this.#closed) throw new SpoolFull('the spool is closed')
    await new Promise<void>((resolve, reject) => {
      this.#pending.push({ payload, resolve, reject })
      if (this.#flushing) return
      this.#flushing = true
      setImmediate(() => this.#flush())
    })
  }

  #flush (): void {
    this.#flushing = false
    const pending = this.#pending
    this.#pending = []
    if (pending.length === 0) return
    const frames: Buffer[] = []
    for (const { payload } of pending) {
      const header = Buffer.allocUnsafe(headerBytes)
      header.writeUInt32BE(payload.length, 0)
      header.writeUInt32BE(crc32(payload), 4)
      frames.push(header, payload)
    }
    try {
      this.#write(Buffer.concat(frames))
    } catch (error) {
      const full = error instanceof SpoolFull ? error : new SpoolFull(`the spool could not be written: ${(error as Error).message}`, { cause: error })
      for (const { reject } of pending) reject(full)
      return
    }
    for (const { resolve } of pending) resolve()
    this.#wake?.()
  }

  #write (bytes: Buffer): void {
    if (this.bytes + bytes.length > this.#options.bytesMax) throw new SpoolFull(`the spool holds ${this.bytes} of ${this.#options.bytesMax} bytes`)
    let segment = this.#segments.at(-1) as Segment
    if (segment.size > 0 && segment.size + bytes.length > this.#options.segmentBytes) segment = this.#roll(segment)
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written)
    } catch (error) {
      ftruncateSync(this.#file, segment.size) // half a record must not stand before the next
      throw error
    }
    segment.size += bytes.length
  }

  #roll (full: Segment): Segment {
    const base = full.base + full.size
    const fresh = { base, file: path.join(this.#options.directory, fileName(base)), size: 0 }
    const file = openSync(fresh.file, 'ax')
    closeSync(this.#file)
    this.#file = file
    this.#segments.push(fresh)
    return fresh
  }

  /**
   * The records from a position on, as many whole ones as fit the bytes (always one), within one segment.
   * Damaged bytes are passed over and counted. `next` is where to go on, and equals the position where there is nothing new.
   */
  read (position: number, bytesMax: number): SpoolBatch {
    const segment = this.#segments.find(({ base, size }) => base + size > position)
    if (segment === undefined) return { payloads: [], next: position }
    const from = Math.max(position, segment.base)
    const bytes = this.#bytesOf(segment, from - segment.base, Math.max(bytesMax, headerBytes + payloadBytesMax))
    const whole = from - segment.base + bytes.length === segment.size
    const payloads: Buffer[] = []
    let offset = 0
    for (let gone = 0; offset < bytes.length && gone < bytesMax; gone = offset) {
      const payload = recordAt(bytes, offset)
      if (payload !== undefined) {
        payloads.push(payload)
        offset += headerBytes + payload.length
      } else if (whole || bytes.length - offset > headerBytes + payloadBytesMax) {
        this.damagedBytes++
        offset++
      } else break
    }
    return { payloads, next: from + offset }
  }

  #bytesOf (segment: Segment, offset: number, bytesMax: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(bytesMax, segment.size - offset))
    const file = openSync(segment.file, 'r')
    try {
      let filled = 0
      while (filled < bytes.length) {
        const count = readSync(file, bytes, filled, bytes.length - filled, offset + filled)
        if (count === 0) break
        filled += count
      }
      return bytes.subarray(0, filled)
    } finally {
      closeSync(file)
    }
  }

  /** Resolves at the next write, or when the signal aborts. */
  async written (signal: AbortSignal): Promise<void> {
    await new Promise<void>(resolve => {
      const done = () => {
        this.#wake = undefined
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#wake = done
      if (signal.aborted) done()
      else signal.addEventListener('abort', done)
    })
  }

  /** Deletes the segments that lie wholly before a position: the log has them. */
  release (position: number): void {
    while (this.#segments.length > 1) {
      const first = this.#segments[0] as Segment
      if (first.base + first.size > position) return
      unlinkSync(first.file)
      this.#segments.shift()
    }
  }

  /** Writes what is pending and closes the file. */
  close (): void {
    if (this.#closed) return
    this.#flush()
    this.#closed = true
    closeSync(this.#file)
  }
}
