// Carries the spool into Kafka, each visit exactly once: a transaction holds the visits and, as a committed offset of the gateway's own group,
// the position behind them. After a kill, an outage or an answer that never came, the log itself says where to go on.
import type { Producer } from 'kafkajs'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeFrame } from './frame.js'
import type { Spool } from './spool.js'

export interface ShipperOptions {
  readonly spool: Pick<Spool, 'read' | 'release' | 'written'>
  /** A new transactional producer, connected: connecting ends what an earlier one of the same id left open. */
  readonly connect: () => Promise<Pick<Producer, 'transaction' | 'disconnect'>>
  /** The position that the log has committed; 0 where it has none. */
  readonly committed: () => Promise<number>
  readonly topic: string
  readonly group: string
  readonly intervalMs: number
  /** Told after each transaction how far the log now has the spool. */
  readonly onShipped: (position: number, visits: number) => void
  readonly onError: (error: unknown) => void
}

const batchBytesMax = 786_432
const retryMsMax = 5_000

export class Shipper {
  readonly #options: ShipperOptions
  readonly #stop = new AbortController()
  #drainUntil = 0
  #producer: Pick<Producer, 'transaction' | 'disconnect'> | undefined
  #position = 0
  #running: Promise<void> | undefined

  constructor (options: ShipperOptions) {
    this.#options = options
  }

  start (): void {
    this.#running ??= this.#run()
  }

  async #run (): Promise<void> {
    for (let retryMs = 50; !this.#ended;) {
      try {
        await this.#connect()
        if (await this.#shipSome()) retryMs = 50
      } catch (error) {
        this.#options.onError(error)
        await this.#drop()
        await delay(retryMs, undefined, { signal: this.#stop.signal }).catch(() => {})
        if (this.#stop.signal.aborted) await delay(Math.min(retryMs, 200)) // while draining, too, an unreachable log is not asked in a tight loop
        retryMs = Math.min(retryMs * 2, retryMsMax)
      }
    }
    await this.#drop()
  }

  /** Stopping, and either nothing is left or there is no more time for it. */
  get #ended (): boolean {
    if (!this.#stop.signal.aborted) return false
    return performance.now() >= this.#drainUntil || (this.#producer !== undefined && this.#options.spool.read(this.#position, 1).payloads.length === 0)
  }

  async #connect (): Promise<void> {
    if (this.#producer !== undefined) return
    this.#producer = await this.#options.connect()
    this.#position = Math.max(this.#position, await this.#options.committed())
    this.#options.spool.release(this.#position)
  }

  /** Ships one batch, or waits for something to ship. */
  async #shipSome (): Promise<boolean> {
    const { payloads, next } = this.#options.spool.read(this.#position, batchBytesMax)
    if (next === this.#position) {
      await this.#options.spool.written(this.#stop.signal)
      // what arrives within the interval goes in one transaction
      await delay(this.#options.intervalMs, undefined, { signal: this.#stop.signal }).catch(() => {})
      return true
    }
    if (payloads.length > 0) await this.#ship(payloads, next)
    this.#position = next
    this.#options.spool.release(next)
    this.#options.onShipped(next, payloads.length)
    return true
  }

  async #ship (payloads: readonly Buffer[], next: number): Promise<void> {
    const producer = this.#producer as Pick<Producer, 'transaction'>
    const { topic, group } = this.#options
    const transaction = await producer.transaction()
    try {
      const messages = payloads.map(payload => {
        const { timestamp, link, value } = decodeFrame(payload)
        return { key: link, value, timestamp: String(timestamp) }
      })
      await transaction.send({ topic, acks: -1, messages })
      await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions: [{ partition: 0, offset: String(next) }] }] })
      await transaction.commit()
    } catch (error) {
      await transaction.abort().catch(() => {}) // a new producer of the same id ends it otherwise
      throw error
    }
  }

  async #drop (): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    await producer?.disconnect().catch(() => {})
  }

  /** Ships what is left for at most so long; the rest stays in the spool for the next start. */
  async stop (drainMs: number): Promise<void> {
    this.#drainUntil = performance.now() + drainMs
    this.#stop.abort()
    await this.#running
  }
}
