// SQL types of ksqlDB, and how they are printed (as SqlType.toString does: `STRING`, `DECIMAL(6, 2)`, STRUCT<`A` STRING>).

export type SqlType =
  | { readonly base: 'BOOLEAN' | 'INTEGER' | 'BIGINT' | 'DOUBLE' | 'STRING' | 'BYTES' | 'DATE' | 'TIME' | 'TIMESTAMP' }
  | { readonly base: 'DECIMAL', readonly precision: number, readonly scale: number }
  | { readonly base: 'ARRAY', readonly items: SqlType }
  | { readonly base: 'MAP', readonly keys: SqlType, readonly values: SqlType }
  | { readonly base: 'STRUCT', readonly fields: readonly StructField[] }

export type SqlBaseType = SqlType['base']

export interface StructField {
  readonly name: string
  readonly type: SqlType
}

export const BOOLEAN: SqlType = { base: 'BOOLEAN' }
export const INTEGER: SqlType = { base: 'INTEGER' }
export const BIGINT: SqlType = { base: 'BIGINT' }
export const DOUBLE: SqlType = { base: 'DOUBLE' }
export const STRING: SqlType = { base: 'STRING' }
export const BYTES: SqlType = { base: 'BYTES' }
export const DATE: SqlType = { base: 'DATE' }
export const TIME: SqlType = { base: 'TIME' }
export const TIMESTAMP: SqlType = { base: 'TIMESTAMP' }

export function decimal (precision: number, scale: number): SqlType {
  return { base: 'DECIMAL', precision, scale }
}

export function array (items: SqlType): SqlType {
  return { base: 'ARRAY', items }
}

export function map (keys: SqlType, values: SqlType): SqlType {
  return { base: 'MAP', keys, values }
}

export function struct (fields: readonly StructField[]): SqlType {
  return { base: 'STRUCT', fields }
}

export function sqlTypeEquals (a: SqlType, b: SqlType): boolean {
  if (a === b) return true
  switch (a.base) {
    case 'DECIMAL':
      return b.base === 'DECIMAL' && a.precision === b.precision && a.scale === b.scale
    case 'ARRAY':
      return b.base === 'ARRAY' && sqlTypeEquals(a.items, b.items)
    case 'MAP':
      return b.base === 'MAP' && sqlTypeEquals(a.keys, b.keys) && sqlTypeEquals(a.values, b.values)
    case 'STRUCT':
      return b.base === 'STRUCT' && a.fields.length === b.fields.length &&
        a.fields.every((field, i) => field.name === b.fields[i]?.name && sqlTypeEquals(field.type, b.fields[i].type))
    default:
      return a.base === b.base
  }
}

/** As ksqlDB prints a type in schemas and messages. `quote` says how a field name is written; by default always in backticks. */
export function printSqlType (type: SqlType, quote: (name: string) => string = name => '`' + name + '`'): string {
  switch (type.base) {
    case 'DECIMAL': return `DECIMAL(${type.precision}, ${type.scale})`
    case 'ARRAY': return `ARRAY<${printSqlType(type.items, quote)}>`
    case 'MAP': return `MAP<${printSqlType(type.keys, quote)}, ${printSqlType(type.values, quote)}>`
    case 'STRUCT': return `STRUCT<${type.fields.map(field => `${quote(field.name)} ${printSqlType(field.type, quote)}`).join(', ')}>`
    default: return type.base
  }
}
