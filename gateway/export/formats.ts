// Rows of an export as text: NDJSON, or CSV that spreadsheets open without running anything; in pieces, none made before it is asked for.
import { stringify } from 'csv-stringify/sync'

export const exportFormats = ['ndjson', 'csv'] as const
export type ExportFormat = typeof exportFormats[number]

export const mediaTypes: Readonly<Record<ExportFormat, string>> = { ndjson: 'application/x-ndjson', csv: 'text/csv' }

export type ExportRow = Readonly<Record<string, unknown>>

const rowsPerPiece = 200
const pieceChars = 64 * 1024

/** What a spreadsheet takes for a formula, and what was quoted already, so that one quote taken away always gives the text back. */
const formula = /^'*[=+\-@\t\r\n＝＋－＠]/

/** A text as a cell: a quote before what a spreadsheet would run (OWASP, CSV Injection). `linklog import` takes it away again. */
const guarded = (text: string): string => formula.test(text) ? `'${text}` : text

/** A list in one cell: commas between, those within a word behind a backslash, as in the parameters of GET /api/links. */
const listCell = (words: readonly string[]): string => words.map(word => word.replaceAll(/[\\,]/g, '\\$&')).join(',')

const toCell = (value: unknown): string => {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value) && value.every(word => typeof word === 'string')) return guarded(listCell(value))
  return typeof value === 'string' ? guarded(value) : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const toCsv = (rows: readonly ExportRow[], columns: readonly string[]): string =>
  stringify(rows.map(row => columns.map(column => toCell(row[column]))), { record_delimiter: '\r\n' })

async function * csvPieces (rows: AsyncIterable<ExportRow>, columns: readonly string[]): AsyncGenerator<string> {
  let held: ExportRow[] = []
  let head = `${columns.join(',')}\r\n`
  for await (const row of rows) {
    held.push(row)
    if (held.length < rowsPerPiece) continue
    yield head + toCsv(held, columns)
    head = ''
    held = []
  }
  if (held.length > 0 || head !== '') yield head + toCsv(held, columns)
}

async function * jsonPieces (rows: AsyncIterable<ExportRow>): AsyncGenerator<string> {
  let piece = ''
  for await (const row of rows) {
    piece += `${JSON.stringify(row)}\n`
    if (piece.length < pieceChars) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

/** The rows as text. `columns` are those of the CSV, in order; an empty cell is null, lists and objects stand in one cell. */
export const textOf = (rows: AsyncIterable<ExportRow>, format: ExportFormat, columns: readonly string[]): AsyncGenerator<string> =>
  format === 'csv' ? csvPieces(rows, columns) : jsonPieces(rows)
