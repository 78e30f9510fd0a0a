// The one type that the elements of an ARRAY[…], MAP(…) or IN (…) list come to, and the casts that bring them there (CoercionUtil).
import type { Expression } from '../sql/ast.js'
import { printExpressionPlain } from './print.js'
import type { SqlType } from '../sql/sql-type.js'
import { BIGINT, DOUBLE, INTEGER, array, map, printSqlType, sqlTypeEquals, struct } from '../sql/sql-type.js'
import { Decimal } from './decimal.js'
import { precisionOf } from './decimal-arithmetic.js'
import { KsqlError } from './error.js'
import { parseBooleanExact } from './java-text.js'
import { canImplicitlyCast, decimalLiteralType, isNumber, isTime, widenDecimals } from './type-rules.js'
import type { StructType } from './type-rules.js'

export type TypeOf = (expression: Expression) => SqlType | undefined

class CoercionError extends KsqlError {}

const LITERALS: ReadonlySet<Expression['node']> = new Set(['NullLiteral', 'BooleanLiteral', 'IntegerLiteral', 'LongLiteral', 'DoubleLiteral', 'DecimalLiteral', 'StringLiteral'])

export function isLiteral (expression: Expression): boolean {
  return LITERALS.has(expression.node)
}

function mismatch (expression: Expression, source: SqlType | undefined, target: SqlType): CoercionError {
  return new CoercionError(`operator does not exist: ${printSqlType(target)} = ${source === undefined ? 'null' : printSqlType(source)} ` +
    `(${printExpressionPlain(expression)})\nHint: You might need to add explicit type casts.`)
}

function canCoerceStruct (from: StructType, to: StructType, lax: boolean): SqlType | undefined {
  const fields = []
  for (const field of [...from.fields, ...to.fields.filter(f => !from.fields.some(o => o.name === f.name))]) {
    const source = from.fields.find(f => f.name === field.name)
    const target = to.fields.find(f => f.name === field.name)
    const type = source !== undefined && target !== undefined ? canCoerce(source.type, target.type, lax) : field.type
    if (type === undefined) return undefined
    fields.push({ name: field.name, type })
  }
  return struct(fields)
}

/** DefaultSqlValueCoercer.canCoerce: the type that `from` and `to` come to, or undefined. `lax`: literals may also be parsed and printed. */
export function canCoerce (from: SqlType, to: SqlType, lax: boolean): SqlType | undefined {
  if (from.base === 'ARRAY' && to.base === 'ARRAY') {
    const items = canCoerce(from.items, to.items, lax)
    return items === undefined ? undefined : array(items)
  }
  if (from.base === 'MAP' && to.base === 'MAP') {
    const keys = canCoerce(from.keys, to.keys, lax)
    const values = canCoerce(from.values, to.values, lax)
    return keys === undefined || values === undefined ? undefined : map(keys, values)
  }
  if (from.base === 'STRUCT' && to.base === 'STRUCT') return canCoerceStruct(from, to, lax)
  if (isNumber(from.base) && to.base === 'DECIMAL') return from.base === 'DOUBLE' ? undefined : widenDecimals(from, to)
  if (canImplicitlyCast(from.base, to.base)) return to
  if (!lax) return undefined
  if (to.base === 'STRING') return from.base === 'BOOLEAN' || isNumber(from.base) || isTime(from.base) ? to : undefined
  return from.base === 'STRING' && (to.base === 'BOOLEAN' || isNumber(to.base)) ? to : undefined
}

function invalidSyntax (text: string, type: SqlType): KsqlError {
  return new KsqlError(`invalid input syntax for type ${type.base}: "${text}".`)
}

/** The type of the number that a string literal holds. Throws where it holds none. */
function numericTypeOf (text: string): SqlType {
  const value = Decimal.parse(text.trim())
  if (!/[.eE]/.test(text) && value.scale === 0) {
    if (value.unscaled > -2147483648n && value.unscaled < 2147483647n) return INTEGER
    if (precisionOf(value) < 19) return BIGINT
  }
  return decimalLiteralType(text.trim())
}

