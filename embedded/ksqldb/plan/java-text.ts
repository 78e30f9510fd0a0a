// Text forms that clients of ksqlDB know from Java: Double.toString, List.toString, Struct.toString and the parsing of numbers.
import type { SqlType } from '../sql/sql-type.js'
import { formatDate, formatTime, formatTimestamp } from './iso-time.js'
import type { Value } from './value.js'

/** As java.lang.Double.toString: `1.0`, `1.0E10`, `1.0E-5`, `NaN`. */
export function doubleToString (value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const size = Math.abs(value)
  if (size >= 1e-3 && size < 1e7) {
    const text = String(value)
    return text.includes('.') ? text : `${text}.0`
  }
  const match = /^(-?\d)(?:\.(\d+))?e([+-]\d+)$/.exec(value.toExponential())
  return match === null ? String(value) : `${match[1]}.${match[2] ?? '0'}E${Number(match[3])}`
}

/** As Objects.toString of the Java value: what CAST(… AS STRING) gives. */
export function valueToString (value: Value, type: SqlType): string {
  if (value === null) return 'null'
  switch (type.base) {
    case 'DOUBLE': return doubleToString(value as number)
    case 'TIMESTAMP': return formatTimestamp(value as number)
    case 'TIME': return formatTime(value as number)
    case 'DATE': return formatDate(value as number)
    case 'BYTES': return (value as Buffer).toString('base64')
    case 'ARRAY': return `[${(value as readonly Value[]).map(item => valueToString(item, type.items)).join(', ')}]`
    case 'MAP': return `{${[...value as ReadonlyMap<Value, Value>]
      .map(([k, v]) => `${valueToString(k, type.keys)}=${valueToString(v, type.values)}`).join(', ')}}`
    case 'STRUCT': {
      const fields = type.fields.map((field, i) => ({ field, value: (value as readonly Value[])[i] ?? null })).filter(f => f.value !== null)
      return `Struct{${fields.map(f => `${f.field.name}=${valueToString(f.value, f.field.type)}`).join(',')}}`
    }
    default: return String(value)
  }
}

/** Integer.parseInt. Throws. */
export function parseInteger (text: string): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN
  if (!(value >= -2147483648 && value <= 2147483647)) throw new SyntaxError(`For input string: "${text}"`)
  return value
}

/** Long.parseLong. Throws. */
export function parseBigint (text: string): bigint {
  if (!/^[+-]?\d{1,100}$/.test(text)) throw new SyntaxError(`For input string: "${text}"`)
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  if (BigInt.asIntN(64, value) !== value) throw new SyntaxError(`For input string: "${text}"`)
  return value
}

/** Double.parseDouble, but neither infinite nor NaN (SqlDoubles). Throws. */
export function parseDouble (text: string): number {
  const trimmed = text.trim()
  const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?$/.test(trimmed) ? Number(trimmed.replace(/[fFdD]$/, '')) : NaN
  if (!Number.isFinite(value)) throw new SyntaxError(`Invalid double value: ${text}`)
  return value
}

const isPrefix = (text: string, word: string): boolean => text.length > 0 && word.startsWith(text.toLowerCase())

/** SqlBooleans.parseBooleanExact: `t`, `TRUE`, `y`, `no` …; undefined where it is neither. */
export function parseBooleanExact (text: string): boolean | undefined {
  if (isPrefix(text, 'true') || isPrefix(text, 'yes')) return true
  if (isPrefix(text, 'false') || isPrefix(text, 'no')) return false
  return undefined
}
