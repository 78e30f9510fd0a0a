// What the engine, the REST layer and query/ see of the runtime: types only, so that each side can be built against them.
import type { Log } from '../../log.js'
import type { SchemaRegistry } from '../../schema-registry.js'
import type { FunctionRegistry } from '../plan/function-registry.js'
import type { Column, LogicalSchema } from '../plan/schema.js'
import type { DataSource, PersistentQuery } from '../plan/metastore.js'
import type { QueryPlan, WindowInfo } from '../plan/steps.js'
import type { KeyRange } from '../plan/pull-plan.js'
import type { Row } from '../plan/value.js'

/**
 * One thing gone wrong, as ksqlDB's processing log (KSQL_PROCESSING_LOG) has it. A record is skipped and the query goes on, but after a
 * KAFKA_STREAMS_THREAD_ERROR the query begins again at its last commit.
 */
export interface ProcessingError {
  /** The logger's name in ksqlDB's form: `processing.CTAS_LINKS_7.KsqlTopic.Source.deserializer`. */
  readonly logger: string
  readonly level: 'ERROR' | 'WARN'
  readonly type: 'DESERIALIZATION_ERROR' | 'RECORD_PROCESSING_ERROR' | 'PRODUCTION_ERROR' | 'SERIALIZATION_ERROR' | 'KAFKA_STREAMS_THREAD_ERROR'
  readonly message: string
  readonly queryId: string
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  /** Which part of the record could not be read or written. */
  readonly target?: 'key' | 'value'
  /** What could not be read (bytes), or the row that could not be processed or written. */
  readonly record?: Buffer | Row
  readonly cause: readonly string[]
}

export interface RuntimeLogger {
  info (message: string): void
  warn (message: string): void
  error (message: string): void
}

/** Which record a query takes next, where several source partitions have one: the smallest number. By default the record's timestamp, as Kafka Streams. */
export type RecordOrder = (topic: string, partition: number, offset: number, timestamp: number) => number

export interface RuntimeOptions {
  /** The folder of the state store; made where absent. */
  readonly dataDir: string
  readonly log: Log
  readonly registry: SchemaRegistry
  /** ms since the epoch; by default Date.now. */
  readonly clock?: () => number
  readonly logger?: RuntimeLogger
  /** Gets each record that a query could not process. Must not throw. */
  readonly onProcessingError?: (error: ProcessingError) => void
  /** Server properties that queries read where their session does not set them, such as `ksql.timestamp.throw.on.invalid`. */
  readonly properties?: Readonly<Record<string, string>>
  /** Bounds memory: about the bytes of heap that cached rows take over all queries, of which half may wait to be written. By default 64 MiB. */
  readonly cacheBytes?: number
  /** By default the built-in functions without properties. */
  readonly functions?: FunctionRegistry
  /** For tests that replay a given interleaving of several topics. */
  readonly recordOrder?: RecordOrder
  /** For tests that watch each step: records processed in one commit at most. */
  readonly recordsPerCommit?: number
  /** For tests: stream time is that of all partitions together, as in a topology test driver. */
  readonly oneStreamTime?: boolean
}

/** RUNNING and PAUSED as ksqlDB reports them; ERROR while a query that failed (its log or its store did) waits to be tried again. */
export type QueryStatus = 'RUNNING' | 'PAUSED' | 'ERROR'

/** A failure of a query that began again after it. */
export interface QueryError {
  /** ms since the epoch. */
  readonly timestamp: number
  readonly errorMessage: string
  readonly type: 'USER' | 'SYSTEM' | 'UNKNOWN'
}

/** How far a query has read one source partition. */
export interface PartitionPosition {
  readonly topic: string
  readonly partition: number
  /** The next offset to be processed. */
  readonly offset: number
  readonly endOffset: number
}

export interface QueryMetrics {
  readonly recordsIn: number
  readonly recordsOut: number
  readonly errors: number
  /** ms since the epoch of the last record in; 0 before the first. */
  readonly lastRecordAt: number
}

export interface RunningQuery {
  readonly id: string
  readonly status: QueryStatus
  /** Why, with status ERROR. */
  readonly error: Error | undefined
  /** The last failures, oldest first. */
  readonly errors: readonly QueryError[]
  readonly metrics: QueryMetrics
  /** The rows that a pull query may ask for; undefined where the query makes a stream. */
  readonly table: MaterializedTable | undefined
  positions (): readonly PartitionPosition[]
  /**
   * Resolves once all that stood in the source topics at the call is processed, committed and appended to the sink. Rejects where the query fails or is
   * stopped before.
   */
  caughtUp (): Promise<void>
}

