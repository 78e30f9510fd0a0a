// What SQL types allow of DECIMAL arithmetic: results that fit their type's precision and scale without rounding, as ksqlDB computes under a
// java.math.MathContext that refuses to round.
import type { ArithmeticOperator } from '../sql/ast.js'
import { Decimal, DecimalError } from './decimal.js'
import { KsqlError } from './error.js'
import type { DecimalType } from './type-rules.js'

function magnitude (value: bigint): bigint {
  return value < 0n ? -value : value
}

/** Number of decimal digits; 1 of zero. */
export function precisionOf (value: Decimal): number {
  return magnitude(value.unscaled).toString().length
}

function ensureMax (value: Decimal, precision: number, scale: number): void {
  const limit = new Decimal(1n, 0).setScale(precision - scale + value.scale).unscaled
  if (magnitude(value.unscaled) >= limit) {
    throw new KsqlError(`Numeric field overflow: A field with precision ${precision} and scale ${scale} ` +
      `must round to an absolute value less than 10^${precision - scale}. Got ${value.toString()}`)
  }
}

/** DecimalUtil.cast: into the type, rounding half up. Throws KsqlError on overflow. */
export function castDecimal (value: Decimal, type: DecimalType): Decimal {
  ensureMax(value, type.precision, type.scale)
  return value.setScale(type.scale, 'HALF_UP')
}

/** DecimalUtil.ensureFit: into the type without rounding. Throws KsqlError. */
export function fitDecimal (value: Decimal, type: DecimalType): Decimal {
  ensureMax(value, type.precision, type.scale)
  try {
    return value.setScale(type.scale)
  } catch {
    throw new KsqlError(`Cannot fit decimal '${value.toString()}' into DECIMAL(${type.precision}, ${type.scale}) without rounding. ` +
      `(Requires ${precisionOf(value)},${value.scale})`)
  }
}

/** What a double stands for exactly, to `precision` digits, as new BigDecimal(double, MathContext). Throws DecimalError of what is not finite. */
export function decimalFromDouble (value: number, precision: number): Decimal {
  if (!Number.isFinite(value)) throw new DecimalError('Infinite or NaN')
  if (value === 0) return new Decimal(0n, 0)
  const exact = exactDouble(value)
  const excess = precisionOf(exact) - precision
  return excess > 0 && exact.scale - excess >= 0 ? exact.setScale(exact.scale - excess, 'HALF_UP') : exact
}

function exactDouble (value: number): Decimal {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigUint64(0)
  const exponentBits = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  let digits = exponentBits === 0 ? fraction : fraction | 0x10000000000000n
  let exponent = (exponentBits === 0 ? 1 : exponentBits) - 1075
  while (exponent < 0 && digits % 2n === 0n) {
    digits /= 2n
    exponent++
  }
  const unscaled = exponent >= 0 ? digits * 2n ** BigInt(exponent) : digits * 5n ** BigInt(-exponent)
  return new Decimal(value < 0 ? -unscaled : unscaled, exponent >= 0 ? 0 : -exponent)
}

function remainder (a: Decimal, b: Decimal): Decimal {
  if (b.unscaled === 0n) throw new DecimalError('Division by zero')
  const scale = Math.max(a.scale, b.scale)
  return new Decimal(a.setScale(scale).unscaled % b.setScale(scale).unscaled, scale)
}

/** The operator over two DECIMALs, giving `type`. The function throws where the exact result does not fit. */
export function decimalOperator (operator: ArithmeticOperator, type: DecimalType): (a: Decimal, b: Decimal) => Decimal {
  const limit = new Decimal(1n, 0).setScale(type.precision).unscaled
  const fit = (value: Decimal): Decimal => {
    const result = value.setScale(type.scale)
    if (magnitude(result.unscaled) >= limit) throw new DecimalError('Rounding necessary')
    return result
  }
  switch (operator) {
    case '+': return (a, b) => fit(a.add(b))
    case '-': return (a, b) => fit(a.subtract(b))
    case '*': return (a, b) => fit(a.multiply(b))
    case '/': return (a, b) => fit(a.divide(b, type.scale))
    case '%': return (a, b) => fit(remainder(a, b))
  }
}
