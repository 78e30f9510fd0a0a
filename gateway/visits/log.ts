// Reads visits where they stand on the log: a page of one link's, newest first; all of one link, for a recount; and what lies between two places.
import { Partitioners } from 'kafkajs'
import { LinklogError } from '../errors.js'
import { Undecodable, type EventDecoder } from '../events/decoder.js'
import type { Visit } from '../events/visit.js'
import type { LogReader, LogRecord, Stretch } from '../log/log-reader.js'
import type { HourOffsets, VisitTables } from '../queries/visit-tables.js'
import { dayMs, hourMs } from './calendar.js'

/** A visit and its place. */
export interface LoggedVisit { readonly link: string, readonly partition: number, readonly offset: number, readonly visit: Visit }

/** Where a page goes on: visits of an hour before an offset, then earlier hours. */
export interface EventsCursor { readonly hour: number, readonly before: number }
export interface EventsPage { readonly visits: readonly LoggedVisit[], readonly next: EventsCursor | undefined }
export interface Period { readonly from: number, readonly to: number }

export interface VisitLogOptions {
  readonly reader: Pick<LogReader, 'fetch' | 'partitions'>
  readonly decoder: Pick<EventDecoder<Visit>, 'decode'>
  readonly tables: Pick<VisitTables, 'offsets'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of a record that is no visit. */
  readonly onUnreadable?: (record: LogRecord, error: unknown) => void
}

/** Records of a page's partition that are looked through where the table does not know each visit's offset. */
const scannedMax = 50_000
const scanBlock = 5_000
/** How far back the first look goes; each further one goes four times as far. */
const firstLookMs = 2 * dayMs
const hoursRead = 24 * 3_700
const fetchWaitMs = 200

const partitioner = Partitioners.DefaultPartitioner()

export class VisitLog {
  readonly #options: VisitLogOptions

  constructor (options: VisitLogOptions) {
    this.#options = options
  }

  /** The partition that a link's visits are in, as every Kafka client reckons it (murmur2 of the key). */
  async partitionOf (link: string): Promise<number> {
    const partitions = await this.#options.reader.partitions()
    const partitionMetadata = partitions.map(partitionId => ({ partitionErrorCode: 0, partitionId, leader: 0, replicas: [], isr: [] }))
    return partitioner({ topic: '', partitionMetadata, message: { key: link, value: null } })
  }

  async partitions (): Promise<readonly number[]> {
    return await this.#options.reader.partitions()
  }

  async #decode (record: LogRecord): Promise<LoggedVisit | undefined> {
    if (record.value === null) return undefined
    try {
      return { link: record.key, partition: record.partition, offset: record.offset, visit: await this.#options.decoder.decode(record.value) }
    } catch (error) {
      if (!(error instanceof Undecodable)) throw error
      this.#options.onUnreadable?.(record, error)
      return undefined
    }
  }

  /** The records of a partition from an offset on and before another, some 256 KiB at a time: read when they are asked for. */
  async * #stretches (partition: number, from: number, to: number, signal: AbortSignal): AsyncGenerator<Pick<Stretch, 'records' | 'next'>> {
    let at = from
    while (at < to && !signal.aborted) {
      const stretch = (await this.#options.reader.fetch(new Map([[partition, at]]), fetchWaitMs)).get(partition)
      if (stretch === undefined || stretch.next <= at) return
      at = Math.min(stretch.next, to)
      yield { records: stretch.records.filter(({ offset }) => offset < to), next: at }
    }
  }

