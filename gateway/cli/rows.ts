// Reads the links to import out of a file, one at a time, in whichever of the three forms the file has; never holds more than one row.
import { parse } from 'csv-parse'
import type { CsvError, Info } from 'csv-parse'
import type { Readable } from 'node:stream'
import { UsageError } from './exit-codes.js'

/** The forms of input: a URL a line; CSV with a header; a JSON object a line. */
export const formats = ['urls', 'csv', 'ndjson'] as const
export type Format = typeof formats[number]

/** One link of the file: either the body of its request, or the reason why there is none. */
export interface Row {
  /** Line of the file, from 1, on which the row starts (for CSV: ends). */
  readonly line: number
  /** How much of the file has been read up to the end of this row. */
  readonly endBytes: number
  /** The row as it stood in the file. */
  readonly input: string
  readonly body?: Readonly<Record<string, unknown>>
  readonly problem?: string
}

/** No line of a sensible file is longer: a URL has at most 2,048 characters, a title and tags a few hundred. */
export const rowBytesMax = 64 * 1024

/** The form that a file's name promises: `.csv`, `.ndjson` and `.jsonl`; anything else is a URL a line. */
export function formatOf (fileName: string): Format {
  if (/\.csv$/i.test(fileName)) return 'csv'
  return /\.(ndjson|jsonl)$/i.test(fileName) ? 'ndjson' : 'urls'
}

/**
 * The rows of a file in the order in which they stand. Blank lines are passed over, and in a list of URLs lines that start with `#`.
 * A row that cannot be read is given with its `problem`; the rows after it still come.
 * @throws UsageError for a CSV whose header or quoting makes every further row meaningless
 */
export function readRows (source: Readable, format: Format): AsyncGenerator<Row, void, undefined> {
  switch (format) {
    case 'urls': return urlRows(source)
    case 'ndjson': return jsonRows(source)
    case 'csv': return csvRows(source)
  }
}

interface Line { line: number, endBytes: number, text: string, problem?: string }

const newline = 0x0a
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

function toLine (line: number, endBytes: number, bytes: Buffer, isTooLong: boolean): Line {
  if (isTooLong) return { line, endBytes, text: bytes.toString('latin1', 0, 200), problem: `The line is longer than ${rowBytesMax} bytes.` }
  try {
    return { line, endBytes, text: utf8.decode(bytes).trim() }
  } catch {
    return { line, endBytes, text: bytes.toString('latin1').trim(), problem: 'The line is not valid UTF-8.' }
  }
}

/** Lines by LF or CRLF. Of a line over the limit only the start is kept, so that a file without any line ends cannot fill the memory. */
async function * splitLines (source: Readable): AsyncGenerator<Line, void, undefined> {
  let held: Buffer = Buffer.alloc(0)
  let isTooLong = false
  let line = 0
  let endBytes = 0
  const keep = (bytes: Buffer) => {
    isTooLong ||= held.length + bytes.length > rowBytesMax
    held = isTooLong ? Buffer.concat([held, bytes.subarray(0, Math.max(0, 200 - held.length))]) : Buffer.concat([held, bytes])
  }
  for await (const chunk of source as AsyncIterable<Buffer | string>) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    let from = 0
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, from)) {
      keep(bytes.subarray(from, end))
      endBytes += end + 1 - from
      yield toLine(++line, endBytes, held, isTooLong)
      held = Buffer.alloc(0)
      isTooLong = false
      from = end + 1
    }
    keep(bytes.subarray(from))
    endBytes += bytes.length - from
  }
  if (held.length > 0) yield toLine(++line, endBytes, held, isTooLong)
}

async function * urlRows (source: Readable): AsyncGenerator<Row, void, undefined> {
  for await (const { line, endBytes, text, problem } of splitLines(source)) {
    if (problem !== undefined) yield { line, endBytes, input: text, problem }
    else if (text !== '' && !text.startsWith('#')) yield { line, endBytes, input: text, body: { url: text } }
  }
}

async function * jsonRows (source: Readable): AsyncGenerator<Row, void, undefined> {
  for await (const { line, endBytes, text, problem } of splitLines(source)) {
    if (problem !== undefined) yield { line, endBytes, input: text, problem }
    else if (text !== '') yield { line, endBytes, input: text, ...parseObject(text) }
  }
}

function parseObject (text: string): { body: Record<string, unknown> } | { problem: string } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { problem: `The line is not JSON: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { problem: 'The line is JSON, but not an object.' }
  return { body: value as Record<string, unknown> }
}

type Cell = (text: string) => unknown

const asText: Cell = (text) => text
/** What is no number or boolean is passed on as it stands: the service says what it wants there, as it does for every other client. */
const asInteger: Cell = (text) => /^\d{1,15}$/.test(text) ? Number(text) : text
const asBoolean: Cell = (text) => text === 'true' ? true : text === 'false' ? false : text
const asList: Cell = (text) => text.split(',').map((tag) => tag.trim()).filter((tag) => tag !== '')

/** The columns of a CSV: the fields of POST /api/links. */
const columns: Readonly<Record<string, Cell>> = {
  url: asText,
  slug: asText,
  title: asText,
  tags: asList,
  validFrom: asText,
  validUntil: asText,
  maxVisits: asInteger,
  redirectStatus: asInteger,
  forwardQuery: asBoolean,
  reason: asText
}

/** The names of the columns that a CSV may have. */
export const columnNames: readonly string[] = Object.keys(columns)

function checkHeader (header: readonly string[]): string[] {
  const names = header.map((name) => name.trim())
  const unknown = names.filter((name) => !Object.hasOwn(columns, name))
  if (unknown.length > 0) throw new UsageError(`The CSV has a column '${unknown[0]}'. Columns are ${columnNames.join(', ')}.`)
  if (!names.includes('url')) throw new UsageError("The CSV has no column 'url' in its first line.")
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new UsageError(`The CSV has the column '${twice}' twice.`)
  return names
}

function bodyOf (names: readonly string[], cells: readonly string[]): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const [index, name] of names.entries()) {
    const text = (cells[index] ?? '').trim()
    // An empty cell is a field not given: CSV has no other way to say so.
    if (text !== '') body[name] = columns[name]?.(text)
  }
  return body
}

async function * csvRows (source: Readable): AsyncGenerator<Row, void, undefined> {
  const parser = parse({ bom: true, info: true, raw: true, relax_column_count: true, skip_empty_lines: true, max_record_size: rowBytesMax })
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  let names: string[] | undefined
  try {
    for await (const { record, info, raw } of parser as AsyncIterable<{ record: string[], info: Info, raw: string }>) {
      if (names === undefined) {
        names = checkHeader(record)
        continue
      }
      const row = { line: info.lines, endBytes: info.bytes, input: raw.trimEnd() }
      if (record.length === names.length) yield { ...row, body: bodyOf(names, record) }
      else yield { ...row, problem: `The row has ${record.length} cells, the header ${names.length}.` }
    }
  } catch (error) {
    const code = (error as CsvError | undefined)?.code
    throw typeof code === 'string' && code.startsWith('CSV_') ? new UsageError(`The CSV cannot be read: ${(error as Error).message}`) : error
  } finally {
    source.destroy()
  }
  if (names === undefined) throw new UsageError('The CSV is empty: its first line must name the columns.')
}
