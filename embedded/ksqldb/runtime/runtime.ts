// The runtime: starts and stops queries over the log, keeps their state, and gives rows to pull and push queries.
import { encodeBatch } from '../../records/batch.js'
import type { Log, PartitionLog } from '../../log.js'
import type { SchemaRegistry } from '../../schema-registry.js'
import { builtInFunctions } from '../plan/functions/index.js'
import { FunctionRegistry } from '../plan/function-registry.js'
import type { DataSource, PersistentQuery } from '../plan/metastore.js'
import type { ExecutionStep, QueryPlan, SourceStep } from '../plan/steps.js'
import type { Row } from '../plan/value.js'
import type {
  InsertRow, MaterializedTable, PartitionPosition, ProcessingError, PushQuery, PushQueryOptions, QueryError, QueryMetrics, QueryStatus, RunningQuery,
  RuntimeApi, RuntimeLogger, RuntimeOptions, StopOptions
} from './api.js'
import { StoredTable } from './materialized-table.js'
import { partitionOfKey } from './partitioner.js'
import type { Forward, StreamRecord } from './processors/context.js'
import { messagesOf, QueryErrors, QueryFailure } from './query-failure.js'
import { QueryState } from './query-state.js'
import { QueryTask } from './query-task.js'
import { RowQueue } from './row-queue.js'
import { CommitPacer, Scheduler } from './scheduler.js'
import { createWriter, KeyError, RecordTooLargeError, Sink, SinkTimestampError } from './sink.js'
import type { RecordWriter } from './sink.js'
import type { TaskSource } from './source-buffer.js'
import { SharedDecoders } from './shared-decoders.js'
import { StateCache } from './state/state-cache.js'
import { StateDb } from './state/state-db.js'
import { TopicReader } from './topic-reader.js'
import { buildTopology } from './topology.js'
import type { Topology } from './topology.js'

const CACHE_BYTES = 64 * 1024 * 1024
// ksqlDB's default of cache.max.bytes.buffering.
const BUFFERING_BYTES = 10_000_000
const BUFFERED_ROWS_MAX = 1000
const WRITERS_MAX = 500
const TRANSIENT = 'transient_'
/** How often running queries look for new partitions. */
const FOLLOW_MS = 1000
const QUIET: RuntimeLogger = { info: () => {}, warn: () => {}, error: () => {} }

class PersistentRun implements RunningQuery {
  readonly id: string
  readonly task: QueryTask
  readonly table: MaterializedTable | undefined

  readonly #errors: QueryErrors

  constructor (id: string, task: QueryTask, table: MaterializedTable | undefined, errors: QueryErrors) {
    this.id = id
    this.#errors = errors
    this.task = task
    this.table = table
  }

  get status (): QueryStatus { return this.task.status }
  get error (): Error | undefined { return this.task.error }
  get errors (): readonly QueryError[] { return this.#errors.all }
  get metrics (): QueryMetrics { return this.task.metrics }
  positions (): readonly PartitionPosition[] { return this.task.positions() }
  caughtUp (): Promise<void> { return this.task.caughtUp() }
}

function sourceSteps (step: ExecutionStep): SourceStep[] {
  if ('sourceName' in step) return [step]
  return 'left' in step ? [...sourceSteps(step.left), ...sourceSteps(step.right)] : sourceSteps(step.source)
}

interface Wiring {
  readonly id: string
  readonly plan: QueryPlan
  readonly properties: Readonly<Record<string, string>>
  /** Takes the results. */
  readonly output: (state: QueryState) => Promise<{ forward: Forward, sink: Sink | undefined }>
  readonly isFull: () => boolean
  readonly materialize: boolean
  readonly bounded: boolean
  readonly onStop: (error: Error | undefined) => void
  readonly onFailure: (error: Error) => void
}

/** `auto.offset.reset` and such may come with or without `ksql.streams.`. */
function property (properties: Readonly<Record<string, string>>, name: string): string | undefined {
  return properties[name] ?? properties[`ksql.streams.${name}`]
}

/** Of changed rows that a query may hold back; 0: each change goes on at once. */
function bufferingBytes (properties: Readonly<Record<string, string>>): number {
  const bytes = Number(property(properties, 'cache.max.bytes.buffering') ?? BUFFERING_BYTES)
  return Number.isFinite(bytes) && bytes >= 0 ? bytes : BUFFERING_BYTES
}

async function mend ({ dataDir, logger = QUIET }: RuntimeOptions): Promise<void> {
  try {
    if (await StateDb.mend(dataDir)) logger.info('the state store was copied, since its list of free pages had become deep')
  } catch (error) {
    logger.warn(`the state store could not be copied, and stays as it is: ${error instanceof Error ? error.message : String(error)}`)
  }
}

export class Runtime implements RuntimeApi {
  readonly #options: RuntimeOptions
  readonly #log: Log
  readonly #registry: SchemaRegistry
  readonly #db: StateDb
  readonly #functions: FunctionRegistry
  readonly #logger: RuntimeLogger
  readonly #clock: () => number
  readonly #reader = new TopicReader()
  readonly #decoders = new SharedDecoders()
  readonly #scheduler = new Scheduler()
  readonly #pacer = new CommitPacer()
  readonly #cache: StateCache
  readonly #queries = new Map<string, PersistentRun>()
  readonly #transient = new Map<string, { readonly task: QueryTask, readonly close: () => Promise<void> }>()
  readonly #writers = new Map<string, Promise<RecordWriter>>()
  #nextKeyless = 0
  #nextTransient = 0
  readonly #following: NodeJS.Timeout

