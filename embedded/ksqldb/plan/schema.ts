// LogicalSchema: the columns of a source or of a step, as ksqlDB's class of that name.
import type { SqlType } from '../sql/sql-type.js'
import { printSqlType } from '../sql/sql-type.js'

export interface Column {
  readonly name: string
  readonly type: SqlType
  /** On a column declared HEADERS or HEADER('key'): which header it reads; '' for all. Such columns stand among the value columns. */
  readonly headerKey?: string
}

export interface LogicalSchema {
  readonly key: readonly Column[]
  readonly value: readonly Column[]
}

export const PSEUDO_COLUMN_NAMES = ['ROWTIME', 'ROWPARTITION', 'ROWOFFSET'] as const
export const WINDOW_BOUND_NAMES = ['WINDOWSTART', 'WINDOWEND'] as const

/** "`K` STRING KEY, `V` BIGINT", as LogicalSchema.toString. */
export function printSchema (schema: LogicalSchema): string {
  const column = (suffix: string) => (c: Column): string => `\`${c.name}\` ${printSqlType(c.type)}${suffix}${
    c.headerKey === undefined ? '' : c.headerKey === '' ? ' HEADERS' : ` HEADER('${c.headerKey}')`}`
  return [...schema.key.map(column(' KEY')), ...schema.value.map(column(''))].join(', ')
}
