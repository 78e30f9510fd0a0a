// DECIMAL values: an unscaled integer and a scale, as java.math.BigDecimal.

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
    return scale >= 0 ? new Decimal(unscaled, scale) : new Decimal(unscaled * 10n ** BigInt(-scale), 0)
  }

  /** Plain notation with all digits of the scale, as BigDecimal.toPlainString. */
  toString (): string {
    const negative = this.unscaled < 0n
    const digits = (negative ? -this.unscaled : this.unscaled).toString().padStart(this.scale + 1, '0')
    const text = this.scale === 0 ? digits : `${digits.slice(0, -this.scale)}.${digits.slice(-this.scale)}`
    return negative ? `-${text}` : text
  }
}
