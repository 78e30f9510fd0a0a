// Reads the records of a file, one at a time, in whichever form the file has; never holds more than one, but for JSON that is one whole document.
import { parse } from 'csv-parse'
import type { CsvError, Info } from 'csv-parse'
import type { Readable } from 'node:stream'
import { UsageError } from './exit-codes.js'
import type { Command } from './bulk-client.js'

/** One link of the file: the commands that make it, or the reason why there are none. */
export interface Row {
  /** Line of the file, from 1, on which the record starts (for CSV and SQL: ends); of a JSON document the record's place in it. */
  readonly line: number
  /** How much of the file has been read up to the end of this record. */
  readonly endBytes: number
  /** The record as it stood in the file. */
  readonly input: string
  /** In order; those behind the first are about the link that the first has made. */
  readonly commands?: readonly Command[]
  readonly problem?: string
}

export type Mapped = { readonly commands: readonly Command[] } | { readonly problem: string }

/** What the cells of a CSV are called. */
export interface Header {
  readonly names: readonly string[]
  /** Whether the first row is a record already. */
  readonly isRecord?: boolean
}

/** How the records of a file become rows: usually one of each. */
export interface Mapping {
  /** @throws UsageError where the columns cannot be understood */
  readonly header: (cells: readonly string[]) => Header
  readonly cells: (fields: Readonly<Record<string, string>>) => readonly Mapped[]
  readonly object: (fields: Readonly<Record<string, unknown>>) => readonly Mapped[]
}

/** No line of a sensible file is longer: a URL has at most 2,048 characters, a title and tags a few hundred. */
export const rowBytesMax = 64 * 1024
/** A JSON document is held whole. */
const documentBytesMax = 256 * 1024 * 1024

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

/** A URL a line; lines that start with `#` are passed over. */
export async function * urlRows (source: Readable): AsyncGenerator<Row, void, undefined> {
  for await (const { line, endBytes, text, problem } of splitLines(source)) {
    if (problem !== undefined) yield { line, endBytes, input: text, problem }
    else if (text !== '' && !text.startsWith('#')) yield { line, endBytes, input: text, commands: [{ url: text }] }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** A JSON object a line. */
export async function * jsonLineRows (source: Readable, mapping: Mapping): AsyncGenerator<Row, void, undefined> {
  for await (const { line, endBytes, text, problem } of splitLines(source)) {
    if (problem !== undefined) yield { line, endBytes, input: text, problem }
    else if (text !== '') for (const mapped of mapText(text, mapping)) yield { line, endBytes, input: text, ...mapped }
  }
}

function mapText (text: string, mapping: Mapping): readonly Mapped[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return [{ problem: `The line is not JSON: ${error instanceof Error ? error.message : String(error)}` }]
  }
  return isObject(value) ? mapping.object(value) : [{ problem: 'The line is JSON, but not an object.' }]
}

/**
 * JSON documents with lists of records in them: one, or one a line.
 * @param find the records of a document
 * @throws UsageError for what is no JSON, or too large
 */
export async function * documentRows (
  source: Readable, mapping: Mapping, find: (document: unknown) => readonly unknown[]
): AsyncGenerator<Row, void, undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source as AsyncIterable<Buffer | string>) {
    chunks.push(Buffer.from(chunk))
    bytes += chunk.length
    if (bytes > documentBytesMax) throw new UsageError(`The JSON is larger than ${documentBytesMax / 1024 / 1024} MiB: split it.`)
  }
  const records = documentsOf(utf8Text(Buffer.concat(chunks))).flatMap(find)
  for (const [index, record] of records.entries()) {
    const row = { line: index + 1, endBytes: Math.round(bytes * (index + 1) / records.length), input: JSON.stringify(record) }
    for (const mapped of isObject(record) ? mapping.object(record) : [{ problem: 'The record is not an object.' }]) yield { ...row, ...mapped }
  }
}

function utf8Text (bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new UsageError('The file is not valid UTF-8.')
  }
}

function documentsOf (text: string): readonly unknown[] {
  const parsed = (json: string): unknown => {
    try {
      return JSON.parse(json) as unknown
    } catch {
      return undefined
    }
  }
  const whole = parsed(text)
  if (whole !== undefined) return [whole]
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '').map((line, index) => {
    const document = parsed(line)
    if (document === undefined) throw new UsageError(`The file is not JSON, and neither is its line ${index + 1} that is not blank.`)
    return document
  })
}

/**
 * CSV with a header. A record whose cells are not as many as the header's is given with its problem.
 * @throws UsageError for a header or quoting that makes every further record meaningless
 */
export async function * csvRows (source: Readable, mapping: Mapping): AsyncGenerator<Row, void, undefined> {
  const parser = parse({ bom: true, info: true, raw: true, relax_column_count: true, skip_empty_lines: true, max_record_size: rowBytesMax })
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  let names: readonly string[] | undefined
  try {
    for await (const { record, info, raw } of parser as AsyncIterable<{ record: string[], info: Info, raw: string }>) {
      if (names === undefined) {
        const header = mapping.header(record)
        names = header.names
        if (header.isRecord !== true) continue
      }
      const row = { line: info.lines, endBytes: info.bytes, input: raw.trimEnd() }
      if (record.length !== names.length) yield { ...row, problem: `The row has ${record.length} cells, the header ${names.length}.` }
      else for (const mapped of mapping.cells(fieldsOf(names, record))) yield { ...row, ...mapped }
    }
  } catch (error) {
    const code = (error as CsvError | undefined)?.code
    throw typeof code === 'string' && code.startsWith('CSV_') ? new UsageError(`The CSV cannot be read: ${(error as Error).message}`) : error
  } finally {
    source.destroy()
  }
  if (names === undefined) throw new UsageError('The CSV is empty: its first line must name the columns.')
}

/** An empty cell is a field not given: CSV has no other way to say so. */
export const fieldsOf = (names: readonly string[], cells: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, index) => [name, (cells[index] ?? '').trim()] as const).filter(([, text]) => text !== ''))
