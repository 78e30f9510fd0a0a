// CREATE SOURCE TABLE: a query without a sink, which only keeps the table's rows where pull queries find them.
import type { DataSource } from '../plan/metastore.js'
import type { Column } from '../plan/schema.js'
import type { QueryPlan, SourceStep } from '../plan/steps.js'
import { BIGINT, INTEGER } from '../sql/sql-type.js'

/** The plan that reads the table's topic into a state store. */
export function sourceTablePlan (source: DataSource): QueryPlan {
  const pseudo: Column[] = [{ name: 'ROWTIME', type: BIGINT }, { name: 'ROWPARTITION', type: INTEGER }, { name: 'ROWOFFSET', type: BIGINT }]
  const bounds: Column[] = source.window === undefined ? [] : [{ name: 'WINDOWSTART', type: BIGINT }, { name: 'WINDOWEND', type: BIGINT }]
  const physical: SourceStep = {
    step: source.window === undefined ? 'TableSource' : 'WindowedTableSource',
    context: 'KsqlTopic/Source',
    schema: { key: source.schema.key, value: [...source.schema.value, ...pseudo, ...bounds, ...source.schema.key] },
    sourceName: source.name,
    alias: source.name,
    topic: source.topic,
    formats: source.formats,
    sourceSchema: source.schema,
    ...(source.window !== undefined && { window: source.window }),
    ...(source.timestampColumn !== undefined && { timestampColumn: source.timestampColumn }),
    materialized: true
  }
  return {
    sourceNames: [source.name],
    physical,
    resultType: source.window === undefined ? 'TABLE' : 'WINDOWED_TABLE',
    ...(source.window !== undefined && { window: source.window })
  }
}
