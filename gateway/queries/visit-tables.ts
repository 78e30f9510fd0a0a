// What is asked of the tables of visits by hour, day and cell, of links and of domains, and how their rows read.
import type { Outcome, Visit } from '../events/visit.js'
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { escapeInstant, escapeString, textOrNull, toMillis } from './escape.js'

/** Several links, or domains with all their links; the default domain is `-`. */
export interface Scope { readonly of: 'links' | 'domains', readonly names: readonly string[] }

export interface HourCount { readonly name: string, readonly start: number, readonly total: number, readonly withoutBots: number }
/** Visits of a quarter of an hour that were alike; its values are in the order of `cellColumns`, empty where the visit had none. */
export type CellVisitor = (name: string, start: number, values: readonly string[], bot: boolean, count: number) => void
/** Visits of a quarter of an hour that its cells leave out: how many people and how many robots. */
export type RestVisitor = (name: string, start: number, people: number, bots: number) => void

export interface DomainTotals {
  readonly domain: string
  readonly total: number
  readonly withoutBots: number
  readonly firstVisit: number | null
  readonly lastVisit: number | null
}

/** Where in the log the visits of one hour lie. */
export interface HourOffsets { readonly start: number, readonly records: number, readonly first: number, readonly latest: readonly number[] }

export interface Orphan {
  readonly slug: string
  readonly outcome: string
  readonly total: number
  readonly withoutBots: number
  readonly firstVisit: number
  readonly lastVisit: number
}

/** What a table counts of one link, since the beginning. */
export interface LinkCounts {
  readonly total: number
  readonly withoutBots: number
  readonly records?: number
  readonly firstVisit?: number | null
  readonly lastVisit?: number | null
}

export const cellColumns = ['version', 'rule', 'referrer', 'browser', 'os', 'device', 'country', 'language'] as const

/** Key columns of one pull query. */
const keysMax = 640
const shares = { links: 16, domains: 64 } as const
const tables = {
  links: { key: 'link', hours: 'visits_by_link_hour', days: 'visits_by_link_day', cells: 'visit_cells' },
  domains: { key: 'domain', hours: 'domain_visit_hours', days: 'domain_visit_days', cells: 'domain_visit_cells' }
} as const

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size))

const sharesOf = (name: string, count: number): string[] => Array.from({ length: count }, (_, share) => `${name}|${share}`)

const anyOf = (column: string, values: readonly string[]): string => {
  const [first] = values
  return values.length === 1 && first !== undefined ? `${column} = ${escapeString(first)}` : `${column} IN (${values.map(escapeString).join(', ')})`
}

const within = (from: number, to: number): string => `WINDOWSTART >= ${escapeInstant(from)} AND WINDOWSTART < ${escapeInstant(to)}`

/** Undoes URL_ENCODE_PARAM. */
const decode = (text: string): string => {
  if (!/[%+]/.test(text)) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text // half of a surrogate pair, which no browser sends
  }
}

const toCell = (key: string): { values: string[], bot: boolean } => {
  const parts = key.split('|')
  return { values: cellColumns.map((_, n) => decode(parts[n] ?? '')), bot: parts[cellColumns.length] === '1' }
}

const readCells = (row: Row, onCell: CellVisitor, onRest: RestVisitor): number => {
  const share = String(row[0])
  const name = share.slice(0, share.lastIndexOf('|'))
  const start = Number(row[1])
  let people = Number(row[3])
  let bots = Number(row[2]) - people
  const cells = Object.entries((row[4] ?? {}) as Record<string, number>)
  for (const [key, count] of cells) {
    const { values, bot } = toCell(key)
    if (bot) bots -= count
    else people -= count
    onCell(name, start, values, bot, count)
  }
  if (people > 0 || bots > 0) onRest(name, start, people, bots)
  return cells.length
}

export interface LiveVisit { readonly link: string, readonly partition: number, readonly offset: number, readonly visit: Visit }

