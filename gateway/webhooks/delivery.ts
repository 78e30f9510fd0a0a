// Carries the changes to one webhook, from the offsets that its own consumer group has committed: one gateway at a time has a partition, a kill repeats at
// most what was not committed, and a receiver that is away holds up nobody but itself. A change that fails is tried again until it arrives, or the webhook
// is given up.
import type { Consumer, EachBatchPayload } from 'kafkajs'
import { setTimeout as wait } from 'node:timers/promises'
import type { Change } from '../changes/change.js'
import type { Entry } from '../changes/change-feed.js'
import type { LogRecord } from '../log/log-reader.js'
import type { Outcome } from './sender.js'

export interface DeliveryOptions {
  /** Of this webhook's group. */
  readonly consumer: Consumer
  readonly topic: string
  readonly read: (records: readonly LogRecord[], signal: AbortSignal) => Promise<readonly Entry[]>
  readonly wants: (change: Change) => boolean
  readonly send: (change: Change, signal: AbortSignal) => Promise<Outcome>
  /** Told when it is given up: nothing more is sent. */
  readonly onGivenUp: (why: string) => Promise<void>
  readonly giveUpMs: number
  readonly now: () => number
}

/** Seconds before each next try; the last again and again. */
export const retrySeconds: readonly number[] = [1, 5, 30, 120, 600, 1_800]
const heartbeatMs = 2_000

export class WebhookDelivery {
  readonly #options: DeliveryOptions
  readonly #stop = new AbortController()

  constructor (options: DeliveryOptions) {
    this.#options = options
  }

  async start (): Promise<void> {
    const { consumer, topic } = this.#options
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: false })
    const eachBatch = async (payload: EachBatchPayload) => await this.#batch(payload)
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 4, eachBatch })
  }

  async #batch ({ batch, resolveOffset, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
    const { consumer, topic } = this.#options
    const records = batch.messages.map(({ offset, timestamp, key, value }) =>
      ({ partition: batch.partition, offset: Number(offset), timestamp: Number(timestamp), key: key?.toString('utf8') ?? '', value }))
    for (const entry of await this.#options.read(records, this.#stop.signal)) {
      if (!isRunning() || isStale() || this.#stop.signal.aborted) return
      if (entry.change !== undefined && this.#options.wants(entry.change) && !await this.#deliver(entry.change, heartbeat)) return
      const offset = String(entry.offset + 1)
      resolveOffset(String(entry.offset))
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset }])
      await heartbeat()
    }
  }

  /** Until it arrives. False where it was stopped or given up: then the offset stays, and the change is sent when the webhook goes on. */
  async #deliver (change: Change, heartbeat: () => Promise<void>): Promise<boolean> {
    const { signal } = this.#stop
    const since = this.#options.now()
    for (let attempt = 0; !signal.aborted; attempt++) {
      const { delivered, gone, failure } = await this.#options.send(change, signal)
      if (delivered) return true
      if (signal.aborted) return false
      if (gone || this.#options.now() - since >= this.#options.giveUpMs) {
        this.#stop.abort()
        await this.#options.onGivenUp(gone ? 'the receiver wants no more (410)' : failure ?? 'failed')
        return false
      }
      const until = this.#options.now() + Math.min((retrySeconds[attempt] ?? retrySeconds.at(-1) as number) * 1_000, this.#options.giveUpMs)
      while (!signal.aborted && this.#options.now() < until) {
        await wait(Math.min(heartbeatMs, until - this.#options.now()), undefined, { signal }).catch(() => {})
        await heartbeat()
      }
    }
    return false
  }

  async stop (): Promise<void> {
    this.#stop.abort()
    await this.#options.consumer.disconnect().catch(() => {})
  }
}
