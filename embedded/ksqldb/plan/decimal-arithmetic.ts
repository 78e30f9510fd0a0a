// DECIMAL operators with the precision rules of their SQL types: java.math.BigDecimal under a MathContext that refuses to round.
import type { ArithmeticOperator } from '../sql/ast.js'
import { Decimal } from './decimal.js'
import { KsqlError } from './error.js'
import type { DecimalType } from './type-rules.js'

const POWERS: bigint[] = Array.from({ length: 80 }, (_, i) => 10n ** BigInt(i))

function power (exponent: number): bigint {
  return POWERS[exponent] ?? 10n ** BigInt(exponent)
}

function magnitude (value: bigint): bigint {
  return value < 0n ? -value : value
}

/** Number of decimal digits; 1 of zero. */
export function precisionOf (value: Decimal): number {
  return magnitude(value.unscaled).toString().length
}

/** The value with another scale; digits that fall away round half up, or are refused. Throws KsqlError. */
export function withScale (value: Decimal, scale: number, rounding: 'HALF_UP' | 'UNNECESSARY'): Decimal {
  if (scale === value.scale) return value
  if (scale > value.scale) return new Decimal(value.unscaled * power(scale - value.scale), scale)
  const divisor = power(value.scale - scale)
  const rest = magnitude(value.unscaled % divisor)
  let quotient = value.unscaled / divisor
  if (rest !== 0n) {
    if (rounding === 'UNNECESSARY') throw new KsqlError('Rounding necessary')
    if (rest * 2n >= divisor) quotient += value.unscaled < 0n ? -1n : 1n
  }
  return new Decimal(quotient, scale)
}

function ensureMax (value: Decimal, precision: number, scale: number): void {
  const limit = power(precision - scale + value.scale)
  if (magnitude(value.unscaled) >= limit) {
    throw new KsqlError(`Numeric field overflow: A field with precision ${precision} and scale ${scale} ` +
      `must round to an absolute value less than 10^${precision - scale}. Got ${value.toString()}`)
  }
}

/** DecimalUtil.cast: into the type, rounding half up. Throws KsqlError on overflow. */
export function castDecimal (value: Decimal, type: DecimalType): Decimal {
  ensureMax(value, type.precision, type.scale)
  return withScale(value, type.scale, 'HALF_UP')
}

/** DecimalUtil.ensureFit: into the type without rounding. Throws KsqlError. */
export function fitDecimal (value: Decimal, type: DecimalType): Decimal {
  ensureMax(value, type.precision, type.scale)
  try {
    return withScale(value, type.scale, 'UNNECESSARY')
  } catch {
    throw new KsqlError(`Cannot fit decimal '${value.toString()}' into DECIMAL(${type.precision}, ${type.scale}) without rounding. ` +
      `(Requires ${precisionOf(value)},${value.scale})`)
  }
}

export function compareDecimals (a: Decimal, b: Decimal): number {
  const left = a.scale >= b.scale ? a.unscaled : a.unscaled * power(b.scale - a.scale)
  const right = b.scale >= a.scale ? b.unscaled : b.unscaled * power(a.scale - b.scale)
  return left < right ? -1 : left > right ? 1 : 0
}

export function decimalToNumber (value: Decimal): number {
  return Number(value.toString())
}

/** The decimal nearest to what the double stands for exactly, to `precision` digits, as new BigDecimal(double, MathContext). */
export function decimalFromDouble (value: number, precision: number): Decimal {
  if (!Number.isFinite(value)) throw new KsqlError('Infinite or NaN')
  if (value === 0) return new Decimal(0n, 0)
  const exact = exactDouble(value)
  const excess = precisionOf(exact) - precision
  return excess > 0 && exact.scale - excess >= 0 ? withScale(exact, exact.scale - excess, 'HALF_UP') : exact
}

function exactDouble (value: number): Decimal {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponentBits = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  const mantissa = exponentBits === 0 ? fraction : fraction | 0x10000000000000n
  let exponent = (exponentBits === 0 ? 1 : exponentBits) - 1075
  let digits = mantissa
  while (exponent < 0 && digits % 2n === 0n) {
    digits /= 2n
    exponent++
  }
  const unscaled = exponent >= 0 ? digits * 2n ** BigInt(exponent) : digits * 5n ** BigInt(-exponent)
  return new Decimal(value < 0 ? -unscaled : unscaled, exponent >= 0 ? 0 : -exponent)
}

function divide (a: Decimal, b: Decimal, scale: number): Decimal {
  if (b.unscaled === 0n) throw new KsqlError(a.unscaled === 0n ? 'Division undefined' : 'Division by zero')
  const shift = scale + b.scale - a.scale
  const dividend = shift >= 0 ? a.unscaled * power(shift) : a.unscaled
  const divisor = shift >= 0 ? b.unscaled : b.unscaled * power(-shift)
  if (dividend % divisor !== 0n) throw new KsqlError('Rounding necessary')
  return new Decimal(dividend / divisor, scale)
}

function remainder (a: Decimal, b: Decimal): Decimal {
  if (b.unscaled === 0n) throw new KsqlError('Division by zero')
  const scale = Math.max(a.scale, b.scale)
  return new Decimal(withScale(a, scale, 'HALF_UP').unscaled % withScale(b, scale, 'HALF_UP').unscaled, scale)
}

function exactResult (value: Decimal, type: DecimalType): Decimal {
  const result = withScale(value, type.scale, 'UNNECESSARY')
  if (precisionOf(result) > type.precision) throw new KsqlError('Rounding necessary')
  return result
}

/** The operator over two DECIMALs, giving `type`. The function throws KsqlError where the exact result does not fit. */
export function decimalOperator (operator: ArithmeticOperator, type: DecimalType): (a: Decimal, b: Decimal) => Decimal {
  const aligned = (combine: (a: bigint, b: bigint) => bigint) => (a: Decimal, b: Decimal): Decimal => {
    if (a.scale === b.scale) return exactResult(new Decimal(combine(a.unscaled, b.unscaled), a.scale), type)
    const scale = Math.max(a.scale, b.scale)
    return exactResult(new Decimal(combine(withScale(a, scale, 'HALF_UP').unscaled, withScale(b, scale, 'HALF_UP').unscaled), scale), type)
  }
  switch (operator) {
    case '+': return aligned((a, b) => a + b)
    case '-': return aligned((a, b) => a - b)
    case '*': return (a, b) => exactResult(new Decimal(a.unscaled * b.unscaled, a.scale + b.scale), type)
    case '/': return (a, b) => exactResult(divide(a, b, type.scale), type)
    case '%': return (a, b) => exactResult(remainder(a, b), type)
  }
}

export function negateDecimal (value: Decimal): Decimal {
  return new Decimal(-value.unscaled, value.scale)
}
