// Where the next page of a list begins, as an opaque word: the place of the last link shown, and what the list was asked for.
import { createHash } from 'node:crypto'
import { LinklogError } from '../errors.js'
import type { Place } from '../queries/link-list.js'

export const sorts = ['created', 'updated', 'visits'] as const
export type Sort = typeof sorts[number]
export const orders = ['desc', 'asc'] as const
export type Order = typeof orders[number]

export interface Cursor {
  readonly place: Place
  /** When the first page was asked for: states are told as of then on every page. */
  readonly at: number
}

/** What a cursor belongs to: it is refused with another filter or order. */
export interface Listing { readonly sort: Sort, readonly order: Order, readonly filter: object }

const fingerprint = ({ sort, order, filter }: Listing): string =>
  createHash('sha256').update(JSON.stringify([sort, order, filter])).digest('base64url').slice(0, 12)

export const encodeCursor = (cursor: Cursor, listing: Listing): string =>
  Buffer.from(JSON.stringify([1, fingerprint(listing), cursor.place.value, cursor.place.link, cursor.at])).toString('base64url')

const refuse = (detail: string): LinklogError => new LinklogError('invalid_request', `cursor ${detail}`, { errors: [{ pointer: 'cursor', detail }] })

/** @throws LinklogError invalid_request where it is none, or another list's. */
export const decodeCursor = (text: string, listing: Listing): Cursor => {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    throw refuse('is not a cursor')
  }
  const [form, of, value, link, at] = Array.isArray(parts) ? parts as unknown[] : []
  if (form !== 1 || typeof of !== 'string' || !Number.isSafeInteger(value) || typeof link !== 'string' || !Number.isSafeInteger(at)) throw refuse('is not a cursor')
  if (of !== fingerprint(listing)) throw refuse('belongs to a list with another filter or order')
  return { place: { value: value as number, link }, at: at as number }
}