  /**
   * The visits of a partition from an offset on and before another that `isWanted` by their key, in order, some 256 KiB of the log at a time: read when they
   * are asked for.
   * @throws LinklogError unavailable where the log does not give all of them, and the signal's reason.
   */
  async * read (
    partition: number, from: number, to: number, signal: AbortSignal, isWanted: (link: string) => boolean = () => true
  ): AsyncGenerator<readonly LoggedVisit[]> {
    let at = from
    for await (const { records, next } of this.#stretches(partition, from, to, signal)) {
      const visits = await Promise.all(records.filter(({ key }) => isWanted(key)).map(async record => await this.#decode(record)))
      yield visits.filter(visit => visit !== undefined)
      at = next
    }
    signal.throwIfAborted()
    if (at < to) {
      throw new LinklogError('unavailable', `The log gives no records of partition ${partition} from ${at} on, and has them up to ${to}`, {
        headers: { 'retry-after': '1' }
      })
    }
  }

  /**
   * Hands over the records of a partition from an offset on and before another, in order, until one says stop by false.
   * @returns the offset behind the last one read: less than `to` where the log has no more that is committed, or the signal said so.
   */
  async scan (
    partition: number, from: number, to: number, onRecord: (record: LogRecord) => Promise<void> | void, signal: AbortSignal
  ): Promise<number> {
    let at = from
    for await (const stretch of this.#stretches(partition, from, to, signal)) {
      for (const record of stretch.records) await onRecord(record)
      at = stretch.next
    }
    return at
  }

  /** Decoded visits of a partition in [from, to) that `isWanted` by their key; gives the offset that was reached. */
  async visits (
    partition: number, from: number, to: number, isWanted: (link: string) => boolean, onVisit: (visit: LoggedVisit) => void, signal: AbortSignal
  ): Promise<number> {
    return await this.scan(partition, from, to, async record => {
      if (!isWanted(record.key)) return
      const visit = await this.#decode(record)
      if (visit !== undefined) onVisit(visit)
    }, signal)
  }

  /** Visits at known offsets, which grow; those that are not of the link are left out. */
  async #at (link: string, partition: number, offsets: readonly number[], signal: AbortSignal): Promise<LoggedVisit[]> {
    const found: LoggedVisit[] = []
    const wanted = new Set(offsets)
    let read = 0
    for (const offset of offsets) {
      if (offset < read) continue
      signal.throwIfAborted()
      const stretch = (await this.#options.reader.fetch(new Map([[partition, offset]]), fetchWaitMs, pageBytes)).get(partition)
      if (stretch === undefined || stretch.next <= offset) return found // not committed yet
      read = stretch.next
      for (const record of stretch.records) {
        if (!wanted.has(record.offset) || record.key !== link) continue
        const visit = await this.#decode(record)
        if (visit !== undefined) found.push(visit)
      }
    }
    return found
  }

  /** The hours with visits, newest first, from the cursor on; looked for further and further back. */
  async * #hours (link: string, { from, to }: Period, cursor: EventsCursor | undefined): AsyncGenerator<HourOffsets> {
    let end = cursor === undefined ? to : Math.min(to, cursor.hour + hourMs)
    let start = Math.min(end, this.#options.now()) - firstLookMs
    for (let spanMs = firstLookMs * 4; ; spanMs *= 4) {
      const earliest = Math.floor(Math.max(from, start) / hourMs) * hourMs
      for (const hour of await this.#options.tables.offsets(link, earliest, end)) {
        yield cursor?.hour === hour.start
          ? { ...hour, latest: hour.latest.filter(offset => offset < cursor.before) }
          : hour
      }
      if (earliest <= from || this.#options.now() - earliest > hoursRead * hourMs) return
      end = earliest
      start = earliest - spanMs
    }
  }

  /**
   * Visits of a link, newest first: by the hour in which they were made, and within it by their place on the log. An hour's last 64 the table knows by offset;
   * more of an hour are found by looking through the stretch of the log between its first and those, of which a page reads 50,000 records at most: it may then
   * hold fewer than asked for, and its cursor goes on.
   */
  async page (link: string, period: Period, limit: number, cursor: EventsCursor | undefined, signal: AbortSignal): Promise<EventsPage> {
    const partition = await this.partitionOf(link)
    const visits: LoggedVisit[] = []
    const isIn = ({ visit }: LoggedVisit): boolean => visit.visited_at >= period.from && visit.visited_at < period.to
    let budget = scannedMax
    for await (const hour of this.#hours(link, period, cursor)) {
      const known = hour.latest.slice(Math.max(0, hour.latest.length - (limit - visits.length)))
      visits.push(...(await this.#at(link, partition, known, signal)).filter(isIn).reverse())
      let before = known[0] ?? (cursor?.hour === hour.start ? cursor.before : hour.first)
      // more than the table knows by offset, and those of it are told
      const end = hour.records > tableOffsetsMax && known.length === hour.latest.length ? hour.first : before
      while (visits.length < limit && before > end && budget > 0) {
        const start = Math.max(end, before - Math.min(scanBlock, budget))
        const block: LoggedVisit[] = []
        await this.visits(partition, start, before, key => key === link, one => {
          if (Math.floor(one.visit.visited_at / hourMs) * hourMs === hour.start && isIn(one) && one.visit.outcome !== 'not_found') block.push(one)
        }, signal)
        signal.throwIfAborted()
        budget -= before - start
        const room = limit - visits.length
        visits.push(...block.reverse().slice(0, room))
        before = block.length > room ? (visits.at(-1) as LoggedVisit).offset : start
      }
      if (visits.length >= limit || budget <= 0) return { visits, next: { hour: hour.start, before } }
    }
    return { visits, next: undefined }
  }
}

/** How many offsets an hour of visits_by_link_hour has at most. */
const tableOffsetsMax = 64
const pageBytes = 16_384
