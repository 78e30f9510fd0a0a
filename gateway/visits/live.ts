// Visits as they happen, for any number of listeners from one push query: it runs while anybody listens, and each visit is written once for all who hear it.
// What lies between two runs of the query, and what a listener asks to go on from, is read from the log.
import { setTimeout as wait } from 'node:timers/promises'
import { formatPosition, type Position } from '../changes/position.js'
import type { KeyRing } from '../erasure/key-ring.js'
import { LinklogError } from '../errors.js'
import type { Scope } from '../queries/visit-tables.js'
import type { EventStream } from './event-stream.js'
import type { LoggedVisit, VisitLog } from './log.js'
import { presentVisit } from './present.js'
import type { Bots } from './question.js'
import { defaultDomain } from './scopes.js'

export interface LiveOptions {
  /** Starts the push query: every visit from now on. */
  readonly open: (signal: AbortSignal) => Promise<AsyncIterable<LoggedVisit>>
  readonly log: Pick<VisitLog, 'partitionOf' | 'partitions' | 'visits'>
  /** Where each partition of the log ends now. */
  readonly ends: () => Promise<ReadonlyMap<number, number>>
  /** What visits are opened with. */
  readonly keys: Pick<KeyRing, 'holdFor' | 'open' | 'refresh'>
  readonly onError: (error: unknown) => void
  readonly listenersMax?: number
  readonly heartbeatMs?: number
  /** How long the query outlives its last listener, who may be back in a moment. */
  readonly lingerMs?: number
  /** After a start the log is read once more to its end: what came while the query found its place. */
  readonly settleMs?: number
}

interface Listener {
  readonly stream: EventStream
  readonly bots: Bots
  /** Offsets before these are not for it. */
  readonly from: Position
  /** Blocks that wait until it has caught up; undefined once it has. */
  waiting: string[] | undefined
}

const listenersPreset = 5_000
const heartbeatPresetMs = 15_000
const lingerPresetMs = 5_000
const settlePresetMs = 1_000
const retryMsMax = 2_000
/** Records of the log that a listener goes back, or a break of the query is made up for, at most. */
const recordsMax = 200_000
const waitingMax = 20_000
/** Records that are read before they are told. */
const blockMax = 1_000

const domainOf = (link: string): string => link.includes('/') ? link.slice(0, link.indexOf('/')) : defaultDomain
const hears = (bots: Bots, bot: boolean): boolean => bots === 'include' || bot === (bots === 'only')

const block = (visit: LoggedVisit, after: Position, keys: Pick<KeyRing, 'open'>): string =>
  `id: ${formatPosition(after)}\nevent: visit\ndata: ${JSON.stringify(presentVisit(visit, keys))}\n\n`
const missed = (partition: number, from: number, to: number): string => `event: missed\ndata: ${JSON.stringify({ partition, from, to })}\n\n`

export class LiveVisits {
  readonly #options: LiveOptions
  readonly #byName = { links: new Map<string, Set<Listener>>(), domains: new Map<string, Set<Listener>>() }
  readonly #all = new Set<Listener>()
  readonly #listeners = new Set<Listener>()
  #position: number[] = []
  #run: { readonly stop: AbortController, readonly placed: Promise<void>, readonly done: Promise<void> } | undefined
  #lingering: NodeJS.Timeout | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #closed = false
  /** One at a time: rows of the query, and what is read from the log between them. */
  #turn: Promise<void> = Promise.resolve()
  /** Push queries that were started. */
  queries = 0

  constructor (options: LiveOptions) {
    this.#options = options
  }

  get listeners (): number {
    return this.#listeners.size
  }

  /**
   * Lets a stream hear the visits of some links or domains, or of all, from a place of the log on, or from now.
   * @throws LinklogError overloaded, invalid_request where the place lies behind the end of the log.
   */
  async join (stream: EventStream, scope: Scope | undefined, bots: Bots, from: Position | undefined): Promise<void> {
    if (this.#closed || this.#listeners.size >= (this.#options.listenersMax ?? listenersPreset)) {
      throw new LinklogError('overloaded', 'So many listen already', { headers: { 'retry-after': '5' } })
    }
    const listener: Listener = { stream, bots, from: from ?? [], waiting: [] }
    this.#listeners.add(listener)
    stream.once('close', () => this.#leave(listener, scope))
    try {
      await this.#start()
    } catch (error) {
      stream.destroy()
      throw error
    }
    if (stream.over) return
    // from here on nothing is missed: what the query brings is heard, what came before this place is read
    const here = [...this.#position]
    this.#enter(listener, scope)
    stream.send(`retry: 2000\nid: ${formatPosition(from ?? here)}\n\n`)
    this.#catchUp(listener, scope, from, here).catch((error: unknown) => {
      this.#options.onError(error)
      stream.finish()
    })
  }

