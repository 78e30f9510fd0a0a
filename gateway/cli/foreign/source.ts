// What the files of other shorteners have in common: names written in many ways, dates, short URLs, and fields that this service has no place for.
import { DateTime } from 'luxon'
import { UsageError } from '../exit-codes.js'
import type { Command } from '../bulk-client.js'
import { importReason } from '../own-rows.js'
import type { Mapped, Mapping } from '../rows.js'

/** A short link of another service, as it is made here. */
export interface ForeignLink {
  readonly url: string
  readonly slug: string
  /** The host that the short link was on, where the file says so. */
  readonly host?: string | undefined
  readonly title?: string | undefined
  readonly tags?: readonly string[]
  readonly createdAt?: string | undefined
  readonly validFrom?: string | undefined
  readonly validUntil?: string | undefined
  readonly maxVisits?: number | undefined
  readonly forwardQuery?: boolean | undefined
}

/** A record with its names in lower case and without spaces, `_` and `-`: the same field is Long URL, long_url or longUrl. */
export class Fields {
  readonly #values: ReadonlyMap<string, unknown>
  readonly #read: Set<string>

  /** @param read takes the names that were asked for */
  constructor (record: Readonly<Record<string, unknown>>, read: Set<string>) {
    this.#values = new Map(Object.entries(record).map(([name, value]) => [plainName(name), value]))
    this.#read = read
  }

  /** The first of these that is there. */
  any (...names: readonly string[]): unknown {
    for (const name of names) this.#read.add(name)
    return names.map((name) => this.#values.get(name)).find((value) => value !== undefined && value !== null && value !== '')
  }

  text (...names: readonly string[]): string | undefined {
    const value = this.any(...names)
    const text = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
    return text === '' ? undefined : text
  }

  /** A list, or words in one cell with `|` or commas between. */
  list (...names: readonly string[]): readonly string[] {
    const value = this.any(...names)
    const words = Array.isArray(value) ? value.map(String) : typeof value === 'string' ? value.split(value.includes('|') ? '|' : ',') : []
    return [...new Set(words.map((word) => word.trim()).filter((word) => word !== ''))]
  }
}

export const plainName = (name: string): string => name.replace(/[\s_-]/g, '').toLowerCase()

/** A record that cannot become a link; its message says why. */
export class Refused extends Error {
  override name = 'Refused'
}

export interface ForeignSource {
  /** As people write it. */
  readonly title: string
  /** The names of the columns of a CSV without a header, where the shortener's has none. */
  readonly bareColumns?: readonly string[]
  /** Names (plain) of which a header must have one each. */
  readonly needed: readonly (readonly string[])[]
  /** Where in a JSON document the records are: the first of these paths that is there; a list is looked through. */
  readonly paths: readonly string[]
  /** The short links of a record. @throws Refused */
  readonly links: (fields: Fields, note: (text: string) => void) => readonly ForeignLink[]
}

/** An instant in UTC; times without a zone are taken for UTC. @throws Refused */
export function instant (text: string | undefined, name: string): string | undefined {
  if (text === undefined) return undefined
  const iso = DateTime.fromISO(text.replace(' ', 'T'), { zone: 'utc' })
  if (!iso.isValid) throw new Refused(`${name} is '${text}', which is no date.`)
  return iso.toISO()
}

/** Host and slug of a short URL, whose scheme may be missing. @throws Refused */
export function shortLink (text: string): { host: string, slug: string } {
  const url = URL.canParse(text) ? new URL(text) : URL.canParse(`https://${text}`) ? new URL(`https://${text}`) : undefined
  const slug = url?.pathname.replace(/^\/+|\/+$/g, '') ?? ''
  if (url === undefined || slug === '') throw new Refused(`'${text}' is no short link.`)
  return { host: url.host, slug: decodeURI(slug) }
}

const titleCharsMax = 200

const commandOf = (link: ForeignLink, source: string, keepDomain: boolean, note: (text: string) => void): Command => {
  const { url, slug, host, title, tags = [], createdAt, validFrom, validUntil, maxVisits, forwardQuery } = link
  const chars = [...title ?? '']
  if (chars.length > titleCharsMax) note(`Titles were cut to ${titleCharsMax} characters`)
  if (keepDomain && host === undefined) throw new Refused('The record does not say the host of the short link.')
  return Object.fromEntries(Object.entries({
    url,
    slug,
    domain: keepDomain ? host : undefined,
    title: chars.length > 0 ? chars.slice(0, titleCharsMax).join('') : undefined,
    tags: tags.length > 0 ? tags : undefined,
    validFrom,
    validUntil,
    maxVisits,
    forwardQuery,
    reason: createdAt === undefined ? `Imported from ${source}` : importReason(source, createdAt)
  }).filter(([, value]) => value !== undefined))
}

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inside, name) => (inside as Record<string, unknown> | null | undefined)?.[name], value)

/** The records of a document: a list, an object with a list where the shortener has it, or a record by itself. */
const recordsIn = (document: unknown, paths: readonly string[]): readonly unknown[] => {
  if (Array.isArray(document)) return document.flatMap((part) => recordsIn(part, paths))
  const found = paths.map((path) => at(document, path)).find((value) => typeof value === 'object' && value !== null)
  return found === undefined ? [document] : Object.values(found)
}

export interface ForeignMapping extends Mapping {
  readonly find: (document: unknown) => readonly unknown[]
  /** What was left out, a sentence each: told once, at the end. */
  readonly notes: () => readonly string[]
}

/** @param keepDomain whether links are made on the host that they were on */
export function foreignMapping (source: ForeignSource, keepDomain: boolean): ForeignMapping {
  const read = new Set<string>()
  const seen = new Map<string, string>()
  const notes = new Map<string, number>()
  const note = (text: string): void => { notes.set(text, (notes.get(text) ?? 0) + 1) }
  const object = (record: Readonly<Record<string, unknown>>): readonly Mapped[] => {
    for (const name of Object.keys(record)) if (!seen.has(plainName(name)) && seen.size < 100) seen.set(plainName(name), name)
    try {
      return source.links(new Fields(record, read), note).map((link) => ({ commands: [commandOf(link, source.title, keepDomain, note)] }))
    } catch (error) {
      if (error instanceof Refused) return [{ problem: error.message }]
      throw error
    }
  }
  const isHeader = (cells: readonly string[]): boolean => {
    const names = new Set(cells.map(plainName))
    return source.needed.every((some) => some.some((name) => names.has(name)))
  }
  return {
    header: (cells) => {
      if (isHeader(cells)) return { names: cells }
      if (source.bareColumns?.length === cells.length && cells.some((cell) => URL.canParse(cell))) return { names: source.bareColumns, isRecord: true }
      throw new UsageError(`This is no CSV of ${source.title}: its first line must name ${source.needed.map(([name]) => name).join(' and ')}.`)
    },
    cells: object,
    object,
    find: (document) => recordsIn(document, source.paths),
    notes: () => {
      const left = [...seen].filter(([plain]) => !read.has(plain)).map(([, name]) => name)
      return [...(left.length > 0 ? [`Not taken over: ${left.join(', ')}`] : []), ...[...notes].map(([text, count]) => `${text}: ${count}`)]
    }
  }
}
