// One running query: reads its sources, runs its processors in slices, commits, appends what it made. Persistent and push queries alike.
import type { PartitionLog } from '../../log.js'
import { LogError } from '../../log.js'
import { KsqlError } from '../plan/error.js'
import type { PartitionPosition, ProcessingError, QueryMetrics, QueryStatus, RecordOrder } from './api.js'
import { processingFailure, QueryFailure, timestampFailure } from './query-failure.js'
import type { QueryState, OutboxEntry } from './query-state.js'
import { COMMIT_DELAY_MS_MAX, Signal, SLICE_MS } from './scheduler.js'
import type { CommitPacer, Scheduler } from './scheduler.js'
import type { Sink } from './sink.js'
import type { StateCache } from './state/state-cache.js'
import type { StateDb } from './state/state-db.js'
import { SourceBuffer } from './source-buffer.js'
import type { TaskSource } from './source-buffer.js'
import type { DecodeError, SourceRecord, TopicReader } from './topic-reader.js'

const SLICE_RECORDS_MAX = 20_000
const OUTPUT_BYTES_MAX = 2 * 1024 * 1024
// A backlog is committed this often, or when so much has changed; without one, as soon as the pacer lets where someone follows what it brings, else as
// late as may be: pull queries see what is processed. The longer, the more changes of a key are written as one.
const COMMIT_INTERVAL_MS = 5000
const DEADLINE_EVERY = 32
// A query that has more than this before it yields to pull queries: its rows do not come within a moment in any case.
const BEHIND_RECORDS = 1000
// A commit that will take longer than a slice, as far as the last one says, waits until pull queries leave room for it.
const COSTLY_COMMIT_MS = SLICE_MS
// Rows of so many bytes, as they are stored, are committed on another thread: some hundred, which this one would take a few milliseconds for.
const ELSEWHERE_BYTES = 64 * 1024
// While many pull queries come a commit is of no more, so that this thread's part in it is short.
const AMONG_READS_BYTES = 128 * 1024
// What was appended is forgotten with the next commit, or when none has come for so long: a broker does not know sequences for ever.
const SETTLE_MS = 1000
// A broker knows a producer's last five batches of a partition: no more than four stand between two marks of progress.
const UNMARKED_BATCHES_MAX = 4
// A query that failed is tried again, as ksqlDB does: after a second, then after twice as long each time.
const RETRY_MS = 1000
const RETRY_MS_MAX = 60_000

export interface TaskError {
  readonly step: string
  readonly type: ProcessingError['type']
  readonly message: string
  readonly causes: readonly string[]
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly target?: 'key' | 'value'
  readonly record?: NonNullable<ProcessingError['record']>
}

export interface TaskOptions {
  readonly id: string
  readonly db: StateDb
  readonly state: QueryState
  readonly sources: readonly TaskSource[]
  readonly reader: TopicReader
  readonly scheduler: Scheduler
  readonly pacer: CommitPacer
  readonly cache: StateCache
  /** Bytes of changed rows, as they are stored, after which a commit comes early: cache.max.bytes.buffering. */
  readonly bufferedBytesMax: number
  /** Where `sink` writes; undefined where the results go elsewhere. */
  readonly sink: Sink | undefined
  readonly producerId: number
  readonly partitionLog: (topic: string, partition: number) => PartitionLog | undefined
  /** Where to begin, by `<source step>/<topic>-<partition>`. */
  readonly offsets: ReadonlyMap<string, number>
  /** Ends where the sources end at the start. */
  readonly bounded: boolean
  /** By default records are taken by their timestamps. */
  readonly order: RecordOrder | undefined
  /** True while the reader of the results has enough. */
  readonly isFull: () => boolean
  /** One record a commit: for tests that watch each step. */
  readonly recordsPerCommit: number
  /** A record without timestamp stops the query: ksql.timestamp.throw.on.invalid. */
  readonly throwOnInvalidTimestamp: boolean
  readonly onError: (error: TaskError) => void
  readonly onStop: (error: Error | undefined) => void
  /** The query will be tried again. */
  readonly onFailure: (error: Error) => void
  readonly clock: () => number
}

