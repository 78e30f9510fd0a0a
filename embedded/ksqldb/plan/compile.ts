// Turns a typed expression into a closure over a row, once per query.
import type { Expression } from '../sql/ast.js'
import type { SqlType } from '../sql/sql-type.js'
import type { AggregateImplementation } from './function.js'
import type { FunctionRegistry } from './function-registry.js'
import type { Column } from './schema.js'
import type { Row, Value } from './value.js'

export interface CompileContext {
  readonly functions: FunctionRegistry
  /** Told of what failed at run time, for the processing log; the expression then gives null. */
  readonly onError?: (error: Error, expression: Expression) => void
}

export interface CompiledExpression {
  /** undefined: the NULL literal. */
  readonly type: SqlType | undefined
  /** Never throws: a failure is told to `onError` and gives null. */
  readonly evaluate: (row: Row) => Value
}

type Call = Extract<Expression, { node: 'FunctionCall' }>

export interface CompiledAggregate {
  /** Of the result of `implementation.map`. */
  readonly type: SqlType
  readonly implementation: AggregateImplementation
  /** The arguments for `add` and `undo` from a row of the source; the constants at the call's end are already in the implementation. */
  readonly arguments: ReadonlyArray<(row: Row) => Value>
}

export interface CompiledTableFunction {
  readonly type: SqlType
  readonly evaluate: (row: Row) => Iterable<Value>
}

/** `columns` are what the Row holds by position. Throws KsqlError where the expression does not type. */
export function compileExpression (expression: Expression, columns: readonly Column[], context: CompileContext): CompiledExpression {
  throw new Error(`${expression.node} ${columns.length} ${String(context)}`)
}

/** A condition: null and false drop the row. Throws KsqlError where it is not BOOLEAN. */
export function compilePredicate (expression: Expression, columns: readonly Column[], context: CompileContext): (row: Row) => boolean {
  throw new Error(`${expression.node} ${columns.length} ${String(context)}`)
}

export function compileAggregate (call: Call, columns: readonly Column[], context: CompileContext): CompiledAggregate {
  throw new Error(`${call.node} ${columns.length} ${String(context)}`)
}

export function compileTableFunction (call: Call, columns: readonly Column[], context: CompileContext): CompiledTableFunction {
  throw new Error(`${call.node} ${columns.length} ${String(context)}`)
}
