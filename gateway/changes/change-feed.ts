// The changes of all links from any place of the log on. While anybody listens, one reader follows the end of the log for all of them and keeps the last
// changes in memory; whoever is further behind reads the log itself, page by page. No listener has a queue of its own, so that a slow one costs nothing.
import { Undecodable, type EventDecoder } from '../events/decoder.js'
import type { LinkEvent } from '../events/link-event.js'
import type { LogReader, LogRecord, Stretch } from '../log/log-reader.js'
import { accepted, type AcceptanceOptions } from './acceptance.js'
import type { Change } from './change.js'
import type { Position } from './position.js'

/** One record of the log, read: a change, or undefined where it was ignored or could not be read. */
export interface Entry { readonly partition: number, readonly offset: number, readonly at: number, readonly change: Change | undefined }

export interface Page {
  /** In the order of the log within each partition, by time between them. */
  readonly entries: readonly Entry[]
  /** Where to go on. */
  readonly next: Position
  /** Whether more stands on the log behind them. */
  readonly more: boolean
}

interface Queue { readonly partition: number, readonly entries: readonly Entry[], readonly next: number, head: number }

interface Tail { readonly entries: Entry[], start: number, next: number }

export interface ChangeFeedOptions extends AcceptanceOptions {
  /** Reads pages. */
  readonly reader: LogReader
  /** Follows the end: apart, because a fetch that waits holds up its connection. */
  readonly follower: LogReader
  readonly decoder: Pick<EventDecoder<LinkEvent>, 'decode'>
  readonly ends: () => Promise<ReadonlyMap<number, number>>
  readonly onError: (error: unknown) => void
}

const tailEntriesMax = 2_000
const followMs = 1_000
const retryMs = 500
const entriesPerStretchMax = 500

export class ChangeFeed {
  readonly #options: ChangeFeedOptions
  readonly #tails = new Map<number, Tail>()
  readonly #waiting = new Set<() => void>()
  #listeners = 0
  #stop: AbortController | undefined
  /** The last reader of the end: one that was told to stop ends within the wait of its fetch. */
  #followed: Promise<void> = Promise.resolve()

  constructor (options: ChangeFeedOptions) {
    this.#options = options
  }

  get listeners (): number {
    return this.#listeners
  }

