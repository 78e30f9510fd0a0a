// DECIMAL values: an unscaled integer and a scale, as java.math.BigDecimal, with its exact arithmetic. What SQL types allow of it is decimal-arithmetic.ts's.

/** `HALF_UP` rounds 2.5 to 3 and -2.5 to -3, `HALF_DOWN` to 2 and -2; `UNNECESSARY` refuses to drop a digit that is not 0. */
export type RoundingMode = 'HALF_UP' | 'HALF_DOWN' | 'DOWN' | 'FLOOR' | 'CEILING' | 'UNNECESSARY'

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

  /** Reads `-12.50` or `1.5E3`; the scale is as written. Throws SyntaxError. */
  static parse (text: string): Decimal {
    const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text.trim())
    if (match === null || ((match[2] ?? '') === '' && (match[3] ?? '') === '')) throw new SyntaxError(`not a decimal: ${text}`)
    const fraction = match[3] ?? ''
    const digits = BigInt((match[2] ?? '') + fraction)
    const scale = fraction.length - Number(match[4] ?? '0')
    const unscaled = match[1] === '-' ? -digits : digits
    if (Math.abs(scale) > MAX_DIGITS) throw new SyntaxError(`not a decimal within ${MAX_DIGITS} digits: ${text}`)
    return scale >= 0 ? new Decimal(unscaled, scale) : new Decimal(unscaled * pow10(-scale), 0)
  }

  /** The shortest text that reads as this double, as `BigDecimal.valueOf(double)`. */
  static fromDoubleText (value: number): Decimal {
    if (!Number.isFinite(value)) throw new DecimalError('Infinite or NaN')
    return Decimal.parse(String(value))
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

  /** -1, 0 or 1; 2.0 and 2.00 are the same. */
  compare (other: Decimal): -1 | 0 | 1 {
    const scale = Math.max(this.scale, other.scale)
    const a = this.setScale(scale).unscaled
    const b = other.setScale(scale).unscaled
    return a < b ? -1 : a > b ? 1 : 0
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
    if (other.unscaled === 0n) throw new DecimalError('Division by zero')
    const shift = scale + other.scale - this.scale
    return shift >= 0
      ? new Decimal(divideRounded(this.unscaled * pow10(shift), other.unscaled, mode), scale)
      : new Decimal(divideRounded(this.unscaled, other.unscaled * pow10(-shift), mode), scale)
  }

  /** The nearest double. */
  toNumber (): number {
    return Number(this.toString())
  }

  /** Plain notation with all digits of the scale, as BigDecimal.toPlainString. */
  toString (): string {
    const negative = this.unscaled < 0n
    const digits = abs(this.unscaled).toString().padStart(this.scale + 1, '0')
    const text = this.scale === 0 ? digits : `${digits.slice(0, -this.scale)}.${digits.slice(-this.scale)}`
    return negative ? `-${text}` : text
  }
}