  #sets (scope: Scope | undefined): Set<Listener>[] {
    if (scope === undefined) return [this.#all]
    return scope.names.map(name => {
      const sets = this.#byName[scope.of]
      const set = sets.get(name) ?? new Set<Listener>()
      sets.set(name, set)
      return set
    })
  }

  #enter (listener: Listener, scope: Scope | undefined): void {
    for (const set of this.#sets(scope)) set.add(listener)
  }

  #leave (listener: Listener, scope: Scope | undefined): void {
    this.#listeners.delete(listener)
    this.#all.delete(listener)
    for (const name of scope?.names ?? []) {
      const sets = this.#byName[(scope as Scope).of]
      const set = sets.get(name)
      set?.delete(listener)
      if (set?.size === 0) sets.delete(name)
    }
    if (this.#listeners.size > 0 || this.#lingering !== undefined) return
    this.#lingering = setTimeout(() => {
      this.#lingering = undefined
      if (this.#listeners.size === 0) this.#end()
    }, this.#options.lingerMs ?? lingerPresetMs)
    this.#lingering.unref()
  }

  async #start (): Promise<void> {
    if (this.#run === undefined) {
      const stop = new AbortController()
      const placed = this.#place()
      const done = placed.then(async () => await this.#follow(stop.signal)).catch(() => {})
      this.#run = { stop, placed, done }
      placed.catch(() => { this.#run = undefined })
      this.#heartbeat = setInterval(() => this.#beat(), this.#options.heartbeatMs ?? heartbeatPresetMs)
      this.#heartbeat.unref()
    }
    await this.#run.placed
  }

  async #place (): Promise<void> {
    const [partitions, ends] = await Promise.all([this.#options.log.partitions(), this.#options.ends()])
    this.#position = partitions.map(partition => ends.get(partition) ?? 0)
  }

  #end (): void {
    this.#run?.stop.abort()
    this.#run = undefined
    clearInterval(this.#heartbeat)
  }

  #beat (): void {
    const comment = `: still here\nid: ${formatPosition(this.#position)}\n\n`
    for (const listener of this.#listeners) if (listener.waiting === undefined) listener.stream.send(comment)
  }

  /** The push query, again and again until the signal. */
  async #follow (signal: AbortSignal): Promise<void> {
    for (let delay = 50; !signal.aborted; delay = Math.min(delay * 2, retryMsMax)) {
      const settled = new AbortController()
      try {
        this.queries++
        const rows = await this.#options.open(signal)
        delay = 50
        const seen = new Set<number>()
        this.#settle(AbortSignal.any([signal, settled.signal])).catch(this.#options.onError)
        for await (const row of rows) await this.#inTurn(async () => await this.#take(row, seen, signal))
      } catch (error) {
        if (!signal.aborted) this.#options.onError(error)
      }
      settled.abort()
      await wait(delay, undefined, { signal }).catch(() => {})
    }
  }

  async #inTurn (task: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(task)
    this.#turn = turn.catch(() => {})
    await turn
  }

  /** Reads the log to its end, at once and a moment later. */
  async #settle (signal: AbortSignal): Promise<void> {
    for (let look = 0; look < 2 && !signal.aborted; look++) {
      if (look > 0) await wait(this.#options.settleMs ?? settlePresetMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const ends = await this.#options.ends()
      for (const [partition, end] of ends) await this.#inTurn(async () => await this.#fill(partition, end, signal))
    }
  }

  /** In one run of the query no visit of a partition is left out; before the first of a run, some may have been. */
  async #take (row: LoggedVisit, seen: Set<number>, signal: AbortSignal): Promise<void> {
    if (!seen.has(row.partition)) {
      seen.add(row.partition)
      await this.#fill(row.partition, row.offset, signal)
    }
    if (row.offset < (this.#position[row.partition] ?? 0)) return
    await this.#options.keys.holdFor(row)
    this.#position[row.partition] = row.offset + 1
    this.#tell(row)
  }

  async #fill (partition: number, to: number, signal: AbortSignal): Promise<void> {
    let from = this.#position[partition] ?? 0
    if (from >= to) return
    if (to - from > recordsMax) {
      for (const { stream } of this.#listeners) stream.send(missed(partition, from, to - recordsMax))
      from = to - recordsMax
    }
    await this.#options.keys.refresh()
    while (from < to) {
      const some: LoggedVisit[] = []
      const reached = await this.#options.log.visits(
        partition, from, Math.min(from + blockMax, to), () => this.#listeners.size > 0, visit => some.push(visit), signal)
      for (const visit of some) {
        await this.#options.keys.holdFor(visit)
        this.#position[partition] = visit.offset + 1
        this.#tell(visit)
      }
      this.#position[partition] = Math.max(this.#position[partition] ?? 0, reached)
      if (reached <= from) return
      from = reached
    }
  }

  #tell (visit: LoggedVisit): void {
    let text: string | undefined
    for (const set of [this.#byName.links.get(visit.link), this.#byName.domains.get(domainOf(visit.link)), this.#all]) {
      if (set === undefined) continue
      for (const listener of set) {
        if (!hears(listener.bots, visit.visit.bot) || visit.offset < (listener.from[visit.partition] ?? 0)) continue
        text ??= block(visit, this.#position, this.#options.keys)
        if (listener.waiting === undefined) listener.stream.send(text)
        else if (listener.waiting.length < waitingMax) listener.waiting.push(text)
        else listener.stream.finish('event: dropped\ndata: {"reason":"More happens than you can catch up with."}\n\n')
      }
    }
  }

  /** Reads for one listener what came between its place and where the others are, then lets it hear with them. */
  async #catchUp (listener: Listener, scope: Scope | undefined, from: Position | undefined, here: Position): Promise<void> {
    const { stream } = listener
    if (from !== undefined) {
      const names = new Set(scope?.names)
      const isWanted = (link: string): boolean => scope === undefined || names.has(scope.of === 'links' ? link : domainOf(link))
      const own = scope?.of === 'links' ? new Set(await Promise.all(scope.names.map(async name => await this.#options.log.partitionOf(name)))) : undefined
      const place = here.map((end, partition) => Math.min(from[partition] ?? 0, end))
      let left = recordsMax
      for (const [partition, end] of here.entries()) {
        const start = place[partition] ?? 0
        if (own?.has(partition) !== false && start < end) left = await this.#replay(listener, isWanted, place, partition, end, left)
        place[partition] = end
      }
    }
    // between the last look at what waits and the first block heard live there is no await
    while (!stream.over && listener.waiting !== undefined) {
      const waiting: string[] = listener.waiting
      listener.waiting = waiting.length === 0 ? undefined : []
      for (const text of waiting) {
        await stream.room()
        if (!stream.send(text)) return
      }
    }
  }

  async #replay (
    { stream, bots }: Listener, isWanted: (link: string) => boolean, place: number[], partition: number, end: number, left: number
  ): Promise<number> {
    const gone = new AbortController()
    const leave = () => gone.abort()
    stream.once('close', leave)
    let from = place[partition] ?? 0
    if (end - from > left) {
      stream.send(missed(partition, from, end - left))
      from = end - left
    }
    const size = end - from
    for (let at = from; at < end && !stream.over;) {
      const some: LoggedVisit[] = []
      const reached = await this.#options.log.visits(partition, at, Math.min(at + blockMax, end), isWanted, visit => some.push(visit), gone.signal)
      await this.#options.keys.refresh()
      for (const visit of some) {
        place[partition] = visit.offset + 1
        if (!hears(bots, visit.visit.bot)) continue
        await stream.room()
        await this.#options.keys.holdFor(visit)
        stream.send(block(visit, place, this.#options.keys))
      }
      if (reached <= at) break // what is left is not committed: the query will bring it
      at = reached
    }
    stream.off('close', leave)
    return left - size
  }

  /** Ends every stream and the query. */
  async close (): Promise<void> {
    this.#closed = true
    for (const { stream } of this.#listeners) stream.finish(': the service stops\n\n')
    const done = this.#run?.done
    clearTimeout(this.#lingering)
    this.#end()
    await done
  }
}
