// MATHEMATICAL functions.
import type { SqlType } from '../../sql/sql-type.js'
import { BIGINT, BYTES, DATE, DOUBLE, INTEGER, STRING, TIME, TIMESTAMP, decimal } from '../../sql/sql-type.js'
import { Decimal } from '../decimal.js'
import { KsqlError } from '../error.js'
import type { ArgumentType, ScalarFunction, ScalarSignature } from '../function.js'
import { toDecimalType, widenDecimals } from '../type-rules.js'
import type { Value } from '../value.js'
import type { FunctionContext } from './context.js'
import type { Implementation } from './define.js'
import { ANY_DECIMAL, anonymous, describedAs, param, scalar, signature, strict } from './define.js'
import { comparatorOf, wrap32, wrap64 } from './values.js'

const LONG_MAX = 2n ** 63n - 1n
const LONG_MIN = -(2n ** 63n)

/** A double cut to a long: what is beyond is the greatest or least, NaN is 0 (Java's cast). */
function toLong (value: number): bigint {
  if (Number.isNaN(value)) return 0n
  if (value >= 2 ** 63) return LONG_MAX
  return value <= -(2 ** 63) ? LONG_MIN : BigInt(Math.trunc(value))
}

function sqlType (types: readonly ArgumentType[], index: number): SqlType {
  const type = types[index]
  if (type === undefined || type.base === 'LAMBDA' || type.base === 'INTERVAL_UNIT') throw new KsqlError('Cannot find the type of the argument')
  return type
}

const firstType = (types: readonly ArgumentType[]): SqlType => sqlType(types, 0)

/** DECIMAL(p, s) without its decimals. */
function wholeType (types: readonly ArgumentType[]): SqlType {
  const { precision, scale } = toDecimalType(sqlType(types, 0))
  return decimal(precision - scale, 0)
}

type DoubleFunction = (...values: number[]) => number

/** A function of doubles that also takes INTEGER and BIGINT; `order` is that of the signatures. */
function ofDoubles (name: string, description: string, run: DoubleFunction, names: readonly string[], order: readonly SqlType[]): ScalarFunction {
  const implementation = strict(numbers(run, names.length))
  return scalar(name, 'MATHEMATICAL', description, order.map(type => signature(names.map(each => param(each, type)), DOUBLE, implementation)))
}

/** Gives `run` doubles whatever numbers come. */
function numbers (run: DoubleFunction, count: number): Implementation {
  return count === 1 ? (a: number | bigint) => run(Number(a)) : (a: number | bigint, b: number | bigint) => run(Number(a), Number(b))
}

const unary = (name: string, description: string, run: (value: number) => number, parameter = 'value'): ScalarFunction =>
  ofDoubles(name, description, run, [parameter], [DOUBLE, INTEGER, BIGINT])

interface SameTypeRuns {
  readonly decimal: (v: Decimal) => Decimal
  readonly double: (v: number) => number
  readonly int: (v: number) => number
  readonly long: (v: bigint) => bigint
}

/** A function that gives its argument's type, for all four number types. */
function sameType (name: string, description: string, runs: SameTypeRuns): ScalarFunction {
  return scalar(name, 'MATHEMATICAL', description, [
    describedAs(ANY_DECIMAL, signature([param('val', ANY_DECIMAL)], firstType, strict((v: Decimal) => runs.decimal(v)))),
    signature([param('val', DOUBLE)], DOUBLE, strict((v: number) => runs.double(v))),
    signature([param('val', INTEGER)], INTEGER, strict((v: number) => runs.int(v))),
    signature([param('val', BIGINT)], BIGINT, strict((v: bigint) => runs.long(v)))
  ])
}

const same = <V>(value: V): V => value

/** Decimals rounded to `places`, which may be negative, at the value's own scale again. */
type Rounding = (value: Decimal) => 'HALF_UP' | 'HALF_DOWN' | 'DOWN'
/** Halves go up: 1.5 to 2, -1.5 to -1 (Round.roundBigDecimal). */
const halfUp: Rounding = value => value.unscaled > 0n ? 'HALF_UP' : 'HALF_DOWN'
const down: Rounding = () => 'DOWN'
/** No DOUBLE has digits beyond, either way. */
const PLACES_MAX = 400

