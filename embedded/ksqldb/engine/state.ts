// What the engine knows: sources, types and queries by name. Statements are first tried on a copy of it.
import type { DataSource, MetaStore, PersistentQuery } from '../plan/metastore.js'
import type { SqlType } from '../sql/sql-type.js'

export interface QueryEntry extends PersistentQuery {
  /** CREATE_AS ends with its sink; INSERT only by TERMINATE; CREATE_SOURCE materialises a source table. */
  readonly kind: 'CREATE_AS' | 'INSERT' | 'CREATE_SOURCE'
  readonly sinkName: string | undefined
  readonly paused: boolean
}

export class EngineState implements MetaStore {
  readonly #sources: Map<string, DataSource>
  readonly #types: Map<string, SqlType>
  readonly #queries: Map<string, QueryEntry>

  constructor (from?: EngineState) {
    this.#sources = new Map(from === undefined ? [] : from.#sources)
    this.#types = new Map(from === undefined ? [] : from.#types)
    this.#queries = new Map(from === undefined ? [] : from.#queries)
  }

  copy (): EngineState {
    return new EngineState(this)
  }

  source (name: string): DataSource | undefined {
    return this.#sources.get(name)
  }

  sources (kind?: DataSource['kind']): DataSource[] {
    const all = [...this.#sources.values()]
    return kind === undefined ? all : all.filter(source => source.kind === kind)
  }

  putSource (source: DataSource): void {
    this.#sources.set(source.name, source)
  }

  removeSource (name: string): void {
    this.#sources.delete(name)
  }

  type (name: string): SqlType | undefined {
    return this.#types.get(name)
  }

  types (): ReadonlyMap<string, SqlType> {
    return this.#types
  }

  putType (name: string, type: SqlType): void {
    this.#types.set(name, type)
  }

  removeType (name: string): boolean {
    return this.#types.delete(name)
  }

  query (id: string): QueryEntry | undefined {
    return this.#queries.get(id)
  }

  queries (): QueryEntry[] {
    return [...this.#queries.values()]
  }

  putQuery (query: QueryEntry): void {
    this.#queries.set(query.id, query)
  }

  removeQuery (id: string): void {
    this.#queries.delete(id)
  }

  /** Queries that read the source. */
  readers (name: string): QueryEntry[] {
    return this.queries().filter(query => query.plan.sourceNames.includes(name) && query.kind !== 'CREATE_SOURCE')
  }

  /** Queries that write into the source. */
  writers (name: string): QueryEntry[] {
    return this.queries().filter(query => query.sinkName === name)
  }

  /** The query whose state answers pull queries over a table: the one that makes it, or materialises it. */
  materialization (name: string): QueryEntry | undefined {
    return this.queries().find(query =>
      (query.kind === 'CREATE_AS' && query.sinkName === name) || (query.kind === 'CREATE_SOURCE' && query.plan.sourceNames.includes(name)))
  }
}