export interface Window {
  /** ms since the epoch, inclusive. */
  readonly start: number
  /** ms since the epoch, exclusive; inclusive for a session. */
  readonly end: number
}

export interface TableRow {
  readonly key: Row
  readonly window?: Window
  readonly value: Row
  /** ROWTIME, ms since the epoch. */
  readonly timestamp: number
}

/** Bounds of WINDOWSTART and WINDOWEND in ms, both inclusive; absent is open. */
export interface WindowBounds {
  readonly startMin?: number
  readonly startMax?: number
  readonly endMin?: number
  readonly endMax?: number
}

/**
 * The state of a table with all that was processed, committed or not. Reads are synchronous; iterators read page by page and may be left at any time.
 * Ranges and scans have what was processed up to then committed first.
 */
export interface MaterializedTable {
  /** Key and value columns of the rows: the table's own. */
  readonly schema: LogicalSchema
  readonly window: WindowInfo | undefined
  get (key: Row): TableRow | undefined
  /** The windows of one key, by start. */
  getWindows (key: Row, bounds: WindowBounds): Iterable<TableRow>
  /** Rows of a stretch of keys, in key order; windows of a key in the order of the state. What lies outside is not read. */
  range (keys: KeyRange, bounds?: WindowBounds): Iterable<TableRow>
  /** Number of rows is unknown; this walks all of them. */
  scan (bounds?: WindowBounds): Iterable<TableRow>
}

/** One row of a push query. A tombstone (the row has left the table) has only its key columns, the others null. */
export interface PushRow {
  readonly values: Row
  readonly tombstone: boolean
}

export interface PushQueryOptions {
  readonly id: string
  /** Session properties without `ksql.streams.`; `auto.offset.reset` is latest by default. */
  readonly properties: Readonly<Record<string, string>>
  /** Ends the query. */
  readonly signal?: AbortSignal
  /** Rows held for a slow reader before the query waits; 1,000 by default. */
  readonly bufferedRowsMax?: number
}

/** A transient query. It waits while its reader does: the rows come by `for await`, in batches. The iterator ends at LIMIT, close() or the signal. */
export interface PushQuery extends AsyncIterable<readonly PushRow[]> {
  readonly id: string
  readonly columns: readonly Column[]
  /** True when the iterator ended since LIMIT was reached. */
  readonly limitReached: boolean
  /** True when the iterator ended since all there was at the start is read: a scan. */
  readonly completed: boolean
  readonly metrics: QueryMetrics
  /** As RunningQuery.caughtUp; waits too until the rows were taken. */
  caughtUp (): Promise<void>
  close (): Promise<void>
}

/** A row of INSERT INTO … VALUES: columns in the order of the source's schema. */
export interface InsertRow {
  readonly key: Row
  /** null is a tombstone. */
  readonly value: Row | null
  /** ms since the epoch; by default the clock's. */
  readonly timestamp?: number
}

export interface StopOptions {
  /** Removes the query's state and offsets too: TERMINATE and DROP. Without, a later start with the same id goes on where it was. */
  readonly deleteState: boolean
}

/** The methods of class Runtime (runtime.ts), which `Runtime.open(options: RuntimeOptions): Promise<Runtime>` gives. */
export interface RuntimeApi {
  /**
   * Starts a persistent query, or goes on with it where state of its id exists. Source and sink topics must exist and the sink's schemas be compatible.
   * A plan without sink keeps a table's state for pull queries (CREATE SOURCE TABLE). `auto.offset.reset` in its properties counts at the first start
   * only: `latest` unless set.
   * Throws Error where topic, format or schema do not allow it.
   */
  startQuery (query: PersistentQuery): Promise<RunningQuery>
  query (id: string): RunningQuery | undefined
  stopQuery (id: string, options: StopOptions): Promise<void>
  pauseQuery (id: string): void
  resumeQuery (id: string): void
  startPushQuery (plan: QueryPlan, options: PushQueryOptions): Promise<PushQuery>
  /** A push query that reads its sources from the beginning to where they end now, and then ends: a pull query over a stream. */
  scanTopic (plan: QueryPlan, options: PushQueryOptions): Promise<PushQuery>
  /** Appends one row to the source's topic, by the key's partition. Resolves once it is in the log. */
  insert (source: DataSource, row: InsertRow): Promise<void>
  close (): Promise<void>
}
