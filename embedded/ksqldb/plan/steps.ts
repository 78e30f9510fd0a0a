// The physical plan: execution steps by the names of ksqlDB's io.confluent.ksql.execution.plan. The planner builds this tree, the
// runtime turns it into processors. It is plain data (JSON apart from BigInt literals), so that a plan can be kept and compared.
//
// The one rule for expressions: those of a step read only the VALUE columns of its source step's schema (both sides of a join: see there).
// A source step therefore repeats, behind its declared value columns, the pseudo columns ROWTIME, ROWPARTITION, ROWOFFSET, then
// WINDOWSTART, WINDOWEND where its key is windowed, then its key columns (withPseudoAndKeyColsInValue in ksqlDB).
import type { Expression, WindowExpression } from '../sql/ast.js'
import type { LogicalSchema } from './schema.js'

export type FormatName = 'AVRO' | 'JSON' | 'JSON_SR' | 'KAFKA' | 'DELIMITED' | 'NONE' | 'PROTOBUF' | 'PROTOBUF_NOSR'

export interface FormatInfo {
  readonly format: FormatName
  /** Properties such as `delimiter`, `fullSchemaName`, `schemaId`. */
  readonly properties: Readonly<Record<string, string>>
  /** SerdeFeatures as ksqlDB's: WRAP_SINGLES, UNWRAP_SINGLES. */
  readonly features: readonly ('WRAP_SINGLES' | 'UNWRAP_SINGLES')[]
}

export interface Formats {
  readonly key: FormatInfo
  readonly value: FormatInfo
}

export interface WindowInfo {
  readonly type: 'TUMBLING' | 'HOPPING' | 'SESSION'
  /** ms; undefined for SESSION. */
  readonly sizeMs?: number
}

export interface TimestampColumn {
  readonly column: string
  /** java.time.format pattern; undefined for a BIGINT or TIMESTAMP column. */
  readonly format?: string
}

/** `AS` of a projection: the output column's name and the expression that gives it. */
export interface SelectExpression {
  readonly alias: string
  readonly expression: Expression
}

interface Step {
  /** The step's own name within the query, such as `Aggregate/GroupBy`: names its state store. */
  readonly context: string
  /** The schema of what the step gives. */
  readonly schema: LogicalSchema
}

export type SourceStep = Step & {
  readonly step: 'StreamSource' | 'WindowedStreamSource' | 'TableSource' | 'WindowedTableSource'
  readonly sourceName: string
  readonly alias: string
  readonly topic: string
  readonly formats: Formats
  /** The declared columns, without pseudo and repeated key columns. */
  readonly sourceSchema: LogicalSchema
  readonly window?: WindowInfo
  readonly timestampColumn?: TimestampColumn
  /** A table source whose state must be kept (joined, or asked by pull query). */
  readonly materialized: boolean
}

export type JoinType = 'INNER' | 'LEFT' | 'RIGHT' | 'OUTER'

export type ExecutionStep =
  | SourceStep
  | (Step & { readonly step: 'StreamFilter' | 'TableFilter', readonly source: ExecutionStep, readonly filter: Expression })
  /** `selects` give the value columns of `schema` in order; the key passes unchanged (`keyColumnNames` renames it). */
  | (Step & { readonly step: 'StreamSelect' | 'TableSelect', readonly source: ExecutionStep, readonly keyColumnNames: readonly string[]
    readonly selects: readonly SelectExpression[], readonly materialized?: boolean })
  /**
   * PARTITION BY, or a side of a join: a new key from `keyExpressions`; with a topic between where the partitioning changes. Key columns that are no
   * columns of the source stand once more behind its value columns, in the order of the key. PARTITION BY NULL: a schema without key.
   */
  | (Step & { readonly step: 'StreamSelectKey' | 'TableSelectKey', readonly source: ExecutionStep, readonly keyExpressions: readonly Expression[], readonly formats: Formats })
  /** Table functions: the value columns are the source's, then one for each call, named KSQL_SYNTH_0, …. */
  | (Step & { readonly step: 'StreamFlatMap', readonly source: ExecutionStep, readonly tableFunctions: readonly Extract<Expression, { node: 'FunctionCall' }>[] })
  /** A null in any expression drops the row. `repartition`: the key changes, so a topic stands between. `…ByKey` does not exist apart: then it is false. */
  | (Step & { readonly step: 'StreamGroupBy' | 'TableGroupBy', readonly source: ExecutionStep, readonly groupByExpressions: readonly Expression[]
    readonly repartition: boolean, readonly formats: Formats })
  /**
   * Value columns: the `nonAggregateColumns` (names of the source's value columns, the group's last row stands), then one for each of `aggregates`, named
   * KSQL_AGG_VARIABLE_0, …; with a window then WINDOWSTART and WINDOWEND. Expressions in `aggregates` read the source's value columns.
   */
  | (Step & { readonly step: 'StreamAggregate' | 'StreamWindowedAggregate' | 'TableAggregate', readonly source: ExecutionStep, readonly nonAggregateColumns: readonly string[]
    readonly aggregates: readonly Extract<Expression, { node: 'FunctionCall' }>[], readonly window?: WindowExpression, readonly emitFinal: boolean, readonly formats: Formats })
  /**
   * Joins give one key column (a foreign-key join the left's) and as value columns the left's then the right's value columns; where the key is a column
   * of neither side (ROWKEY) it stands once more behind them. The planner has prefixed them before
   * (ALIAS_COLUMN, by a StreamSelect or TableSelect under each side), so names do not meet; both sides are already keyed by the join key.
   */
  | (Step & { readonly step: 'StreamStreamJoin', readonly left: ExecutionStep, readonly right: ExecutionStep, readonly joinType: JoinType
    readonly beforeMs: number, readonly afterMs: number, readonly graceMs?: number, readonly leftFormats: Formats, readonly rightFormats: Formats })
  | (Step & { readonly step: 'StreamTableJoin', readonly left: ExecutionStep, readonly right: ExecutionStep, readonly joinType: 'INNER' | 'LEFT', readonly leftFormats: Formats })
  | (Step & { readonly step: 'TableTableJoin', readonly left: ExecutionStep, readonly right: ExecutionStep, readonly joinType: JoinType })
  | (Step & { readonly step: 'ForeignKeyTableTableJoin', readonly left: ExecutionStep, readonly right: ExecutionStep, readonly joinType: 'INNER' | 'LEFT'
    readonly leftJoinExpression: Expression })

/** What CREATE … AS SELECT and INSERT INTO … SELECT run for as long as they live: a sink step and what feeds it. */
export interface QueryPlan {
  readonly sourceNames: readonly string[]
  /** Absent on a push query. */
  readonly sink?: {
    readonly name: string
    readonly topic: string
    readonly formats: Formats
    readonly timestampColumn?: TimestampColumn
  }
  readonly physical: ExecutionStep
  readonly resultType: 'STREAM' | 'TABLE' | 'WINDOWED_TABLE'
  readonly window?: WindowInfo
  readonly limit?: number
}
