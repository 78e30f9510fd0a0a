// DECIMAL values: an unscaled integer and a scale, as java.math.BigDecimal, with the arithmetic and fitting rules of ksqlDB.

/** `HALF_UP` rounds 2.5 to 3 and -2.5 to -3, `HALF_DOWN` to 2 and -2; `UNNECESSARY` refuses to drop a digit that is not 0. */
export type RoundingMode = 'HALF_UP' | 'HALF_DOWN' | 'DOWN' | 'FLOOR' | 'CEILING' | 'UNNECESSARY'
export type DecimalOperator = '+' | '-' | '*' | '/' | '%'

/** What BigDecimal throws as ArithmeticException. */
export class DecimalError extends Error {}

const powers: bigint[] = [1n]
/** Digits that any DECIMAL operation may hold; keeps text such as 1E999999999 from filling the memory. */
const MAX_DIGITS = 10_000

function pow10 (n: number): bigint {
  if (n > MAX_DIGITS) throw new DecimalError(`a decimal of more than ${MAX_DIGITS} digits`)
  for (let i = powers.length; i <= n; i++) powers.push((powers[i - 1] ?? 1n) * 10n)
  return powers[n] ?? 1n
}

const abs = (n: bigint): bigint => n < 0n ? -n : n

/** The quotient of two integers, its last digit rounded by `mode`. */
function divideRounded (dividend: bigint, divisor: bigint, mode: RoundingMode): bigint {
  const quotient = dividend / divisor
  const remainder = dividend % divisor
  if (remainder === 0n) return quotient
  const negative = (dividend < 0n) !== (divisor < 0n)
  const away = negative ? quotient - 1n : quotient + 1n
  const twice = abs(remainder) * 2n
  switch (mode) {
    case 'DOWN': return quotient
    case 'FLOOR': return negative ? away : quotient
    case 'CEILING': return negative ? quotient : away
    case 'HALF_UP': return twice >= abs(divisor) ? away : quotient
    case 'HALF_DOWN': return twice > abs(divisor) ? away : quotient
    case 'UNNECESSARY': throw new DecimalError('Rounding necessary')
  }
}

export class Decimal {
  readonly unscaled: bigint
  readonly scale: number

  constructor (unscaled: bigint, scale: number) {
    this.unscaled = unscaled
    this.scale = scale
  }

  static readonly ZERO = new Decimal(0n, 0)

  /** Reads `-12.50` or `1.5E3`; the scale is as written. Throws SyntaxError. */
  static parse (text: string): Decimal {
    const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text.trim())
    if (match === null || ((match[2] ?? '') === '' && (match[3] ?? '') === '')) throw new SyntaxError(`not a decimal: ${text}`)
    const fraction = match[3] ?? ''
    const digits = BigInt((match[2] ?? '') + fraction)
    const scale = fraction.length - Number(match[4] ?? '0')
    const unscaled = match[1] === '-' ? -digits : digits
    if (scale > MAX_DIGITS) throw new SyntaxError(`not a decimal within ${MAX_DIGITS} digits: ${text}`)
    return scale >= 0 ? new Decimal(unscaled, scale) : new Decimal(unscaled * pow10(-scale), 0)
  }

  static fromBigInt (value: bigint): Decimal {
    return new Decimal(value, 0)
  }

  /** The exact binary value of a double, as `new BigDecimal(double)`: 0.1 has 55 decimals. Throws DecimalError on NaN and infinities. */
  static fromDouble (value: number): Decimal {
    if (!Number.isFinite(value)) throw new DecimalError('Infinite or NaN')
    if (Number.isInteger(value)) return new Decimal(BigInt(value), 0)
    let scale = 0
    let scaled = value
    while (!Number.isInteger(scaled)) {
      // Doubling is exact, so this ends with value = scaled / 2^scale, which is scaled * 5^scale / 10^scale.
      scaled *= 2
      scale++
    }
    return new Decimal(BigInt(scaled) * 5n ** BigInt(scale), scale)
  }

  /** The shortest text that reads as this double, as `BigDecimal.valueOf(double)`. */
  static fromDoubleText (value: number): Decimal {
    if (!Number.isFinite(value)) throw new DecimalError('Infinite or NaN')
    return Decimal.parse(String(value))
  }

  /** How many digits the unscaled value has; 1 for zero. */
  precision (): number {
    return abs(this.unscaled).toString().length
  }

  isZero (): boolean {
    return this.unscaled === 0n
  }

  negate (): Decimal {
    return new Decimal(-this.unscaled, this.scale)
  }

  abs (): Decimal {
    return this.unscaled < 0n ? this.negate() : this
  }

  /** The same value with another scale. Throws DecimalError where `UNNECESSARY` would round. */
  setScale (scale: number, mode: RoundingMode = 'UNNECESSARY'): Decimal {
    if (scale === this.scale) return this
    if (scale > this.scale) return new Decimal(this.unscaled * pow10(scale - this.scale), scale)
    return new Decimal(divideRounded(this.unscaled, pow10(this.scale - scale), mode), scale)
  }

  /** Rounds to so many significant digits, half up, as a MathContext does. The scale may not become negative: whole digits turn to zeros. */
  roundToPrecision (precision: number, mode: RoundingMode = 'HALF_UP'): Decimal {
    const drop = this.precision() - precision
    if (drop <= 0) return this
    const rounded = divideRounded(this.unscaled, pow10(drop), mode)
    const scale = this.scale - drop
    const result = scale >= 0 ? new Decimal(rounded, scale) : new Decimal(rounded * pow10(-scale), 0)
    return result.scale > 0 && result.precision() > precision ? result.roundToPrecision(precision, mode) : result
  }

  /** -1, 0 or 1; 2.0 and 2.00 are the same. */
  compare (other: Decimal): -1 | 0 | 1 {
    const scale = Math.max(this.scale, other.scale)
    const a = this.setScale(scale).unscaled
    const b = other.setScale(scale).unscaled
    return a < b ? -1 : a > b ? 1 : 0
  }

  /** As BigDecimal.equals: 2.0 and 2.00 differ. */
  equals (other: Decimal): boolean {
    return this.scale === other.scale && this.unscaled === other.unscaled
  }

  add (other: Decimal): Decimal {
    const scale = Math.max(this.scale, other.scale)
    return new Decimal(this.setScale(scale).unscaled + other.setScale(scale).unscaled, scale)
  }

  subtract (other: Decimal): Decimal {
    return this.add(other.negate())
  }

  multiply (other: Decimal): Decimal {
    return new Decimal(this.unscaled * other.unscaled, this.scale + other.scale)
  }

  /** The quotient at `scale`. Throws DecimalError on a zero divisor, and where `UNNECESSARY` would round. */
  divide (other: Decimal, scale: number, mode: RoundingMode = 'UNNECESSARY'): Decimal {
    if (other.isZero()) throw new DecimalError('Division by zero')
    const shift = scale + other.scale - this.scale
    return shift >= 0
      ? new Decimal(divideRounded(this.unscaled * pow10(shift), other.unscaled, mode), scale)
      : new Decimal(divideRounded(this.unscaled, other.unscaled * pow10(-shift), mode), scale)
  }

  /** Has the dividend's sign. Throws DecimalError on a zero divisor. */
  remainder (other: Decimal): Decimal {
    if (other.isZero()) throw new DecimalError('Division by zero')
    const scale = Math.max(this.scale, other.scale)
    return new Decimal(this.setScale(scale).unscaled % other.setScale(scale).unscaled, scale)
  }

  /** The nearest double. */
  toNumber (): number {
    return Number(this.toString())
  }

  /** The whole part, cut towards zero. */
  toBigInt (): bigint {
    return this.unscaled / pow10(this.scale)
  }

  /** Plain notation with all digits of the scale, as BigDecimal.toPlainString. */
  toString (): string {
    const negative = this.unscaled < 0n
    const digits = abs(this.unscaled).toString().padStart(this.scale + 1, '0')
    const text = this.scale === 0 ? digits : `${digits.slice(0, -this.scale)}.${digits.slice(-this.scale)}`
    return negative ? `-${text}` : text
  }
}

