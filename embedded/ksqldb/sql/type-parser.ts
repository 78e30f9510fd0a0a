// The grammar's rule `type`: STRUCT<a INT, b ARRAY<STRING>>, DECIMAL(6, 2), names of custom types.
import { PrepareError } from './errors.js'
import { array, BIGINT, BOOLEAN, BYTES, DATE, decimal, DOUBLE, INTEGER, map, STRING, struct, TIME, TIMESTAMP, type SqlType, type StructField } from './sql-type.js'
import type { TokenStream } from './token-stream.js'

/** The type that CREATE TYPE gave a name, or undefined. */
export type TypeResolver = (name: string) => SqlType | undefined

const PRIMITIVES: ReadonlyMap<string, SqlType> = new Map([
  ['BOOLEAN', BOOLEAN], ['INTEGER', INTEGER], ['INT', INTEGER], ['BIGINT', BIGINT], ['DOUBLE', DOUBLE], ['STRING', STRING], ['VARCHAR', STRING],
  ['TIME', TIME], ['DATE', DATE], ['TIMESTAMP', TIMESTAMP], ['BYTES', BYTES]
])

/** Takes one type. Throws SqlSyntaxError, and PrepareError for a name that stands for nothing. */
export function parseTypeFrom (tokens: TokenStream, types: TypeResolver): SqlType {
  return tokens.nested(() => {
    let type = parseHead(tokens, types)
    const depth = tokens.currentDepth
    // The old form, `INT ARRAY`. At the end of a column definition ARRAY can be nothing else.
    while (tokens.take('ARRAY')) {
      tokens.enter()
      type = array(type)
    }
    tokens.restoreDepth(depth)
    return type
  })
}

function parseHead (tokens: TokenStream, types: TypeResolver): SqlType {
  if (tokens.atAll('ARRAY', '<')) return parseArray(tokens, types)
  if (tokens.atAll('MAP', '<')) return parseMap(tokens, types)
  if (tokens.atAll('STRUCT', '<') || tokens.atAll('STRUCT', '<>')) return parseStruct(tokens, types)
  if (tokens.at('DECIMAL')) return parseDecimal(tokens)
  if (!tokens.atIdentifier()) throw tokens.noViableAlternative()
  const name = tokens.identifier()
  if (tokens.take('(')) skipParameters(tokens)
  const type = PRIMITIVES.get(name) ?? types(name)
  if (type === undefined) throw new PrepareError(`Cannot resolve unknown type: ${name}`)
  return type
}

function parseArray (tokens: TokenStream, types: TypeResolver): SqlType {
  tokens.next()
  tokens.next()
  const items = parseTypeFrom(tokens, types)
  tokens.expect('>')
  return array(items)
}

function parseMap (tokens: TokenStream, types: TypeResolver): SqlType {
  tokens.next()
  tokens.next()
  const keys = parseTypeFrom(tokens, types)
  tokens.expect(',')
  const values = parseTypeFrom(tokens, types)
  tokens.expect('>')
  return map(keys, values)
}

function parseStruct (tokens: TokenStream, types: TypeResolver): SqlType {
  tokens.next()
  if (tokens.take('<>')) return struct([])
  tokens.next()
  const fields: StructField[] = []
  if (!tokens.at('>')) {
    do {
      const name = tokens.identifier()
      if (fields.some(field => field.name === name)) throw new PrepareError(`Duplicate field names found in STRUCT: '${name}'. Type: STRUCT`)
      fields.push({ name, type: parseTypeFrom(tokens, types) })
    } while (tokens.take(','))
  }
  tokens.expect('>')
  return struct(fields)
}

function parseDecimal (tokens: TokenStream): SqlType {
  tokens.next()
  tokens.expect('(')
  const precision = integer(tokens, 'DECIMAL(PRECISION)')
  tokens.expect(',')
  const scale = integer(tokens, 'DECIMAL(SCALE)')
  tokens.expect(')')
  if (precision <= 0) throw new PrepareError(`DECIMAL precision must be >= 1: DECIMAL(${precision},${scale})`)
  if (scale < 0) throw new PrepareError(`DECIMAL scale must be >= 0: DECIMAL(${precision},${scale})`)
  if (scale > precision) throw new PrepareError(`DECIMAL precision must be >= scale: DECIMAL(${precision},${scale})`)
  return decimal(precision, scale)
}

/** The rule `number` where the statement needs an INTEGER; `context` names it in the error. */
export function integer (tokens: TokenStream, context: string): number {
  const start = tokens.peek()
  const negative = tokens.take('-')
  const token = tokens.peek()
  if (token.kind !== 'INTEGER' && token.kind !== 'DECIMAL' && token.kind !== 'FLOAT') throw tokens.unexpected(false)
  tokens.next()
  if (token.kind !== 'INTEGER') throw new PrepareError(`Value must be integer for command: ${context}`)
  const value = Number(token.text) * (negative ? -1 : 1)
  if (value > 2147483647 || value < -2147483648) throw new PrepareError(`line ${start.line}:${start.column + 1}: Invalid numeric literal: ${value}`)
  return value
}

/** `VARCHAR(20)`, `VARCHAR(STRING)`: read, and of no effect. */
function skipParameters (tokens: TokenStream): void {
  do {
    const token = tokens.peek()
    if (token.kind !== 'INTEGER' && token.id !== 'STRING') throw tokens.unexpected(false, "{'STRING', INTEGER_VALUE}")
    tokens.next()
  } while (tokens.take(','))
  if (!tokens.take(')')) throw tokens.unexpected(false, "{',', ')'}")
}
