// Pages of links: reads the tables row by row and holds no more than a page, so that memory is bounded whatever the number of links.
import type { LinkView } from '../links/view.js'
import type { Listed, LinkFilter, LinkListQueries, Place, Standing, StateName, TimeColumn } from '../queries/link-list.js'
import { linksOfUrlMax } from '../queries/link-list.js'
import type { Cursor, Order, Sort } from './cursor.js'
import { Top } from './top.js'

export interface ListRequest {
  readonly filter: LinkFilter
  readonly sort: Sort
  readonly order: Order
  readonly limit: number
  readonly cursor: Cursor | undefined
}

export interface ListPage {
  readonly places: readonly Place[]
  /** Present where more follow. */
  readonly next: Cursor | undefined
}

type Queries = Pick<LinkListQueries, 'matching' | 'matchingOf' | 'visited' | 'visitsOf' | 'everOfUrl' | 'everScheduled' | 'standing'>

export interface ListerOptions {
  readonly queries: Queries
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Links looked up with one query: ksqlDB makes an alternative of its WHERE of each. */
const keysMax = 250

const columns: Readonly<Record<Exclude<Sort, 'visits'>, TimeColumn>> = { created: 'created_at', updated: 'updated_at' }

/** Whether active must be told from exhausted: only then are visits looked up. */
const needsVisits = (states: readonly StateName[] | undefined): boolean =>
  states !== undefined && states.includes('active') !== states.includes('exhausted')

/** Whether a row is in one of the states asked for, now that its visits are known. */
const inState = (states: readonly StateName[] | undefined, { state, maxVisits }: Listed, visits: number): boolean =>
  states === undefined || state !== 'active' || states.includes(maxVisits !== null && visits >= maxVisits ? 'exhausted' : 'active')

export class Lister {
  readonly #queries: Queries
  readonly #now: () => number

  constructor ({ queries, now }: ListerOptions) {
    this.#queries = queries
    this.#now = now
  }

  /** A page of links in order. @throws the signal's reason, and what ksqlDB refuses. */
  async page (request: ListRequest, signal: AbortSignal): Promise<ListPage> {
    const descending = request.order === 'desc'
    const before = (a: Place, b: Place): boolean => a.value === b.value ? a.link < b.link : descending ? a.value > b.value : a.value < b.value
    const { cursor, limit } = request
    const at = cursor?.at ?? this.#now()
    // one more than asked for tells whether a page follows
    const top = new Top<Place>(limit + 1, before)
    const behind = (place: Place): boolean => cursor === undefined || before(cursor.place, place)
    const reading = new Reading(this.#queries, request, at, { takes: place => behind(place) && top.takes(place), offer: place => top.offer(place) }, signal)
    await reading.run(() => top.full)
    const places = top.sorted()
    const last = places[limit - 1]
    return { places: places.slice(0, limit), next: places.length > limit && last !== undefined ? { place: last, at } : undefined }
  }

  /** Every link that meets the filter, as it stands now, in no order; holds a few hundred of them. @throws the signal's reason, and what ksqlDB refuses. */
  async * all (filter: LinkFilter, signal: AbortSignal): AsyncGenerator<LinkView> {
    const asks = needsVisits(filter.states)
    let open: Standing[] = []
    const judged = async (): Promise<readonly LinkView[]> => {
      if (open.length === 0) return []
      const visits = await this.#queries.visitsOf(open.map(({ link }) => link))
      const views = open.filter(row => inState(filter.states, row, visits.get(row.link) ?? 0)).map(({ view }) => view)
      open = []
      return views
    }
    for await (const row of this.#queries.standing(filter, this.#now(), signal)) {
      if (!asks || row.state !== 'active' || row.maxVisits === null) {
        if (inState(filter.states, row, 0)) yield row.view
        continue
      }
      open.push(row)
      if (open.length >= keysMax) yield * await judged()
    }
    yield * await judged()
  }
}

interface Sink { readonly takes: (place: Place) => boolean, readonly offer: (place: Place) => void }

/** One pass over the tables for one page. */
class Reading {
  readonly #queries: Queries
  readonly #request: ListRequest
  readonly #at: number
  readonly #sink: Sink
  readonly #signal: AbortSignal

  constructor (queries: Queries, request: ListRequest, at: number, sink: Sink, signal: AbortSignal) {
    this.#queries = queries
    this.#request = request
    this.#at = at
    this.#sink = sink
    this.#signal = signal
  }

