// Reads the rows of one table out of an SQL dump as mysqldump and phpMyAdmin write it (INSERT INTO … VALUES (…), …), a row at a time.
import type { Readable } from 'node:stream'
import { UsageError } from '../exit-codes.js'
import { fieldsOf, rowBytesMax, type Mapping, type Row } from '../rows.js'

interface Token { readonly kind: 'text' | 'name' | 'other', readonly text: string, readonly raw: string, readonly end: number, readonly line: number }

const expression = new RegExp([
  String.raw`(?<blank>\s+|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*[\s\S]*?\*/)`,
  String.raw`(?<text>'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*')`,
  String.raw`(?<name>\`[^\`]*\`|"[^"]*"|[A-Za-z_][\w$]*)`,
  String.raw`(?<other>[\s\S])`
].join('|'), 'y')

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0', b: '\b', Z: '\x1a' }

/** A string literal of MySQL (Reference Manual, String Literals). */
const unquoted = (literal: string): string =>
  literal.slice(1, -1).replaceAll(/\\([\s\S])|''/g, (_whole, escaped: string | undefined) => escaped === undefined ? "'" : escapes[escaped] ?? escaped)

/** So much is held back, so that what is read begins no token that goes on in the next chunk: none is longer. */
const tokenCharsMax = 2 * rowBytesMax

async function * tokens (source: Readable): AsyncGenerator<Token[]> {
  const decoder = new TextDecoder()
  let held = ''
  let end = 0
  let line = 1
  const take = (isLast: boolean): Token[] => {
    const found: Token[] = []
    expression.lastIndex = 0
    const until = isLast ? held.length : held.length - tokenCharsMax
    while (expression.lastIndex < until) {
      const { 0: raw, groups = {} } = expression.exec(held) as RegExpExecArray
      if (raw === "'") throw new UsageError(`The SQL has a text on line ${line} that does not end within ${tokenCharsMax} characters.`)
      end += Buffer.byteLength(raw)
      for (let at = raw.indexOf('\n'); at !== -1; at = raw.indexOf('\n', at + 1)) line++
      if (groups['blank'] !== undefined) continue
      const kind = groups['text'] !== undefined ? 'text' : groups['name'] !== undefined ? 'name' : 'other'
      const text = kind === 'text' ? unquoted(raw) : kind === 'name' ? raw.replaceAll(/^[`"]|[`"]$/g, '') : raw
      found.push({ kind, text, raw, end, line })
    }
    held = held.slice(expression.lastIndex)
    return found
  }
  for await (const chunk of source as AsyncIterable<Buffer | string>) {
    held += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    if (held.length > 2 * tokenCharsMax) yield take(false)
  }
  held += decoder.decode()
  yield take(true)
}

interface Reading {
  state: 'between' | 'table' | 'columns' | 'values' | 'tuple' | 'other'
  columns: string[]
  cells: string[]
  cell: string
  raw: string
}

const isInsert = (before: readonly string[]): boolean => /^(?:insert|replace)(?: ignore)? into$/.test(before.join(' ').toLowerCase())

/**
 * The rows that a dump puts into the tables that `isTable` names; all else is passed over.
 * @param preset the names of the columns, where the statement does not say them
 */
export async function * sqlRows (
  source: Readable, mapping: Mapping, isTable: (name: string) => boolean, preset: readonly string[]
): AsyncGenerator<Row, void, undefined> {
  const at: Reading = { state: 'between', columns: [], cells: [], cell: '', raw: '' }
  let before: string[] = []
  const step = ({ kind, text, raw }: Token): boolean => {
    if (at.state === 'tuple') {
      at.raw += raw
      if (kind === 'other' && (raw === ',' || raw === ')')) {
        at.cells.push(at.cell)
        at.cell = ''
        if (raw === ')') at.state = 'values'
        return raw === ')'
      }
      at.cell += kind === 'name' && text.toUpperCase() === 'NULL' ? '' : text
      return false
    }
    if (raw === ';') {
      at.state = 'between'
      before = []
    } else if (at.state === 'between') {
      if (isInsert(before) && isTable(text)) Object.assign(at, { state: 'table', columns: [] })
      else if (before.length > 3) at.state = 'other'
      else before.push(text)
    } else if (at.state === 'table' && raw === '(') at.state = 'columns'
    else if (at.state === 'columns' && raw === ')') at.state = 'table'
    else if (at.state === 'columns' && kind === 'name') at.columns.push(text)
    else if (at.state === 'table' && text.toLowerCase() === 'values') at.state = 'values'
    else if (at.state === 'values' && raw === '(') Object.assign(at, { state: 'tuple', cells: [], cell: '', raw })
    return false
  }
  for await (const some of tokens(source)) {
    for (const token of some) {
      if (!step(token)) continue
      const names = at.columns.length > 0 ? at.columns : preset
      const row = { line: token.line, endBytes: token.end, input: at.raw }
      if (names.length !== at.cells.length) yield { ...row, problem: `The row has ${at.cells.length} values, the table ${names.length} columns.` }
      else for (const mapped of mapping.cells(fieldsOf(names, at.cells))) yield { ...row, ...mapped }
    }
  }
}
