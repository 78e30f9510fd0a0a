// Rows to JSON as ksqlDB's API writes them: numbers as they are, times as text, STRUCT and MAP as objects.
import { formatDate, formatTime, formatTimestamp } from '../plan/iso-time.js'
import type { Row, Value } from '../plan/value.js'
import { javaDouble } from '../runtime/serde/json-text.js'
import type { SqlType } from '../sql/sql-type.js'

type Write = (value: Value) => string

/** Writes a row's columns as a JSON array. `places`: where each column stands in the row; in order unless given. */
export function rowWriter (types: readonly SqlType[], places?: readonly number[]): (row: Row) => string {
  const writers = types.map(writerOf)
  const at = places ?? types.map((_, i) => i)
  return row => {
    let text = '['
    for (let i = 0; i < writers.length; i++) {
      const value = row[at[i] ?? -1]
      text += (i === 0 ? '' : ',') + (value === null || value === undefined ? 'null' : (writers[i] as Write)(value))
    }
    return `${text}]`
  }
}

function writerOf (type: SqlType): Write {
  switch (type.base) {
    case 'BOOLEAN': case 'INTEGER': case 'BIGINT': case 'DECIMAL': return String
    case 'DOUBLE': return value => writeDouble(value as number)
    case 'STRING': return value => JSON.stringify(value)
    case 'BYTES': return value => `"${(value as Buffer).toString('base64')}"`
    case 'DATE': return value => `"${formatDate(value as number)}"`
    case 'TIME': return value => `"${formatTime(value as number)}"`
    case 'TIMESTAMP': return value => `"${formatTimestamp(value as number)}"`
    case 'ARRAY': return arrayWriter(writerOf(type.items))
    case 'MAP': return mapWriter(type.keys, writerOf(type.values))
    case 'STRUCT': return structWriter(type.fields.map(field => `${JSON.stringify(field.name)}:`), type.fields.map(field => writerOf(field.type)))
  }
}

/** What is no number in JSON is written as text, as Jackson does. */
function writeDouble (value: number): string {
  return Number.isFinite(value) ? javaDouble(value) : `"${javaDouble(value)}"`
}

function orNull (write: Write, value: Value | undefined): string {
  return value === null || value === undefined ? 'null' : write(value)
}

function arrayWriter (write: Write): Write {
  return value => `[${(value as readonly Value[]).map(item => orNull(write, item)).join(',')}]`
}

function mapWriter (keys: SqlType, write: Write): Write {
  const key: Write = keys.base === 'STRING' ? value => JSON.stringify(value) : value => JSON.stringify(String(value))
  return value => {
    const members: string[] = []
    for (const [name, member] of value as ReadonlyMap<Value, Value>) members.push(`${name === null ? '"null"' : key(name)}:${orNull(write, member)}`)
    return `{${members.join(',')}}`
  }
}

function structWriter (names: readonly string[], writers: readonly Write[]): Write {
  return value => `{${names.map((name, i) => name + orNull(writers[i] as Write, (value as readonly Value[])[i])).join(',')}}`
}