  private constructor (options: RuntimeOptions, db: StateDb) {
    this.#options = options
    this.#log = options.log
    this.#registry = options.registry
    this.#db = db
    this.#cache = new StateCache(options.cacheBytes ?? CACHE_BYTES)
    this.#functions = options.functions ?? new FunctionRegistry(builtInFunctions)
    this.#logger = options.logger ?? QUIET
    this.#clock = options.clock ?? Date.now
    this.#following = setInterval(() => this.#follow(), FOLLOW_MS)
    this.#following.unref()
  }

  static async open (options: RuntimeOptions): Promise<Runtime> {
    await mend(options)
    const db = StateDb.open(options.dataDir)
    for (const id of db.queries()) if (id.startsWith(TRANSIENT)) await db.deleteQuery(id)
    return new Runtime(options, db)
  }

  async close (): Promise<void> {
    clearInterval(this.#following)
    await Promise.all([...this.#transient.values()].map(one => one.close()))
    await Promise.all([...this.#queries.values()].map(one => one.task.stop()))
    this.#queries.clear()
    await this.#db.close()
  }

  #follow (): void {
    for (const { task } of [...this.#queries.values(), ...this.#transient.values()]) task.follow()
  }

  query (id: string): RunningQuery | undefined {
    return this.#queries.get(id)
  }

  async startQuery (query: PersistentQuery): Promise<RunningQuery> {
    const { id, plan } = query
    if (this.#queries.has(id)) throw new Error(`The query ${id} is running already`)
    await this.#dropLostState(id)
    const errors = new QueryErrors()
    const { task, topology } = await this.#wire({
      id, plan, properties: query.properties, bounded: false, isFull: () => false, materialize: plan.resultType !== 'STREAM',
      output: async state => await this.#sinkOutput(id, plan, state, this.#isSet('ksql.fail.on.production.error', query.properties)),
      onFailure: error => this.#failed(id, error, errors),
      onStop: () => {}
    })
    const { materialization } = topology
    const table = materialization === undefined
      ? undefined
      : new StoredTable(plan.physical.schema, plan.window, materialization, () => task.commitNow(), () => this.#scheduler.read())
    const run = new PersistentRun(id, task, table, errors)
    this.#queries.set(id, run)
    task.start()
    return run
  }

  #failed (queryId: string, error: Error, errors: QueryErrors): void {
    this.#logger.error(`The query ${queryId} has failed and is tried again: ${error.message}`)
    errors.add(error, this.#clock())
    this.#report(queryId, { type: 'KAFKA_STREAMS_THREAD_ERROR', message: 'Unhandled exception caught in streams thread', cause: messagesOf(error), logger: '' })
  }

  /** A setting of the query's session, else of the server. */
  #isSet (name: string, session: Readonly<Record<string, string>>): boolean {
    return (session[name] ?? this.#options.properties?.[name] ?? 'false').toLowerCase() === 'true'
  }

  async stopQuery (id: string, { deleteState }: StopOptions): Promise<void> {
    const run = this.#queries.get(id)
    this.#queries.delete(id)
    await run?.task.stop()
    if (deleteState) await this.#db.deleteQuery(id)
  }

  pauseQuery (id: string): void { this.#queries.get(id)?.task.pause() }
  resumeQuery (id: string): void { this.#queries.get(id)?.task.resume() }

  async startPushQuery (plan: QueryPlan, options: PushQueryOptions): Promise<PushQuery> {
    return await this.#startTransient(plan, options, options.properties, false)
  }

  async scanTopic (plan: QueryPlan, options: PushQueryOptions): Promise<PushQuery> {
    return await this.#startTransient(plan, options, { ...options.properties, 'auto.offset.reset': 'earliest' }, true)
  }

  async #startTransient (plan: QueryPlan, options: PushQueryOptions, properties: Readonly<Record<string, string>>, bounded: boolean): Promise<PushQuery> {
    const queue = new RowQueue(options.bufferedRowsMax ?? BUFFERED_ROWS_MAX)
    const push = { limitReached: false, completed: false }
    const id = `${TRANSIENT}${this.#nextTransient++}_${options.id}`
    const width = plan.physical.schema.value.length
    const placeOf = (name: string): number => plan.physical.schema.value.findIndex(column => column.name === name)
    const keyPlaces = plan.physical.schema.key.map(key => placeOf(key.name))
    let left = plan.limit ?? Infinity
    const boundPlaces = [{ bound: 'start', place: placeOf('WINDOWSTART') }, { bound: 'end', place: placeOf('WINDOWEND') }] as const
    const forward = ({ key, value, window }: StreamRecord): void => {
      if (left <= 0) return
      if (value === null && plan.resultType === 'STREAM') return
      const tombstone = (): Row => {
        const row: Row = new Array<null>(width).fill(null)
        keyPlaces.forEach((place, i) => { if (place >= 0 && key !== null) row[place] = key[i]! })
        for (const { bound, place } of boundPlaces) if (place >= 0 && window !== undefined) row[place] = BigInt(window[bound])
        return row
      }
      queue.push({ values: value ?? tombstone(), tombstone: value === null })
      if (--left > 0) return
      push.limitReached = true
      queue.end()
    }
    const { task } = await this.#wire({
      id, plan, properties, bounded, isFull: () => queue.isFull, materialize: false,
      output: async () => ({ forward, sink: undefined }),
      onFailure: error => queue.end(error),
      onStop: error => {
        push.completed = bounded && error === undefined && !queue.isEnded
        queue.end(error)
      }
    })
    if (left <= 0) {
      push.limitReached = true
      queue.end()
    }
    return this.#pushQuery(id, plan, options, task, queue, push)
  }

  #pushQuery (
    id: string, plan: QueryPlan, options: PushQueryOptions, task: QueryTask, queue: RowQueue, push: Readonly<Pick<PushQuery, 'limitReached' | 'completed'>>
  ): PushQuery {
    let closing: Promise<void> | undefined
    const release = async (): Promise<void> => {
      queue.end()
      options.signal?.removeEventListener('abort', abort)
      await task.stop()
      await this.#db.deleteQuery(id)
      this.#transient.delete(id)
    }
    const close = (): Promise<void> => {
      closing ??= release()
      return closing
    }
    const abort = (): void => { close().catch((error: Error) => this.#logger.error(`The query ${id} could not be closed: ${error.message}`)) }
    this.#transient.set(id, { task, close })
    queue.onTaken = () => task.wake()
    options.signal?.addEventListener('abort', abort)
    task.start()
    if (options.signal?.aborted === true) abort()
    return {
      id: options.id,
      columns: plan.physical.schema.value,
      get limitReached () { return push.limitReached },
      get completed () { return push.completed },
      metrics: task.metrics,
      caughtUp: () => task.caughtUp(),
      close,
      async * [Symbol.asyncIterator] () {
        try {
          yield * queue.read()
        } finally {
          await close()
        }
      }
    }
  }

  async insert (source: DataSource, row: InsertRow): Promise<void> {
    const writer = await this.#writerOf(source)
    const { bytes: key, base } = writer.key(row.key.length === 0 || row.key.every(part => part === null) ? null : row.key, undefined)
    const value = writer.value(row.value)
    const partitions = this.#partitionsOf(source.topic)
    const log = partitions[base === null ? this.#nextKeyless++ % partitions.length : partitionOfKey(base, partitions.length)]!
    await log.append(encodeBatch([{ timestamp: row.timestamp ?? this.#clock(), key, value }]))
  }

  #writerOf (source: DataSource): Promise<RecordWriter> {
    const name = JSON.stringify([source.topic, source.formats, source.schema])
    let writer = this.#writers.get(name)
    if (writer === undefined) {
      writer = createWriter(source.schema, { topic: source.topic, formats: source.formats }, undefined, this.#registry)
      writer.catch(() => this.#writers.delete(name))
      if (this.#writers.size >= WRITERS_MAX) this.#writers.clear()
      this.#writers.set(name, writer)
    }
    return writer
  }

  #partitionsOf (topic: string): PartitionLog[] {
    const description = this.#log.describeTopic(topic)
    if (description === undefined) throw new Error(`The topic ${topic} does not exist`)
    return Array.from({ length: description.partitions }, (_, partition) => {
      const log = this.#log.partition(topic, partition)
      if (log === undefined) throw new Error(`The topic ${topic} has no partition ${partition}`)
      return log
    })
  }

  /** State whose offsets lie beyond the log's end belongs to records that a power loss took: it is built again. */
  async #dropLostState (id: string): Promise<void> {
    const record = this.#db.query(id)
    if (record === undefined) return
    for (const [name, offset] of Object.entries(record.offsets)) {
      const [, topic, partition] = /^.*\/(.+)-(\d+)$/.exec(name) ?? []
      const log = topic === undefined ? undefined : this.#log.partition(topic, Number(partition))
      if (log !== undefined && offset <= log.logEndOffset) continue
      this.#logger.warn(`The state of query ${id} is ahead of topic ${topic ?? name}: it is built again from the log`)
      await this.#db.deleteQuery(id)
      return
    }
  }

  async #sinkOutput (id: string, plan: QueryPlan, state: QueryState, failOnError: boolean): Promise<{ forward: Forward, sink: Sink | undefined }> {
    if (plan.sink === undefined) return { forward: () => {}, sink: undefined }
    const sink = await Sink.open(plan.sink, plan.physical.schema, plan.window, this.#log, this.#registry, state.compileContext(plan.physical.context))
    const forward = (record: StreamRecord): void => {
      try {
        sink.add(record, state.headers)
      } catch (error) {
        this.#notWritten(id, sink, plan.sink?.name ?? '', record, error instanceof Error ? error : new Error(String(error)))
        if (failOnError && !(error instanceof SinkTimestampError)) throw new QueryFailure(`Error serializing message to topic: ${sink.topic}`, 'SYSTEM', messagesOf(error as Error))
      }
    }
    return { forward, sink }
  }

  #notWritten (id: string, { topic }: Sink, sinkName: string, { value, key }: StreamRecord, error: Error): void {
    const [message = '', ...cause] = messagesOf(error)
    const run = this.#queries.get(id)
    if (run !== undefined) run.task.metrics.errors++
    if (error instanceof RecordTooLargeError) {
      this.#report(id, { logger: '', type: 'PRODUCTION_ERROR', message, cause, topic })
      return
    }
    if (error instanceof SinkTimestampError) {
      const text = `Error writing row with extracted timestamp: ${message}`
      this.#report(id, { logger: sinkName, type: 'RECORD_PROCESSING_ERROR', message: text, cause: [message], ...value === null ? {} : { record: value } })
      return
    }
    const target = error instanceof KeyError ? 'key' : 'value'
    const record = target === 'key' ? key : value
    const logger = `${sinkName}.serializer`
    this.#report(id, { logger, type: 'SERIALIZATION_ERROR', message, cause, topic, target, ...record === null ? {} : { record } })
  }

  /** A logger is named by its query and step: `processing.CTAS_LINKS_7.Aggregate.GroupBy`. */
  #report (queryId: string, error: Omit<ProcessingError, 'queryId' | 'level'>): void {
    const step = error.logger === '' ? '' : `.${error.logger.replaceAll('/', '.')}`
    this.#options.onProcessingError?.({ ...error, queryId, level: 'ERROR', logger: `processing.${queryId}${step}` })
  }

  /** Puts a plan's processors, state and sources together. The task is not started. */
  async #wire (wiring: Wiring): Promise<{ task: QueryTask, topology: Topology }> {
    const { id, plan, properties } = wiring
    const steps = sourceSteps(plan.physical)
    const partitions = steps.map(step => this.#partitionsOf(step.topic))
    const state = new QueryState({
      id, db: this.#db, functions: this.#functions,
      partitions: this.#options.oneStreamTime === true ? 1 : Math.max(...partitions.map(one => one.length)),
      coalesce: bufferingBytes(properties) > 0,
      cache: this.#cache,
      onError: (step, { message, causes, row }) => {
        task.metrics.errors++
        this.#report(id, { logger: step, type: 'RECORD_PROCESSING_ERROR', message, cause: causes, ...row === undefined ? {} : { record: row } })
      }
    })
    const { forward, sink } = await wiring.output(state)
    const topology = buildTopology(plan.physical, state, forward, {
      materialize: wiring.materialize, resultsAreKept: plan.sink === undefined, schema: plan.physical.schema, window: plan.window
    })
    const producerId = sink === undefined ? -1 : await this.#log.internalProducerId(`ksqldb-${this.#db.incarnation}-${id}-${state.record.stores[' outbox'] ?? 0}`)
    const sources = await this.#taskSources(topology, state)
    const offsets = this.#startOffsets(id, sources, state, property(properties, 'auto.offset.reset'))
    const { recordOrder } = this.#options
    const task: QueryTask = new QueryTask({
      id, db: this.#db, state, sources, sink, producerId, offsets,
      reader: this.#reader, scheduler: this.#scheduler, pacer: this.#pacer, cache: this.#cache, clock: this.#clock,
      bufferedBytesMax: bufferingBytes(properties),
      partitionLog: (topic, partition) => this.#log.partition(topic, partition),
      order: recordOrder,
      recordsPerCommit: this.#options.recordsPerCommit ?? Infinity,
      throwOnInvalidTimestamp: this.#isSet('ksql.timestamp.throw.on.invalid', properties),
      bounded: wiring.bounded, isFull: wiring.isFull, onFailure: wiring.onFailure,
      onStop: error => {
        for (const { decoder } of sources) decoder.release()
        wiring.onStop(error)
      },
      onError: ({ step, causes, ...error }) => this.#report(id, { ...error, logger: step, cause: causes })
    })
    return { task, topology }
  }

  async #taskSources (topology: Topology, state: QueryState): Promise<TaskSource[]> {
    // The processing log may be asked to hold the row that could not be processed, with all its columns.
    const wholeRows = this.#isSet('ksql.logging.processing.rows.include', {})
    return await Promise.all(topology.sources.map(async source => {
      const { step } = source
      const decoder = await this.#decoders.lease({
        topic: step.topic, formats: step.formats, sourceSchema: step.sourceSchema, columns: step.schema.value,
        ...(step.window === undefined ? {} : { window: step.window }),
        ...(step.timestampColumn === undefined ? {} : { timestampColumn: step.timestampColumn }),
        ...(source.reads === undefined || wholeRows ? {} : { reads: source.reads })
      }, { registry: this.#registry, context: state.compileContext(step.context) })
      return { source, decoder, partitions: this.#partitionsOf(step.topic) }
    }))
  }

  /** Goes on where the state was committed; a query without state begins where it first began, or as auto.offset.reset says. */
  #startOffsets (id: string, sources: readonly TaskSource[], state: QueryState, reset: string | undefined): Map<string, number> {
    const named = (step: SourceStep, log: PartitionLog): string => `${step.context}/${log.topic}-${log.partition}`
    const first: Record<string, number> = {}
    for (const { source, partitions } of sources) {
      for (const log of partitions) first[named(source.step, log)] = reset?.toLowerCase() === 'earliest' ? log.logStartOffset : log.logEndOffset
    }
    const begin = id.startsWith(TRANSIENT) ? first : this.#db.startOffsets(id, first)
    // A partition that was not there when the query began is new to it from its first record on.
    return new Map(Object.keys(first).map(name => [name, state.record.offsets[name] ?? begin[name] ?? 0]))
  }
}