  async run (full: () => boolean): Promise<void> {
    const { filter, sort, order } = this.#request
    const candidates = filter.url === undefined ? undefined : await this.#queries.everOfUrl(filter.url)
    if (candidates !== undefined && candidates.length < linksOfUrlMax) return await this.#ofUrl(candidates)
    if (sort !== 'visits') return await this.#byTime(columns[sort])
    const [first, second] = order === 'desc' ? [this.#visited, this.#unvisited] : [this.#unvisited, this.#visited]
    await first.call(this)
    if (!full()) await second.call(this)
  }

  /** Those of a URL, and those that a scheduled edit may have led there, read by key. */
  async #ofUrl (links: readonly string[]): Promise<void> {
    const open = new Batch<string>(async some => await this.#among(some))
    for (const link of links) await open.add(link)
    const known = new Set(links)
    for await (const link of this.#queries.everScheduled(this.#signal)) if (!known.has(link)) await open.add(link)
    await open.flush()
  }

  async #among (links: readonly string[]): Promise<void> {
    const { filter, sort } = this.#request
    const [rows, visits] = await Promise.all([
      this.#queries.matchingOf(links, filter, this.#at),
      sort === 'visits' || needsVisits(filter.states) ? this.#queries.visitsOf(links) : new Map<string, number>()
    ])
    for (const row of rows) {
      const count = visits.get(row.link) ?? 0
      if (this.#inState(row, count)) this.#offer({ link: row.link, value: sort === 'created' ? row.createdAt : sort === 'updated' ? row.updatedAt : count })
    }
  }

  #offer (place: Place): void {
    if (this.#sink.takes(place)) this.#sink.offer(place)
  }

  #inState (row: Listed, visits: number): boolean {
    return inState(this.#request.filter.states, row, visits)
  }

  async #byTime (column: TimeColumn): Promise<void> {
    const { filter, cursor, order } = this.#request
    const after = cursor && { column, descending: order === 'desc', place: cursor.place }
    const open = new Batch<Listed & Place>(async rows => {
      const visits = await this.#queries.visitsOf(rows.map(({ link }) => link))
      for (const row of rows) if (this.#inState(row, visits.get(row.link) ?? 0)) this.#offer(row)
    })
    const asks = needsVisits(filter.states)
    for await (const row of this.#queries.matching(filter, this.#at, after, this.#signal)) {
      const place = { ...row, value: column === 'created_at' ? row.createdAt : row.updatedAt }
      if (!this.#sink.takes(place)) continue
      if (asks && row.state === 'active' && row.maxVisits !== null) await open.add(place)
      else if (this.#inState(row, 0)) this.#offer(place)
    }
    await open.flush()
  }

  /** Links with visits: of those whose count could be on the page, `links` is asked whether they meet the filter. */
  async #visited (): Promise<void> {
    const { filter, cursor, order } = this.#request
    const after = cursor && { descending: order === 'desc', value: cursor.place.value }
    const open = new Batch<Place>(async places => {
      const counts = new Map(places.map(({ link, value }) => [link, value]))
      for (const row of await this.#queries.matchingOf([...counts.keys()], filter, this.#at)) {
        const value = counts.get(row.link) ?? 0
        if (this.#inState(row, value)) this.#offer({ link: row.link, value })
      }
    })
    for await (const place of this.#queries.visited(after, this.#signal)) if (this.#sink.takes(place)) await open.add(place)
    await open.flush()
  }

  /** Links without visits, by name: of those that could be on the page, visits_by_link is asked whether they have none. */
  async #unvisited (): Promise<void> {
    const { filter } = this.#request
    const open = new Batch<Listed>(async rows => {
      const visits = await this.#queries.visitsOf(rows.map(({ link }) => link))
      for (const row of rows) if ((visits.get(row.link) ?? 0) === 0 && this.#inState(row, 0)) this.#offer({ link: row.link, value: 0 })
    })
    for await (const row of this.#queries.matching(filter, this.#at, undefined, this.#signal)) {
      if (this.#sink.takes({ link: row.link, value: 0 })) await open.add(row)
    }
    await open.flush()
  }
}

/** Collects what is to be looked up together. */
class Batch<T> {
  readonly #lookUp: (items: readonly T[]) => Promise<void>
  #items: T[] = []

  constructor (lookUp: (items: readonly T[]) => Promise<void>) {
    this.#lookUp = lookUp
  }

  async add (item: T): Promise<void> {
    this.#items.push(item)
    if (this.#items.length >= keysMax) await this.flush()
  }

  async flush (): Promise<void> {
    const items = this.#items
    this.#items = []
    if (items.length > 0) await this.#lookUp(items)
  }
}
