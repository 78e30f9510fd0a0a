// Compaction: of each key the newest record stays, at its offset (cleanup.policy=compact; org.apache.kafka.storage.internals.log.Cleaner, KIP-534).
// One segment is rewritten at a time and put in the old one's place by a rename, so that a kill leaves the one or the other.
import { createHash } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { encodeBatch, type BatchView, type LogRecord } from '../../records/batch.js'
import { readMarker } from '../../records/control.js'
import { removeCheckpoints } from './checkpoint.js'
import { closeFile, openFile, replaceFile, syncFile, writeAllAt } from './file-io.js'
import type { DiskLog } from './partition-log.js'
import { OffsetIndex, TimeIndex } from './segment-index.js'
import { Segment, type IndexCache } from './segment.js'

/** Keys of one pass: it bounds the memory. What does not fit waits for the next. */
const KEYS_MAX = 500_000
const KEY_BYTES_MAX = 32
const WRITE_BYTES = 1024 * 1024

/** How far a log is compacted, kept across restarts. */
export interface CompactionState {
  /** Everything before it was compacted once. */
  readonly cleanedOffset: number
  /** When the first of the tombstones and markers that are kept for a while may go, ms. */
  readonly deleteHorizon: number | undefined
}

export interface CompactionResult extends CompactionState {
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/** Compacts a log where its settings ask for it. Undefined where there was nothing to do. */
export async function compactLog (log: DiskLog, state: CompactionState, indexCache: IndexCache, now: number): Promise<CompactionResult | undefined> {
  const { config } = log
  if (!config.compacts) return undefined
  const until = now - config.minCompactionLagMs
  const overdue = now - config.maxCompactionLagMs
  const active = log.segments.at(-1)
  // Kafka waits for a next append to end the segment; here nobody need append for what is in it to be compacted in time.
  if (active?.firstTimestamp !== undefined && active.firstTimestamp < overdue) await log.exclusively(async () => await log.roll())
  const sealed: Segment[] = []
  for (const segment of log.segments) {
    const next = log.segments[log.segments.indexOf(segment) + 1]
    if (next === undefined || next.baseOffset > log.lastStableOffset || segment.maxTimestamp > until) break
    sealed.push(segment)
  }
  const end = log.segments[sealed.length]?.baseOffset
  if (sealed.length === 0 || end === undefined) return undefined
  const isDirty = (segment: Segment): boolean => segment.baseOffset >= state.cleanedOffset
  const bytes = (segments: readonly Segment[]): number => segments.reduce((sum, { size }) => sum + size, 0)
  const dirty = bytes(sealed.filter(isDirty))
  const isOverdue = sealed.some(segment => isDirty(segment) && segment.size > 0 && (segment.firstTimestamp ?? segment.maxTimestamp) < overdue)
  const isDue = dirty > 0 && (isOverdue || dirty / bytes(sealed) >= config.minCleanableDirtyRatio)
  const horizonPassed = state.deleteHorizon !== undefined && state.deleteHorizon <= now
  if (!isDue && !horizonPassed) return undefined

  const pass = new Pass(log, now, config.deleteRetentionMs)
  const cleanedOffset = await pass.learn(sealed.filter(isDirty), Math.max(state.cleanedOffset, log.logStartOffset), end)
  const bytesBefore = bytes(sealed)
  let bytesAfter = 0
  for (const segment of sealed) {
    if (!log.segments.includes(segment)) continue
    const fresh = segment.baseOffset < cleanedOffset ? await rewrite(log, segment, pass, indexCache) : segment
    bytesAfter += fresh.size
  }
  log.producers.forgetAborted(pass.droppedMarkers)
  await removeCheckpoints(log.dir, end)
  return { cleanedOffset, deleteHorizon: pass.deleteHorizon, bytesBefore, bytesAfter }
}

function nameOf (key: Buffer): string {
  // Long keys by their hash: the map's memory depends on their number only.
  return key.length <= KEY_BYTES_MAX ? `k${key.toString('latin1')}` : `h${createHash('sha256').update(key).digest('base64')}`
}

/** What one pass over a log has learnt: the newest offset of each key, and the fate of the transactions it goes through. */
class Pass {
  readonly #log: DiskLog
  readonly #now: number
  readonly #deleteRetentionMs: number
  readonly #newest = new Map<string, number>()
  /** Producers whose open transaction has kept at least one record in what was rewritten so far. */
  readonly #kept = new Set<number>()
  /** Offsets of abort markers that are gone: nobody need skip those transactions any more. */
  readonly droppedMarkers = new Set<number>()
  deleteHorizon: number | undefined

  constructor (log: DiskLog, now: number, deleteRetentionMs: number) {
    this.#log = log
    this.#now = now
    this.#deleteRetentionMs = deleteRetentionMs
  }

  /** Reads the keys of what is new. Gives the offset up to which it got. */
  async learn (dirty: readonly Segment[], from: number, end: number): Promise<number> {
    for (const segment of dirty) {
      for await (const { view } of segment.scan()) {
        if (view.lastOffset < from || view.isControl || this.#isAborted(view)) continue
        if (this.#newest.size + view.recordCount > KEYS_MAX && this.#newest.size > 0) return view.baseOffset
        for (const { key, offset } of view.records()) if (key !== null) this.#newest.set(nameOf(key), offset)
      }
    }
    return end
  }

  #isAborted (view: BatchView): boolean {
    if (!view.isTransactional) return false
    return this.#log.abortedBetween(view.baseOffset, view.lastOffset + 1)
      .some(txn => txn.producerId === view.producerId && txn.firstOffset <= view.baseOffset && txn.lastOffset >= view.lastOffset)
  }

  #keepsRecord ({ key, value, offset }: LogRecord, horizon: number | undefined): boolean {
    if (key === null) return false
    const newest = this.#newest.get(nameOf(key))
    if (newest !== undefined && newest > offset) return false
    return value !== null || horizon === undefined || horizon > this.#now
  }

