// Rules that several formats share: what text counts as which value, and how a DECIMAL is made to fit its column.
import type { SqlType } from '../../sql/sql-type.js'
import { Decimal } from '../../plan/decimal.js'

const INT_MIN = -2147483648
const INT_MAX = 2147483647
const DAY_MS = 86400000

/** Integer.parseInt and Long.parseLong take a sign and digits, no blanks. undefined where it is none. */
export function parseInteger (text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const value = Number(text)
  return value >= INT_MIN && value <= INT_MAX ? value : undefined
}

export function parseLong (text: string): bigint | undefined {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  return BigInt.asIntN(64, value) === value ? value : undefined
}

/** Double.parseDouble: blanks around, a type suffix, NaN and Infinity. */
export function parseDouble (text: string): number | undefined {
  const trimmed = text.trim()
  const special = /^([+-]?)(NaN|Infinity)$/.exec(trimmed)
  if (special !== null) return special[2] === 'NaN' ? NaN : special[1] === '-' ? -Infinity : Infinity
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[dDfF]?$/.test(trimmed) ? parseFloat(trimmed) : undefined
}

/** A number's text to the 32 or 64 bits that Java's narrowing keeps: fractions are cut, what is too large wraps (int) or stays at the end (long). */
export function integerOfNumber (text: string): number {
  const whole = wholeOfNumber(text)
  return Number(BigInt.asIntN(32, whole))
}

export function longOfNumber (text: string): bigint {
  return BigInt.asIntN(64, wholeOfNumber(text))
}

function wholeOfNumber (text: string): bigint {
  if (/^-?\d+$/.test(text)) return BigInt(text)
  const exponent = Number(/[eE]([+-]?\d+)$/.exec(text)?.[1] ?? '0')
  if (exponent > 400) return 0n
  if (exponent < -400) return 0n
  const { unscaled, scale } = Decimal.parse(text)
  return unscaled / 10n ** BigInt(scale)
}

/** DecimalUtil.ensureFit: the value at the column's scale. Throws Error where digits would be lost or are too many. */
export function fitDecimal (value: Decimal, type: Extract<SqlType, { base: 'DECIMAL' }>): Decimal {
  const digits = (value.unscaled < 0n ? -value.unscaled : value.unscaled).toString().length
  const precision = value.unscaled === 0n ? value.scale + 1 : Math.max(digits, value.scale)
  const fail = (): never => {
    throw new Error(`Cannot fit decimal '${value.toString()}' into DECIMAL(${type.precision}, ${type.scale}) without rounding. (Requires ${precision},${value.scale})`)
  }
  let unscaled = value.unscaled
  if (value.scale <= type.scale) {
    unscaled *= 10n ** BigInt(type.scale - value.scale)
  } else {
    const divisor = 10n ** BigInt(value.scale - type.scale)
    if (unscaled % divisor !== 0n) fail()
    unscaled /= divisor
  }
  if ((unscaled < 0n ? -unscaled : unscaled) >= 10n ** BigInt(type.precision)) fail()
  return new Decimal(unscaled, type.scale)
}

/** TIME is a ms of the day. Throws Error outside of it. */
export function checkTime (ms: number): number {
  if (ms < 0 || ms > DAY_MS) throw new Error('Time values must use number of milliseconds greater than 0 and less than 86400000.')
  return ms
}

/** Base64 as Java's decoder takes it: only its alphabet, padding at the end. undefined where it is none. */
export function decodeBase64 (text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined
  return Buffer.from(text, 'base64')
}
