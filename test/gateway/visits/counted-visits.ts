// The tables of visits in a few plain lines: what ksql/ makes of a list of visits, for tests without ksqlDB.
import type { DomainTotals, HourOffsets, Orphan, Scope, VisitTables } from '../../../gateway/queries/visit-tables.js'

export interface CountedVisit {
  readonly link: string
  readonly at: number
  readonly bot: boolean
  readonly visitor: string
  readonly outcome?: string
  readonly version?: string
  readonly rule?: string
  readonly referrer?: string
  readonly browser?: string
  readonly os?: string
  readonly device?: string
  readonly country?: string
  readonly language?: string
}

export const domainOf = (link: string): string => link.includes('/') ? link.slice(0, link.indexOf('/')) : '-'
const floor = (ms: number, size: number): number => ms - ms % size

export class CountedVisits implements Pick<VisitTables, 'hours' | 'visitors' | 'cells' | 'domains' | 'offsets' | 'orphans' | 'tagged'> {
  readonly visits: CountedVisit[]
  /** Combinations that one row takes; what is beyond is left out, as HISTOGRAM does. */
  cellsMax = 1_000
  tags: Record<string, string[]> = {}
  asked: string[] = []

  constructor (visits: CountedVisit[] = []) {
    this.visits = visits
  }

  #redirected (): CountedVisit[] {
    return this.visits.filter(({ outcome }) => (outcome ?? 'redirected') === 'redirected')
  }

  #of ({ of, names }: Scope, from: number, to: number, size: number): Map<string, { name: string, start: number, visits: CountedVisit[] }> {
    const rows = new Map<string, { name: string, start: number, visits: CountedVisit[] }>()
    for (const visit of this.#redirected()) {
      const name = of === 'links' ? visit.link : domainOf(visit.link)
      const start = floor(visit.at, size)
      if (!names.includes(name) || start < from || start >= to) continue
      const row = rows.get(`${name} ${start}`) ?? { name, start, visits: [] }
      row.visits.push(visit)
      rows.set(`${name} ${start}`, row)
    }
    return rows
  }

  async hours (scope: Scope, from: number, to: number, onHour: Parameters<VisitTables['hours']>[3]): Promise<void> {
    this.asked.push('hours')
    for (const { name, start, visits } of this.#of(scope, from, to, 3_600_000).values()) {
      onHour({ name, start, total: visits.length, withoutBots: visits.filter(({ bot }) => !bot).length })
    }
  }

  async visitors (scope: Scope, from: number, to: number, onDay: (start: number, visitors: number) => void): Promise<void> {
    for (const { start, visits } of this.#of(scope, from, to, 86_400_000).values()) {
      onDay(start, new Set(visits.filter(({ bot }) => !bot).map(({ visitor }) => visitor)).size)
    }
  }

  async cells (scope: Scope, from: number, to: number, { onCell, onRest, onRow }: Parameters<VisitTables['cells']>[3]): Promise<void> {
    this.asked.push('cells')
    for (const { name, start, visits } of this.#of(scope, from, to, 900_000).values()) {
      const cells = new Map<string, { values: string[], bot: boolean, count: number }>()
      let [people, bots] = [0, 0]
      for (const visit of visits) {
        const { version = '1', rule = '', referrer = '', browser = '', os = '', device = '', country = '', language = '' } = visit
        const values = [...scope.of === 'links' ? [version, rule] : ['', ''], referrer, browser, os, device, country, language]
        const key = JSON.stringify([values, visit.bot])
        const cell = cells.get(key) ?? { values, bot: visit.bot, count: 0 }
        if (!cells.has(key) && cells.size >= this.cellsMax) visit.bot ? bots++ : people++
        else cells.set(key, { ...cell, count: cell.count + 1 })
      }
      for (const { values, bot, count } of cells.values()) onCell(name, start, values, bot, count)
      if (people + bots > 0) onRest(name, start, people, bots)
      onRow(cells.size)
    }
  }

  async domains (): Promise<DomainTotals[]> {
    const visits = this.#redirected()
    return [...new Set(visits.map(({ link }) => domainOf(link)))].map(domain => {
      const own = visits.filter(({ link }) => domainOf(link) === domain)
      const times = own.map(({ at }) => at)
      return { domain, total: own.length, withoutBots: own.filter(({ bot }) => !bot).length, firstVisit: Math.min(...times), lastVisit: Math.max(...times) }
    })
  }

  async offsets (): Promise<readonly HourOffsets[]> {
    return []
  }

  async orphans (onOrphan: (orphan: Orphan) => void): Promise<void> {
    const rows = new Map<string, Orphan>()
    for (const { link: slug, outcome = 'redirected', at, bot } of this.visits) {
      if (outcome === 'redirected') continue
      const row = rows.get(`${slug} ${outcome}`) ?? { slug, outcome, total: 0, withoutBots: 0, firstVisit: at, lastVisit: at }
      rows.set(`${slug} ${outcome}`, {
        ...row,
        total: row.total + 1,
        withoutBots: row.withoutBots + (bot ? 0 : 1),
        firstVisit: Math.min(row.firstVisit, at),
        lastVisit: Math.max(row.lastVisit, at)
      })
    }
    for (const row of rows.values()) onOrphan(row)
  }

  async tagged (tag: string, max: number): Promise<readonly string[]> {
    return (this.tags[tag] ?? []).slice(0, max)
  }
}