const toLiveVisit = (row: Row): LiveVisit => ({
  link: String(row[0]),
  partition: Number(row[1]),
  offset: Number(row[2]),
  visit: {
    visit_id: String(row[3]),
    version: Number(row[4]),
    url: textOrNull(row[5]),
    outcome: row[6] as Outcome,
    visited_at: toMillis(row[7]) ?? 0,
    referrer: textOrNull(row[8]),
    device: String(row[9]),
    browser: String(row[10]),
    os: String(row[11]),
    country: textOrNull(row[12]),
    language: textOrNull(row[13]),
    visitor: String(row[14]),
    bot: row[15] === true,
    rule: row[16] === null || row[16] === undefined ? null : Number(row[16]),
    sealed: typeof row[17] === 'string' ? Buffer.from(row[17], 'base64') : null
  }
})

export class VisitTables {
  readonly #ksqldb: Pick<KsqlClient, 'pull' | 'pullEach' | 'push'>
  readonly #names: Names

  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'pullEach' | 'push'>, names: Names) {
    this.#ksqldb = ksqldb
    this.#names = names
  }

  /** The hours (UTC) with visits that begin from `from` on and before `to`, in no order. */
  async hours ({ of, names }: Scope, from: number, to: number, onHour: (hour: HourCount) => void, timeLeftMs?: () => number): Promise<void> {
    const { key, hours } = tables[of]
    for (const some of chunks(names, keysMax)) {
      await this.#ksqldb.pullEach(
        `SELECT ${key}, WINDOWSTART, total, without_bots FROM ${this.#names.ksql(hours)} WHERE ${anyOf(key, some)} AND ${within(from, to)};`,
        row => onHour({ name: String(row[0]), start: Number(row[1]), total: Number(row[2]), withoutBots: Number(row[3]) }), timeLeftMs?.())
    }
  }

  /** About how many visitors without robots each day (UTC) had which begins from `from` on and before `to`. */
  async visitors ({ of, names }: Scope, from: number, to: number, onDay: (start: number, visitors: number) => void, timeLeftMs?: () => number): Promise<void> {
    const { key, days } = tables[of]
    for (const some of chunks(names, keysMax)) {
      await this.#ksqldb.pullEach(`SELECT WINDOWSTART, visitors FROM ${this.#names.ksql(days)} WHERE ${anyOf(key, some)} AND ${within(from, to)};`,
        row => onDay(Number(row[0]), Number(row[1])), timeLeftMs?.())
    }
  }

  /** Every cell of the quarters of an hour that begin from `from` on and before `to`. `onRow` is told of each row's number of cells before the next is read. */
  async cells (
    { of, names }: Scope, from: number, to: number,
    read: { onCell: CellVisitor, onRest: RestVisitor, onRow: (cells: number) => void }, timeLeftMs?: () => number
  ): Promise<void> {
    const keys = names.flatMap(name => sharesOf(name, shares[of]))
    for (const some of chunks(keys, keysMax)) {
      await this.#ksqldb.pullEach(
        `SELECT share, WINDOWSTART, total, without_bots, cells FROM ${this.#names.ksql(tables[of].cells)} WHERE ${anyOf('share', some)} AND ${within(from, to)};`,
        row => read.onRow(readCells(row, read.onCell, read.onRest)), timeLeftMs?.())
    }
  }

  /** Every domain that was ever visited. */
  async domains (): Promise<readonly DomainTotals[]> {
    const { rows } = await this.#ksqldb.pull(`SELECT domain, total, without_bots, first_visit, last_visit FROM ${this.#names.ksql('domain_visits')};`)
    return rows.map(row => ({
      domain: String(row[0]), total: Number(row[1]), withoutBots: Number(row[2]), firstVisit: toMillis(row[3]), lastVisit: toMillis(row[4])
    }))
  }

  /** Where in the log the visits of a link lie, by hour. */
  async offsets (link: string, from: number, to: number): Promise<readonly HourOffsets[]> {
    const { rows } = await this.#ksqldb.pull(
      `SELECT WINDOWSTART, records, first_offset, latest_offsets FROM ${this.#names.ksql('visits_by_link_hour')} WHERE ${anyOf('link', [link])} AND ${within(from, to)};`)
    return rows
      .map(row => ({ start: Number(row[0]), records: Number(row[1]), first: Number(row[2]), latest: (row[3] as unknown[]).map(Number) }))
      .sort((a, b) => b.start - a.start)
  }

  /** What each table has counted of a link, by the table's name. */
  async counted (link: string): Promise<Readonly<Record<string, LinkCounts>>> {
    const sums = {
      visits_by_link_hour: { total: 0, withoutBots: 0, records: 0 },
      visits_by_link_day: { total: 0, withoutBots: 0 },
      visit_cells: { total: 0, withoutBots: 0 }
    }
    const keys = { visits_by_link_hour: anyOf('link', [link]), visits_by_link_day: anyOf('link', [link]), visit_cells: anyOf('share', sharesOf(link, shares.links)) }
    const whole = this.#ksqldb.pull(
      `SELECT total, without_bots, first_visit, last_visit FROM ${this.#names.ksql('visits_by_link')} WHERE ${anyOf('link', [link])};`)
    for (const table of ['visits_by_link_hour', 'visits_by_link_day', 'visit_cells'] as const) {
      const records = table === 'visits_by_link_hour' ? ', records' : ''
      await this.#ksqldb.pullEach(`SELECT total, without_bots${records} FROM ${this.#names.ksql(table)} WHERE ${keys[table]};`, row => {
        sums[table].total += Number(row[0])
        sums[table].withoutBots += Number(row[1])
        if (table === 'visits_by_link_hour') sums.visits_by_link_hour.records += Number(row[2])
      })
    }
    const row = (await whole).rows[0]
    return {
      visits_by_link: {
        total: Number(row?.[0] ?? 0), withoutBots: Number(row?.[1] ?? 0), firstVisit: toMillis(row?.[2]), lastVisit: toMillis(row?.[3])
      },
      ...sums
    }
  }

  /** What was asked for and not there, all of it, in no order. */
  async orphans (onOrphan: (orphan: Orphan) => void, timeLeftMs?: () => number): Promise<void> {
    await this.#ksqldb.pullEach(`SELECT orphan, total, without_bots, first_visit, last_visit FROM ${this.#names.ksql('orphans')};`, row => {
      const key = String(row[0])
      const bar = key.lastIndexOf('|')
      if (key.slice(bar + 1) === 'viewed') return // a pixel that was shown, not a link that was not there
      onOrphan({
        slug: key.slice(0, bar),
        outcome: key.slice(bar + 1),
        total: Number(row[1]),
        withoutBots: Number(row[2]),
        firstVisit: toMillis(row[3]) ?? 0,
        lastVisit: toMillis(row[4]) ?? 0
      })
    }, timeLeftMs?.())
  }

  /** Every visit from now on, whatever it was answered, for as long as the signal and the server allow. */
  async live (signal: AbortSignal): Promise<AsyncIterable<LiveVisit>> {
    const { rows } = await this.#ksqldb.push(
      'SELECT link, ROWPARTITION AS log_partition, ROWOFFSET AS log_offset, visit_id, version, url, outcome, visited_at, referrer, device, browser, os, country, ' +
      `language, visitor, bot, rule, sealed FROM ${this.#names.ksql('visits')} EMIT CHANGES;`, { 'auto.offset.reset': 'latest' }, signal)
    return (async function * () {
      for await (const row of rows) yield toLiveVisit(row)
    })()
  }

  /** Links that have a tag now and are not deleted, at most `max`. */
  async tagged (tag: string, max: number): Promise<readonly string[]> {
    const { rows } = await this.#ksqldb.pull(
      `SELECT link FROM ${this.#names.ksql('links')} WHERE ARRAY_CONTAINS(tags, ${escapeString(tag)}) = true AND deleted = false LIMIT ${max};`)
    return rows.map(row => String(row[0]))
  }
}