export class QueryTask {
  readonly #options: TaskOptions
  readonly #buffers: SourceBuffer[]
  readonly #signal = new Signal()
  readonly #retry = new Signal()
  readonly #stopListening: (() => void)[] = []
  #paused = false
  /** Records processed since the last commit. */
  #uncommitted = 0
  /** When the first of them was processed. */
  #uncommittedSince = 0
  #committedAt = 0
  /** How long the last commit took. */
  #commitMs = 0
  /** Up to which place the records of the buffer at hand come before those of others. */
  #through = -Infinity
  /** Committed and not appended yet, in the order of the commits. */
  #outgoing: OutboxEntry[] = []
  /** Why a commit failed that someone else asked for: the task's loop has to take it from there. */
  #commitError: Error | undefined
  /** While another thread writes a commit. */
  #isCommitting = false
  #stopped = false
  #error: Error | undefined
  #done: Promise<void> = Promise.resolve()
  #waiting: { readonly targets: ReadonlyMap<SourceBuffer, number>, readonly resolve: () => void, readonly reject: (error: Error) => void }[] = []
  readonly metrics = { recordsIn: 0, recordsOut: 0, errors: 0, lastRecordAt: 0 } satisfies QueryMetrics

  constructor (options: TaskOptions) {
    this.#options = options
    this.#buffers = options.sources.flatMap(source => source.partitions.map(log => new SourceBuffer(log, source, options.offsets, options.bounded)))
  }

