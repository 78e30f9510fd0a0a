// Links as this service writes and takes them: the fields of POST /api/links, and those of an export, whose links are made again as they stood.
import { splitWords } from '../routes/words.js'
import { UsageError } from './exit-codes.js'
import type { Command } from './bulk-client.js'
import type { Mapped, Mapping } from './rows.js'

type Fields = Readonly<Record<string, unknown>>
type Cell = (text: string) => unknown

const asText: Cell = (text) => text
/** What is no number or boolean is passed on as it stands: the service says what it wants there, as it does for every other client. */
const asInteger: Cell = (text) => /^\d{1,15}$/.test(text) ? Number(text) : text
const asBoolean: Cell = (text) => text === 'true' ? true : text === 'false' ? false : text
const asJson: Cell = (text) => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** The columns that a CSV of links may have, as people write it. */
const written: Readonly<Record<string, Cell>> = {
  url: asText,
  slug: asText,
  domain: asText,
  title: asText,
  tags: splitWords,
  validFrom: asText,
  validUntil: asText,
  maxVisits: asInteger,
  redirectStatus: asInteger,
  forwardQuery: asBoolean,
  rules: asJson,
  reason: asText
}

/** What an export has beside them. */
const exported: Readonly<Record<string, Cell>> = {
  link: asText, shortUrl: asText, version: asText, enabled: asBoolean, deleted: asBoolean, scheduled: asJson, createdAt: asText, updatedAt: asText
}

const columns = { ...written, ...exported }

/** The names of the columns that people write. */
export const columnNames: readonly string[] = Object.keys(written)

/** An export writes a quote before what a spreadsheet would take for a formula. */
const unguarded = (text: string): string => /^'+[=+\-@\t\r\n＝＋－＠]/.test(text) ? text.slice(1) : text

function checkHeader (header: readonly string[]): string[] {
  const names = header.map((name) => name.trim())
  const unknown = names.filter((name) => !Object.hasOwn(columns, name))
  if (unknown.length > 0) throw new UsageError(`The CSV has a column '${unknown[0]}'. Columns are ${columnNames.join(', ')}.`)
  if (!names.includes('url')) throw new UsageError("The CSV has no column 'url' in its first line.")
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new UsageError(`The CSV has the column '${twice}' twice.`)
  return names
}

interface Edit { readonly effectiveAt: string, readonly changes: Fields }

const editsOf = (scheduled: unknown): readonly Edit[] =>
  (Array.isArray(scheduled) ? scheduled : []).filter((edit): edit is Edit =>
    typeof edit === 'object' && edit !== null && typeof (edit as Edit).effectiveAt === 'string' && typeof (edit as Edit).changes === 'object')

/** When the link was made elsewhere, for the history; the event itself says when it was made here. */
export const importReason = (where: string, createdAt: string): string => `Imported from ${where}, where it was made at ${createdAt}`

const isExported = (fields: Fields): boolean => Object.keys(exported).some((name) => Object.hasOwn(fields, name))

/** An exported link made again: created, then switched off where it was, then the edits that lay ahead; those that have come due since are part of it. */
function again (fields: Fields, now: number): Mapped {
  const { link, shortUrl: _shortUrl, version: _version, updatedAt: _updatedAt, createdAt, enabled, deleted, scheduled, ...own } = fields
  if (deleted === true) return { problem: 'The link was deleted.' }
  const edits = editsOf(scheduled)
  const due = edits.filter(({ effectiveAt }) => Date.parse(effectiveAt) <= now)
  const create = Object.assign(own, ...due.map(({ changes }) => changes)) as Record<string, unknown>
  if (typeof createdAt === 'string' && create['reason'] === undefined) create['reason'] = importReason('an export', createdAt)
  const commands: Command[] = [create]
  if (enabled === false) commands.push({ op: 'disable', link })
  for (const edit of edits) if (!due.includes(edit)) commands.push({ op: 'update', link, ...edit.changes, effectiveAt: edit.effectiveAt })
  return { commands }
}

/** @param now milliseconds since 1970 */
export const ownMapping = (now: number): Mapping => {
  const object = (fields: Fields): readonly Mapped[] => [isExported(fields) ? again(fields, now) : { commands: [fields] }]
  return {
    header: (cells) => ({ names: checkHeader(cells) }),
    cells: (fields) => object(Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, columns[name]?.(unguarded(text))]))),
    object
  }
}
