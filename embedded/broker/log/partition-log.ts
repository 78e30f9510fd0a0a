// One partition's log: segments, an appender that writes everything waiting in one go, reads that see only what is written.
import { LogError, type AppendResult, type PartitionLog, type ReadResult } from '../../log.js'
import { iterateBatches } from '../../records/batch.js'
import { AppendQueue, type Pending } from './append-queue.js'
import { writeCheckpoint } from './checkpoint.js'
import type { LogConfig } from './log-config.js'
import type { AbortedTxn, Origin, ProducerState } from './producer-state.js'
import { recoverLog } from './recovery.js'
import { Segment, type IndexCache } from './segment.js'
import { CachedTail, type TailCache } from './tail-cache.js'
import { findByTimestamp, type TimedOffset } from './time-search.js'
import { appendTxnIndex } from './txn-index.js'
import { validateBatch } from './validate.js'

/** What all logs of a broker share. */
export interface LogEnvironment {
  readonly clock: () => number
  readonly warn: (message: string) => void
  readonly tailCache: TailCache
  readonly indexCache: IndexCache
  /** Whether an append waits for the disk. */
  readonly fsyncAlways: boolean
  /** Told when a log has bytes that are not on disk yet. */
  readonly onDirty: (log: DiskLog) => void
}

const CHECKPOINT_BYTES = 64 * 1024 * 1024
const SEGMENT_BYTES_LIMIT = 0x7fffffff
const OFFSETS_PER_SEGMENT_MAX = 0x7fffffff

interface Placed { readonly pending: Pending, readonly baseOffset: number }

/** What a fetch gets: batches as a list of buffers, so that nothing is copied on the way to a socket. */
export interface Chunks {
  readonly chunks: readonly Buffer[]
  readonly bytes: number
}

const NOTHING: Chunks = { chunks: [], bytes: 0 }

export type Isolation = 'read_uncommitted' | 'read_committed'

export class DiskLog implements PartitionLog {
  readonly topic: string
  readonly partition: number
  readonly dir: string
  readonly #environment: LogEnvironment
  readonly #config: () => LogConfig
  readonly #tail = new CachedTail()
  readonly #listeners = new Set<() => void>()
  #segments: Segment[]
  readonly #producers: ProducerState
  #endOffset: number
  #stableOffset: number
  #startOffset: number
  readonly #queue = new AppendQueue(async group => await this.#append(group))
  #failed: Error | undefined
  #closed = false
  #dirty = false
  #checkpointedBytes = 0
  #checkpointedOffset: number
  #exclusive: Promise<void> = Promise.resolve()
  /** Bytes ever appended here by this process: a long poll counts from it. */
  appendedBytes = 0

  private constructor (
    place: { topic: string, partition: number, dir: string }, config: () => LogConfig, environment: LogEnvironment,
    state: { segments: Segment[], producers: ProducerState, endOffset: number, checkpointedOffset: number }, startOffset: number
  ) {
    this.topic = place.topic
    this.partition = place.partition
    this.dir = place.dir
    this.#config = config
    this.#environment = environment
    this.#segments = state.segments
    this.#producers = state.producers
    this.#endOffset = Math.max(state.endOffset, startOffset)
    this.#checkpointedOffset = state.checkpointedOffset
    this.#startOffset = Math.max(startOffset, state.segments[0]!.baseOffset)
    this.#stableOffset = state.producers.firstOpenOffset ?? this.#endOffset
  }

  /** `startOffset` is where deleted records end, as kept elsewhere; 0 where nothing was ever deleted. */
  static async open (
    place: { topic: string, partition: number, dir: string }, config: () => LogConfig, environment: LogEnvironment, startOffset = 0
  ): Promise<DiskLog> {
    const recovered = await recoverLog(place.dir, config(), environment.indexCache, environment.clock())
    if (recovered.cutBytes > 0) {
      environment.warn(`${place.topic}-${place.partition}: cut ${recovered.cutBytes} bytes of an unfinished write behind offset ${recovered.endOffset}`)
    }
    return new DiskLog(place, config, environment, recovered, startOffset)
  }

