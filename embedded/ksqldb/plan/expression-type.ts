// The type of an expression, with ksqlDB's checks and messages (ExpressionTypeManager).
import type { Expression, WhenClause } from '../sql/ast.js'
import { printExpressionPlain } from './print.js'
import type { SqlType } from '../sql/sql-type.js'
import { BIGINT, BOOLEAN, DOUBLE, INTEGER, STRING, array, map, printSqlType, sqlTypeEquals, struct } from '../sql/sql-type.js'
import type { LambdaTypes } from './call.js'
import { typeCall } from './call.js'
import { coerceList } from './coercion.js'
import { KsqlError } from './error.js'
import { statementError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import type { Column } from './schema.js'
import { arithmeticResult, decimalLiteralType, isComparable } from './type-rules.js'

const COMPARISON_NAMES = {
  '=': 'EQUAL', '<>': 'NOT_EQUAL', '<': 'LESS_THAN', '<=': 'LESS_THAN_OR_EQUAL', '>': 'GREATER_THAN', '>=': 'GREATER_THAN_OR_EQUAL',
  'IS DISTINCT FROM': 'IS_DISTINCT_FROM', 'IS NOT DISTINCT FROM': 'IS_NOT_DISTINCT_FROM'
} as const

const ISSUE_4239 = '(see https://github.com/confluentinc/ksql/issues/4239)'

type Of<N extends Expression['node']> = Extract<Expression, { node: N }>

function print (type: SqlType | undefined): string {
  return type === undefined ? 'null' : printSqlType(type)
}

export const NO_LAMBDAS: LambdaTypes = new Map()

/** Types expressions over one list of columns. What it has typed it remembers, since nested constructors ask for their parts again and again. */
export class ExpressionTypes {
  readonly #columns: ReadonlyMap<string, SqlType>
  readonly #functions: FunctionRegistry
  readonly #known = new WeakMap<LambdaTypes, Map<Expression, SqlType | undefined>>()

  constructor (columns: readonly Column[], functions: FunctionRegistry) {
    const byName = new Map<string, SqlType>()
    for (const column of columns) if (!byName.has(column.name)) byName.set(column.name, column.type)
    this.#columns = byName
    this.#functions = functions
  }

  /** undefined: the NULL literal. Throws KsqlError. */
  typeOf (expression: Expression, lambdas: LambdaTypes = NO_LAMBDAS): SqlType | undefined {
    let known = this.#known.get(lambdas)
    if (known === undefined) this.#known.set(lambdas, known = new Map())
    if (known.has(expression)) return known.get(expression)
    const type = this.#compute(expression, lambdas)
    known.set(expression, type)
    return type
  }

  #compute (expression: Expression, lambdas: LambdaTypes): SqlType | undefined {
    switch (expression.node) {
      case 'NullLiteral': return undefined
      case 'IntegerLiteral': return INTEGER
      case 'LongLiteral': return BIGINT
      case 'DoubleLiteral': return DOUBLE
      case 'DecimalLiteral': return decimalLiteralType(expression.value)
      case 'StringLiteral': return STRING
      case 'UnqualifiedColumnReference': return this.#column(expression.name)
      case 'QualifiedColumnReference': throw new KsqlError(`Unknown column ${expression.qualifier}.${expression.name}.`)
      case 'LambdaVariable': return lambdas.get(expression.name)
      case 'LambdaFunctionCall': return this.typeOf(expression.body, lambdas)
      case 'ArithmeticBinary': return this.#arithmetic(expression, lambdas)
      case 'ArithmeticUnary': return this.typeOf(expression.value, lambdas)
      case 'Comparison': return this.#comparison(expression, lambdas)
      case 'LogicalBinary':
        this.typeOf(expression.left, lambdas)
        this.typeOf(expression.right, lambdas)
        return BOOLEAN
      case 'Cast': return expression.type
      case 'SimpleCase':
      case 'SearchedCase': return this.#case(expression, lambdas)
      case 'Subscript': return this.#subscript(expression, lambdas)
      case 'Dereference': return this.#dereference(expression, lambdas)
      case 'CreateArray': return this.#array(expression, lambdas)
      case 'CreateMap': return this.#map(expression, lambdas)
      case 'CreateStruct': return this.#struct(expression, lambdas)
      case 'FunctionCall': return typeCall(expression, this.#functions, (e, l) => this.typeOf(e, l), lambdas).returns
      case 'IntervalUnit': return undefined
      default: return BOOLEAN
    }
  }

  #column (name: string): SqlType {
    const type = this.#columns.get(name)
    if (type === undefined) throw new KsqlError(`Unknown column ${name}.`)
    return type
  }

  #arithmetic (expression: Of<'ArithmeticBinary'>, lambdas: LambdaTypes): SqlType {
    const left = this.typeOf(expression.left, lambdas)
    const right = this.typeOf(expression.right, lambdas)
    try {
      return arithmeticResult(expression.operator, left, right)
    } catch (error) {
      if (!(error instanceof KsqlError)) throw error
      const text = printExpressionPlain(expression)
      throw statementError(`Error processing expression: ${text}. ${error.message}`, text)
    }
  }

  #comparison (expression: Of<'Comparison'>, lambdas: LambdaTypes): SqlType {
    const left = this.typeOf(expression.left, lambdas)
    const right = this.typeOf(expression.right, lambdas)
    if (left === undefined || right === undefined) {
      throw new KsqlError(`Comparison with NULL not supported: ${left?.base ?? 'NULL'} ${expression.operator} ${right?.base ?? 'NULL'}\n` +
        "Use 'IS NULL' or 'IS NOT NULL' instead.")
    }
    const name = COMPARISON_NAMES[expression.operator]
    if (!isComparable(left, right, name.includes('EQUAL') ? name === 'EQUAL' || name === 'NOT_EQUAL' : name.startsWith('IS'))) {
      throw statementError(`Cannot compare ${printExpressionPlain(expression.left)} (${print(left)}) to ` +
        `${printExpressionPlain(expression.right)} (${print(right)}) with ${name}.`, printExpressionPlain(expression))
    }
    return BOOLEAN
  }

  #case (expression: Of<'SearchedCase' | 'SimpleCase'>, lambdas: LambdaTypes): SqlType {
    const results = this.#whenType(searchedClauses(expression), lambdas)
    const other = expression.defaultValue === undefined ? undefined : this.typeOf(expression.defaultValue, lambdas)
    if (results !== undefined && other !== undefined && !sqlTypeEquals(results, other)) {
      throw new KsqlError('Invalid Case expression. Type for the default clause should be the same as for \'THEN\' clauses.\n' +
        `THEN type: ${print(results)}.\nDEFAULT type: ${print(other)}.`)
    }
    const type = results ?? other
    if (type === undefined) throw new KsqlError('Invalid Case expression. All case branches have NULL type')
    return type
  }

  #whenType (clauses: readonly WhenClause[], lambdas: LambdaTypes): SqlType | undefined {
    let previous: SqlType | undefined
    for (const clause of clauses) {
      const operand = this.typeOf(clause.operand, lambdas)
      if (operand?.base !== 'BOOLEAN') {
        throw new KsqlError(`WHEN operand type should be boolean.\nType for '${printExpressionPlain(clause.operand)}' is ${print(operand)}`)
      }
      const type = this.typeOf(clause.result, lambdas)
      if (type === undefined) continue
      if (previous !== undefined && !sqlTypeEquals(previous, type)) {
        throw new KsqlError("Invalid Case expression. Type for all 'THEN' clauses should be the same.\n" +
          `THEN expression 'WHEN ${printExpressionPlain(clause.operand)} THEN ${printExpressionPlain(clause.result)}' has type: ${print(type)}.\n` +
          `Previous THEN expression(s) type: ${print(previous)}.`)
      }
      previous ??= type
    }
    return previous
  }

  #subscript (expression: Of<'Subscript'>, lambdas: LambdaTypes): SqlType {
    const base = this.typeOf(expression.base, lambdas)
    if (base?.base === 'MAP') return base.values
    if (base?.base === 'ARRAY') return base.items
    const hint = base?.base === 'STRUCT'
      ? ` Use the dereference operator for STRUCTS: ${printExpressionPlain(expression.base)}->${printExpressionPlain(expression.index)}`
      : ''
    throw new KsqlError(`Subscript expression (${printExpressionPlain(expression)}) do not apply to ${print(base)}.${hint}`)
  }

  #dereference (expression: Of<'Dereference'>, lambdas: LambdaTypes): SqlType {
    const base = this.typeOf(expression.base, lambdas)
    if (base?.base !== 'STRUCT') throw new KsqlError(`Expected STRUCT type, got: ${print(base)}`)
    const field = base.fields.find(f => f.name === expression.fieldName)
    if (field === undefined) throw new KsqlError(`Could not find field '${expression.fieldName}' in '${printExpressionPlain(expression.base)}'.`)
    return field.type
  }

  #array (expression: Of<'CreateArray'>, lambdas: LambdaTypes): SqlType {
    if (expression.values.length === 0) {
      throw new KsqlError(`Array constructor cannot be empty. Please supply at least one element ${ISSUE_4239}.`)
    }
    return array(this.#common(expression.values, lambdas, 'an array with all NULL elements', 'NULL value'))
  }

  #map (expression: Of<'CreateMap'>, lambdas: LambdaTypes): SqlType {
    if (expression.entries.length === 0) {
      throw new KsqlError(`Map constructor cannot be empty. Please supply at least one key value pair ${ISSUE_4239}.`)
    }
    const keys = this.#common(expression.entries.map(e => e.key), lambdas, 'a map with all NULL keys', 'NULL key')
    return map(keys, this.#common(expression.entries.map(e => e.value), lambdas, 'a map with all NULL values', 'NULL value'))
  }

  #common (values: readonly Expression[], lambdas: LambdaTypes, what: string, cast: string): SqlType {
    const { type } = coerceList(values, e => this.typeOf(e, lambdas))
    if (type === undefined) throw new KsqlError(`Cannot construct ${what} ${ISSUE_4239}. As a workaround, you may cast a ${cast} to the desired type.`)
    return type
  }

  #struct (expression: Of<'CreateStruct'>, lambdas: LambdaTypes): SqlType {
    const seen = new Set<string>()
    return struct(expression.fields.map(field => {
      const type = this.typeOf(field.value, lambdas)
      if (type === undefined) throw new KsqlError(`The type of field ${field.name} cannot be told from NULL: cast it to the desired type.`)
      if (seen.has(field.name)) throw new KsqlError(`Duplicate field names found in STRUCT: '${printExpressionPlain(expression)}'`)
      seen.add(field.name)
      return { name: field.name, type }
    }))
  }
}

/** The clauses of CASE with the operand of the simple form turned into comparisons. */
export function searchedClauses (expression: Of<'SearchedCase' | 'SimpleCase'>): readonly WhenClause[] {
  if (expression.node === 'SearchedCase') return expression.whenClauses
  return expression.whenClauses.map(clause => ({
    operand: { node: 'Comparison', operator: '=', left: expression.operand, right: clause.operand }, result: clause.result
  }))
}
