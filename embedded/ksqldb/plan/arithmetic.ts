// The arithmetic operators as functions over values of known types, with Java's overflow and division.
import type { ArithmeticOperator } from '../sql/ast.js'
import type { SqlType } from '../sql/sql-type.js'
import { castBetween } from './cast.js'
import type { Decimal } from './decimal.js'
import { decimalOperator } from './decimal-arithmetic.js'
import { KsqlError } from './error.js'
import { NULL_OPERAND } from './null-operand.js'
import type { DecimalType } from './type-rules.js'
import { toDecimalType } from './type-rules.js'
import type { Row, Value } from './value.js'

type Evaluate = (row: Row) => Value
type Binary = (a: any, b: any) => Value

const DIVISION_BY_ZERO = new KsqlError('/ by zero')

const INTEGERS: Record<ArithmeticOperator, Binary> = {
  '+': (a: number, b: number) => (a + b) | 0,
  '-': (a: number, b: number) => (a - b) | 0,
  '*': (a: number, b: number) => Math.imul(a, b),
  '/': (a: number, b: number) => {
    if (b === 0) throw DIVISION_BY_ZERO
    return (a / b) | 0
  },
  '%': (a: number, b: number) => {
    if (b === 0) throw DIVISION_BY_ZERO
    return (a % b) | 0
  }
}

const BIGINTS: Record<ArithmeticOperator, Binary> = {
  '+': (a: bigint, b: bigint) => BigInt.asIntN(64, a + b),
  '-': (a: bigint, b: bigint) => BigInt.asIntN(64, a - b),
  '*': (a: bigint, b: bigint) => BigInt.asIntN(64, a * b),
  '/': (a: bigint, b: bigint) => {
    if (b === 0n) throw DIVISION_BY_ZERO
    return BigInt.asIntN(64, a / b)
  },
  '%': (a: bigint, b: bigint) => {
    if (b === 0n) throw DIVISION_BY_ZERO
    return a % b
  }
}

const DOUBLES: Record<ArithmeticOperator, Binary> = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
  '%': (a: number, b: number) => a % b
}

/** The evaluator with its value brought to the result's type first. Nulls stay. */
function operand (evaluate: Evaluate, from: SqlType, to: SqlType): Evaluate {
  if (from.base === to.base && from.base !== 'DECIMAL') return evaluate
  if (to.base === 'DOUBLE') {
    const convert: (v: any) => number = from.base === 'DECIMAL' ? (v: Decimal) => v.toNumber() : Number
    return row => {
      const value = evaluate(row)
      return value === null ? null : convert(value)
    }
  }
  const cast = castBetween(from, to.base === 'DECIMAL' ? toDecimalType(from) : to)
  return row => cast(evaluate(row))
}

function operator (symbol: ArithmeticOperator, type: SqlType): Binary {
  switch (type.base) {
    case 'INTEGER': return INTEGERS[symbol]
    case 'BIGINT': return BIGINTS[symbol]
    case 'DOUBLE': return DOUBLES[symbol]
    case 'DECIMAL': return decimalOperator(symbol, type as DecimalType)
    default: return (a: string, b: string) => a + b
  }
}

export interface Operand { readonly evaluate: Evaluate, readonly type: SqlType }

/** `left symbol right`, of the type that arithmeticResult gave. On a null it throws NULL_OPERAND, or gives null where `nullable`. */
export function compileArithmetic (symbol: ArithmeticOperator, type: SqlType, left: Operand, right: Operand, nullable: boolean): Evaluate {
  const apply = operator(symbol, type)
  const a = operand(left.evaluate, left.type, type)
  const b = operand(right.evaluate, right.type, type)
  if (nullable) {
    return row => {
      const x = a(row)
      const y = b(row)
      return x === null || y === null ? null : apply(x, y)
    }
  }
  if (type.base === 'STRING') return row => String(a(row)) + String(b(row))
  return row => {
    const x = a(row)
    const y = b(row)
    if (x === null || y === null) throw NULL_OPERAND
    return apply(x, y)
  }
}

/** The sign before a number. Throws KsqlError at compile time for what is no number. */
export function compileSign (sign: '+' | '-', evaluate: Evaluate, type: SqlType | undefined): Evaluate {
  const negate: Partial<Record<SqlType['base'], (v: any) => Value>> = {
    INTEGER: (v: number) => (-v) | 0,
    BIGINT: (v: bigint) => BigInt.asIntN(64, -v),
    DOUBLE: (v: number) => -v,
    DECIMAL: (v: Decimal) => v.negate()
  }
  const apply = type === undefined ? undefined : negate[type.base]
  if (apply === undefined) throw new KsqlError(`${sign === '-' ? 'Negation' : 'Unary plus'} on unsupported type: ${type?.base ?? 'null'}`)
  return row => {
    const value = evaluate(row)
    if (value === null) throw NULL_OPERAND
    return sign === '-' ? apply(value) : value
  }
}