function roundTo (value: Decimal, places: number, mode: Rounding): Decimal {
  const limited = Math.max(-PLACES_MAX, Math.min(PLACES_MAX, places))
  if (limited >= 0) return value.setScale(limited, mode(value))
  const unit = new Decimal(10n ** BigInt(-limited), 0)
  return value.divide(unit, 0, mode(value)).multiply(unit)
}

/** Whole numbers, and decimals to so many places. `whole` cuts a DOUBLE to a BIGINT. */
function rounding (name: string, description: string, mode: Rounding, whole: (value: number) => bigint): ScalarFunction {
  const toWhole = strict((v: Decimal) => v.setScale(0, mode(v)))
  const toPlaces = strict((v: Decimal, places: number) => roundTo(v, places, mode).setScale(v.scale))
  const doubleToPlaces = strict((v: number, places: number) => Number.isFinite(v) ? roundTo(Decimal.fromDoubleText(v), places, mode).toNumber() : notFinite(v))
  const places = param('decimalPlaces', INTEGER)
  return scalar(name, 'MATHEMATICAL', description, [
    describedAs(ANY_DECIMAL, signature([param('val', ANY_DECIMAL)], wholeType, toWhole)),
    signature([param('val', DOUBLE), places], DOUBLE, doubleToPlaces),
    signature([param('val', DOUBLE)], BIGINT, strict(whole)),
    describedAs(ANY_DECIMAL, signature([param('val', ANY_DECIMAL), places], firstType, toPlaces)),
    signature([param('val', INTEGER)], BIGINT, strict((v: number) => BigInt(v))),
    signature([param('val', BIGINT)], BIGINT, strict((v: bigint) => v))
  ])
}

function notFinite (value: number): never {
  throw new Error(`${value} cannot be rounded`)
}

/** GREATEST by `sign` 1 and LEAST by -1: nulls do not count. */
function extreme (sign: 1 | -1): ScalarSignature['implement'] {
  return (types, returns) => {
    const type = types.find(t => t !== undefined) as SqlType | undefined
    const compare = comparatorOf(type ?? returns)
    if (compare === undefined) throw new KsqlError('The arguments have no order')
    const scale = returns.base === 'DECIMAL' ? returns.scale : undefined
    return (...values: any[]) => {
      let best: Value = null
      for (const value of values) if (value !== null && (best === null || compare(value, best) * sign > 0)) best = value
      return scale !== undefined && best instanceof Decimal ? best.setScale(scale) : best
    }
  }
}

const widestDecimal = (types: readonly ArgumentType[]): SqlType =>
  types.filter(type => type !== undefined).map((_, i) => sqlType(types.filter(type => type !== undefined), i)).reduce((a, b) => widenDecimals(a, b))

const extremes = (sign: 1 | -1, order: readonly (SqlType | typeof ANY_DECIMAL)[]): ScalarSignature[] => order.map(type => describedAs(type, {
  parameters: [param('val', type), param('vals', type)],
  variadicIndex: 1,
  returns: type.base === 'ANY_DECIMAL' ? widestDecimal : type,
  description: '',
  implement: extreme(sign)
}))

/** NaN for a base that has no logarithms. */
const logarithm = (base: number, value: number): number => base <= 0 || base === 1 ? NaN : Math.log(value) / Math.log(base)

const logParameters = (type: SqlType) => [param('base', type), param('value', type)]

const sign = (value: number | bigint): number => value > 0 ? 1 : value < 0 ? -1 : 0

