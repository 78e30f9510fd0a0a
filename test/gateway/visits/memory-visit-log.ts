// A log of visits in memory, with a row a record; control records take an offset and hold nothing.
import { EventEmitter, on } from 'node:events'
import type { LogReader, LogRecord, Stretch } from '../../../gateway/log/log-reader.js'
import type { Visit } from '../../../gateway/events/visit.js'
import type { LiveVisit } from '../../../gateway/queries/visit-tables.js'

export const aVisit = (more: Partial<Visit> = {}): Visit => ({
  visit_id: 'id', version: 1, url: 'https://example.com/', outcome: 'redirected', visited_at: Date.UTC(2026, 2, 1), referrer: null, device: 'desktop', browser: 'Firefox', os: 'Linux',
  country: null, language: null, visitor: 'v', bot: false, rule: null, sealed: null, ...more
})

export class MemoryVisitLog implements Pick<LogReader, 'fetch' | 'partitions' | 'ends'> {
  readonly records: Array<Array<{ key: string, visit: Visit } | undefined>>
  readonly #rows = new EventEmitter()
  /** Records that one fetch gives at most. */
  fetchMax = 7
  fetches = 0
  pushes = 0

  constructor (partitions: number) {
    this.records = Array.from({ length: partitions }, () => [])
    this.#rows.setMaxListeners(0)
  }

  async partitions (): Promise<readonly number[]> {
    return this.records.map((_, partition) => partition)
  }

  async ends (): Promise<ReadonlyMap<number, number>> {
    return new Map(this.records.map((records, partition) => [partition, records.length]))
  }

  async fetch (positions: ReadonlyMap<number, number>): Promise<ReadonlyMap<number, Stretch>> {
    this.fetches++
    return new Map([...positions].map(([partition, from]) => {
      const all = this.records[partition] ?? []
      const next = Math.min(all.length, from + this.fetchMax)
      const records = all.slice(from, next).flatMap((one, n): LogRecord[] => one === undefined
        ? []
        : [{ partition, offset: from + n, timestamp: one.visit.visited_at, key: one.key, value: Buffer.from(JSON.stringify(one.visit)) }])
      return [partition, { records, next, end: all.length }]
    }))
  }

  decode = async (bytes: Buffer): Promise<Visit> => {
    const { sealed, ...visit } = JSON.parse(bytes.toString()) as Omit<Visit, 'sealed'> & { sealed: { data: number[] } | null }
    return { ...visit, sealed: sealed === null ? null : Buffer.from(sealed.data) }
  }

  append (partition: number, key: string, visit: Visit): number {
    const records = this.records[partition] ?? []
    const offset = records.push({ key, visit }) - 1
    this.#rows.emit('row', { link: key, partition, offset, visit } satisfies LiveVisit)
    return offset
  }

  control (partition: number): void {
    this.records[partition]?.push(undefined)
  }

  /** As a push query gives it: what is appended from now on. */
  live = async (signal: AbortSignal): Promise<AsyncIterable<LiveVisit>> => {
    this.pushes++
    const rows = on(this.#rows, 'row', { signal })
    return (async function * () {
      for await (const [row] of rows) yield row as LiveVisit
    })()
  }
}
