// The compiler's visitor: for each kind of expression the closure that evaluates it. Types are settled here, never at run time.
import type { Expression } from '../sql/ast.js'
import type { SqlType } from '../sql/sql-type.js'
import { BOOLEAN, INTEGER, BIGINT, DOUBLE, STRING, array, map, printSqlType, struct } from '../sql/sql-type.js'
import { compileArithmetic, compileSign } from './arithmetic.js'
import type { Operand } from './arithmetic.js'
import type { LambdaTypes } from './call.js'
import { typeCall } from './call.js'
import { castBetween } from './cast.js'
import { coerceList, isLiteral } from './coercion.js'
import { compileComparison, valuesEqual } from './comparison.js'
import type { CompileContext } from './compile.js'
import { Decimal } from './decimal.js'
import { KsqlError } from './error.js'
import { ExpressionTypes, NO_LAMBDAS, searchedClauses } from './expression-type.js'
import type { Argument, ArgumentType, Lambda } from './function.js'
import { likeMatcher } from './like.js'
import { NULL_OPERAND } from './null-operand.js'
import type { Column } from './schema.js'
import { arithmeticResult, decimalLiteralType } from './type-rules.js'
import type { Row, Value } from './value.js'

export type Evaluate = (row: Row) => Value
export interface Compiled { readonly type: SqlType | undefined, readonly evaluate: Evaluate }
type Of<N extends Expression['node']> = Extract<Expression, { node: N }>

/** Where a lambda's variable stands while its body runs. */
interface Cell { value: Value }
interface Scope { readonly types: LambdaTypes, readonly cells: ReadonlyMap<string, Cell> }

const NO_SCOPE: Scope = { types: NO_LAMBDAS, cells: new Map() }

const INTERVAL_MS = {
  MILLISECONDS: 1, SECONDS: 1000, MINUTES: 60_000, HOURS: 3_600_000, DAYS: 86_400_000, WEEKS: 604_800_000, MONTHS: 2_592_000_000, YEARS: 31_536_000_000
} as const

/** The value of a literal; null of NULL. */
export function literalValue (literal: Extract<Expression, { node: `${string}Literal` }>): Value {
  switch (literal.node) {
    case 'NullLiteral': return null
    case 'DecimalLiteral': return Decimal.parse(literal.value)
    default: return literal.value
  }
}

/** Types whose values are equal exactly where they are the same to a Set. */
const SET_TYPES: ReadonlySet<string> = new Set(['STRING', 'INTEGER', 'BIGINT', 'BOOLEAN'])

function isConstant (e: Expression): boolean {
  return isLiteral(e) || (e.node === 'Cast' && isLiteral(e.expression))
}

export class NodeCompiler {
  readonly #columns = new Map<string, { readonly index: number, readonly type: SqlType }>()
  readonly #types: ExpressionTypes
  readonly #context: CompileContext

  constructor (columns: readonly Column[], context: CompileContext) {
    columns.forEach((column, index) => {
      if (!this.#columns.has(column.name)) this.#columns.set(column.name, { index, type: column.type })
    })
    this.#types = new ExpressionTypes(columns, context.functions)
    this.#context = context
  }

  /** The evaluator may throw. Throws KsqlError where the expression does not type. */
  compile (expression: Expression, scope: Scope = NO_SCOPE): Compiled {
    switch (expression.node) {
      case 'NullLiteral': return { type: undefined, evaluate: () => null }
      case 'BooleanLiteral': return this.#literal(BOOLEAN, expression.value)
      case 'IntegerLiteral': return this.#literal(INTEGER, expression.value)
      case 'LongLiteral': return this.#literal(BIGINT, expression.value)
      case 'DoubleLiteral': return this.#literal(DOUBLE, expression.value)
      case 'DecimalLiteral': return this.#literal(decimalLiteralType(expression.value), Decimal.parse(expression.value))
      case 'StringLiteral': return this.#literal(STRING, expression.value)
      case 'IntervalUnit': return { type: undefined, evaluate: () => INTERVAL_MS[expression.unit] }
      case 'UnqualifiedColumnReference': return this.#column(expression.name)
      case 'QualifiedColumnReference': throw new KsqlError(`Unknown column ${expression.qualifier}.${expression.name}.`)
      case 'LambdaVariable': return this.#variable(expression.name, scope)
      case 'LambdaFunctionCall': throw new KsqlError('A lambda can only stand as an argument of a function that takes one.')
      case 'ArithmeticBinary': return this.#arithmetic(expression, scope)
      case 'ArithmeticUnary': {
        const { type, evaluate } = this.compile(expression.value, scope)
        return { type, evaluate: compileSign(expression.sign, evaluate, type) }
      }
      case 'Comparison': return this.#comparison(expression, scope)
      case 'LogicalBinary': return this.#logical(expression, scope)
      case 'Not': return this.#not(expression, scope)
      case 'IsNull': return this.#nullTest(expression.value, true, scope)
      case 'IsNotNull': return this.#nullTest(expression.value, false, scope)
      case 'Between': return this.#between(expression, scope)
      case 'InPredicate': return this.#in(expression, scope)
      case 'Like': return this.#like(expression, scope)
      case 'FunctionCall': return this.#call(expression, scope)
      case 'Cast': return this.#cast(expression, scope)
      case 'SearchedCase':
      case 'SimpleCase': return this.#case(expression, scope)
      case 'Subscript': return this.#subscript(expression, scope)
      case 'Dereference': return this.#dereference(expression, scope)
      case 'CreateArray': return this.#array(expression, scope)
      case 'CreateMap': return this.#map(expression, scope)
      case 'CreateStruct': return this.#struct(expression, scope)
    }
  }

  typeOf (expression: Expression, lambdas: LambdaTypes = NO_LAMBDAS): SqlType | undefined {
    return this.#types.typeOf(expression, lambdas)
  }

  /** The evaluator, but what it throws is told and gives null: ksqlDB's "nested error handling". */
  guard (expression: Expression, evaluate: Evaluate): Evaluate {
    const { onError } = this.#context
    return row => {
      try {
        return evaluate(row)
      } catch (error) {
        onError?.(error as Error, expression, row)
        return null
      }
    }
  }

  #literal (type: SqlType, value: Value): Compiled {
    return { type, evaluate: () => value }
  }

