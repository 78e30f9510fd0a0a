// Carries the spool into Kafka, each visit exactly once: a transaction holds the visits and, as a committed offset of the gateway's own group,
// the position behind them. After a kill, an outage or an answer that never came, the log itself says where to go on.
//
// A transaction begins no sooner than an interval after the one before it, and carries all that has come meanwhile: Kafka needs a few milliseconds
// after a commit before it lets the same producer begin again, and kafkajs waits out each refusal.
import type { Message, Producer } from 'kafkajs'
import { setTimeout as delay } from 'node:timers/promises'
import type { SpooledRecord, SpoolReader } from './spool-reader.js'
import type { SpoolState } from './spool-state.js'

/** As much of a transactional producer as is used. */
export type TransactionalLog = Pick<Producer, 'transaction' | 'disconnect'>

/** The log has a position of this gateway's id that this spool never had: another gateway with the same id has shipped, and this one may not. */
export class Fenced extends Error {
  readonly code = 'LINKLOG_FENCED'
}

export interface ShippedMessage { readonly message: Message, readonly visitedAt: number }

export interface ShipperOptions {
  readonly spool: Pick<SpoolReader, 'read' | 'release'>
  readonly state: SpoolState
  /** A new transactional producer that has claimed its id: what an earlier one left open is ended, and that one commits nothing any more. */
  readonly connect: () => Promise<TransactionalLog>
  /** The position that the log has committed; 0 where it has none. */
  readonly committed: () => Promise<number>
  /** The messages of records, in their order; undefined where one is none that can be read. Rejects where what they need does not answer. */
  readonly messagesOf: (records: readonly SpooledRecord[]) => Promise<ReadonlyArray<ShippedMessage | undefined>>
  readonly topic: string
  readonly group: string
  /** From the start of one transaction to the start of the next, in milliseconds. */
  readonly intervalMs: number
  /** How long what an earlier producer has committed may take to be seen in what is committed, in milliseconds. */
  readonly settleMs: number
  /** Told after each transaction how far the log now has the spool. */
  readonly onShipped: (position: number) => void
  /** Told whenever all is well: a transaction was committed, there is nothing to ship, or shipping is held back. */
  readonly onWell: () => void
  /** Told of what went wrong and is tried again; behind a Fenced nothing is. */
  readonly onError: (error: unknown) => void
  readonly now: () => number
}

/** Of one send: all of it may be one batch, if one link has all visits, and a broker takes 1 MiB unless told otherwise. */
const sendBytesMax = 655_360
/** Of one transaction: after an outage much waits, and a transaction must end in time. */
const sendsMax = 16
const retryMsMax = 5_000
/** A sleeping shipper looks up so often, whether it was woken or not. */
const lookUpMs = 1_000
/** And one that is held back, whether it may go on. */
const heldLookUpMs = 50

interface Batch { readonly messages: readonly Message[], readonly next: number, readonly damagedBytes: number, readonly lastVisitAt: number }

export class Shipper {
  readonly #options: ShipperOptions
  readonly #stop = new AbortController()
  #drainUntil = 0
  #producer: TransactionalLog | undefined
  #position = 0
  #startedAt = -Infinity
  #running: Promise<void> | undefined
  #wake = new AbortController()
  /** Whether a commit was asked for whose answer never came, by this process or by one before it. */
  #unsure = true

  constructor (options: ShipperOptions) {
    this.#options = options
  }

  start (): void {
    this.#running ??= this.#run()
  }

  /** There is something to ship. */
  wake (): void {
    this.#wake.abort()
  }

  async #run (): Promise<void> {
    const { state, onError } = this.#options
    for (let retryMs = 50; !this.#ended;) {
      try {
        await this.#connect()
        await this.#next()
        retryMs = 50
      } catch (error) {
        state.add('failures', 1)
        onError(error)
        await this.#drop()
        if (error instanceof Fenced) return
        await this.#sleep(retryMs)
        if (this.#stop.signal.aborted) await delay(Math.min(retryMs, 200)) // while draining, too, an unreachable log is not asked in a tight loop
        retryMs = Math.min(retryMs * 2, retryMsMax)
      }
    }
    await this.#drop()
  }

  /** Stopping, and either nothing is left or there is no more time for it. */
  get #ended (): boolean {
    if (!this.#stop.signal.aborted) return false
    return performance.now() >= this.#drainUntil || (this.#producer !== undefined && this.#position >= this.#options.state.get('end'))
  }

