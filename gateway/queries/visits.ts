// What is asked of the tables of visits, and how their rows read. The only SQL text about visits.
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { escapeString, toMillis } from './escape.js'

export interface Totals { readonly total: number, readonly withoutBots: number, readonly firstVisit: number | null, readonly lastVisit: number | null }
export type Counts = Readonly<Record<string, number>>

export interface Sources {
  /** About how many: a HyperLogLog. */
  readonly visitors: number
  readonly referrers: Counts
  readonly browsers: Counts
  readonly systems: Counts
  readonly devices: Counts
  readonly countries: Counts
}

export const noVisits: Totals = { total: 0, withoutBots: 0, firstVisit: null, lastVisit: null }
export const noSources: Sources = { visitors: 0, referrers: {}, browsers: {}, systems: {}, devices: {}, countries: {} }

const toTotals = (row: Row): Totals =>
  ({ total: Number(row[0]), withoutBots: Number(row[1]), firstVisit: toMillis(row[2]), lastVisit: toMillis(row[3]) })

const toCounts = (value: unknown): Counts => (value ?? {}) as Counts

export class VisitQueries {
  readonly #ksqldb: Pick<KsqlClient, 'pull'>
  readonly #names: Names

  constructor (ksqldb: Pick<KsqlClient, 'pull'>, names: Names) {
    this.#ksqldb = ksqldb
    this.#names = names
  }

  async #totals (table: string, where: string): Promise<Totals> {
    const { rows } = await this.#ksqldb.pull(`SELECT total, without_bots, first_visit, last_visit FROM ${this.#names.ksql(table)} WHERE ${where};`)
    return rows[0] === undefined ? noVisits : toTotals(rows[0])
  }

  /** Visits of a link; none is 0. */
  async byLink (link: string): Promise<Totals> {
    return await this.#totals('visits_by_link', `link = ${escapeString(link)}`)
  }

  /** How often a link's tracking pixel was shown; never is 0. The table of what led nowhere has it, by link and outcome. */
  async views (link: string): Promise<Totals> {
    return await this.#totals('orphans', `orphan = ${escapeString(`${link}|viewed`)}`)
  }

  /** Visits of each of these links that has any. */
  async byLinks (links: readonly string[]): Promise<readonly Totals[]> {
    const { rows } = await this.#ksqldb.pull(
      `SELECT total, without_bots, first_visit, last_visit FROM ${this.#names.ksql('visits_by_link')} WHERE link IN (${links.map(escapeString).join(', ')});`)
    return rows.map(toTotals)
  }

  /** Visits of an original URL over all its links; none is 0. */
  async byUrl (url: string): Promise<Totals> {
    return await this.#totals('visits_by_url', `url = ${escapeString(url)}`)
  }

  /** Visits of these links without bots; a link without any is absent. */
  async countsWithoutBots (links: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#ksqldb.pull(
      `SELECT link, without_bots FROM ${this.#names.ksql('visits_by_link')} WHERE link IN (${links.map(escapeString).join(', ')});`)
    return new Map(rows.map(row => [String(row[0]), Number(row[1])]))
  }

  async sources (link: string): Promise<Sources> {
    const { rows } = await this.#ksqldb.pull(
      `SELECT visitors, referrers, browsers, systems, devices, countries FROM ${this.#names.ksql('visit_sources')} WHERE link = ${escapeString(link)};`)
    const row = rows[0]
    if (row === undefined) return noSources
    return {
      visitors: Number(row[0]),
      referrers: toCounts(row[1]),
      browsers: toCounts(row[2]),
      systems: toCounts(row[3]),
      devices: toCounts(row[4]),
      countries: toCounts(row[5])
    }
  }
}
