// INSERT INTO … VALUES: constants to a row of the target's columns (ksqlDB's GenericRecordFactory and InsertValuesExecutor).
import { castBetween } from '../plan/cast.js'
import { canCoerce } from '../plan/coercion.js'
import { compileExpression } from '../plan/compile.js'
import type { FunctionRegistry } from '../plan/function-registry.js'
import { valueToString } from '../plan/java-text.js'
import type { DataSource } from '../plan/metastore.js'
import { printExpressionPlain } from '../plan/print.js'
import { alternatives } from '../plan/sanitize.js'
import type { Value } from '../plan/value.js'
import type { InsertRow } from '../runtime/api.js'
import type { Expression, Statement } from '../sql/ast.js'
import { backquote } from '../sql/keywords.js'
import { BIGINT, printSqlType, sqlTypeEquals, type SqlType } from '../sql/sql-type.js'
import { EngineError } from './errors.js'
import type { EngineState } from './state.js'

type InsertValues = Extract<Statement, { node: 'InsertValues' }>

const READ_ONLY_TOPIC = /^(?:_confluent|__confluent|_schemas$|__consumer_offsets$|__transaction_state$)/

export interface PreparedInsert { readonly source: DataSource, readonly row: InsertRow }

/** Throws EngineError. */
export function prepareInsert (statement: InsertValues, state: EngineState, functions: FunctionRegistry): PreparedInsert {
  const source = insertTarget(statement.target, state)
  refuseHeaders(statement, source)
  try {
    return { source, row: buildRow(statement, source, functions) }
  } catch (error) {
    throw new EngineError(`Failed to insert values into '${statement.target}'. ${error instanceof Error ? error.message : String(error)}`, masked(statement))
  }
}

/** The statement as ksqlDB shows it in errors: without the values, which may be private. */
export function masked (statement: InsertValues): string {
  const columns = statement.columns.length === 0 ? '' : `(${statement.columns.map(backquote).join(', ')}) `
  return `INSERT INTO ${backquote(statement.target)} ${columns}VALUES (${statement.values.map(() => "'[value]'").join(', ')});`
}

/** A source that rows may be inserted into. Throws EngineError with `code`. */
export function insertTarget (name: string, state: EngineState, code?: number): DataSource {
  const source = state.source(name)
  const refused = (message: string): EngineError => new EngineError(message, undefined, code)
  if (source === undefined) throw refused(`Cannot insert values into an unknown stream/table: ${backquote(name)}${alternatives(name, state)}`)
  if (source.window !== undefined) throw refused('Cannot insert values into windowed stream/table!')
  if (READ_ONLY_TOPIC.test(source.topic)) throw refused(`Cannot insert values into read-only topic: ${source.topic}`)
  if (source.isSource) throw refused(`Cannot insert values into read-only ${source.kind.toLowerCase()}: ${source.name}`)
  return source
}

function refuseHeaders (statement: InsertValues, source: DataSource): void {
  const headers = source.schema.value.filter(column => column.headerKey !== undefined).map(column => column.name)
  const named = statement.columns.length === 0 ? headers : statement.columns.filter(name => headers.includes(name))
  if (named.length > 0) throw new EngineError(`Cannot insert into HEADER columns: ${named.join(', ')}`)
}

function buildRow (statement: InsertValues, source: DataSource, functions: FunctionRegistry): InsertRow {
  const { key, value } = source.schema
  const types = new Map([...key, ...value].map(column => [column.name, column.type]))
  const columns = statement.columns.length === 0 ? [...types.keys()] : statement.columns
  if (columns.length !== statement.values.length) {
    throw new EngineError(`Expected a value for each column. Expected Columns: [${statement.columns.map(backquote).join(', ')}]. Got [${
      statement.values.map(printExpressionPlain).join(', ')}]`)
  }
  const values = new Map<string, Value>()
  columns.forEach((name, i) => {
    if (name === 'ROWPARTITION' || name === 'ROWOFFSET') throw new EngineError(`Inserting into column ${backquote(name)} is not allowed.`)
    const type = types.get(name) ?? (name === 'ROWTIME' ? BIGINT : undefined)
    if (type === undefined) throw new EngineError(`Column name ${backquote(name)} does not exist.`)
    const expression = statement.values[i]
    if (expression !== undefined) values.set(name, evaluate(expression, type, name, functions))
  })
  if (source.kind === 'TABLE') {
    const missing = key.filter(column => !values.has(column.name)).map(column => column.name)
    if (missing.length > 0) throw new EngineError(`Value for primary key column(s) ${missing.join(', ')} is required for tables`)
  }
  const timestamp = values.get('ROWTIME')
  return {
    key: key.map(column => values.get(column.name) ?? null),
    value: value.map(column => values.get(column.name) ?? null),
    ...(typeof timestamp === 'bigint' && { timestamp: Number(timestamp) })
  }
}

function evaluate (expression: Expression, type: SqlType, name: string, functions: FunctionRegistry): Value {
  if (expression.node === 'NullLiteral') return null
  if (readsColumns(expression)) throw new EngineError(`Unsupported column reference in insert value: ${printExpressionPlain(expression)}`)
  const problems: Error[] = []
  const compiled = compileExpression(expression, [], { functions, onError: error => problems.push(error) })
  const value = compiled.evaluate([])
  if (problems[0] !== undefined) throw problems[0]
  if (value === null || compiled.type === undefined) return null
  return coerce(value, compiled.type, type, name)
}

function coerce (value: Value, from: SqlType, to: SqlType, name: string): Value {
  if (sqlTypeEquals(from, to)) return value
  const hint = from.base !== 'STRING'
    ? ''
    : to.base === 'TIMESTAMP'
      ? '. Timestamp format must be yyyy-mm-ddThh:mm:ss[.S]'
      : to.base === 'TIME' ? '. Time format must be hh:mm:ss[.S]' : to.base === 'DATE' ? '. Date format must be yyyy-mm-dd' : ''
  const refusal = (): EngineError =>
    new EngineError(`Expected type ${printSqlType(to)} for field ${backquote(name)} but got ${from.base}(${valueToString(value, from)})${hint}`)
  const reachable = canCoerce(from, to, false)
  if (reachable === undefined) throw refusal()
  try {
    const result = castBetween(from, to)(value)
    if (result === null) throw refusal()
    return result
  } catch {
    throw refusal()
  }
}

/** True where the expression reads a column; lambda variables are none. */
function readsColumns (node: unknown): boolean {
  if (Array.isArray(node)) return node.some(readsColumns)
  if (typeof node !== 'object' || node === null) return false
  const kind = (node as { node?: unknown }).node
  if (kind === 'UnqualifiedColumnReference' || kind === 'QualifiedColumnReference') return true
  return Object.values(node).some(readsColumns)
}
