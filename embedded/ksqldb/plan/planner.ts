// What the rest of the engine asks of planning: sources from DDL, plans from queries.
import type { Query, Statement } from '../sql/ast.js'
import type { FunctionRegistry } from './function-registry.js'
import type { DataSource, MetaStore } from './metastore.js'
import type { PullPlan } from './pull-plan.js'
import type { LogicalSchema } from './schema.js'
import type { QueryPlan } from './steps.js'

export interface PlannerOptions {
  readonly functions: FunctionRegistry
  /** Server and session properties: ksql.persistence.default.format.value, ksql.timestamp.throw.on.invalid and such. */
  readonly properties: Readonly<Record<string, string>>
}

/** What the WITH clause asks of a topic; what is absent is for the engine's defaults to say. */
export interface TopicOptions {
  readonly name: string
  /** Absent: as `inheritFrom` has, or the engine's default. */
  readonly partitions?: number
  readonly replicas?: number
  readonly retentionMs?: number
  readonly cleanupPolicy: 'delete' | 'compact' | 'compact,delete'
  /** The source topic whose partitions, replicas and retention a new sink topic takes. */
  readonly inheritFrom?: string
}

export interface CreatedSource { readonly source: DataSource, readonly topic: TopicOptions }

export interface PlannedQuery {
  readonly plan: QueryPlan
  /** The source that CREATE … AS SELECT declares; for INSERT INTO the existing target. */
  readonly sink: DataSource
  readonly topic: TopicOptions
}

export interface TransientPlan {
  readonly plan: QueryPlan
  /** The answer's columns in the order of the SELECT: all stand among the value columns of `plan.physical.schema`. */
  readonly schema: LogicalSchema
}

/**
 * The source that a CREATE STREAM or TABLE declares. Columns inferred from a registry must already stand in the statement.
 * `sqlText` is kept in the source. Throws KsqlError.
 */
export function createSource (
  statement: Extract<Statement, { node: 'CreateSource' }>, metastore: MetaStore, options: PlannerOptions & { readonly sqlText: string }
): CreatedSource {
  throw new Error(`${statement.name} ${String(metastore)} ${options.sqlText}`)
}

/** Throws KsqlError with ksqlDB's own message. */
export function planPersistentQuery (
  statement: Extract<Statement, { node: 'CreateAsSelect' | 'InsertInto' }>, metastore: MetaStore, options: PlannerOptions & { readonly sqlText: string }
): PlannedQuery {
  throw new Error(`${statement.node} ${String(metastore)} ${options.sqlText}`)
}

/** A push query: SELECT … EMIT CHANGES or EMIT FINAL. */
export function planTransientQuery (query: Query, metastore: MetaStore, options: PlannerOptions): TransientPlan {
  throw new Error(`${query.node} ${String(metastore)} ${String(options)}`)
}

/** A pull query: SELECT without EMIT. Light enough to be asked thousands of times a second. */
export function planPullQuery (query: Query, metastore: MetaStore, options: PlannerOptions): PullPlan {
  throw new Error(`${query.node} ${String(metastore)} ${String(options)}`)
}
