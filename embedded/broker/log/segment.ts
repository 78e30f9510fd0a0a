// One segment: a run of batches in one file, with its two sparse indexes beside it (org.apache.kafka.storage.internals.log.LogSegment).
import { existsSync, readFileSync } from 'node:fs'
import { appendFile, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { BATCH_HEADER_BYTES, BatchView, LOG_OVERHEAD_BYTES } from '../../records/batch.js'
import { closeFile, openFile, readAt, syncFile, truncateFile, writeAllAt } from './file-io.js'
import { OffsetIndex, TimeIndex } from './segment-index.js'

/** Read beyond what was asked, because the index points at most this much before the batch that is wanted. */
const SEEK_BYTES = 8192
const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12

export interface Indexes { readonly offsets: OffsetIndex, readonly times: TimeIndex }

/** Name of a segment's file: its base offset in twenty digits. */
export function segmentFile (baseOffset: number, suffix: string): string {
  return `${String(baseOffset).padStart(20, '0')}${suffix}`
}

/** Indexes of sealed segments are read from their files when asked for; the last few used stay. */
export class IndexCache {
  readonly #max: number
  readonly #indexes = new Map<Segment, Indexes>()

  constructor (max: number) {
    this.#max = max
  }

  get (segment: Segment, load: () => Indexes): Indexes {
    const indexes = this.#indexes.get(segment) ?? load()
    this.#indexes.delete(segment)
    this.#indexes.set(segment, indexes)
    for (const oldest of this.#indexes.keys()) {
      if (this.#indexes.size <= this.#max) break
      this.#indexes.delete(oldest)
    }
    return indexes
  }

  delete (segment: Segment): void {
    this.#indexes.delete(segment)
  }
}

export class Segment {
  readonly baseOffset: number
  readonly dir: string
  readonly #cache: IndexCache
  #fd: number
  /** Bytes that readers may see. */
  size = 0
  maxTimestamp = -1
  maxTimestampOffset: number
  /** Timestamp of the first batch, undefined while empty: what segment.ms counts from. */
  firstTimestamp: number | undefined
  /** Held while the segment is the active one; a sealed segment's come from the cache. */
  #active: Indexes | undefined
  #indexed = 0
  #flushedOffsets = 0
  #flushedTimes = 0
  #readers = 0
  #whenIdle: (() => void) | undefined

  private constructor (dir: string, baseOffset: number, fd: number, cache: IndexCache) {
    this.dir = dir
    this.baseOffset = baseOffset
    this.maxTimestampOffset = baseOffset
    this.#fd = fd
    this.#cache = cache
  }

  /** Opens a segment's file, making it where it is not there. `size` is then the file's. */
  static async open (dir: string, baseOffset: number, cache: IndexCache): Promise<Segment> {
    const path = join(dir, segmentFile(baseOffset, '.log'))
    const segment = new Segment(dir, baseOffset, await openFile(path, 'a+'), cache)
    // "a+" would ignore positions on write: it only makes the file.
    await closeFile(segment.#fd)
    segment.#fd = await openFile(path, 'r+')
    segment.size = (await stat(path)).size
    return segment
  }

  path (suffix: string): string {
    return join(this.dir, segmentFile(this.baseOffset, suffix))
  }

  get isActive (): boolean { return this.#active !== undefined }

  #load (): Indexes {
    return {
      offsets: new OffsetIndex(this.baseOffset, readOrEmpty(this.path('.index'))),
      times: new TimeIndex(this.baseOffset, readOrEmpty(this.path('.timeindex')))
    }
  }

  indexes (): Indexes {
    return this.#active ?? this.#cache.get(this, () => this.#load())
  }

  /** Takes the indexes into memory for appending, as far as they reach: to `size` and before `endOffset`. */
  activate (endOffset: number): void {
    const indexes = this.#load()
    indexes.offsets.truncate(this.size)
    indexes.times.truncate(endOffset)
    this.#active = indexes
    this.#flushedOffsets = indexes.offsets.count
    this.#flushedTimes = indexes.times.count
    this.#indexed = this.size
    this.#cache.delete(this)
  }

  /** Notes a batch that lies at `position`, and indexes it once enough bytes have gone by. */
  note (view: BatchView, position: number, indexIntervalBytes: number): void {
    const { maxTimestamp, lastOffset } = view
    if (position - this.#indexed >= indexIntervalBytes) {
      this.#active!.offsets.append(view.lastOffset, position)
      if (this.maxTimestamp >= 0) this.#active!.times.append(this.maxTimestamp, this.maxTimestampOffset)
      this.#indexed = position
    }
    this.firstTimestamp ??= view.firstTimestamp
    if (maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = maxTimestamp
      this.maxTimestampOffset = lastOffset
    }
  }

  async write (buffers: readonly Buffer[], position: number): Promise<void> {
    await writeAllAt(this.#fd, buffers, position)
  }

  async sync (): Promise<void> {
    await syncFile(this.#fd)
  }

  async truncate (size: number): Promise<void> {
    await truncateFile(this.#fd, size)
    this.size = size
  }

  /** Brings the indexes' new entries to their files. */
  async flushIndexes (): Promise<void> {
    const indexes = this.#active
    if (indexes === undefined) return
    const { offsets, times } = indexes
    // Cut first: behind the entries that count may lie others of before a crash.
    await putBehind(this.path('.index'), this.#flushedOffsets * OFFSET_ENTRY_BYTES, offsets.bytes(this.#flushedOffsets))
    await putBehind(this.path('.timeindex'), this.#flushedTimes * TIME_ENTRY_BYTES, times.bytes(this.#flushedTimes))
    this.#flushedOffsets = offsets.count
    this.#flushedTimes = times.count
  }

  /** Ends appending: the last time index entry, everything to disk. */
  async seal (): Promise<void> {
    if (this.maxTimestamp >= 0) this.#active?.times.append(this.maxTimestamp, this.maxTimestampOffset)
    await this.flushIndexes()
    await this.sync()
    this.#active = undefined
  }

  hasIndexFiles (): boolean {
    return existsSync(this.path('.index')) && existsSync(this.path('.timeindex'))
  }

  /** Learns a sealed segment's largest timestamp from its time index. */
  readMaxTimestamp (): void {
    const { times } = this.indexes()
    if (times.maxTimestamp >= 0) this.maxTimestamp = times.maxTimestamp
  }

  /**
   * Whole batches from the one that holds `offset` (or the first behind it) on, below `limitOffset`: at most `maxBytes`, but at least one.
   * `end` is how far the segment may be read.
   */
  async readBatches (offset: number, maxBytes: number, limitOffset: number): Promise<Buffer> {
    this.#readers++
    try {
      let position = this.indexes().offsets.lookup(offset)
      const end = this.size
      let want = Math.min(maxBytes, 64 * 1024 * 1024) + SEEK_BYTES
      while (position < end) {
        const chunk = await readAt(this.#fd, position, Math.min(want, end - position))
        const found = wholeBatches(chunk, offset, maxBytes, limitOffset)
        if (found.batches !== undefined) return found.batches
        if (found.done || found.skipped + found.missing >= end - position + 1) break
        position += found.skipped
        want = Math.max(maxBytes + SEEK_BYTES, found.missing)
      }
      return EMPTY
    } finally {
      this.#readers--
      if (this.#readers === 0) this.#whenIdle?.()
    }
  }

  /** All batches from `position` on, in chunks of about a mebibyte. Ends silently at the first that is not whole. */
  async * scan (position = 0, end = this.size): AsyncGenerator<{ view: BatchView, position: number }, number, undefined> {
    let want = 1024 * 1024
    while (end - position >= BATCH_HEADER_BYTES) {
      const chunk = await readAt(this.#fd, position, Math.min(want, end - position))
      let at = 0
      while (chunk.length - at >= BATCH_HEADER_BYTES) {
        const size = chunk.readInt32BE(at + 8) + LOG_OVERHEAD_BYTES
        if (size < BATCH_HEADER_BYTES || chunk[at + 16] !== 2) return position + at
        if (at + size > chunk.length) break
        yield { view: new BatchView(chunk.subarray(at, at + size)), position: position + at }
        at += size
      }
      if (at === 0) {
        const size = chunk.readInt32BE(8) + LOG_OVERHEAD_BYTES
        if (size > end - position) return position
        want = size
      } else want = 1024 * 1024
      position += at
    }
    return position
  }

  /** Closes the file once nobody reads it. */
  async close (): Promise<void> {
    if (this.#readers > 0) await new Promise<void>(resolve => { this.#whenIdle = resolve })
    this.#cache.delete(this)
    this.#active = undefined
    await closeFile(this.#fd)
  }

  /** Closes and removes the segment and what belongs to it. */
  async remove (): Promise<void> {
    await this.close()
    for (const suffix of ['.log', '.index', '.timeindex', '.txnindex', '.producers']) await rm(this.path(suffix), { force: true })
  }
}

const EMPTY = Buffer.alloc(0)

interface Found {
  readonly batches?: Buffer
  /** Nothing below the limit can follow. */
  readonly done?: boolean
  readonly skipped: number
  /** Bytes that must be read from behind `skipped` to make progress. */
  readonly missing: number
}

function wholeBatches (chunk: Buffer, offset: number, maxBytes: number, limitOffset: number): Found {
  let start = -1
  let at = 0
  while (chunk.length - at >= BATCH_HEADER_BYTES) {
    const size = chunk.readInt32BE(at + 8) + LOG_OVERHEAD_BYTES
    const base = chunk.readInt32BE(at) * 4294967296 + chunk.readUInt32BE(at + 4)
    if (base >= limitOffset) return start === -1 ? { done: true, skipped: at, missing: 0 } : { batches: chunk.subarray(start, at), skipped: at, missing: 0 }
    if (start === -1 && base + chunk.readInt32BE(at + 23) >= offset) start = at
    if (start !== -1 && at > start && at + size - start > maxBytes) break
    if (at + size > chunk.length) {
      if (start === at || start === -1) return { skipped: at, missing: size }
      break
    }
    at += size
  }
  if (start !== -1 && at > start) return { batches: chunk.subarray(start, at), skipped: at, missing: 0 }
  return { skipped: at, missing: BATCH_HEADER_BYTES }
}

function readOrEmpty (path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return EMPTY
  }
}

async function putBehind (path: string, size: number, bytes: Buffer): Promise<void> {
  try {
    await truncate(path, size)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  await appendFile(path, bytes)
}