  async #sleep (ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => {})
  }

  async #connect (): Promise<void> {
    if (this.#producer !== undefined) return
    const { state, connect, spool, settleMs } = this.#options
    await this.#committed() // asked first, so that another gateway whose position that is keeps its claim
    this.#producer = await connect()
    // Kafka ends the transaction before it lets us in, but what it commits is seen a moment later
    if (this.#unsure) await delay(settleMs)
    this.#unsure = false
    // asked again: only behind the claim can nobody else move it
    this.#moveTo(Math.max(this.#position, await this.#committed()))
    spool.release(this.#position)
    state.set('connected', 1)
  }

  /** @throws Fenced */
  async #committed (): Promise<number> {
    const { state, committed, group } = this.#options
    const position = await committed()
    if (position > state.get('end')) throw new Fenced(`the log has position ${position} of ${group}, and this spool ends at ${state.get('end')}`)
    return position
  }

  #moveTo (position: number): void {
    this.#position = position
    this.#options.state.set('shipped', Math.min(position, this.#options.state.get('end')))
  }

  /** Ships what there is, at its time and unless it is held back; or waits for something to ship. */
  async #next (): Promise<void> {
    const { state, spool, intervalMs, onWell, now } = this.#options
    if (this.#position >= state.get('end')) {
      state.set('oldestWaitingAt', 0)
      spool.release(this.#position)
      onWell()
      await this.#awaken()
      return
    }
    if (state.heldMs > 0 && !this.#stop.signal.aborted) {
      if (state.get('oldestWaitingAt') === 0) state.set('oldestWaitingAt', now())
      onWell()
      await this.#sleep(Math.min(state.heldMs, heldLookUpMs))
      return
    }
    // what arrives within the interval goes in one transaction
    const left = this.#startedAt + intervalMs - performance.now()
    if (left > 0) await this.#sleep(left)
    this.#startedAt = performance.now()
    await this.#ship()
  }

  async #awaken (): Promise<void> {
    const { state, intervalMs } = this.#options
    this.#wake = new AbortController()
    state.sleep()
    if (this.#position < state.get('end')) return // it came before we said that we sleep
    await delay(lookUpMs, undefined, { signal: AbortSignal.any([this.#wake.signal, this.#stop.signal]) }).catch(() => {})
    // the first of many is given a moment for others to join it
    if (this.#position < state.get('end')) await this.#sleep(Math.min(intervalMs, 20))
  }

  async #read (position: number): Promise<Batch> {
    const { spool, messagesOf } = this.#options
    const { records, next, damagedBytes } = spool.read(position, sendBytesMax)
    const messages: Message[] = []
    let [damaged, lastVisitAt] = [damagedBytes, 0]
    const found = records.length === 0 ? [] : await messagesOf(records)
    for (const [index, shipped] of found.entries()) {
      if (shipped === undefined) damaged += records[index]?.payload.length ?? 0
      else {
        messages.push(shipped.message)
        lastVisitAt = shipped.visitedAt
        if (messages.length === 1) this.#waitingSince(shipped.visitedAt, position)
      }
    }
    return { messages, next, damagedBytes: damaged, lastVisitAt }
  }

  #waitingSince (visitedAt: number, position: number): void {
    if (position === this.#position) this.#options.state.set('oldestWaitingAt', visitedAt)
  }

  async #ship (): Promise<void> {
    const { state, spool, topic, group, onShipped, onWell, now } = this.#options
    let batch = await this.#read(this.#position)
    if (batch.next === this.#position) {
      this.#moveTo(state.get('end'))
      throw new Error('the files of the spool are gone, and the visits in them')
    }
    let [visits, damagedBytes, lastVisitAt] = [0, 0, state.get('lastVisitAt')]
    let next = this.#position
    const started = performance.now()
    const transaction = await (this.#producer as TransactionalLog).transaction()
    try {
      for (let sends = 1; batch.next > next; batch = await this.#read(next)) {
        if (batch.messages.length > 0) await transaction.send({ topic, acks: -1, messages: [...batch.messages] })
        next = batch.next
        visits += batch.messages.length
        damagedBytes += batch.damagedBytes
        lastVisitAt = batch.lastVisitAt === 0 ? lastVisitAt : batch.lastVisitAt
        if (++sends > sendsMax || performance.now() - started > 1_000) break
      }
      await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions: [{ partition: 0, offset: String(next) }] }] })
      this.#unsure = true
      await transaction.commit()
      this.#unsure = false
    } catch (error) {
      await transaction.abort().catch(() => {}) // a new producer of the same id ends it otherwise
      throw error
    }
    this.#moveTo(next)
    state.add('shippedVisits', visits)
    state.add('damagedBytes', damagedBytes)
    state.add('transactions', 1)
    state.set('transactionMs', performance.now() - started)
    state.set('lastTransactionAt', now())
    state.set('lastVisitAt', lastVisitAt)
    if (next >= state.get('end')) state.set('oldestWaitingAt', 0)
    spool.release(next)
    onWell()
    onShipped(next)
  }

  async #drop (): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    this.#options.state.set('connected', 0)
    await producer?.disconnect().catch(() => {})
  }

  /** Ships what is left for at most so long; the rest stays in the spool for the next start. */
  async stop (drainMs: number): Promise<void> {
    this.#drainUntil = performance.now() + drainMs
    this.#stop.abort()
    await this.#running
  }
}
