// What is declared: streams, tables and custom types by name. The engine keeps it, the analyzer reads it.
import type { SqlType } from '../sql/sql-type.js'
import type { LogicalSchema } from './schema.js'
import type { Formats, QueryPlan, TimestampColumn, WindowInfo } from './steps.js'

export interface DataSource {
  readonly kind: 'STREAM' | 'TABLE'
  readonly name: string
  /** The declared columns: no pseudo columns. Header columns stand among the value columns. */
  readonly schema: LogicalSchema
  readonly topic: string
  readonly formats: Formats
  /** Where the key is windowed. */
  readonly window?: WindowInfo
  readonly timestampColumn?: TimestampColumn
  /** CREATE SOURCE …: read only. */
  readonly isSource: boolean
  /** Made by CREATE … AS SELECT. */
  readonly isCasTarget: boolean
  /** The statement that made it, as ksqlDB prints it. */
  readonly sqlText: string
}

export interface MetaStore {
  source (name: string): DataSource | undefined
  type (name: string): SqlType | undefined
}

/** A persistent query as it stands in the metastore: CTAS_LINKS_7, CSAS_…, INSERTQUERY_…. */
export interface PersistentQuery {
  readonly id: string
  readonly sqlText: string
  readonly plan: QueryPlan
  /** Session properties with which it was made, such as auto.offset.reset; names without `ksql.streams.`. */
  readonly properties: Readonly<Record<string, string>>
}
