// The one way in which a value becomes part of a ksql statement.

/** A ksql string literal. Quotes are doubled; nothing else has a meaning inside one (SqlBase.g4, STRING). */
export const escapeString = (value: string): string => `'${value.replaceAll("'", "''")}'`

/** A TIMESTAMP or a DATE-TIME bound of a window: ksqlDB takes milliseconds as they are. */
export const escapeInstant = (ms: number): string => {
  if (!Number.isSafeInteger(ms)) throw new RangeError(`not an instant: ${ms}`)
  return String(ms)
}

/** A whole number from 0 on, as an INTEGER or BIGINT literal. */
export const escapeInteger = (value: number): string => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a whole number: ${value}`)
  return String(value)
}

/** A VARCHAR of a row. */
export const textOrNull = (value: unknown): string | null => value === null || value === undefined ? null : String(value)

/** Milliseconds of a TIMESTAMP as ksqlDB prints it (UTC, without a zone), or of a BIGINT. */
export const toMillis = (value: unknown): number | null => {
  if (value === null || value === undefined) return null
  if (typeof value === 'number') return value
  const text = String(value)
  const ms = Date.parse(/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`)
  if (Number.isNaN(ms)) throw new RangeError(`not a timestamp: ${text}`)
  return ms
}