const trigonometric: readonly ScalarFunction[] = [
  unary('SIN', 'The sine of an angle in radians.', Math.sin),
  unary('COS', 'The cosine of an angle in radians.', Math.cos),
  unary('TAN', 'The tangent of an angle in radians.', Math.tan),
  unary('COT', 'The cotangent of an angle in radians.', value => 1 / Math.tan(value)),
  unary('ASIN', 'The angle in radians whose sine the value is.', Math.asin),
  unary('ACOS', 'The angle in radians whose cosine the value is.', Math.acos),
  unary('ATAN', 'The angle in radians whose tangent the value is.', Math.atan),
  ofDoubles('ATAN2', 'The angle in radians of the point (x, y).', Math.atan2, ['y', 'x'], [DOUBLE, BIGINT, INTEGER]),
  unary('SINH', 'The hyperbolic sine.', Math.sinh),
  unary('COSH', 'The hyperbolic cosine.', Math.cosh),
  unary('TANH', 'The hyperbolic tangent.', Math.tanh),
  unary('DEGREES', 'Radians as degrees.', value => value * (180 / Math.PI)),
  unary('RADIANS', 'Degrees as radians.', value => value * (Math.PI / 180)),
  scalar('PI', 'MATHEMATICAL', 'The ratio of a circle\'s circumference to its diameter.', [signature([], DOUBLE, () => Math.PI)])
]

const powers: readonly ScalarFunction[] = [
  unary('SQRT', 'The square root; NaN of a negative number.', Math.sqrt),
  unary('CBRT', 'The cube root.', Math.cbrt),
  unary('EXP', 'Euler\'s number to the power of the exponent.', Math.exp, 'exponent'),
  unary('LN', 'The natural logarithm.', Math.log),
  ofDoubles('POWER', 'The base to the power of the exponent.', Math.pow, ['base', 'exponent'], [DOUBLE, BIGINT, INTEGER]),
  scalar('LOG', 'MATHEMATICAL', 'The logarithm to a base; without one the natural logarithm.', [
    ...[INTEGER, BIGINT, DOUBLE].map(type => signature(logParameters(type), DOUBLE, strict(numbers(logarithm, 2)))),
    ...[DOUBLE, INTEGER, BIGINT].map(type => signature([param('value', type)], DOUBLE, strict(numbers(Math.log, 1))))])
]

/** Double arithmetic that Java leaves as it is for the least int and long: their absolute value is themselves. */
export function mathFunctions (context: FunctionContext): readonly ScalarFunction[] {
  return [
    ...trigonometric,
    ...powers,
    sameType('ABS', 'The value without its sign.', {
      decimal: v => v.abs(), double: Math.abs, int: v => wrap32(Math.abs(v)), long: v => wrap64(v < 0n ? -v : v) }),
    sameType('CEIL', 'The least whole number that is not less.', {
      decimal: v => v.setScale(0, 'CEILING').setScale(v.scale), double: Math.ceil, int: same, long: same }),
    sameType('FLOOR', 'The greatest whole number that is not greater.', {
      decimal: v => v.setScale(0, 'FLOOR').setScale(v.scale), double: Math.floor, int: same, long: same }),
    rounding('ROUND', 'The nearest number with so many decimal places, none by default; halves go up.', halfUp, v => toLong(Math.floor(v + 0.5))),
    rounding('TRUNC', 'The number cut to so many decimal places, none by default.', down, toLong),
    scalar('SIGN', 'MATHEMATICAL', '1, 0 or -1 for values above, at and below 0.', [DOUBLE, INTEGER, BIGINT].map(type =>
      signature([param('value', type)], INTEGER, strict(sign)))),
    scalar('GREATEST', 'MATHEMATICAL', 'The greatest of the values that are not null.', extremes(1, [TIME, DATE, BYTES, TIMESTAMP, ANY_DECIMAL as SqlType, INTEGER, BIGINT, DOUBLE, STRING])),
    scalar('LEAST', 'MATHEMATICAL', 'The least of the values that are not null.', extremes(-1, [TIME, TIMESTAMP, ANY_DECIMAL as SqlType, DATE, BIGINT, DOUBLE, STRING, BYTES, INTEGER])),
    anonymous('RANDOM', 'MATHEMATICAL', 'A random number from 0 up to but not 1.', [signature([], DOUBLE, () => context.random())])
  ]
}
