// The DELIMITED format: one line of comma separated values, quoted as Apache Commons CSV's default format does.
import { Decimal } from '../../plan/decimal.js'
import type { FormatInfo } from '../../plan/steps.js'
import type { Row, Value } from '../../plan/value.js'
import type { SqlType } from '../../sql/sql-type.js'
import { checkTime, decodeBase64, fitDecimal, parseDouble, parseInteger, parseLong } from './coerce.js'
import { SerdeError } from './format.js'
import type { Format } from './format.js'
import { javaDouble } from './json-text.js'

const NAMED: Readonly<Record<string, string>> = { SPACE: ' ', TAB: '\t' }

function delimiterOf (info: FormatInfo): string {
  const text = info.properties.delimiter ?? ','
  return NAMED[text.toUpperCase()] ?? text
}

/** The fields of the first line that is not empty; undefined where there is none. Throws Error for a quote that does not end. */
export function splitLine (text: string, delimiter: string): string[] | undefined {
  let at = 0
  while (text[at] === '\r' || text[at] === '\n') at++
  if (at >= text.length) return undefined
  const fields: string[] = []
  for (;;) {
    let field = ''
    if (text[at] === '"') {
      at++
      for (;;) {
        const end = text.indexOf('"', at)
        if (end < 0) throw new Error('(startline 1) EOF reached before encapsulated token finished')
        field += text.slice(at, end)
        at = end + 1
        if (text[at] !== '"') break
        field += '"'
        at++
      }
      if (delimiter !== ' ') while (text[at] === ' ') at++
      if (at < text.length && text[at] !== delimiter && text[at] !== '\r' && text[at] !== '\n') {
        throw new Error('(line 1) invalid char between encapsulated token and delimiter')
      }
    } else {
      const start = at
      while (at < text.length && text[at] !== delimiter && text[at] !== '\r' && text[at] !== '\n') at++
      field = text.slice(start, at)
    }
    fields.push(field)
    if (text[at] !== delimiter) return fields
    at++
  }
}

function orFail<T> (value: T | undefined, text: string): T {
  if (value === undefined) throw new Error(`For input string: "${text}"`)
  return value
}

function parserOf (type: SqlType, name: string): (text: string) => Value {
  switch (type.base) {
    case 'BOOLEAN': return text => text.toLowerCase() === 'true'
    case 'INTEGER': return text => orFail(parseInteger(text), text)
    case 'BIGINT': return text => orFail(parseLong(text), text)
    case 'DOUBLE': return text => orFail(parseDouble(text), text)
    case 'STRING': return text => text
    case 'BYTES': return text => decodeBase64(text) ?? (() => { throw new Error(`Value is not a valid Base64 encoded string: ${text}`) })()
    case 'DECIMAL': return text => fitDecimal(Decimal.parse(text), type)
    case 'TIME': return text => checkTime(Number(orFail(parseLong(text), text)))
    case 'DATE': return text => orFail(parseInteger(text), text)
    case 'TIMESTAMP': return text => Number(orFail(parseLong(text), text))
    default: throw new SerdeError(`The 'DELIMITED' format does not support type '${type.base}', column: ${name}`)
  }
}

function printerOf (type: SqlType, name: string): (value: Value) => string {
  parserOf(type, name)
  switch (type.base) {
    case 'DOUBLE': return value => javaDouble(value as number)
    case 'BYTES': return value => (value as Buffer).toString('base64')
    default: return String
  }
}

/** CSVFormat's QuoteMode.MINIMAL: a record that does not begin with a letter or digit is quoted, and so is a field of odd first or last character. */
export function quoteField (text: string, delimiter: string, first: boolean): string {
  if (text === '') return first ? '""' : ''
  const odd = first ? !/^[0-9A-Za-z]/.test(text) : text.charCodeAt(0) <= 0x23
  const last = text.charCodeAt(text.length - 1)
  const needed = odd || last <= 0x20 || text.includes('"') || text.includes('\n') || text.includes('\r') || text.includes(delimiter)
  return needed ? `"${text.replaceAll('"', '""')}"` : text
}

export const delimitedFormat: Format = {
  deserializer: async (columns, info, { topic }) => {
    const delimiter = delimiterOf(info)
    const parsers = columns.map(column => parserOf(column.type, column.name))
    return {
      deserialize: data => {
        try {
          const fields = splitLine(data.toString('utf8', 0, data.length), delimiter)
          if (fields === undefined) throw new Error('No fields in record')
          if (fields.length !== parsers.length) {
            throw new Error(`Column count mismatch on deserialization. topic: ${topic}, expected: ${parsers.length}, got: ${fields.length}`)
          }
          return fields.map((field, i) => field === '' ? null : parsers[i]!(field))
        } catch (error) {
          throw new SerdeError('Error deserializing delimited', [error instanceof Error ? error.message : String(error)])
        }
      }
    }
  },
  serializer: async (columns, info) => {
    const delimiter = delimiterOf(info)
    const printers = columns.map(column => printerOf(column.type, column.name))
    return (row: Row) => {
      const fields = printers.map((print, i) => {
        const value = row[i]
        return value === null || value === undefined ? '' : quoteField(print(value), delimiter, i === 0)
      })
      return Buffer.from(fields.join(delimiter))
    }
  }
}