function commonNumeric (text: string, target: SqlType): SqlType {
  let source: SqlType
  try {
    source = numericTypeOf(text)
  } catch {
    throw invalidSyntax(text, target)
  }
  if (source.base === 'DOUBLE' || target.base === 'DOUBLE') return DOUBLE
  if (source.base === 'DECIMAL' || target.base === 'DECIMAL') return widenDecimals(source, target)
  return canImplicitlyCast(source.base, target.base) ? target : source
}

class ListCoercer {
  readonly #typeOf: TypeOf

  constructor (typeOf: TypeOf) {
    this.#typeOf = typeOf
  }

  common (expressions: readonly Expression[], start?: SqlType): SqlType | undefined {
    let type = start
    for (const expression of expressions) type = this.#step(expression, this.#typeOf(expression), type)
    return type
  }

  #step (expression: Expression, type: SqlType | undefined, common: SqlType | undefined): SqlType | undefined {
    if (common === undefined) return type
    if (type === undefined) return common
    switch (expression.node) {
      case 'CreateArray':
      case 'CreateMap':
      case 'CreateStruct': return this.#structured(expression, type, common)
      case 'StringLiteral':
        if (isNumber(common.base)) return commonNumeric(expression.value, common)
        if (common.base === 'BOOLEAN') {
          if (parseBooleanExact(expression.value.trim()) === undefined) throw invalidSyntax(expression.value, common)
          return common
        }
    }
    const lax = isLiteral(expression)
    const found = canCoerce(type, common, lax) ?? canCoerce(common, type, lax)
    if (found === undefined) throw mismatch(expression, type, common)
    return found
  }

  #structured (expression: Extract<Expression, { node: 'CreateArray' | 'CreateMap' | 'CreateStruct' }>, type: SqlType, common: SqlType): SqlType {
    try {
      if (expression.node === 'CreateArray' && common.base === 'ARRAY') return array(this.#items(expression.values, common.items))
      if (expression.node === 'CreateMap' && common.base === 'MAP') {
        return map(this.#items(expression.entries.map(e => e.key), common.keys), this.#items(expression.entries.map(e => e.value), common.values))
      }
      if (expression.node === 'CreateStruct' && common.base === 'STRUCT') return this.#struct(expression, common)
    } catch (error) {
      if (error instanceof CoercionError) throw mismatch(expression, type, common)
      throw error
    }
    throw mismatch(expression, type, common)
  }

  #items (expressions: readonly Expression[], target: SqlType): SqlType {
    return this.common(expressions, target) ?? target
  }

  #struct (expression: Extract<Expression, { node: 'CreateStruct' }>, common: StructType): SqlType {
    const names = new Set([...expression.fields.map(f => f.name), ...common.fields.map(f => f.name)])
    return struct([...names].map(name => {
      const source = expression.fields.find(f => f.name === name)?.value
      const target = common.fields.find(f => f.name === name)?.type
      const sourceType = source === undefined ? undefined : this.#typeOf(source)
      const type = target === undefined || source === undefined ? sourceType ?? target : this.#step(source, sourceType, target)
      if (type === undefined) throw new KsqlError(`Cannot determine the type of field ${name}`)
      return { name, type }
    }))
  }
}

export interface CoercedList {
  /** undefined: nothing but NULLs. */
  readonly type: SqlType | undefined
  readonly expressions: readonly Expression[]
}

/** Brings the expressions of a list to one type, with casts where they differ. Throws KsqlError. */
export function coerceList (expressions: readonly Expression[], typeOf: TypeOf): CoercedList {
  const type = new ListCoercer(typeOf).common(expressions)
  if (type === undefined) return { type, expressions }
  return {
    type,
    expressions: expressions.map(expression => {
      const own = typeOf(expression)
      return own === undefined || sqlTypeEquals(own, type) ? expression : { node: 'Cast', expression, type }
    })
  }
}
