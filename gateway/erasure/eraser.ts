// Erases who came: finds the visits on the log, takes their keys out of the trees that they were sealed under, and writes what is left of these over them,
// together with the event that says so.
//
// An erasure reads the trees, and writes smaller ones: two at once could each write back what the other has taken out. So each is a transaction under one and
// the same transactional id, begun before the trees are read: Kafka lets in the last who begins, and who was overtaken finds its transaction refused and
// begins again.
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import type { Message } from 'kafkajs'
import { LinklogError } from '../errors.js'
import type { ErasureEvent, ErasureEventType } from '../events/erasure-event.js'
import type { ScanGate } from '../lists/scan-gate.js'
import type { Erasure } from '../queries/erasures.js'
import { dayMs } from '../visits/calendar.js'
import type { LoggedVisit, VisitLog } from '../visits/log.js'
import type { TransactionalLog } from '../visits/shipper.js'
import { encodeTree, puncture } from './key-tree.js'
import { dayOf, rootKey, type KeyRing } from './key-ring.js'
import { linkPath, rootOf, visitorPath } from './seal.js'

export interface EraserOptions {
  readonly log: Pick<VisitLog, 'partitions' | 'partitionOf' | 'read'>
  /** The offset of each partition of the log from which on all visits of an instant and later lie. */
  readonly since: (ms: number) => Promise<ReadonlyMap<number, number>>
  /** Where each partition of the log ends now. */
  readonly ends: () => Promise<ReadonlyMap<number, number>>
  readonly keys: Pick<KeyRing, 'hold' | 'holdFor' | 'open' | 'refresh' | 'root' | 'tree'>
  /** A producer of the transactional id that all erasures share, connected. */
  readonly connect: () => Promise<TransactionalLog>
  readonly keysTopic: string
  readonly eventsTopic: string
  readonly encode: (event: ErasureEvent) => Buffer
  /** Erasures read much of the log: few at a time, and so long. */
  readonly gate: Pick<ScanGate, 'run'>
  readonly newId: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Whole days (UTC), as milliseconds since 1970; the second is the first behind them. */
export interface Days { readonly from: number, readonly to: number }
export interface By { readonly actor: string, readonly reason: string | null }

/** Of one root: at 51 bytes a node at most, its record is one that a broker takes. */
const nodesMax = 18_000
/** Of one send: a broker takes 1 MiB unless told otherwise. */
const sendBytesMax = 600_000
const attemptsMax = 8
/** Visits that are opened before others, redirects first, have their turn. */
const openedAtOnce = 50

/** The days that a period touches. */
export const daysOf = (from: number, to: number): Days => ({ from: dayOf(from) * dayMs, to: Math.ceil(to / dayMs) * dayMs })

/** What an erasure has found: the paths to be taken out, by root, and how much they are. */
class Found {
  readonly paths = new Map<string, Set<string>>()
  readonly links = new Set<string>()
  visits = 0
  unsealed = 0

  add (link: string, root: string, path: string): void {
    const paths = this.paths.get(root)
    if (paths === undefined) this.paths.set(root, new Set([path]))
    else paths.add(path)
    this.links.add(link)
    this.visits++
  }
}

export class Eraser {
  readonly #options: EraserOptions

  constructor (options: EraserOptions) {
    this.#options = options
  }

  /** Erases all who came by a link on these days. @throws LinklogError overloaded where it takes too long, unavailable. */
  async link (link: string, days: Days, by: By, signal: AbortSignal): Promise<Erasure> {
    return await this.#erase('LinkVisitsErased', link, days, by, signal, (found, visit) => {
      if (visit.visit.sealed === null) found.unsealed++
      else if (this.#options.keys.open(visit) !== undefined) found.add(link, rootOf(visit.visit.sealed) as string, linkPath(link))
    })
  }

