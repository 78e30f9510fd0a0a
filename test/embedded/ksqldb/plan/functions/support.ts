// Evaluates SQL expressions over the library, for tests that are tables of expression and value.
import t from 'tap'
import { compileAggregate, compileExpression, compileTableFunction } from '../../../../../embedded/ksqldb/plan/compile.js'
import { Decimal } from '../../../../../embedded/ksqldb/plan/decimal.js'
import { FunctionRegistry } from '../../../../../embedded/ksqldb/plan/function-registry.js'
import type { AggregateImplementation } from '../../../../../embedded/ksqldb/plan/function.js'
import type { FunctionContext } from '../../../../../embedded/ksqldb/plan/functions/index.js'
import { createBuiltInFunctions } from '../../../../../embedded/ksqldb/plan/functions/index.js'
import type { Column } from '../../../../../embedded/ksqldb/plan/schema.js'
import type { Row, Value } from '../../../../../embedded/ksqldb/plan/value.js'
import { parseExpression, parseType } from '../../../../../embedded/ksqldb/sql/parser.js'

/** 2021-11-15T21:39:05.678Z */
export const NOW = 1637012345678

export const context: FunctionContext = { now: () => NOW, random: () => 0.25, uuid: () => '00000000-0000-4000-8000-000000000000', properties: {} }

/** Values in a form that can be written down: decimals as `1.50m`, bytes as Buffer, maps as Map. */
export function plain (value: Value): unknown {
  if (value instanceof Decimal) return `${value.toString()}m`
  if (Buffer.isBuffer(value)) return `0x${value.toString('hex')}`
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [k, plain(v)]))
  return Array.isArray(value) ? value.map(item => plain(item)) : value
}

const columnsOf = (types: Readonly<Record<string, string>>): Column[] => Object.entries(types).map(([name, type]) => ({ name, type: parseType(type) }))
const registryOf = (properties: Readonly<Record<string, string>>): FunctionRegistry => new FunctionRegistry(createBuiltInFunctions({ ...context, properties }))
const registry = registryOf({})

/** The value of an expression, or the message of what went wrong in it as `error: …`. */
export function evaluate (sql: string, types: Readonly<Record<string, string>> = {}, row: Row = []): unknown {
  let message: string | undefined
  const compiled = compileExpression(parseExpression(sql), columnsOf(types), { functions: registry, onError: error => { message = error.message } })
  const value = compiled.evaluate(row)
  return message === undefined ? plain(value) : `error: ${message}`
}

/** Asserts a table of SQL expressions and their values. */
export function table (name: string, rows: ReadonlyArray<readonly [sql: string, expected: unknown]>): void {
  t.test(name, t => {
    for (const [sql, expected] of rows) {
      if (expected instanceof RegExp) t.match(evaluate(sql), expected, sql)
      else t.strictSame(evaluate(sql), expected, sql)
    }
    t.end()
  })
}

export interface Aggregation {
  readonly implementation: AggregateImplementation<any>
  /** The state after these rows from an empty one. */
  readonly state: (...rows: readonly Row[]) => any
  /** The result of such a state. */
  readonly result: (...rows: readonly Row[]) => unknown
}

/** An aggregate call over columns of these types. */
export function aggregation (sql: string, types: Readonly<Record<string, string>>, properties: Readonly<Record<string, string>> = {}): Aggregation {
  const functions = Object.keys(properties).length === 0 ? registry : registryOf(properties)
  const compiled = compileAggregate(parseExpression(sql) as never, columnsOf(types), { functions })
  const implementation = compiled.implementation as AggregateImplementation<any>
  const state = (...rows: readonly Row[]): any =>
    rows.reduce((s, row) => implementation.add(s, compiled.arguments.map(argument => argument(row))), implementation.initialize())
  return { implementation, state, result: (...rows) => plain(implementation.map(state(...rows))) }
}

/** The rows of a table function. */
export function explode (sql: string, types: Readonly<Record<string, string>>, row: Row): unknown[] {
  return [...compileTableFunction(parseExpression(sql) as never, columnsOf(types), { functions: registry }).evaluate(row)].map(value => plain(value))
}