/** Throws DecimalError where the value has more whole digits than DECIMAL(precision, scale) has room for (DecimalUtil.ensureMax). */
function ensureRoom (value: Decimal, precision: number, scale: number): void {
  const digits = precision - scale
  if (abs(value.unscaled) < pow10(digits + value.scale)) return
  throw new DecimalError(`Numeric field overflow: A field with precision ${precision} and scale ${scale} must round to an absolute value less than 10^${
    digits}. Got ${value.toString()}`)
}

/** The value as DECIMAL(precision, scale) without rounding, or a DecimalError with ksqlDB's text (DecimalUtil.ensureFit). */
export function ensureFit (value: Decimal, precision: number, scale: number): Decimal {
  ensureRoom(value, precision, scale)
  try {
    return value.setScale(scale)
  } catch {
    throw new DecimalError(`Cannot fit decimal '${value.toString()}' into DECIMAL(${precision}, ${scale}) without rounding. (Requires ${value.precision()},${value.scale})`)
  }
}

/** CAST to DECIMAL(precision, scale): rounds half up, throws DecimalError where the whole digits do not fit (DecimalUtil.cast). */
export function castDecimal (value: Decimal, precision: number, scale: number): Decimal {
  ensureRoom(value, precision, scale)
  return value.setScale(scale, 'HALF_UP')
}

/** CAST of a DOUBLE: its exact value cut to `precision` significant digits first, so that 0.1 stays 0.1. */
export function castDouble (value: number, precision: number, scale: number): Decimal {
  return castDecimal(Decimal.fromDouble(value).roundToPrecision(precision), precision, scale)
}

/**
 * `left operator right` as a DECIMAL(precision, scale). As in ksqlDB nothing is rounded: a result that the type cannot hold exactly, such
 * as 1 / 3, throws DecimalError, and the expression is null (SqlToJavaVisitor.visitArithmeticBinary: RoundingMode.UNNECESSARY).
 */
export function decimalArithmetic (operator: DecimalOperator, left: Decimal, right: Decimal, precision: number, scale: number): Decimal {
  const result = operator === '/' ? left.divide(right, scale) : exact(operator, left, right).setScale(scale)
  // Only short digits count against the precision: trailing zeros of the scale are not significant to a MathContext.
  if (result.precision() > precision && result.unscaled % pow10(result.precision() - precision) !== 0n) throw new DecimalError('Rounding necessary')
  return result
}

function exact (operator: Exclude<DecimalOperator, '/'>, left: Decimal, right: Decimal): Decimal {
  switch (operator) {
    case '+': return left.add(right)
    case '-': return left.subtract(right)
    case '*': return left.multiply(right)
    case '%': return left.remainder(right)
  }
}