  get logStartOffset (): number { return this.#startOffset }
  get logEndOffset (): number { return this.#endOffset }
  get lastStableOffset (): number { return this.#stableOffset }
  get isClosed (): boolean { return this.#closed }
  get config (): LogConfig { return this.#config() }
  get segments (): readonly Segment[] { return this.#segments }
  get producers (): ProducerState { return this.#producers }
  get sizeBytes (): number { return this.#segments.reduce((sum, segment) => sum + segment.size, 0) }

  async append (batch: Buffer): Promise<AppendResult> {
    return await this.appendBatch(batch, 'client')
  }

  /** As `append`, and the coordinator's markers too. The batch's buffer belongs to the log from here on: offset and epoch are set in it. */
  appendBatch (batch: Buffer, origin: Origin): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new LogError('NOT_LEADER_OR_FOLLOWER', `The log of ${this.topic}-${this.partition} is closed`)
      if (this.#failed !== undefined) throw this.#failed
      const view = validateBatch(batch, this.#config(), this.#environment.clock(), origin)
      this.#queue.push({ view, origin, resolve, reject })
    })
  }

  async #append (group: readonly Pending[]): Promise<void> {
    await this.exclusively(async () => {
      try {
        await this.#write(group)
      } catch (error) {
        this.#environment.warn(`${this.topic}-${this.partition}: append failed: ${String(error)}`)
        for (const { reject } of group) reject(error instanceof LogError ? error : new LogError('KAFKA_STORAGE_ERROR', String(error)))
      }
    })
  }

  /** Runs what changes segments one after the other: appends, rolls, retention, compaction's swap. */
  async exclusively<T> (work: () => Promise<T>): Promise<T> {
    const before = this.#exclusive
    let done = (): void => {}
    this.#exclusive = new Promise<void>(resolve => { done = resolve })
    await before
    try {
      return await work()
    } finally {
      done()
    }
  }

  async #write (group: readonly Pending[]): Promise<void> {
    const config = this.#config()
    const bytes = group.reduce((sum, { view }) => sum + view.size, 0)
    await this.#rollIfNeeded(config, bytes, group[0]!.view.maxTimestamp)
    const update = this.#producers.begin()
    const placed: Placed[] = []
    const repeats: Placed[] = []
    let offset = this.#endOffset
    for (const pending of group) {
      const { view, origin, reject } = pending
      const first = origin === 'client' && view.producerId >= 0 ? update.duplicateOf(view) : undefined
      if (first !== undefined) {
        repeats.push({ pending, baseOffset: first })
        continue
      }
      try {
        update.add(view, offset, origin, this.#environment.clock())
      } catch (error) {
        reject(error as Error)
        continue
      }
      view.assign(offset, 0)
      placed.push({ pending, baseOffset: offset })
      offset += view.lastOffsetDelta + 1
    }
    if (placed.length > 0) {
      await this.#persist(placed)
      this.#commit(placed, update, offset, config)
    }
    for (const { pending, baseOffset } of repeats) pending.resolve({ baseOffset, duplicate: true })
    for (const { pending, baseOffset } of placed) pending.resolve({ baseOffset, duplicate: false })
    if (placed.length > 0) this.#notify()
    await this.#checkpointIfDue()
  }

  async #persist (placed: readonly Placed[]): Promise<void> {
    const active = this.#segments.at(-1)!
    const { size } = active
    try {
      await active.write(placed.map(({ pending }) => pending.view.buffer), size)
      if (this.#environment.fsyncAlways) await active.sync()
    } catch (error) {
      await this.#giveUpTail(active, size, error)
      throw new LogError('KAFKA_STORAGE_ERROR', `Writing ${this.topic}-${this.partition} failed: ${String(error)}`)
    }
  }

  /** After a failed write: what may have got to the file goes again. A log that cannot do even that takes no more. */
  async #giveUpTail (active: Segment, size: number, cause: unknown): Promise<void> {
    try {
      await active.truncate(size)
    } catch (error) {
      this.#failed = new LogError('KAFKA_STORAGE_ERROR', `${this.topic}-${this.partition} is closed for writing after: ${String(cause)}; ${String(error)}`)
    }
  }

  #commit (placed: readonly Placed[], update: ReturnType<ProducerState['begin']>, endOffset: number, config: LogConfig): void {
    const active = this.#segments.at(-1)!
    for (const { pending: { view }, baseOffset } of placed) {
      active.note(view, active.size, config.indexIntervalBytes)
      active.size += view.size
      this.appendedBytes += view.size
      this.#checkpointedBytes += view.size
      this.#environment.tailCache.add(this.#tail, { baseOffset, lastOffset: view.lastOffset, buffer: view.buffer })
    }
    this.#endOffset = endOffset
    const aborted = this.#producers.apply(update, open => open ?? endOffset)
    this.#stableOffset = this.#producers.firstOpenOffset ?? endOffset
    if (aborted.length > 0) appendTxnIndex(active.path('.txnindex'), aborted).catch((error: unknown) => this.#environment.warn(String(error)))
    if (!this.#environment.fsyncAlways && !this.#dirty) {
      this.#dirty = true
      this.#environment.onDirty(this)
    }
  }

  async #rollIfNeeded (config: LogConfig, bytes: number, timestamp: number): Promise<void> {
    const active = this.#segments.at(-1)!
    if (active.size === 0) return
    const tooBig = active.size + bytes > Math.min(config.segmentBytes, SEGMENT_BYTES_LIMIT)
    // what must be compacted in time must not wait in the active segment (UnifiedLog.maybeRoll, LogConfig.maxSegmentMs)
    const segmentMs = config.compacts ? Math.min(config.segmentMs, config.maxCompactionLagMs) : config.segmentMs
    const tooOld = active.firstTimestamp !== undefined && timestamp - active.firstTimestamp > segmentMs
    const tooFar = this.#endOffset - active.baseOffset > OFFSETS_PER_SEGMENT_MAX - 1_000_000
    if (tooBig || tooOld || tooFar) await this.roll()
  }

  /** Seals the active segment and begins another. The old one and the checkpoint are on disk before the new file exists. Call within `exclusively`. */
  async roll (): Promise<void> {
    const active = this.#segments.at(-1)!
    if (active.size === 0) return
    await active.seal()
    await this.#checkpoint(this.#endOffset, 0)
    const next = await Segment.open(this.dir, this.#endOffset, this.#environment.indexCache)
    if (next.size > 0) await next.truncate(0)
    next.activate(this.#endOffset)
    this.#segments = [...this.#segments, next]
  }

  async #checkpointIfDue (): Promise<void> {
    if (this.#checkpointedBytes >= CHECKPOINT_BYTES) await this.#checkpointActive()
  }

  async #checkpointActive (): Promise<void> {
    const active = this.#segments.at(-1)!
    await active.flushIndexes()
    await active.sync()
    await this.#checkpoint(active.baseOffset, active.size)
  }

  async #checkpoint (segment: number, position: number): Promise<void> {
    const active = this.#segments.at(-1)!
    const sameSegment = active.baseOffset === segment
    await writeCheckpoint(this.dir, {
      offset: this.#endOffset,
      segment,
      position,
      maxTimestamp: sameSegment ? active.maxTimestamp : -1,
      maxTimestampOffset: sameSegment ? active.maxTimestampOffset : segment,
      firstTimestamp: sameSegment ? active.firstTimestamp : undefined,
      producers: [...this.#producers.entries.values()],
      aborted: this.#producers.aborted
    })
    this.#checkpointedBytes = 0
    this.#checkpointedOffset = this.#endOffset
  }

  /** Brings everything acknowledged to the disk. */
  async flush (): Promise<void> {
    this.#dirty = false
    if (!this.#closed) await this.#segments.at(-1)!.sync()
  }

  #notify (): void {
    for (const listener of this.#listeners) listener()
  }

  get isFollowed (): boolean { return this.#listeners.size > 0 }

  onAppend (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** Bytes as a fetch sends them. Throws LogError OFFSET_OUT_OF_RANGE. With `any` false it only checks the offset. */
  async readChunks (offset: number, maxBytes: number, isolation: Isolation, any = true): Promise<Chunks> {
    if (offset < this.#startOffset || offset > this.#endOffset) {
      throw new LogError('OFFSET_OUT_OF_RANGE',
        `Offset ${offset} of ${this.topic}-${this.partition} is not between ${this.#startOffset} and ${this.#endOffset}`)
    }
    const limit = isolation === 'read_committed' ? this.#stableOffset : this.#endOffset
    if (offset >= limit || !any) return NOTHING
    return this.#readCached(offset, maxBytes, limit) ?? await this.#readFiles(offset, maxBytes, limit)
  }

  #readCached (offset: number, maxBytes: number, limit: number): Chunks | undefined {
    let place = this.#tail.find(offset)
    if (place === undefined) return undefined
    const chunks: Buffer[] = []
    let bytes = 0
    for (let batch = this.#tail.at(place); batch !== undefined && batch.baseOffset < limit; batch = this.#tail.at(++place)) {
      if (bytes > 0 && bytes + batch.buffer.length > maxBytes) break
      chunks.push(batch.buffer)
      bytes += batch.buffer.length
      if (bytes >= maxBytes) break
    }
    return { chunks, bytes }
  }

  async #readFiles (offset: number, maxBytes: number, limit: number): Promise<Chunks> {
    const segments = this.#segments
    let place = segments.findLastIndex(segment => segment.baseOffset <= offset)
    for (; place < segments.length && place >= 0; place++) {
      const batches = await segments[place]!.readBatches(offset, maxBytes, limit)
      if (batches.length > 0) return { chunks: [batches], bytes: batches.length }
    }
    return NOTHING
  }

  abortedBetween (from: number, to: number): AbortedTxn[] {
    return this.#producers.abortedBetween(from, to)
  }

  /** Aborted transactions that whoever reads these batches from `offset` on must know of. */
  abortedWithin (offset: number, chunks: readonly Buffer[]): AbortedTxn[] {
    const last = chunks.at(-1)
    if (last === undefined || this.#producers.aborted.length === 0) return []
    let end = offset
    for (const view of iterateBatches(last)) end = view.lastOffset + 1
    return this.abortedBetween(offset, end)
  }

  async read (offset: number, maxBytes: number): Promise<ReadResult> {
    const { chunks } = await this.readChunks(offset, maxBytes, 'read_committed')
    return {
      batches: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
      abortedTransactions: this.abortedWithin(offset, chunks),
      lastStableOffset: this.#stableOffset,
      logStartOffset: this.#startOffset
    }
  }

  async offsetForTimestamp (timestamp: number): Promise<TimedOffset | undefined> {
    return await findByTimestamp(this.#segments, timestamp, this.#startOffset, this.#endOffset)
  }

  /** The record with the largest timestamp, as ListOffsets answers -3 (KIP-734). */
  async offsetOfMaxTimestamp (): Promise<TimedOffset | undefined> {
    const largest = Math.max(...this.#segments.map(segment => segment.maxTimestamp))
    return largest < 0 ? undefined : await this.offsetForTimestamp(largest)
  }

  /** Moves the log's start; segments wholly before it go at once. Throws LogError OFFSET_OUT_OF_RANGE. */
  async deleteBefore (offset: number): Promise<void> {
    if (offset > this.#endOffset || offset < 0) {
      throw new LogError('OFFSET_OUT_OF_RANGE', `Offset ${offset} is behind the end ${this.#endOffset} of ${this.topic}-${this.partition}`)
    }
    await this.exclusively(async () => {
      if (offset <= this.#startOffset) return
      this.#startOffset = offset
      while (this.#segments.length > 1 && this.#segments[1]!.baseOffset <= offset) {
        const [gone, ...rest] = this.#segments
        this.#segments = rest
        await gone!.remove()
      }
    })
  }

  /** Puts a rewritten segment in place of the one that it was made of. Call within `exclusively`; closing the old one is the caller's. */
  replaceSegment (old: Segment, fresh: Segment): void {
    this.#segments = this.#segments.map(segment => segment === old ? fresh : segment)
    // what was compacted away must not be read from memory either
    this.#environment.tailCache.clear(this.#tail)
  }

  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#queue.idle()
    await this.exclusively(async () => {
      // A folder that is full or gone costs the checkpoint, which only shortens the next start.
      try {
        if (this.#failed === undefined && this.#checkpointedOffset !== this.#endOffset) await this.#checkpointActive()
      } catch (error) {
        this.#environment.warn(`${this.topic}-${this.partition}: no checkpoint on closing: ${String(error)}`)
      }
      await this.#closeFiles()
    })
  }

  /** Closes without keeping anything in order: the files are about to go. */
  async discard (): Promise<void> {
    this.#closed = true
    this.#queue.reject(new LogError('UNKNOWN_TOPIC_OR_PARTITION', `${this.topic}-${this.partition} was deleted`))
    await this.#queue.idle()
    await this.exclusively(async () => await this.#closeFiles())
    this.#notify()
  }

  async #closeFiles (): Promise<void> {
    this.#environment.tailCache.clear(this.#tail)
    for (const segment of this.#segments) await segment.close()
  }
}
