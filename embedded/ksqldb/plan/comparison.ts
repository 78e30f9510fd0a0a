// The comparison operators as functions over values of known types; a null on either side gives false (two-valued logic).
import type { ComparisonOperator } from '../sql/ast.js'
import type { SqlType } from '../sql/sql-type.js'
import { Decimal } from './decimal.js'
import { dateToTimestamp, parseDate, parseTime, parseTimestamp } from './iso-time.js'
import { doubleToString } from './java-text.js'
import { isTime } from './type-rules.js'
import type { Row, Value } from './value.js'

type Evaluate = (row: Row) => Value
type Convert = (value: any) => any
type Test = (a: any, b: any) => boolean

/** Java's `<` and `>` on two values of the same JavaScript kind; numbers and bigints may meet. */
const SCALARS: Record<ComparisonOperator, Test> = {
  '=': (a, b) => a <= b && a >= b,
  '<>': (a, b) => a < b || a > b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  'IS DISTINCT FROM': (a, b) => a < b || a > b,
  'IS NOT DISTINCT FROM': (a, b) => a <= b && a >= b
}

const IDENTICAL: Partial<Record<ComparisonOperator, Test>> = {
  '=': (a, b) => a === b,
  '<>': (a, b) => a !== b,
  'IS DISTINCT FROM': (a, b) => a !== b,
  'IS NOT DISTINCT FROM': (a, b) => a === b
}

function byOrder (operator: ComparisonOperator, compare: (a: any, b: any) => number): Test {
  const test = SCALARS[operator]
  return (a, b) => test(compare(a, b), 0)
}

function byEquality (operator: ComparisonOperator, equals: Test): Test {
  return operator === '=' || operator === 'IS NOT DISTINCT FROM' ? equals : (a, b) => !equals(a, b)
}

/** As java.nio.ByteBuffer.compareTo: bytes count as signed. */
function compareBytes (a: Buffer, b: Buffer): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = a.readInt8(i) - b.readInt8(i)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Whether two values of one type are equal, nulls within them included. */
export function valuesEqual (a: Value, b: Value): boolean {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') {
    return (typeof a === 'bigint' || typeof b === 'bigint') && a !== null && b !== null && typeof a !== 'object' && typeof b !== 'object' &&
      SCALARS['='](a, b)
  }
  if (a instanceof Decimal) return b instanceof Decimal && a.compare(b) === 0
  if (Buffer.isBuffer(a)) return Buffer.isBuffer(b) && a.equals(b)
  if (a instanceof Map) {
    return b instanceof Map && a.size === b.size && [...a].every(([key, value]) => b.has(key) && valuesEqual(value, b.get(key) as Value))
  }
  const left = a as readonly Value[]
  const right = b as readonly Value[]
  return Array.isArray(a) && Array.isArray(b) && left.length === right.length && left.every((value, i) => valuesEqual(value, right[i] as Value))
}

function toDecimal (type: SqlType): Convert {
  switch (type.base) {
    case 'DECIMAL': return v => v
    case 'DOUBLE': return (v: number) => Decimal.parse(doubleToString(v))
    default: return (v: number | bigint) => new Decimal(BigInt(v), 0)
  }
}

/** How each side of a comparison with a DATE, TIME or TIMESTAMP becomes a number. */
function timeConverters (left: SqlType, right: SqlType): [Convert, Convert] {
  const toward = [left, right].some(t => t.base === 'TIME') ? 'TIME' : [left, right].some(t => t.base === 'TIMESTAMP') ? 'TIMESTAMP' : 'DATE'
  const converter = (type: SqlType): Convert => {
    if (type.base === 'STRING') return toward === 'TIME' ? parseTime : toward === 'TIMESTAMP' ? parseTimestamp : parseDate
    return type.base === 'DATE' && toward === 'TIMESTAMP' ? dateToTimestamp : v => v
  }
  return [converter(left), converter(right)]
}

/** The test of two values that are not null. The types must be comparable. */
function testOf (operator: ComparisonOperator, left: SqlType, right: SqlType): Test {
  if (left.base === 'DECIMAL' || right.base === 'DECIMAL') {
    const test = byOrder(operator, (x: Decimal, y: Decimal) => x.compare(y))
    const [a, b] = [toDecimal(left), toDecimal(right)]
    return (x, y) => test(a(x), b(y))
  }
  if (isTime(left.base) || isTime(right.base)) {
    const test = SCALARS[operator]
    const [a, b] = timeConverters(left, right)
    return (x, y) => test(a(x), b(y))
  }
  switch (left.base) {
    case 'ARRAY':
    case 'MAP':
    case 'STRUCT': return byEquality(operator, valuesEqual)
    case 'BYTES': return byOrder(operator, compareBytes)
    case 'STRING':
    case 'BOOLEAN': return IDENTICAL[operator] ?? SCALARS[operator]
    default: return (left.base === right.base && left.base !== 'DOUBLE' ? IDENTICAL[operator] : undefined) ?? SCALARS[operator]
  }
}

/** `left operator right` on evaluators. */
export function compileComparison (
  operator: ComparisonOperator, left: Evaluate, leftType: SqlType, right: Evaluate, rightType: SqlType
): (row: Row) => boolean {
  const test = testOf(operator, leftType, rightType)
  if (operator === 'IS DISTINCT FROM' || operator === 'IS NOT DISTINCT FROM') {
    const distinct = operator === 'IS DISTINCT FROM'
    return row => {
      const a = left(row)
      const b = right(row)
      return a === null || b === null ? ((a === null) !== (b === null)) === distinct : test(a, b)
    }
  }
  return row => {
    const a = left(row)
    if (a === null) return false
    const b = right(row)
    return b !== null && test(a, b)
  }
}