  #noteHorizon (horizon: number): void {
    this.deleteHorizon = Math.min(this.deleteHorizon ?? Infinity, horizon)
  }

  /** What a batch becomes: itself, a smaller one, or nothing. */
  rewrite (view: BatchView): Buffer | undefined {
    if (view.isControl) return this.#rewriteMarker(view)
    if (this.#isAborted(view)) return undefined
    const horizon = view.deleteHorizon
    const records = view.records()
    const kept = records.filter(record => this.#keepsRecord(record, horizon))
    if (kept.length === 0) return undefined
    if (view.isTransactional) this.#kept.add(view.producerId)
    const tombstones = kept.some(({ value }) => value === null)
    const newHorizon = tombstones ? horizon ?? this.#now + this.#deleteRetentionMs : undefined
    if (newHorizon !== undefined) this.#noteHorizon(newHorizon)
    if (kept.length === records.length && newHorizon === horizon) return view.buffer
    return rebuild(view, kept, newHorizon)
  }

  /** A marker goes once nothing of its transaction is left, after the time that tombstones have too. */
  #rewriteMarker (view: BatchView): Buffer | undefined {
    const marker = readMarker(view)
    const needed = marker?.type === 'commit' && this.#kept.has(view.producerId)
    this.#kept.delete(view.producerId)
    if (marker === undefined || needed) return view.buffer
    const horizon = view.deleteHorizon ?? this.#now + this.#deleteRetentionMs
    if (horizon <= this.#now) {
      this.droppedMarkers.add(view.baseOffset)
      return undefined
    }
    this.#noteHorizon(horizon)
    return view.deleteHorizon === undefined ? rebuild(view, view.records(), horizon) : view.buffer
  }
}

function rebuild (view: BatchView, records: readonly LogRecord[], deleteHorizon: number | undefined): Buffer {
  const { baseOffset } = view
  return encodeBatch(records.map(record => ({ ...record, offsetDelta: record.offset - baseOffset })), {
    baseOffset,
    lastOffsetDelta: view.lastOffsetDelta,
    producerId: view.producerId,
    producerEpoch: view.producerEpoch,
    baseSequence: view.baseSequence,
    isTransactional: view.isTransactional,
    isControl: view.isControl,
    partitionLeaderEpoch: view.partitionLeaderEpoch,
    // What node:zlib cannot write is kept plain.
    compression: view.compression === 'gzip' ? 'gzip' : 'none',
    ...(deleteHorizon === undefined ? {} : { deleteHorizon })
  })
}

/** Writes what is left of a segment beside it and puts it in its place. */
async function rewrite (log: DiskLog, old: Segment, pass: Pass, indexCache: IndexCache): Promise<Segment> {
  const cleaned = old.path('.log.cleaned')
  const offsets = new OffsetIndex(old.baseOffset)
  const times = new TimeIndex(old.baseOffset)
  const fd = await openFile(cleaned, 'w+')
  try {
    await copyKept(fd, old, pass, offsets, times, log.config.indexIntervalBytes)
    await syncFile(fd)
  } finally {
    await closeFile(fd)
  }
  return await log.exclusively(async () => {
    if (!log.segments.includes(old)) {
      await rm(cleaned, { force: true })
      return old
    }
    // Without index files the next start makes new ones: an index must never stand beside a log that it does not belong to.
    for (const suffix of ['.index', '.timeindex']) await rm(old.path(suffix), { force: true })
    await rename(cleaned, old.path('.log'))
    await replaceFile(old.path('.index'), offsets.bytes())
    await replaceFile(old.path('.timeindex'), times.bytes())
    const fresh = await Segment.open(log.dir, old.baseOffset, indexCache)
    fresh.readMaxTimestamp()
    fresh.firstTimestamp = old.firstTimestamp
    log.replaceSegment(old, fresh)
    await old.close()
    return fresh
  })
}

async function copyKept (fd: number, old: Segment, pass: Pass, offsets: OffsetIndex, times: TimeIndex, indexIntervalBytes: number): Promise<void> {
  let waiting: Buffer[] = []
  let waitingBytes = 0
  let position = 0
  let indexed = 0
  let newest = { timestamp: -1, offset: old.baseOffset }
  const flush = async (): Promise<void> => {
    await writeAllAt(fd, waiting, position - waitingBytes)
    waiting = []
    waitingBytes = 0
  }
  for await (const { view } of old.scan()) {
    const kept = pass.rewrite(view)
    if (kept === undefined) continue
    if (position - indexed >= indexIntervalBytes) {
      offsets.append(view.lastOffset, position)
      times.append(newest.timestamp, newest.offset)
      indexed = position
    }
    if (view.maxTimestamp > newest.timestamp) newest = { timestamp: view.maxTimestamp, offset: view.lastOffset }
    waiting.push(kept)
    waitingBytes += kept.length
    position += kept.length
    if (waitingBytes >= WRITE_BYTES) await flush()
  }
  times.append(newest.timestamp, newest.offset)
  await flush()
}
