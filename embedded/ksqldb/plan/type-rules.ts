// The rules between SQL types: which casts are implicit, what arithmetic gives, how DECIMALs widen (SqlBaseType, SqlDecimal, Operator, DecimalUtil).
import type { ArithmeticOperator } from '../sql/ast.js'
import type { SqlBaseType, SqlType } from '../sql/sql-type.js'
import { STRING, decimal, printSqlType } from '../sql/sql-type.js'
import { KsqlError } from './error.js'

export type DecimalType = Extract<SqlType, { base: 'DECIMAL' }>
export type ArrayType = Extract<SqlType, { base: 'ARRAY' }>
export type MapType = Extract<SqlType, { base: 'MAP' }>
export type StructType = Extract<SqlType, { base: 'STRUCT' }>

const NUMBER_ORDER: readonly SqlBaseType[] = ['INTEGER', 'BIGINT', 'DECIMAL', 'DOUBLE']

export function isNumber (base: SqlBaseType): boolean {
  return NUMBER_ORDER.includes(base)
}

export function isTime (base: SqlBaseType): boolean {
  return base === 'TIME' || base === 'DATE' || base === 'TIMESTAMP'
}

/** SqlBaseType.canImplicitlyCast. */
export function canImplicitlyCast (from: SqlBaseType, to: SqlBaseType): boolean {
  if (from === to) return true
  if (isNumber(from) && isNumber(to)) return NUMBER_ORDER.indexOf(from) <= NUMBER_ORDER.indexOf(to)
  return from === 'STRING' && (isTime(to) || to === 'BYTES')
}

/** The DECIMAL that holds every value of a type: INTEGER (10, 0), BIGINT (19, 0). */
export function toDecimalType (type: SqlType): DecimalType {
  switch (type.base) {
    case 'DECIMAL': return type
    case 'INTEGER': return decimal(10, 0) as DecimalType
    case 'BIGINT': return decimal(19, 0) as DecimalType
    default: throw new KsqlError(`Cannot convert ${type.base} to DECIMAL.`)
  }
}

/** The DECIMAL that holds the values of both. */
export function widenDecimals (a: SqlType, b: SqlType): DecimalType {
  const left = toDecimalType(a)
  const right = toDecimalType(b)
  const whole = Math.max(left.precision - left.scale, right.precision - right.scale)
  const scale = Math.max(left.scale, right.scale)
  return decimal(whole + scale, scale) as DecimalType
}

/** The type of a DECIMAL literal, from its text (DecimalUtil.fromValue). */
export function decimalLiteralType (text: string): DecimalType {
  const match = /^[+-]?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text)
  const fraction = match?.[2] ?? ''
  const exponent = Number(match?.[3] ?? '0')
  const digits = ((match?.[1] ?? '') + fraction).replace(/^0+/, '')
  const scale = fraction.length - exponent
  const precision = digits.length === 0 ? 1 : digits.length
  if (scale < 0) return decimal(precision - scale, 0) as DecimalType
  return decimal(precision <= scale ? scale + 1 : precision, scale) as DecimalType
}

function decimalResult (operator: ArithmeticOperator, left: DecimalType, right: DecimalType): SqlType {
  const leftWhole = left.precision - left.scale
  const rightWhole = right.precision - right.scale
  const scale = Math.max(left.scale, right.scale)
  switch (operator) {
    case '+':
    case '-': return decimal(scale + Math.max(leftWhole, rightWhole) + 1, scale)
    case '*': return decimal(left.precision + right.precision + 1, left.scale + right.scale)
    case '/': {
      const quotientScale = Math.max(6, left.scale + right.precision + 1)
      return decimal(leftWhole + right.scale + quotientScale, quotientScale)
    }
    case '%': return decimal(Math.min(leftWhole, rightWhole) + scale, scale)
  }
}

/** What an arithmetic operator gives; undefined is the type of NULL. Throws KsqlError. */
export function arithmeticResult (operator: ArithmeticOperator, left: SqlType | undefined, right: SqlType | undefined): SqlType {
  if (left === undefined || right === undefined) {
    const print = (type: SqlType | undefined): string => type === undefined ? 'null' : printSqlType(type)
    throw new KsqlError(`Arithmetic on types ${print(left)} and ${print(right)} are not supported.`)
  }
  if (operator === '+' && left.base === 'STRING' && right.base === 'STRING') return STRING
  if (isNumber(left.base) && isNumber(right.base)) {
    const wider = canImplicitlyCast(left.base, right.base) ? right : left
    if (wider.base !== 'DECIMAL') return wider
    return decimalResult(operator, toDecimalType(left), toDecimalType(right))
  }
  throw new KsqlError(`Unsupported arithmetic types. ${left.base} ${right.base}`)
}

const TIMES = ['DATE', 'TIMESTAMP', 'STRING']

/** ComparisonUtil.isValidComparison; `equality`: = <> and the DISTINCT forms. Neither side may be NULL. */
export function isComparable (left: SqlType, right: SqlType, equality: boolean): boolean {
  switch (left.base) {
    case 'INTEGER':
    case 'BIGINT':
    case 'DECIMAL':
    case 'DOUBLE': return isNumber(right.base)
    case 'STRING': return right.base === 'STRING' || isTime(right.base)
    case 'BOOLEAN':
    case 'ARRAY':
    case 'MAP':
    case 'STRUCT': return right.base === left.base && equality
    case 'TIME': return right.base === 'TIME' || right.base === 'STRING'
    case 'DATE':
    case 'TIMESTAMP': return TIMES.includes(right.base)
    case 'BYTES': return right.base === 'BYTES'
  }
}

/** As SqlType.toString within error messages: no quotes round names (FormatOptions.noEscape). */
export function printTypeUnquoted (type: SqlType): string {
  return printSqlType(type, name => name)
}
