// One running query: reads its sources, runs its processors in slices, commits, appends what it made. Persistent and push queries alike.
import type { PartitionLog } from '../../log.js'
import { LogError } from '../../log.js'
import type { PartitionPosition, ProcessingError, QueryMetrics, QueryStatus, RecordOrder } from './api.js'
import { StreamRecord } from './processors/context.js'
import type { QueryState, OutboxEntry } from './query-state.js'
import { Signal, SLICE_MS } from './scheduler.js'
import type { Scheduler } from './scheduler.js'
import type { Sink } from './sink.js'
import type { StateDb } from './state/state-db.js'
import { SourceBuffer } from './source-buffer.js'
import type { TaskSource } from './source-buffer.js'
import type { SourceRecord, TopicReader } from './topic-reader.js'

const SLICE_RECORDS_MAX = 20_000
const OUTPUT_BYTES_MAX = 2 * 1024 * 1024
// A backlog is committed this often, or when so much has changed; without one each slice is.
const COMMIT_INTERVAL_MS = 300
const DIRTY_ENTRIES_MAX = 20_000
const DEADLINE_EVERY = 32
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
}

export interface TaskOptions {
  readonly id: string
  readonly db: StateDb
  readonly state: QueryState
  readonly sources: readonly TaskSource[]
  readonly reader: TopicReader
  readonly scheduler: Scheduler
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
  readonly onError: (error: TaskError) => void
  readonly onStop: (error: Error | undefined) => void
  /** The query will be tried again. */
  readonly onFailure: (error: Error) => void
  readonly clock: () => number
}

