// CAST between SQL types: one converter built for a pair of types, used for every value (ksqlDB's CastEvaluator).
import type { SqlBaseType, SqlType } from '../sql/sql-type.js'
import { printSqlType, sqlTypeEquals } from '../sql/sql-type.js'
import { Decimal } from './decimal.js'
import { castDecimal, decimalFromDouble } from './decimal-arithmetic.js'
import { KsqlError } from './error.js'
import { dateToTimestamp, formatDate, formatTime, formatTimestamp, parseDate, parseTime, parseTimestamp, timestampToDate, timestampToTime } from './iso-time.js'
import { parseBigint, parseBooleanExact, parseDouble, parseInteger, valueToString } from './java-text.js'
import type { ArrayType, DecimalType, MapType, StructType } from './type-rules.js'
import type { Value } from './value.js'

/** Converts a value; null gives null. May throw where the text or the size does not fit. */
export type Cast = (value: Value) => Value

/** Gets no nulls. */
type Convert = (value: any) => Value

const LONG_MAX = 9223372036854775807n
const LONG_MIN = -9223372036854775808n

function doubleToInteger (value: number): number {
  if (Number.isNaN(value)) return 0
  return Math.max(-2147483648, Math.min(2147483647, Math.trunc(value))) + 0
}

function doubleToBigint (value: number): bigint {
  if (Number.isNaN(value)) return 0n
  if (value >= 2 ** 63) return LONG_MAX
  if (value <= -(2 ** 63)) return LONG_MIN
  return BigInt(Math.trunc(value))
}

function wholePart (value: Decimal): bigint {
  return value.unscaled / 10n ** BigInt(value.scale)
}

/** As BytesUtils.decode for BASE64: strict. */
function decodeBase64 (text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) throw new KsqlError('Illegal base64 text')
  return Buffer.from(text, 'base64')
}

function fromString (to: SqlType): Convert | undefined {
  switch (to.base) {
    case 'BOOLEAN': return (v: string) => parseBooleanExact(v.trim()) ?? false
    case 'INTEGER': return (v: string) => parseInteger(v.trim())
    case 'BIGINT': return (v: string) => parseBigint(v.trim())
    case 'DECIMAL': return (v: string) => castDecimal(Decimal.parse(v.trim()), to)
    case 'DOUBLE': return (v: string) => parseDouble(v.trim())
    case 'TIMESTAMP': return (v: string) => parseTimestamp(v.trim())
    case 'TIME': return (v: string) => parseTime(v.trim())
    case 'DATE': return (v: string) => parseDate(v.trim())
    case 'BYTES': return (v: string) => decodeBase64(v.trim())
    default: return undefined
  }
}

const NUMBERS: Partial<Record<SqlBaseType, Partial<Record<SqlBaseType, (to: SqlType) => Convert>>>> = {
  INTEGER: {
    BIGINT: () => (v: number) => BigInt(v),
    DOUBLE: () => (v: number) => v,
    DECIMAL: to => (v: number) => castDecimal(new Decimal(BigInt(v), 0), to as DecimalType)
  },
  BIGINT: {
    INTEGER: () => (v: bigint) => Number(BigInt.asIntN(32, v)),
    DOUBLE: () => (v: bigint) => Number(v),
    DECIMAL: to => (v: bigint) => castDecimal(new Decimal(v, 0), to as DecimalType)
  },
  DECIMAL: {
    INTEGER: () => (v: Decimal) => Number(BigInt.asIntN(32, wholePart(v))),
    BIGINT: () => (v: Decimal) => BigInt.asIntN(64, wholePart(v)),
    DOUBLE: () => (v: Decimal) => v.toNumber(),
    DECIMAL: to => (v: Decimal) => castDecimal(v, to as DecimalType)
  },
  DOUBLE: {
    INTEGER: () => (v: number) => doubleToInteger(v),
    BIGINT: () => (v: number) => doubleToBigint(v),
    DECIMAL: to => (v: number) => castDecimal(decimalFromDouble(v, (to as DecimalType).precision), to as DecimalType)
  },
  TIMESTAMP: { TIME: () => timestampToTime, DATE: () => timestampToDate },
  DATE: { TIMESTAMP: () => dateToTimestamp }
}

function toString (from: SqlType): Convert | undefined {
  switch (from.base) {
    case 'TIMESTAMP': return formatTimestamp
    case 'TIME': return formatTime
    case 'DATE': return formatDate
    case 'BYTES': return undefined
    default: return value => valueToString(value, from)
  }
}

function structured (from: SqlType, to: SqlType): Convert | undefined {
  if (from.base === 'ARRAY' && to.base === 'ARRAY') return castArray(from, to)
  if (from.base === 'MAP' && to.base === 'MAP') return castMap(from, to)
  if (from.base === 'STRUCT' && to.base === 'STRUCT') return castStruct(from, to)
  return undefined
}

function castArray (from: ArrayType, to: ArrayType): Convert {
  const item = castBetween(from.items, to.items)
  return (value: readonly Value[]) => value.map(item)
}

function castMap (from: MapType, to: MapType): Convert {
  const key = castBetween(from.keys, to.keys)
  const item = castBetween(from.values, to.values)
  return (value: ReadonlyMap<Value, Value>) => new Map([...value].map(([k, v]) => [key(k), item(v)]))
}

function castStruct (from: StructType, to: StructType): Convert {
  const casts = to.fields.map(field => {
    const index = from.fields.findIndex(f => f.name === field.name)
    const source = from.fields[index]
    return source === undefined ? undefined : { index, cast: castBetween(source.type, field.type) }
  })
  return (value: readonly Value[]) => casts.map(field => field === undefined ? null : field.cast(value[field.index] ?? null))
}

const identity: Cast = value => value

/** The converter from one type to another; from NULL to any. Throws KsqlError where there is no such cast. */
export function castBetween (from: SqlType | undefined, to: SqlType): Cast {
  if (from === undefined || sqlTypeEquals(from, to)) return identity
  let convert: Convert | undefined
  try {
    convert = to.base === 'STRING' ? toString(from) : from.base === 'STRING' ? fromString(to) : structured(from, to) ?? NUMBERS[from.base]?.[to.base]?.(to)
  } catch (error) {
    if (!(error instanceof KsqlError)) throw error
  }
  if (convert === undefined) throw new KsqlError(`Cast of ${printSqlType(from)} to ${printSqlType(to)} is not supported`)
  const present = convert
  return value => value === null ? null : present(value)
}
