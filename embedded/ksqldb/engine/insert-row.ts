// Rows of /inserts-stream: one JSON object to a row of the target's columns (ksqlDB's KeyValueExtractor and ApiSqlValueCoercer).
import { parseDate, parseTime, parseTimestamp } from '../plan/iso-time.js'
import type { DataSource } from '../plan/metastore.js'
import type { Column } from '../plan/schema.js'
import { Decimal } from '../plan/decimal.js'
import { fitDecimal } from '../plan/decimal-arithmetic.js'
import type { Value } from '../plan/value.js'
import type { InsertRow } from '../runtime/api.js'
import { JsonNumber, parseJson, type JsonValue } from '../runtime/serde/json-text.js'
import { printSqlType, type SqlType } from '../sql/sql-type.js'
import { EngineError } from './errors.js'

/** `text` is one line of the request. Throws EngineError: no JSON object, no key, a value that the column does not take. */
export function insertRow (text: string, source: DataSource): InsertRow {
  let members: JsonValue | undefined
  try {
    members = parseJson(text)
  } catch {
    members = undefined
  }
  if (!(members instanceof Map)) throw new EngineError('Invalid JSON in inserts stream')
  const values = new Map([...members].map(([name, value]) => [columnName(name), value]))
  const read = ({ name, type }: Column): Value => {
    const value = values.get(name)
    return value === undefined || value === null ? null : coerce(value, type)
  }
  for (const { name } of source.schema.key) {
    if ((values.get(name) ?? null) === null) throw new EngineError(`Key field must be specified: ${name}`)
  }
  return { key: source.schema.key.map(read), value: source.schema.value.map(read) }
}

/** The target's name as it was meant: upper case unless quoted. */
export function columnName (text: string): string {
  const quote = text.charAt(0)
  const quoted = text.length >= 2 && (quote === '`' || quote === '"') && text.endsWith(quote)
  return quoted ? text.slice(1, -1) : text.toUpperCase()
}

const JAVA_CLASSES: Readonly<Record<string, string>> = { string: 'java.lang.String', boolean: 'java.lang.Boolean', number: 'java.lang.Integer' }

function refusal (value: JsonValue, type: SqlType): EngineError {
  const kind = value instanceof JsonNumber
    ? 'java.lang.Integer'
    : Array.isArray(value) ? 'io.vertx.core.json.JsonArray' : value instanceof Map ? 'io.vertx.core.json.JsonObject' : JAVA_CLASSES[typeof value] ?? 'null'
  return new EngineError(`Can't coerce a field of type class ${kind} into type ${printSqlType(type)}`)
}

/** Throws EngineError. */
function coerce (value: JsonValue, type: SqlType): Value {
  const result = coerced(value, type)
  if (result === undefined) throw refusal(value, type)
  return result
}

function numberText (value: JsonValue): string | undefined {
  return value instanceof JsonNumber ? value.text : typeof value === 'number' ? String(value) : undefined
}

function coerced (value: JsonValue, type: SqlType): Value | undefined {
  switch (type.base) {
    case 'BOOLEAN': return typeof value === 'boolean' ? value : undefined
    case 'STRING': return typeof value === 'string' ? value : undefined
    case 'INTEGER': case 'BIGINT': case 'DOUBLE': case 'DECIMAL': return toNumber(value, type)
    case 'BYTES': return typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
    case 'DATE': return typeof value === 'string' ? parseDate(value) : undefined
    case 'TIME': return typeof value === 'string' ? parseTime(value) : undefined
    case 'TIMESTAMP': return typeof value === 'string' ? parseTimestamp(value) : undefined
    case 'ARRAY': return Array.isArray(value) ? value.map(item => item === null ? null : coerce(item, type.items)) : undefined
    case 'MAP': return value instanceof Map
      ? new Map([...value].map(([key, member]) => [coerce(key, type.keys), member === null ? null : coerce(member, type.values)]))
      : undefined
    case 'STRUCT': return value instanceof Map ? toStruct(value, type.fields) : undefined
  }
}

function toNumber (value: JsonValue, type: SqlType): Value | undefined {
  const text = numberText(value) ?? (type.base === 'DECIMAL' && typeof value === 'string' ? value : undefined)
  if (text === undefined) return undefined
  if (type.base === 'DOUBLE') return Number(text)
  if (type.base === 'DECIMAL') return fitDecimal(Decimal.parse(text), type)
  if (!/^-?\d+$/.test(text)) return undefined
  const whole = BigInt(text)
  if (type.base === 'BIGINT') return BigInt.asIntN(64, whole) === whole ? whole : undefined
  return BigInt.asIntN(32, whole) === whole ? Number(whole) : undefined
}

function toStruct (value: ReadonlyMap<string, JsonValue>, fields: readonly Column[]): Value[] {
  const members = new Map([...value].map(([name, member]) => [columnName(name), member]))
  return fields.map(({ name, type }) => {
    const member = members.get(name) ?? null
    return member === null ? null : coerce(member, type)
  })
}
