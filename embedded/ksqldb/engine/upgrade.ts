// CREATE OR REPLACE: what may differ between a source and the one that takes its place (StructuredDataSource.canUpgradeTo).
import type { DataSource } from '../plan/metastore.js'
import type { Column } from '../plan/schema.js'
import { printSchema } from '../plan/schema.js'
import { sqlTypeEquals } from '../sql/sql-type.js'
import { EngineError } from './errors.js'

/** Throws EngineError where the new source cannot take the old one's place. Columns may only be added, at the end. */
export function refuseUpgrade (old: DataSource, replacement: DataSource, text: string): void {
  const reason = difference(old, replacement)
  if (reason !== undefined) throw new EngineError(`Cannot upgrade data source: ${reason}`, text)
}

function difference (old: DataSource, replacement: DataSource): string | undefined {
  const name = `DataSource '\`${old.name}\`'`
  const not = (property: string, from: string, to: string): string => `${name} has ${property} = ${from} which is not upgradeable to ${to}`
  if (old.kind !== replacement.kind) return not('type', javaKind(old), javaKind(replacement))
  if (old.topic !== replacement.topic) return not('topicName', old.topic, replacement.topic)
  const before = printTimestamp(old)
  const after = printTimestamp(replacement)
  if (before !== after) return not('timestampColumn', before, after)
  return schemaDifference(old, replacement, not)
}

function schemaDifference (old: DataSource, replacement: DataSource, not: (property: string, from: string, to: string) => string): string | undefined {
  const keysEqual = old.schema.key.length === replacement.schema.key.length && old.schema.key.every((column, i) => same(column, replacement.schema.key[i]))
  if (!keysEqual) return `${not('schema', printSchema(old.schema), printSchema(replacement.schema))}. (Key columns must be identical.)`
  const changed = old.schema.value.filter((column, i) => !same(column, replacement.schema.value[i]))
  if (changed.length === 0) return undefined
  const listed = changed.map(column => printSchema({ key: [], value: [column] })).join(', ')
  return `${not('schema', printSchema(old.schema), printSchema(replacement.schema))}. (The following columns are changed, missing or reordered: [${listed}])`
}

function same (a: Column, b: Column | undefined): boolean {
  return b !== undefined && a.name === b.name && sqlTypeEquals(a.type, b.type)
}

function javaKind (source: DataSource): string {
  return source.kind === 'STREAM' ? 'KSTREAM' : 'KTABLE'
}

function printTimestamp ({ timestampColumn }: DataSource): string {
  if (timestampColumn === undefined) return 'Optional.empty'
  const format = timestampColumn.format === undefined ? 'Optional.empty' : `Optional[${timestampColumn.format}]`
  return `Optional[TimestampColumn{column=\`${timestampColumn.column}\`, format=${format}}]`
}
