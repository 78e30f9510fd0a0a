// Schemas as the planner builds them: with the system columns and the key repeated among the values, and without.
import { BIGINT, INTEGER } from '../sql/sql-type.js'
import { KsqlError } from './error.js'
import type { Column, LogicalSchema } from './schema.js'
import { PSEUDO_COLUMN_NAMES, WINDOW_BOUND_NAMES, printSchema } from './schema.js'

const PSEUDO: ReadonlySet<string> = new Set(PSEUDO_COLUMN_NAMES)
const BOUNDS: ReadonlySet<string> = new Set(WINDOW_BOUND_NAMES)

export const PSEUDO_COLUMNS: readonly Column[] = [
  { name: 'ROWTIME', type: BIGINT }, { name: 'ROWPARTITION', type: INTEGER }, { name: 'ROWOFFSET', type: BIGINT }
]
export const WINDOW_BOUND_COLUMNS: readonly Column[] = [{ name: 'WINDOWSTART', type: BIGINT }, { name: 'WINDOWEND', type: BIGINT }]

export function isPseudoColumn (name: string): boolean {
  return PSEUDO.has(name)
}

export function isWindowBound (name: string): boolean {
  return BOUNDS.has(name)
}

export function isSystemColumn (name: string): boolean {
  return isPseudoColumn(name) || isWindowBound(name)
}

export function hasColumn (columns: readonly Column[], name: string): boolean {
  return columns.some(c => c.name === name)
}

/** A value column as it goes on from its source: no longer read from a header. */
function plain (column: Column): Column {
  return column.headerKey === undefined ? column : { name: column.name, type: column.type }
}

/** What the rows of a source hold: declared value columns, pseudo columns, window bounds, key columns (steps.ts). */
export function withPseudoAndKey (schema: LogicalSchema, windowed: boolean, pseudo: readonly Column[] = PSEUDO_COLUMNS): LogicalSchema {
  return { key: schema.key, value: [...schema.value.map(plain), ...pseudo, ...(windowed ? WINDOW_BOUND_COLUMNS : []), ...schema.key] }
}

/** Throws KsqlError where a name stands twice in the key or twice in the value. */
export function checkDuplicates (schema: LogicalSchema): void {
  for (const [kind, columns, suffix] of [['key', schema.key, 'KEY'], ['value', schema.value, '']] as const) {
    const seen = new Set<string>()
    for (const column of columns) {
      if (seen.has(column.name)) {
        const text = printSchema(suffix === 'KEY' ? { key: [column], value: [] } : { key: [], value: [column] })
        throw new KsqlError(`Duplicate ${kind} columns found in schema: ${text}`)
      }
      seen.add(column.name)
    }
  }
}

/** The order of `SELECT *`: key, window bounds, values; no pseudo columns. */
export function starColumns (schema: LogicalSchema): string[] {
  const names = schema.value.map(c => c.name)
  return [
    ...schema.key.map(c => c.name).filter(name => names.includes(name)),
    ...names.filter(isWindowBound),
    ...names.filter(name => !isSystemColumn(name) && !hasColumn(schema.key, name))
  ]
}
