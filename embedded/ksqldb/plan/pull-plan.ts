// What a pull query is once planned: which keys and windows to read from a source's state, and what to make of each row read.
import type { Column } from './schema.js'
import type { DataSource } from './metastore.js'
import type { Row, Value } from './value.js'

/** One end of a range over keys or instants. */
export interface PullBound<T> { readonly value: T, readonly inclusive: boolean }

/** Instants in ms since the epoch; an absent end is open. `equal`, when present, lists the only instants wanted, ascending. */
export interface InstantRange {
  readonly from?: PullBound<number>
  readonly to?: PullBound<number>
  readonly equal?: readonly number[]
}

/** A stretch of keys in their order: the first columns equal `prefix`, the next lies within the bounds; an absent end is open. */
export interface KeyRange {
  readonly prefix: readonly Value[]
  readonly from?: PullBound<Value>
  readonly to?: PullBound<Value>
}

/**
 * Which keys to read. `keys`: each is the values of the source's key columns in order, already of their types, without repeats.
 * `range`: all keys of a stretch, of a windowed table with all their windows. `scan`: everything. Rows found still pass `filter`.
 */
export type PullLookup =
  | { readonly kind: 'keys', readonly keys: readonly (readonly Value[])[] }
  | { readonly kind: 'range' } & KeyRange
  | { readonly kind: 'scan' }

/** A planned pull query over one table (its state) or stream (its topic, to the end). */
export interface PullPlan {
  readonly source: DataSource
  readonly lookup: PullLookup
  /** Over a windowed table: which windows to read. Rows found still pass `filter`. */
  readonly windowStart?: InstantRange
  readonly windowEnd?: InstantRange
  /**
   * What the Row given to `filter` and `selects` holds, in order: the source's value columns, ROWTIME (and over a stream ROWPARTITION, ROWOFFSET),
   * WINDOWSTART and WINDOWEND where windowed, then the key columns.
   */
  readonly rowColumns: readonly Column[]
  /** Absent: every row passes. */
  readonly filter?: (row: Row) => boolean
  /** The answer's columns, in the order of the SELECT; `isKey` is what the header's schema prints as KEY. */
  readonly columns: readonly (Column & { readonly isKey: boolean })[]
  /** One for each of `columns`. */
  readonly selects: readonly ((row: Row) => Value)[]
  /** The most rows to answer. */
  readonly limit?: number
}
