// Equality and order of values as the Java types behind them have it: what DISTINCT, CONTAINS, MIN and SORT mean.
import type { SqlType } from '../../sql/sql-type.js'
import { Decimal } from '../decimal.js'
import type { Value } from '../value.js'

/** The values as a text that is the same for equal values of one type and for no others. */
export function valueKey (value: Value): string {
  if (value === null) return 'n'
  switch (typeof value) {
    case 'string': return `s${value.length}:${value}`
    case 'number': return Object.is(value, -0) ? 'd-0' : `d${value}`
    case 'bigint': return `b${value}`
    case 'boolean': return value ? 't' : 'f'
  }
  if (value instanceof Decimal) return `D${value.toString()}`
  if (Buffer.isBuffer(value)) return `B${value.toString('base64')}`
  if (value instanceof Map) return `M{${[...value].map(([k, v]) => `${valueKey(k)}=${valueKey(v)}`).sort().join()}}`
  return `[${(value as readonly Value[]).map(valueKey).join()}]`
}

const isPlain = (value: Value): boolean => value === null || typeof value !== 'object'

/** As Object.equals: NaN equals itself, 2.0 and 2.00 differ as decimals, containers are equal by content. */
export function valueEquals (a: Value, b: Value): boolean {
  return isPlain(a) || isPlain(b) ? Object.is(a, b) : valueKey(a) === valueKey(b)
}

/** -1 where not found. */
export function lastIndexOf (values: readonly Value[], wanted: Value): number {
  for (let i = values.length - 1; i >= 0; i--) if (valueEquals(values[i] ?? null, wanted)) return i
  return -1
}

export function includes (values: readonly Value[], wanted: Value): boolean {
  return isPlain(wanted) ? values.some(value => Object.is(value, wanted)) : lastIndexOf(values, wanted) >= 0
}

/** The values without repeats, each where it stood first. */
export function distinct (values: Iterable<Value>): Value[] {
  const seen = new Map<string, Value>()
  for (const value of values) {
    const key = valueKey(value)
    if (!seen.has(key)) seen.set(key, value)
  }
  return [...seen.values()]
}

export type Comparator = (a: any, b: any) => number

/** Double.compareTo: -0 before 0, NaN after everything. */
function compareDoubles (a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b && a !== 0) return 0
  const rank = (n: number): number => Number.isNaN(n) ? 2 : Object.is(n, -0) ? 0 : 1
  return rank(a) - rank(b)
}

/** ByteBuffer.compareTo: bytes are signed. */
function compareBytes (a: Buffer, b: Buffer): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = a.readInt8(i) - b.readInt8(i)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

const natural: Comparator = (a, b) => a < b ? -1 : a > b ? 1 : 0

/** The order of a type's values; both must not be null. Undefined for types that have none. */
export function comparatorOf (type: SqlType): Comparator | undefined {
  switch (type.base) {
    case 'DOUBLE': return compareDoubles
    case 'DECIMAL': return (a: Decimal, b: Decimal) => a.compare(b)
    case 'BYTES': return compareBytes
    case 'ARRAY': case 'MAP': case 'STRUCT': return undefined
    default: return natural
  }
}

/** 32-bit arithmetic wraps, as Java's. */
export const wrap32 = (n: number): number => n | 0
export const wrap64 = (n: bigint): bigint => BigInt.asIntN(64, n)

/** A BIGINT as a state holds it while it changes: a number, which takes no memory of its own, while it is small enough; a bigint as it was read. */
export type Whole = number | bigint

/** The sum, wrapped around as Java's long. */
export function addWhole (a: Whole, b: Whole): Whole {
  const [x, y] = [Number(a), Number(b)]
  const sum = x + y
  if (Number.isSafeInteger(sum) && Number.isSafeInteger(x) && Number.isSafeInteger(y)) return sum
  return wrap64(BigInt(a) + BigInt(b))
}