export class QueryTask {
  readonly #options: TaskOptions
  readonly #buffers: readonly SourceBuffer[]
  readonly #signal = new Signal()
  readonly #retry = new Signal()
  readonly #stopListening: (() => void)[] = []
  #paused = false
  /** Records processed since the last commit. */
  #uncommitted = 0
  #committedAt = 0
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
        await this.#appendAll(this.#options.state.outbox())
        this.#error = undefined
        while (!this.#stopped) {
          await this.#step()
          if (this.#uncommitted === 0) retryMs = RETRY_MS
        }
        if (this.#uncommitted > 0) await this.#appendAll(this.#commit())
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)))
        if (!this.#stopped) await this.#backOff(retryMs)
      }
    }
    for (const stop of this.#stopListening) stop()
    this.#rejectWaiting(this.#error ?? new Error(`The query ${this.#options.id} was stopped`))
    this.#options.onStop(this.#error)
  }

  /** Takes back all that is not committed and begins again at the last commit. */
  #fail (error: Error): void {
    this.#error = error
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
      if (this.#uncommitted > 0) await this.#appendAll(this.#commit())
      await this.#signal.wait()
      return
    }
    await this.#fill()
    if (this.#stopped) return
    if (this.#buffers.every(buffer => buffer.isEmpty)) {
      if (this.#uncommitted > 0) await this.#appendAll(this.#commit())
      this.#options.state.settle()
      this.#tellCaughtUp()
      if (this.#buffers.every(buffer => buffer.isAtEnd)) this.#stopped = true
      else if (!this.#buffers.some(buffer => buffer.hasMore)) await this.#signal.wait()
      return
    }
    await this.#options.scheduler.turn()
    if (this.#stopped) return
    await this.#appendAll(this.#slice())
    this.#tellCaughtUp()
  }

  /** Reads on where a buffer is empty and its partition has more. */
  async #fill (): Promise<void> {
    for (const buffer of this.#buffers) {
      if (!buffer.isEmpty || !buffer.hasMore) continue
      try {
        const chunk = await this.#options.reader.read(buffer.log, buffer.nextOffset)
        const records = await this.#options.reader.decode(chunk, buffer.decoder, buffer.log.partition)
        buffer.fill(records, chunk.nextOffset)
      } catch (error) {
        if (!(error instanceof LogError) || error.code !== 'OFFSET_OUT_OF_RANGE') throw error
        // Retention was faster than the query: what is gone is gone.
        if (buffer.nextOffset >= buffer.log.logStartOffset) throw error
        buffer.nextOffset = buffer.log.logStartOffset
      }
    }
  }

  /** The buffer whose next record comes first. undefined where one must be filled before that can be said. */
  #next (): SourceBuffer | undefined {
    let best: SourceBuffer | undefined
    let bestPlace = Infinity
    const { order } = this.#options
    for (const buffer of this.#buffers) {
      const record = buffer.records[buffer.at]
      if (record === undefined) {
        if (buffer.hasMore) return undefined
        continue
      }
      if (this.#buffers.length === 1) return buffer
      const place = order === undefined ? record.timestamp : order(buffer.log.topic, buffer.log.partition, record.offset, record.timestamp)
      if (place < bestPlace) {
        best = buffer
        bestPlace = place
      }
    }
    return best
  }

  /** Works for a few milliseconds, and commits where that is due. Gives what is to be appended then. */
  #slice (): OutboxEntry[] {
    const { state } = this.#options
    if (state.isTransactional) {
      return this.#transaction(() => {
        this.#work()
        return this.#finish()
      })
    }
    this.#work()
    const waits = this.#buffers.some(buffer => !buffer.isEmpty || buffer.hasMore) && performance.now() - this.#committedAt < COMMIT_INTERVAL_MS &&
      state.dirtyEntries < DIRTY_ENTRIES_MAX && !this.#outputIsFull() && this.#options.recordsPerCommit === Infinity
    return waits ? [] : this.#commit()
  }

  #outputIsFull (): boolean {
    const { sink } = this.#options
    return sink !== undefined && sink.bytes > OUTPUT_BYTES_MAX
  }

  #work (): void {
    const deadline = performance.now() + SLICE_MS
    this.metrics.lastRecordAt = this.#options.clock()
    const most = Math.min(this.#options.recordsPerCommit, SLICE_RECORDS_MAX)
    for (let records = 0; records < most; records++) {
      if (records % DEADLINE_EVERY === DEADLINE_EVERY - 1 && performance.now() > deadline) return
      if (this.#outputIsFull() || this.#options.isFull()) return
      const buffer = this.#next()
      if (buffer === undefined) return
      this.#process(buffer, buffer.records[buffer.at++]!)
      this.#uncommitted++
      this.metrics.recordsIn++
    }
  }

  #commit (): OutboxEntry[] {
    return this.#transaction(() => this.#finish())
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

  #transaction (work: () => OutboxEntry[]): OutboxEntry[] {
    const { db, sink } = this.#options
    try {
      const entries = db.transaction(work)
      this.#uncommitted = 0
      this.#committedAt = performance.now()
      return entries
    } finally {
      sink?.discard()
    }
  }

  #process (buffer: SourceBuffer, record: SourceRecord): void {
    const { state } = this.#options
    if (record.error !== undefined) {
      this.#report(buffer, record, 'DESERIALIZATION_ERROR', record.error.message, record.error.causes)
      return
    }
    if (record.timestamp < 0) {
      this.#report(buffer, record, 'RECORD_PROCESSING_ERROR', 'Failed to extract timestamp from row')
      return
    }
    state.partition = buffer.log.partition % state.partitions
    state.headers = record.headers
    try {
      buffer.process(new StreamRecord(record.key, record.window, record.value, null, record.timestamp))
    } catch (error) {
      this.#report(buffer, record, 'RECORD_PROCESSING_ERROR', error instanceof Error ? error.message : String(error))
    }
  }

  #report (buffer: SourceBuffer, { offset }: SourceRecord, type: TaskError['type'], message: string, causes: readonly string[] = []): void {
    this.metrics.errors++
    const step = type === 'DESERIALIZATION_ERROR' ? `${buffer.loggerName}.deserializer` : buffer.loggerName
    this.#options.onError({ step, type, message, causes, topic: buffer.log.topic, partition: buffer.log.partition, offset })
  }

  /** Appends committed batches in their order; those that were appended before are answered as duplicates. */
  async #appendAll (entries: readonly OutboxEntry[]): Promise<void> {
    const { state, partitionLog } = this.#options
    const unmarked = new Map<number, number>()
    for (const entry of entries) {
      const log = partitionLog(entry.topic, entry.partition)
      if (log === undefined) throw new Error(`The sink topic ${entry.topic} has no partition ${entry.partition}`)
      await log.append(entry.batch)
      state.appended(entry.number)
      const count = (unmarked.get(entry.partition) ?? 0) + 1
      unmarked.set(entry.partition, count)
      if (count >= UNMARKED_BATCHES_MAX) {
        state.settle()
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