  #column (name: string): Compiled {
    const column = this.#columns.get(name)
    if (column === undefined) throw new KsqlError(`Unknown column ${name}.`)
    const { index, type } = column
    return { type, evaluate: row => row[index] as Value }
  }

  #variable (name: string, scope: Scope): Compiled {
    const cell = scope.cells.get(name)
    if (cell === undefined) throw new KsqlError(`Unknown lambda variable ${name}.`)
    return { type: scope.types.get(name), evaluate: () => cell.value }
  }

  #arithmetic (expression: Of<'ArithmeticBinary'>, scope: Scope): Compiled {
    const left = this.compile(expression.left, scope)
    const right = this.compile(expression.right, scope)
    const type = arithmeticResult(expression.operator, left.type, right.type)
    const [a, b] = [left, right].map(side => ({ evaluate: side.evaluate, type: side.type as SqlType })) as [Operand, Operand]
    return { type, evaluate: compileArithmetic(expression.operator, type, a, b, this.#context.interpreted === true) }
  }

  #comparison (expression: Of<'Comparison'>, scope: Scope): Compiled {
    this.#types.typeOf(expression, scope.types)
    const left = this.compile(expression.left, scope)
    const right = this.compile(expression.right, scope)
    return { type: BOOLEAN, evaluate: compileComparison(expression.operator, left.evaluate, left.type as SqlType, right.evaluate, right.type as SqlType) }
  }

  #boolean (expression: Expression, scope: Scope): Evaluate {
    const { type, evaluate } = this.compile(expression, scope)
    if (type?.base !== 'BOOLEAN') throw new KsqlError(`A boolean is expected, but got ${type === undefined ? 'null' : printSqlType(type)}`)
    return row => {
      const value = evaluate(row)
      if (value === null) throw NULL_OPERAND
      return value
    }
  }

  #logical (expression: Of<'LogicalBinary'>, scope: Scope): Compiled {
    const left = this.#boolean(expression.left, scope)
    const right = this.#boolean(expression.right, scope)
    return { type: BOOLEAN, evaluate: expression.operator === 'AND' ? row => left(row) && right(row) : row => left(row) || right(row) }
  }

  #not (expression: Of<'Not'>, scope: Scope): Compiled {
    const value = this.#boolean(expression.value, scope)
    return { type: BOOLEAN, evaluate: row => !(value(row) as boolean) }
  }

  #nullTest (value: Expression, isNull: boolean, scope: Scope): Compiled {
    const { evaluate } = this.compile(value, scope)
    return { type: BOOLEAN, evaluate: row => (evaluate(row) === null) === isNull }
  }

  #between (expression: Of<'Between'>, scope: Scope): Compiled {
    const { value, min, max } = expression
    const low = this.#comparison({ node: 'Comparison', operator: '>=', left: value, right: min }, scope).evaluate
    const high = this.#comparison({ node: 'Comparison', operator: '<=', left: value, right: max }, scope).evaluate
    return { type: BOOLEAN, evaluate: row => low(row) && high(row) }
  }

  #in (expression: Of<'InPredicate'>, scope: Scope): Compiled {
    const present = [expression.value, ...expression.values.filter(v => v.node !== 'NullLiteral')]
    const { expressions } = coerceList(present, e => this.#types.typeOf(e, scope.types))
    const [value, ...values] = expressions.map(e => this.compile(e, scope))
    if (value === undefined) return this.#literal(BOOLEAN, false)
    if (SET_TYPES.has(value.type?.base ?? '') && expressions.slice(1).every(isConstant)) {
      const set = new Set(values.map(v => v.evaluate([])))
      set.delete(null)
      return { type: BOOLEAN, evaluate: row => set.has(value.evaluate(row)) }
    }
    return {
      type: BOOLEAN,
      evaluate: row => {
        const wanted = value.evaluate(row)
        return wanted !== null && values.some(v => {
          const candidate = v.evaluate(row)
          return candidate !== null && valuesEqual(wanted, candidate)
        })
      }
    }
  }

  #like (expression: Of<'Like'>, scope: Scope): Compiled {
    const value = this.compile(expression.value, scope)
    const pattern = this.compile(expression.pattern, scope)
    if (value.type?.base !== 'STRING' || pattern.type?.base !== 'STRING') throw new KsqlError('LIKE takes STRINGs only.')
    let known: string | undefined
    let matches: (text: string) => boolean = () => false
    return {
      type: BOOLEAN,
      evaluate: row => {
        const text = value.evaluate(row)
        const wanted = pattern.evaluate(row)
        if (text === null || wanted === null) throw NULL_OPERAND
        if (wanted !== known) {
          matches = likeMatcher(wanted as string, expression.escape)
          known = wanted as string
        }
        return matches(text as string)
      }
    }
  }

  #cast (expression: Of<'Cast'>, scope: Scope): Compiled {
    const { type, evaluate } = this.compile(expression.expression, scope)
    const cast = castBetween(type, expression.type)
    if (isLiteral(expression.expression)) {
      try {
        return this.#literal(expression.type, cast(evaluate([])))
      } catch {
        // A cast that fails is told of each row.
      }
    }
    return { type: expression.type, evaluate: this.guard(expression, row => cast(evaluate(row))) }
  }

  #case (expression: Of<'SearchedCase' | 'SimpleCase'>, scope: Scope): Compiled {
    const type = this.#types.typeOf(expression, scope.types)
    const clauses = searchedClauses(expression).map(clause => ({
      when: this.#boolean(clause.operand, scope), then: this.compile(clause.result, scope).evaluate
    }))
    const other = expression.defaultValue === undefined ? () => null : this.compile(expression.defaultValue, scope).evaluate
    const [only] = clauses
    if (only !== undefined && clauses.length === 1) return { type, evaluate: row => only.when(row) === true ? only.then(row) : other(row) }
    return {
      type,
      evaluate: row => {
        for (const clause of clauses) if (clause.when(row) === true) return clause.then(row)
        return other(row)
      }
    }
  }

  #subscript (expression: Of<'Subscript'>, scope: Scope): Compiled {
    const base = this.compile(expression.base, scope)
    const index = this.compile(expression.index, scope)
    if (base.type?.base === 'MAP') {
      return {
        type: base.type.values,
        evaluate: row => {
          const entries = base.evaluate(row) as ReadonlyMap<Value, Value> | null
          return entries === null ? null : entries.get(index.evaluate(row)) ?? null
        }
      }
    }
    if (base.type?.base !== 'ARRAY') throw new KsqlError('Only ARRAY and MAP take a subscript.')
    if (index.type?.base !== 'INTEGER' && index.type?.base !== 'BIGINT') {
      throw new KsqlError(`An ARRAY is indexed by INTEGER, not by ${index.type === undefined ? 'null' : printSqlType(index.type)}.`)
    }
    return {
      type: base.type.items,
      evaluate: row => {
        const items = base.evaluate(row) as readonly Value[] | null
        if (items === null) return null
        const at = index.evaluate(row)
        if (at === null) throw NULL_OPERAND
        const position = Number(at)
        return items[position >= 0 ? position - 1 : items.length + position] ?? null
      }
    }
  }

  #dereference (expression: Of<'Dereference'>, scope: Scope): Compiled {
    const type = this.#types.typeOf(expression, scope.types)
    const base = this.compile(expression.base, scope)
    const index = base.type?.base === 'STRUCT' ? base.type.fields.findIndex(f => f.name === expression.fieldName) : -1
    return {
      type,
      evaluate: row => {
        const fields = base.evaluate(row) as readonly Value[] | null
        return fields === null ? null : fields[index] ?? null
      }
    }
  }

  #items (expressions: readonly Expression[], scope: Scope): { type: SqlType | undefined, evaluators: Evaluate[] } {
    const { type, expressions: coerced } = coerceList(expressions, e => this.#types.typeOf(e, scope.types))
    return { type, evaluators: coerced.map(e => this.#guardUnlessPlain(e, this.compile(e, scope).evaluate)) }
  }

  /** Guarded, unless it cannot throw. */
  #guardUnlessPlain (expression: Expression, evaluate: Evaluate): Evaluate {
    const plain = expression.node === 'UnqualifiedColumnReference' || expression.node === 'LambdaVariable' || expression.node.endsWith('Literal')
    return plain ? evaluate : this.guard(expression, evaluate)
  }

  #array (expression: Of<'CreateArray'>, scope: Scope): Compiled {
    const type = this.#types.typeOf(expression, scope.types)
    const { evaluators } = this.#items(expression.values, scope)
    return { type: type ?? array(STRING), evaluate: row => evaluators.map(item => item(row)) }
  }

  #map (expression: Of<'CreateMap'>, scope: Scope): Compiled {
    const type = this.#types.typeOf(expression, scope.types)
    const keys = this.#items(expression.entries.map(e => e.key), scope).evaluators
    const values = this.#items(expression.entries.map(e => e.value), scope).evaluators
    return { type: type ?? map(STRING, STRING), evaluate: row => new Map(keys.map((key, i) => [key(row), (values[i] as Evaluate)(row)])) }
  }

  #struct (expression: Of<'CreateStruct'>, scope: Scope): Compiled {
    const type = this.#types.typeOf(expression, scope.types) ?? struct([])
    const fields = expression.fields.map(f => this.#guardUnlessPlain(f.value, this.compile(f.value, scope).evaluate))
    return {
      type,
      evaluate: row => {
        const values: Value[] = new Array(fields.length)
        for (let i = 0; i < fields.length; i++) values[i] = (fields[i] as Evaluate)(row)
        return values
      }
    }
  }

  #call (expression: Of<'FunctionCall'>, scope: Scope): Compiled {
    const call = typeCall(expression, this.#context.functions, (e, l) => this.#types.typeOf(e, l), scope.types)
    if (call.function.kind !== 'SCALAR') throw new KsqlError(`Can't find any functions with the name '${expression.name}'`)
    const { implement } = call.function.signatures[call.function.signatures.indexOf(call.signature as never)] as (typeof call.function.signatures)[number]
    return { type: call.returns, evaluate: apply(implement(call.types, call.returns), this.arguments(expression, call, scope)) }
  }

  /** Evaluators of a call's arguments, cast to what the function takes. */
  arguments (
    expression: Of<'FunctionCall'>, call: { readonly types: readonly ArgumentType[], readonly lambdas: ReadonlyArray<LambdaTypes | undefined> }, scope: Scope = NO_SCOPE
  ): Array<(row: Row) => Argument> {
    return expression.arguments.map((argument, i) => {
      const types = call.lambdas[i]
      if (argument.node === 'LambdaFunctionCall' && types !== undefined) return this.#lambda(argument, types, scope)
      const { type, evaluate } = this.compile(argument, scope)
      const wanted = call.types[i]
      if (wanted === undefined || wanted.base === 'LAMBDA' || wanted.base === 'INTERVAL_UNIT') return evaluate
      const cast = castBetween(type, wanted)
      const converted: Evaluate = type === undefined || type === wanted ? evaluate : row => cast(evaluate(row))
      const nested = argument.node === 'FunctionCall' || argument.node === 'Dereference' || converted !== evaluate
      return nested ? this.guard(argument, converted) : converted
    })
  }

  #lambda (lambda: Of<'LambdaFunctionCall'>, types: LambdaTypes, outer: Scope): (row: Row) => Lambda {
    const own = lambda.parameters.map((): Cell => ({ value: null }))
    const cells = new Map(outer.cells)
    lambda.parameters.forEach((name, i) => cells.set(name, own[i] as Cell))
    const body = this.compile(lambda.body, { types, cells }).evaluate
    return row => (...args) => {
      for (let i = 0; i < own.length; i++) (own[i] as Cell).value = args[i] as Value
      return body(row)
    }
  }
}

function apply (implementation: (...args: Argument[]) => Value, args: ReadonlyArray<(row: Row) => Argument>): Evaluate {
  const [a, b, c] = args
  if (a === undefined) return () => implementation()
  if (b === undefined) return row => implementation(a(row))
  if (c === undefined) return row => implementation(a(row), b(row))
  if (args.length === 3) return row => implementation(a(row), b(row), c(row))
  return row => implementation(...args.map(argument => argument(row)))
}