  async partitions (): Promise<number> {
    return (await this.#options.reader.partitions()).length
  }

  /** The place behind everything that is on the log now. */
  async end (): Promise<Position> {
    const [partitions, ends] = await Promise.all([this.#options.reader.partitions(), this.#options.ends()])
    return partitions.map(partition => ends.get(partition) ?? 0)
  }

  /** Takes part in what is followed, until the function that it gives is called. */
  join (): () => void {
    this.#listeners++
    if (this.#stop === undefined) {
      this.#stop = new AbortController()
      const { signal } = this.#stop
      this.#followed = this.#followed.then(async () => await this.#follow(signal))
    }
    let joined = true
    return () => {
      if (!joined) return
      joined = false
      this.#listeners--
      if (this.#listeners > 0) return
      this.#stop?.abort()
      this.#stop = undefined
    }
  }

  /**
   * At most so many records from a place on; waits for none.
   * @throws OffsetUnknown, LinklogError unavailable, or the signal's reason.
   */
  async page (position: Position, limit: number, signal: AbortSignal): Promise<Page> {
    const queues: Queue[] = []
    const late = new Map<number, number>()
    let more = false
    for (const [partition, offset] of position.entries()) {
      const tail = this.#tails.get(partition)
      if (tail === undefined || offset < tail.start) {
        late.set(partition, offset)
        continue
      }
      const first = firstFrom(tail.entries, offset)
      const entries = tail.entries.slice(first, first + limit)
      const next = first + limit < tail.entries.length ? (entries.at(-1)?.offset ?? offset) + 1 : Math.max(tail.next, offset)
      queues.push({ partition, entries, next, head: 0 })
    }
    for (const [partition, stretch] of late.size === 0 ? [] : await this.#options.reader.fetch(late, 0)) {
      const { records, next } = cutTo(stretch, Math.min(limit, entriesPerStretchMax))
      more ||= next < stretch.end
      queues.push({ partition, entries: await this.read(records, signal), next, head: 0 })
    }
    const entries = merge(queues, limit)
    more ||= queues.some(({ entries, head }) => head < entries.length)
    const next = [...position]
    for (const queue of queues) next[queue.partition] = queue.entries[queue.head]?.offset ?? queue.next
    return { entries, next, more }
  }

  /** Resolves when something stands behind the place, after so many milliseconds, or with the signal. Only for those who have joined. */
  async beyond (position: Position, waitMs: number, signal: AbortSignal): Promise<void> {
    const isBeyond = () => [...this.#tails].some(([partition, { next }]) => next > (position[partition] ?? 0))
    if (signal.aborted || isBeyond()) return
    await new Promise<void>(resolve => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        this.#waiting.delete(look)
        resolve()
      }
      const look = () => { if (isBeyond()) done() }
      const timer = setTimeout(done, waitMs)
      signal.addEventListener('abort', done)
      this.#waiting.add(look)
    })
  }

  /** Records of the log, read and judged. @throws LinklogError unavailable, or the signal's reason. */
  async read (records: readonly LogRecord[], signal: AbortSignal): Promise<Entry[]> {
    const events = await Promise.all(records.map(async ({ value }) => {
      if (value === null) return undefined
      return await this.#options.decoder.decode(value).catch((error: unknown) => {
        if (error instanceof Undecodable) return undefined // not ours: the views pass it over as well
        throw error
      })
    }))
    const logged = records.flatMap(({ key }, index) => events[index] === undefined ? [] : [{ link: key, event: events[index] }])
    const versions = await accepted(logged, this.#options, signal)
    let at = 0
    return records.map(({ partition, offset, timestamp, key }, index) => {
      const event = events[index]
      const version = event === undefined ? 0 : versions[at++] ?? 0
      const change = event === undefined || version === 0 ? undefined : { partition, offset, link: key, version, event }
      return { partition, offset, at: timestamp, change }
    })
  }

  async #follow (signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const position = await this.#positionOfTails()
        for (const [partition, stretch] of await this.#options.follower.fetch(position, followMs)) {
          if (stretch.next === position.get(partition)) continue
          this.#append(partition, await this.read(stretch.records, signal), stretch.next)
        }
      } catch (error) {
        if (signal.aborted) break
        this.#options.onError(error)
        this.#tails.clear() // it begins again at the end; whoever is behind that reads the log
        await new Promise(resolve => setTimeout(resolve, retryMs))
      }
    }
    this.#tails.clear()
  }

  async #positionOfTails (): Promise<ReadonlyMap<number, number>> {
    if (this.#tails.size === 0) {
      const end = await this.end()
      for (const [partition, next] of end.entries()) this.#tails.set(partition, { entries: [], start: next, next })
      for (const look of [...this.#waiting]) look()
    }
    return new Map([...this.#tails].map(([partition, { next }]) => [partition, next]))
  }

  #append (partition: number, entries: readonly Entry[], next: number): void {
    const tail = this.#tails.get(partition)
    if (tail === undefined || next <= tail.next) return
    tail.entries.push(...entries.filter(({ offset }) => offset >= tail.next))
    tail.next = next
    const surplus = tail.entries.length - tailEntriesMax
    if (surplus > 0) tail.start = (tail.entries.splice(0, surplus).at(-1)?.offset ?? tail.start) + 1
    for (const look of [...this.#waiting]) look()
  }

  /** Ends the reader of the end, and both connections. */
  async close (): Promise<void> {
    this.#stop?.abort()
    await this.#followed
    await Promise.all([this.#options.reader.close(), this.#options.follower.close()])
  }
}

/** The index of the first entry at an offset or behind it. */
const firstFrom = (entries: readonly Entry[], offset: number): number => {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((entries[middle] as Entry).offset < offset) low = middle + 1
    else high = middle
  }
  return low
}

const cutTo = ({ records, next }: Stretch, limit: number): { records: readonly LogRecord[], next: number } => {
  const last = records[limit - 1]
  return records.length <= limit || last === undefined ? { records, next } : { records: records.slice(0, limit), next: last.offset + 1 }
}

/** At most so many from the heads of the queues, by time; each head then stands at what is left. */
const merge = (queues: readonly Queue[], limit: number): readonly Entry[] => {
  const entries: Entry[] = []
  while (entries.length < limit) {
    let best: Queue | undefined
    for (const queue of queues) {
      const entry = queue.entries[queue.head]
      if (entry !== undefined && (best === undefined || entry.at < (best.entries[best.head] as Entry).at)) best = queue
    }
    if (best === undefined) break
    entries.push(best.entries[best.head++] as Entry)
  }
  return entries
}

/** The place behind an entry. */
export const behind = (position: Position, { partition, offset }: Pick<Entry, 'partition' | 'offset'>): Position =>
  position.map((next, index) => index === partition ? offset + 1 : next)
