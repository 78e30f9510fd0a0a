// Turns a typed expression into a closure over a row, once per query.
import type { Expression } from '../sql/ast.js'
import { printExpressionPlain } from './print.js'
import type { SqlType } from '../sql/sql-type.js'
import { BIGINT, printSqlType, sqlTypeEquals } from '../sql/sql-type.js'
import { typeCall } from './call.js'
import type { FunctionCall, TypedCall } from './call.js'
import { isLiteral } from './coercion.js'
import { NodeCompiler, literalValue } from './compile-node.js'
import { KsqlError } from './error.js'
import { NO_LAMBDAS } from './expression-type.js'
import type { AggregateImplementation, AggregateSignature, TableFunctionSignature } from './function.js'
import type { FunctionRegistry } from './function-registry.js'
import type { Column } from './schema.js'
import type { Row, Value } from './value.js'

export interface CompileContext {
  readonly functions: FunctionRegistry
  /**
   * Told of what failed at run time, for the processing log; the expression, or the part of it that stands alone, then gives null.
   * `message`: what it was for.
   */
  readonly onError?: (error: Error, expression: Expression, row?: Row, message?: string) => void
  /** As ksqlDB's interpreter, which answers pull queries over tables: an arithmetic operator on null gives null, and leaves the expression around it alone. */
  readonly interpreted?: boolean
}

/** The same, but what fails is told with what it was for. */
export function toldAs (message: (expression: Expression) => string, context: CompileContext): CompileContext {
  const { onError } = context
  return onError === undefined ? context : { ...context, onError: (error, expression, row) => onError(error, expression, row, message(expression)) }
}

export interface CompiledExpression {
  /** undefined: the NULL literal. */
  readonly type: SqlType | undefined
  /** Never throws: a failure is told to `onError` and gives null. */
  readonly evaluate: (row: Row) => Value
}

export interface CompiledAggregate {
  /** Of the result of `implementation.map`. */
  readonly type: SqlType
  readonly implementation: AggregateImplementation
  /** The arguments for `add` and `undo` from a row of the source; the constants at the call's end are already in the implementation. */
  readonly arguments: ReadonlyArray<(row: Row) => Value>
  /** For each argument that is a column as it stands, the column's place; -1 for others. */
  readonly places: readonly number[]
}

export interface CompiledTableFunction {
  readonly type: SqlType
  /** Never throws: a failure is told to `onError` and gives no rows. */
  readonly evaluate: (row: Row) => Iterable<Value>
}

const compilers = new WeakMap<CompileContext, WeakMap<readonly Column[], NodeCompiler>>()

/** One compiler for all expressions of a step: it knows the columns by name. */
function compilerFor (columns: readonly Column[], context: CompileContext): NodeCompiler {
  let ofContext = compilers.get(context)
  if (ofContext === undefined) compilers.set(context, ofContext = new WeakMap())
  let compiler = ofContext.get(columns)
  if (compiler === undefined) ofContext.set(columns, compiler = new NodeCompiler(columns, context))
  return compiler
}

/** `columns` are what the Row holds by position; they must not change. Throws KsqlError where the expression does not type. */
export function compileExpression (expression: Expression, columns: readonly Column[], context: CompileContext): CompiledExpression {
  const compiler = compilerFor(columns, context)
  const { type, evaluate } = compiler.compile(expression)
  const cannotThrow = expression.node === 'UnqualifiedColumnReference' || expression.node === 'Cast' || isLiteral(expression)
  return { type, evaluate: cannotThrow ? evaluate : compiler.guard(expression, evaluate) }
}

/** A condition: null and false drop the row. Throws KsqlError where it is not BOOLEAN. */
export function compilePredicate (expression: Expression, columns: readonly Column[], context: CompileContext): (row: Row) => boolean {
  const compiler = compilerFor(columns, context)
  const { type, evaluate } = compiler.compile(expression)
  if (type?.base !== 'BOOLEAN') {
    throw new KsqlError(`Should evaluate to boolean but is ${printExpressionPlain(expression)} (${type === undefined ? 'null' : printSqlType(type)}) instead.`)
  }
  const { onError } = context
  return row => {
    try {
      return evaluate(row) === true
    } catch (error) {
      onError?.(error as Error, expression, row, `Error evaluating predicate ${printExpressionPlain(expression)}`)
      return false
    }
  }
}

function typed (call: FunctionCall, compiler: NodeCompiler, context: CompileContext): TypedCall {
  return typeCall(call, context.functions, (e, lambdas) => compiler.typeOf(e, lambdas), NO_LAMBDAS)
}

/** The constants at the end of an aggregate call, such as the N of TOPK. Throws KsqlError. */
function initialValues (call: FunctionCall, count: number): Value[] {
  const first = call.arguments.length - count
  return call.arguments.slice(first).map((argument, i) => {
    if (!isLiteral(argument)) {
      throw new KsqlError(`Parameter ${first + i + 1} passed to function ${call.name} must be a literal constant, ` +
        `but was expression: '${printExpressionPlain(argument)}'`)
    }
    return literalValue(argument as Parameters<typeof literalValue>[0])
  })
}

/** A call without arguments, COUNT(*), gets one that is never null. Throws KsqlError. */
export function compileAggregate (call: FunctionCall, columns: readonly Column[], context: CompileContext): CompiledAggregate {
  const compiler = compilerFor(columns, context)
  const resolved = typed(call, compiler, context)
  if (resolved.function.kind !== 'AGGREGATE') throw new KsqlError(`Unknown aggregate function ${call.name}`)
  const signature = resolved.signature as AggregateSignature
  const initial = initialValues(call, signature.initialArguments)
  const implementation = signature.implement(call.arguments.length === 0 ? [BIGINT] : resolved.types, resolved.returns, initial)
  const plain = call.arguments.slice(0, call.arguments.length - initial.length)
  const evaluators = compiler.arguments(call, resolved) as Array<(row: Row) => Value>
  const placeOf = (argument: Expression, i: number): number => {
    const at = argument.node === 'UnqualifiedColumnReference' ? columns.findIndex(column => column.name === argument.name) : -1
    const wanted = resolved.types[i]
    return at >= 0 && wanted !== undefined && wanted.base !== 'LAMBDA' && wanted.base !== 'INTERVAL_UNIT' && sqlTypeEquals(columns[at]!.type, wanted) ? at : -1
  }
  return {
    type: resolved.returns,
    implementation,
    places: call.arguments.length === 0 ? [-1] : plain.map(placeOf),
    arguments: call.arguments.length === 0 ? [() => 1n] : plain.map((argument, i) => compiler.guard(argument, evaluators[i] as (row: Row) => Value))
  }
}

/** EXPLODE and such: the rows that one row makes. Throws KsqlError. */
export function compileTableFunction (call: FunctionCall, columns: readonly Column[], context: CompileContext): CompiledTableFunction {
  const compiler = compilerFor(columns, context)
  const resolved = typed(call, compiler, context)
  if (resolved.function.kind !== 'TABLE') throw new KsqlError(`Unknown table function ${call.name}`)
  const implementation = (resolved.signature as TableFunctionSignature).implement(resolved.types, resolved.returns)
  const evaluators = compiler.arguments(call, resolved)
  const { onError } = context
  return {
    type: resolved.returns,
    evaluate: row => {
      try {
        return implementation(...evaluators.map(argument => argument(row)))
      } catch (error) {
        onError?.(error as Error, call, row, `Table function ${call.name} threw an exception`)
        return []
      }
    }
  }
}