  /**
   * Erases one visitor of all links.
   * @param isVisitor whether an id, as raw visits tell it, is the visitor's on that day (days since 1970)
   * @throws LinklogError overloaded where it takes too long, unavailable.
   */
  async visitor (isVisitor: (id: string, day: number) => boolean, days: Days, by: By, signal: AbortSignal): Promise<Erasure> {
    return await this.#erase('VisitorErased', null, days, by, signal, (found, visit) => {
      const { sealed, visitor, visited_at: at } = visit.visit
      if (sealed === null) {
        if (isVisitor(visitor, dayOf(at))) found.unsealed++
        return
      }
      const id = this.#options.keys.open(visit)
      if (id !== undefined && isVisitor(id, dayOf(at))) found.add(visit.link, rootOf(sealed) as string, linkPath(visit.link) + visitorPath(visitor))
    })
  }

  async #erase (
    type: ErasureEventType, link: string | null, days: Days, { actor, reason }: By, signal: AbortSignal, look: (found: Found, visit: LoggedVisit) => void
  ): Promise<Erasure> {
    const { gate, newId, now, log } = this.#options
    const at = now()
    return await gate.run(signal, async inTime => {
      const found = new Found()
      const partitions = link === null ? await log.partitions() : [await log.partitionOf(link)]
      await this.#scan(partitions, link, days, inTime, visit => look(found, visit))
      const { visits, unsealed } = found
      const event = {
        event_id: newId(), type, occurred_at: at, actor, reason, link, period_from: days.from, period_to: days.to, visits, links: found.links.size, unsealed
      }
      await this.#commit(found.paths, event)
      return { id: event.event_id, type, at, actor, reason, link, ...days, visits, links: event.links, unsealed }
    })
  }

  async #scan (partitions: readonly number[], link: string | null, days: Days, signal: AbortSignal, onVisit: (visit: LoggedVisit) => void): Promise<void> {
    const { log, since, ends, keys } = this.#options
    const [start, end] = [await since(days.from), await ends()]
    await keys.refresh() // behind the ends: the root of each visit before them is known
    for (const partition of partitions) {
      const isWanted = (key: string): boolean => link === null || key === link
      for await (const visits of log.read(partition, start.get(partition) ?? 0, end.get(partition) ?? 0, signal, isWanted)) {
        const asked = visits.filter(({ visit: { visited_at: at } }) => at >= days.from && at < days.to)
        for (const [index, visit] of asked.entries()) {
          if (index % openedAtOnce === 0) await nextTurn()
          await keys.holdFor(visit)
          onVisit(visit)
        }
      }
    }
  }

  async #commit (paths: ReadonlyMap<string, ReadonlySet<string>>, event: ErasureEvent): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#tryCommit(paths, event)
        break
      } catch (cause) {
        if (attempt >= attemptsMax) throw new LinklogError('unavailable', 'The log did not take the erasure', { cause, headers: { 'retry-after': '1' } })
        await wait(Math.random() * 100 * attempt) // two that overtake each other again and again must part
      }
    }
    await this.#options.keys.refresh()
  }

  async #tryCommit (paths: ReadonlyMap<string, ReadonlySet<string>>, event: ErasureEvent): Promise<void> {
    const { connect, keys, keysTopic, eventsTopic, encode } = this.#options
    const producer = await connect()
    try {
      const transaction = await producer.transaction()
      try {
        await keys.refresh()
        for await (const messages of this.#sends(paths)) await transaction.send({ topic: keysTopic, acks: -1, messages })
        await transaction.send({ topic: eventsTopic, acks: -1, messages: [{ key: event.event_id, value: encode(event) }] })
        await transaction.commit()
      } catch (error) {
        await transaction.abort().catch(() => {}) // the next that begins ends it otherwise
        throw error
      }
    } finally {
      await producer.disconnect().catch(() => {})
    }
  }

  /** What is left of the trees, a record each, in sends of a size that a broker takes. */
  async * #sends (paths: ReadonlyMap<string, ReadonlySet<string>>): AsyncGenerator<Message[]> {
    let [messages, bytes]: [Message[], number] = [[], 0]
    for (const [id, out] of paths) {
      const { keys } = this.#options
      await keys.hold(id)
      const [root, tree] = [keys.root(id), keys.tree(id)]
      if (root === undefined || tree === undefined) throw new LinklogError('unavailable', 'A tree of keys could not be read')
      const value = encodeTree(puncture(tree, out, nodesMax))
      if (bytes + value.length > sendBytesMax && messages.length > 0) {
        yield messages
        ;[messages, bytes] = [[], 0]
      }
      messages.push({ key: rootKey(root.day, id), value })
      bytes += value.length
    }
    if (messages.length > 0) yield messages
  }
}