  get status (): QueryStatus { return this.#error !== undefined ? 'ERROR' : this.#paused ? 'PAUSED' : 'RUNNING' }
  get error (): Error | undefined { return this.#error }
  get isStopped (): boolean { return this.#stopped }

  start (): void {
    for (const log of new Set(this.#buffers.map(buffer => buffer.log))) this.#stopListening.push(log.onAppend(() => this.#signal.raise()))
    this.#done = this.#run()
  }

  /** Ends after the slice at hand. */
  async stop (): Promise<void> {
    this.#stopped = true
    this.#signal.raise()
    this.#retry.raise()
    await this.#done
  }

  pause (): void { this.#paused = true }

  resume (): void {
    this.#paused = false
    this.#signal.raise()
  }

  /** Reads the partitions too that a source topic has got since the start, from their beginning. A query that ends where its sources ended does not. */
  follow (): void {
    if (this.#options.bounded || this.#stopped) return
    for (const source of this.#options.sources) {
      const { topic } = source.source.step
      const count = this.#buffers.filter(buffer => buffer.isOf(source)).length
      for (let partition = count, log; (log = this.#options.partitionLog(topic, partition)) !== undefined; partition++) {
        this.#buffers.push(new SourceBuffer(log, source, new Map(), false))
        this.#stopListening.push(log.onAppend(() => this.#signal.raise()))
        this.#signal.raise()
      }
    }
  }

  /** The reader of the results has room again. */
  wake (): void { this.#signal.raise() }

  positions (): PartitionPosition[] {
    return this.#buffers.map(buffer => ({
      topic: buffer.log.topic, partition: buffer.log.partition, offset: buffer.position, endOffset: buffer.log.lastStableOffset
    }))
  }

  caughtUp (): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error)
    const targets = new Map(this.#buffers.map(buffer => [buffer, buffer.log.lastStableOffset]))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ targets, resolve, reject })
      this.#signal.raise()
    })
  }

  async #run (): Promise<void> {
    for (let retryMs = RETRY_MS; !this.#stopped; retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)) {
      try {
        this.#outgoing = this.#options.state.outbox()
        await this.#appendAll()
        this.#error = undefined
        while (!this.#stopped) {
          await this.#step()
          if (this.#uncommitted === 0) retryMs = RETRY_MS
        }
        if (this.#uncommitted > 0) await this.#commit()
        await this.#appendAll()
        await this.#options.state.settle()
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)))
        if (!this.#stopped) await this.#backOff(retryMs)
      }
    }
    for (const stop of this.#stopListening) stop()
    this.#leave()
    this.#options.state.close()
    this.#rejectWaiting(this.#error ?? new Error(`The query ${this.#options.id} was stopped`))
    this.#options.onStop(this.#error)
  }

  /** Takes back all that is not committed and begins again at the last commit. */
  #fail (error: Error): void {
    this.#error = error
    this.#leave()
    this.#commitError = undefined
    this.#outgoing = []
    const { state, sink } = this.#options
    this.#rejectWaiting(error)
    this.#options.onFailure(error)
    try {
      state.rollback()
    } catch (failure) {
      // The store itself has failed, or is closed: there is nothing to go on with.
      this.#error = failure instanceof Error ? failure : error
      this.#stopped = true
      return
    }
    sink?.discard()
    this.#uncommitted = 0
    for (const buffer of this.#buffers) buffer.rewind(state.record.offsets[buffer.name])
  }

  async #backOff (ms: number): Promise<void> {
    const timer = setTimeout(() => this.#retry.raise(), ms)
    await this.#retry.wait()
    clearTimeout(timer)
  }

  #rejectWaiting (error: Error): void {
    for (const { reject } of this.#waiting) reject(error)
    this.#waiting = []
  }

  async #step (): Promise<void> {
    if (this.#paused || this.#options.isFull()) {
      this.#leave()
      if (this.#uncommitted > 0) await this.#commit()
      await this.#appendAll()
      await this.#signal.wait()
      return
    }
    await this.#fill()
    if (this.#stopped) return
    if (this.#buffers.every(buffer => buffer.isEmpty)) {
      await this.#caughtUp()
      return
    }
    const { scheduler } = this.#options
    if (this.#isFarBehind()) await scheduler.behind(() => this.#slice(), () => this.#stopped)
    else {
      await scheduler.turn()
      if (!this.#stopped) this.#slice()
    }
    if (this.#stopped) return
    if (this.#isCommitDue()) await this.#commit()
    await this.#appendAll()
    this.#tellCaughtUp()
  }

  /** Reads no more for now. */
  #leave (): void {
    for (const buffer of this.#buffers) this.#options.reader.leave(buffer.log, buffer)
  }

  #isFarBehind (): boolean {
    let records = 0
    for (const buffer of this.#buffers) records += buffer.log.lastStableOffset - buffer.position
    return records > BEHIND_RECORDS
  }

  /** All that was read is processed: commits as soon as it may, then waits for more. */
  async #caughtUp (): Promise<void> {
    const { state } = this.#options
    if (this.#hasToCommit) {
      const delayMs = this.#stopped ? 0 : this.#commitDelayMs(performance.now())
      if (delayMs > 0 && !this.#buffers.every(buffer => buffer.isAtEnd)) {
        await this.#signal.wait(delayMs)
        return
      }
      const { scheduler } = this.#options
      if (this.#commitMs > COSTLY_COMMIT_MS) {
        await scheduler.behind(() => { if (this.#commitsHere) this.#commitHere() }, () => this.#stopped || !this.#hasToCommit)
      } else if (state.moreToExpire) await scheduler.turn()
      if (this.#hasToCommit) await this.#commit()
    }
    await this.#appendAll()
    if (this.#hasToCommit) return
    this.#tellCaughtUp()
    if (this.#buffers.every(buffer => buffer.isAtEnd)) this.#stopped = true
    else if (!this.#buffers.some(buffer => buffer.hasMore)) await this.#awaitMore()
  }

  async #awaitMore (): Promise<void> {
    const { state } = this.#options
    const settleMs = state.isSettled ? undefined : this.#committedAt + SETTLE_MS - performance.now()
    if (settleMs === undefined || settleMs > 0) await this.#signal.wait(settleMs)
    else await state.settle()
  }

  /** How long the commit of what is processed is to wait. */
  #commitDelayMs (now: number): number {
    if (this.#isFollowed) return this.#options.pacer.delayMs(now, this.#uncommittedSince)
    return Math.ceil(this.#uncommittedSince + COMMIT_DELAY_MS_MAX - now)
  }

  /** Commits that nobody waits for are few: they must not hold up the others. */
  #spent (ms: number): void {
    this.#commitMs = ms
    if (this.#isFollowed) this.#options.pacer.spent(ms)
  }

  /** Whether someone waits for what is appended to the sink, or for `caughtUp`. */
  get #isFollowed (): boolean {
    if (this.#waiting.length > 0) return true
    const { sink, partitionLog } = this.#options
    if (sink === undefined) return false
    for (let partition = 0, log; (log = partitionLog(sink.topic, partition)) !== undefined; partition++) if (log.isFollowed) return true
    return false
  }

  /** Writes what is processed, for a reader of the state as it was committed. Throws where that fails; the query then begins again at its last commit. */
  commitNow (): void {
    if (this.#uncommitted === 0 || this.#commitError !== undefined) return
    if (this.#isCommitting) {
      this.#options.db.waitUntilWritten()
      return
    }
    try {
      this.#commitHere()
    } catch (error) {
      this.#commitError = error instanceof Error ? error : new Error(String(error))
      throw this.#commitError
    } finally {
      this.#signal.raise()
    }
  }

  /** Reads on where a buffer is empty and its partition has more. */
  async #fill (): Promise<void> {
    for (const buffer of this.#buffers) {
      if (!buffer.isEmpty) continue
      if (!buffer.hasMore) {
        this.#options.reader.leave(buffer.log, buffer)
        continue
      }
      try {
        const chunk = await this.#options.reader.read(buffer.log, buffer.nextOffset, buffer)
        const records = await this.#options.reader.decode(chunk, await buffer.decoder.current(), buffer.log.partition)
        buffer.fill(records, chunk.nextOffset)
      } catch (error) {
        if (!(error instanceof LogError) || error.code !== 'OFFSET_OUT_OF_RANGE') throw error
        // Retention was faster than the query: what is gone is gone.
        if (buffer.nextOffset >= buffer.log.logStartOffset) throw error
        buffer.nextOffset = buffer.log.logStartOffset
      }
    }
  }

  /** The buffer whose next record comes first; its records do up to the place `#through`. undefined where one must be filled before that can be said. */
  #next (): SourceBuffer | undefined {
    let best: SourceBuffer | undefined
    let bestPlace = Infinity
    let through = Infinity
    for (const buffer of this.#buffers) {
      const next = buffer.records[buffer.at]
      if (next === undefined) {
        if (buffer.hasMore) return undefined
        continue
      }
      const place = this.#placeOf(buffer, next)
      if (best === undefined || place < bestPlace) {
        // Of equal places the earlier buffer's comes first.
        if (best !== undefined) through = Math.min(through, bestPlace - 1)
        best = buffer
        bestPlace = place
      } else {
        through = Math.min(through, place)
      }
    }
    this.#through = through
    return best
  }

  #placeOf ({ log }: SourceBuffer, { offset, record }: SourceRecord): number {
    const { order } = this.#options
    return order === undefined ? record.timestamp : order(log.topic, log.partition, offset, record.timestamp)
  }

  /** Works for a few milliseconds; in a transaction, with its commit, where the query's steps read the store in its order. */
  #slice (): void {
    const { state, cache } = this.#options
    if (this.#commitError !== undefined) throw this.#commitError
    cache.maintain()
    if (state.isTransactional) {
      this.#transaction(() => {
        this.#work()
        return this.#finish()
      })
      return
    }
    this.#work()
  }

  /** Whether what was processed is to be committed though more is to be processed. */
  #isCommitDue (): boolean {
    if (this.#uncommitted === 0) return false
    if (this.#outputIsFull() || this.#isDirty() || this.#options.recordsPerCommit !== Infinity) return true
    return performance.now() - this.#committedAt >= COMMIT_INTERVAL_MS
  }

  /** Whether so much has changed that it must be written: by the query's own bound, or since all queries together have half of the cache. */
  #isDirty (): boolean {
    const { state, cache, bufferedBytesMax, scheduler } = this.#options
    const { bufferedBytes } = state
    if (bufferedBytes > bufferedBytesMax || (bufferedBytes > AMONG_READS_BYTES && scheduler.readsAreMany)) return true
    const { dirtyBytes } = state
    return cache.dirtyBytes * 2 > cache.maxBytes && dirtyBytes * cache.stores >= cache.dirtyBytes
  }

  #outputIsFull (): boolean {
    const { sink } = this.#options
    return sink !== undefined && sink.bytes > OUTPUT_BYTES_MAX
  }

  #work (): void {
    const { state, cache, scheduler } = this.#options
    const started = performance.now()
    const deadline = started + scheduler.sliceMs
    if (this.#uncommitted === 0) this.#uncommittedSince = started
    this.metrics.lastRecordAt = this.#options.clock()
    const most = Math.min(this.#options.recordsPerCommit, SLICE_RECORDS_MAX)
    let buffer = this.#buffers[0]!
    this.#through = -Infinity
    for (let records = 0; records < most; records++) {
      if (records % DEADLINE_EVERY === DEADLINE_EVERY - 1) {
        if (performance.now() > deadline) return
        if (!state.isTransactional) cache.maintain()
      }
      if (this.#outputIsFull() || this.#options.isFull()) return
      let next = buffer.records[buffer.at]
      if (next === undefined || this.#placeOf(buffer, next) > this.#through) {
        const first = this.#next()
        if (first === undefined) return
        buffer = first
        next = buffer.records[buffer.at]!
      }
      buffer.at++
      this.#process(buffer, next)
      this.#uncommitted++
      this.metrics.recordsIn++
    }
  }

  get #hasToCommit (): boolean { return this.#uncommitted > 0 || this.#options.state.moreToExpire }

  /** A commit that is little is made at once, unless another thread writes, which would be waited for. */
  get #commitsHere (): boolean {
    const { db, state } = this.#options
    return state.isTransactional || (!db.isWriting && state.bufferedBytes < ELSEWHERE_BYTES)
  }

  async #commit (): Promise<void> {
    if (this.#commitsHere) this.#commitHere()
    else await this.#commitElsewhere()
  }

  #commitHere (): void {
    this.#transaction(() => this.#finish())
  }

  /** Until it is written nothing more is processed, and readers find in memory what it writes. */
  async #commitElsewhere (): Promise<void> {
    const { db, sink, state, scheduler } = this.#options
    try {
      const made = await db.writeElsewhere(state.bufferedBytes + (sink?.bytes ?? 0), () => {
        if (this.#commitError !== undefined) throw this.#commitError
        // someone may have asked for it at once since
        if (!this.#hasToCommit) return undefined
        const started = performance.now()
        this.#isCommitting = true
        const entries = this.#finish()
        this.#spent(performance.now() - started)
        scheduler.spent(this.#commitMs)
        return entries
      })
      if (made === undefined) return
      this.#outgoing.push(...made)
      state.written()
      this.#uncommitted = 0
      this.#committedAt = performance.now()
    } finally {
      this.#isCommitting = false
      sink?.discard()
    }
  }

  /** Within a transaction. */
  #finish (): OutboxEntry[] {
    const { state, sink, producerId } = this.#options
    state.finishRecords()
    for (const buffer of this.#buffers) state.record.offsets[buffer.name] = buffer.position
    this.metrics.recordsOut += sink?.records ?? 0
    const batches = sink?.take(producerId, state.record.sequences) ?? []
    return state.commit(batches.map(batch => ({ topic: sink!.topic, ...batch })))
  }

  /** What is to be appended then stands behind what still waits for it. */
  #transaction (work: () => OutboxEntry[]): void {
    const { db, sink } = this.#options
    if (this.#commitError !== undefined) throw this.#commitError
    const started = performance.now()
    try {
      this.#outgoing.push(...db.transaction(work))
      this.#uncommitted = 0
      this.#committedAt = performance.now()
      this.#spent(this.#committedAt - started)
    } finally {
      sink?.discard()
    }
  }

  #process (buffer: SourceBuffer, record: SourceRecord): void {
    const { state } = this.#options
    if (record.error !== undefined) {
      this.#skip(buffer, record, record.error)
      return
    }
    state.partition = buffer.log.partition % state.partitions
    state.headers = record.headers
    try {
      buffer.process(record.record)
    } catch (error) {
      if (error instanceof QueryFailure) throw error
      // Expressions answer for themselves: what an aggregate throws, such as a sum out of its DECIMAL's range, stops ksqlDB's thread.
      if (error instanceof KsqlError) throw processingFailure(buffer.log.topic, buffer.log.partition, record.offset, error)
      this.#report(buffer, record, 'RECORD_PROCESSING_ERROR', { message: error instanceof Error ? error.message : String(error), causes: [] })
    }
  }

  /** Tells of a record that could not be decoded, or that has no timestamp. Throws QueryFailure where the query must not go on without it. */
  #skip (buffer: SourceBuffer, record: SourceRecord, error: DecodeError): void {
    this.#report(buffer, record, error.target === undefined ? 'RECORD_PROCESSING_ERROR' : 'DESERIALIZATION_ERROR', error)
    if (error.target !== undefined || !this.#options.throwOnInvalidTimestamp) return
    throw timestampFailure(buffer.log.topic, buffer.log.partition, record.offset, error.causes)
  }

  #report (buffer: SourceBuffer, { offset }: SourceRecord, type: TaskError['type'], { message, causes, target, record }: DecodeError): void {
    this.metrics.errors++
    const step = type === 'DESERIALIZATION_ERROR' ? `${buffer.loggerName}.deserializer` : buffer.loggerName
    this.#options.onError({
      step, type, message, causes, topic: buffer.log.topic, partition: buffer.log.partition, offset,
      ...target === undefined ? {} : { target }, ...record === undefined || record === null ? {} : { record }
    })
  }

  /** Appends committed batches in their order; those that were appended before are answered as duplicates. */
  async #appendAll (): Promise<void> {
    const { state, partitionLog } = this.#options
    const unmarked = new Map<number, number>()
    for (let entry = this.#outgoing[0]; entry !== undefined; entry = this.#outgoing[0]) {
      const log = partitionLog(entry.topic, entry.partition)
      if (log === undefined) throw new Error(`The sink topic ${entry.topic} has no partition ${entry.partition}`)
      await log.append(entry.batch)
      this.#outgoing.shift()
      state.appended(entry.number)
      const count = (unmarked.get(entry.partition) ?? 0) + 1
      unmarked.set(entry.partition, count)
      if (count >= UNMARKED_BATCHES_MAX) {
        await state.settle()
        unmarked.clear()
      }
    }
  }

  #tellCaughtUp (): void {
    if (this.#waiting.length === 0) return
    const left = []
    for (const one of this.#waiting) {
      if (this.#uncommitted === 0 && [...one.targets].every(([buffer, offset]) => buffer.position >= offset)) one.resolve()
      else left.push(one)
    }
    this.#waiting = left
  }
}
