// A query's table as pull queries read it: the rows of a state store, with what the steps above the store make of them.
import type { LogicalSchema } from '../plan/schema.js'
import type { WindowInfo } from '../plan/steps.js'
import type { KeyRange } from '../plan/pull-plan.js'
import type { Row } from '../plan/value.js'
import type { MaterializedTable, TableRow, Window, WindowBounds } from './api.js'
import type { StoreRow } from './state/table-store.js'
import type { Materialization } from './topology.js'

const FARTHEST = Number.MAX_SAFE_INTEGER - 1

function within ({ start, end }: Window, bounds: WindowBounds): boolean {
  return (bounds.startMin === undefined || start >= bounds.startMin) && (bounds.startMax === undefined || start <= bounds.startMax) &&
    (bounds.endMin === undefined || end >= bounds.endMin) && (bounds.endMax === undefined || end <= bounds.endMax)
}

export class StoredTable implements MaterializedTable {
  readonly schema: LogicalSchema
  readonly window: WindowInfo | undefined
  readonly #materialization: Materialization
  readonly #commit: () => void
  readonly #onRead: () => void

  /** `commit` writes what the query has processed; `onRead` is told of each read by key. */
  constructor (schema: LogicalSchema, window: WindowInfo | undefined, materialization: Materialization, commit: () => void, onRead: () => void) {
    this.#commit = commit
    this.#onRead = onRead
    this.schema = schema
    this.window = window
    this.#materialization = materialization
  }

  get (key: Row): TableRow | undefined {
    this.#onRead()
    const { store, rowOf } = this.#materialization
    const { row, timestamp } = store.peek(key)
    if (row === null) return undefined
    const value = rowOf(row, undefined, timestamp)
    return value === null ? undefined : { key, value, timestamp }
  }

  * getWindows (key: Row, bounds: WindowBounds): Generator<TableRow> {
    this.#onRead()
    const { store } = this.#materialization
    // Time windows lie in the order of their start, sessions in that of their end.
    const session = store.options.windowKind === 'session'
    const [from, to] = session ? [bounds.endMin, bounds.endMax] : [bounds.startMin, bounds.startMax]
    const range = { from: from ?? 0, to: to ?? FARTHEST }
    if (!session) {
      yield * this.#rows(store.currentWindows(key, range), bounds)
      return
    }
    this.#commit()
    yield * [...this.#rows(store.windows(key, range), bounds)].sort((a, b) => (a.window?.start ?? 0) - (b.window?.start ?? 0))
  }

  range (keys: KeyRange, bounds: WindowBounds = {}): Iterable<TableRow> {
    this.#commit()
    return this.#rows(this.#materialization.store.scan(keys), bounds)
  }

  scan (bounds: WindowBounds = {}): Iterable<TableRow> {
    return this.#rows(this.#materialization.store.scan(), bounds)
  }

  * #rows (stored: Iterable<StoreRow>, bounds: WindowBounds): Generator<TableRow> {
    for (const { key, window, row, timestamp } of stored) {
      if (window !== undefined && !within(window, bounds)) continue
      const value = this.#materialization.rowOf(row, window, timestamp)
      if (value !== null) yield { key, value, timestamp, ...(window === undefined ? {} : { window }) }
    }
  }
}
