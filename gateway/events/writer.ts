// Appends link events to the log, acks=all: what is written while a send is under way goes together in the next one.
import type { Producer } from 'kafkajs'
import { LinklogError } from '../errors.js'

interface Waiting {
  readonly topic: string
  readonly key: string
  readonly value: Buffer
  readonly headers: Record<string, string>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const waitingMax = 20_000
const batchMax = 1_000
const acksAll = -1

export class EventWriter {
  readonly #producer: Pick<Producer, 'sendBatch'>
  #waiting: Waiting[] = []
  #sending: Promise<void> | undefined

  constructor (producer: Pick<Producer, 'sendBatch'>) {
    this.#producer = producer
  }

  /**
   * Resolves once every in-sync replica has the event. Events of one key keep the order in which they were given.
   * @throws LinklogError overloaded where too many wait, unavailable where the log did not take it.
   */
  async append (topic: string, key: string, value: Buffer, headers: Record<string, string> = {}): Promise<void> {
    if (this.#waiting.length >= waitingMax) throw new LinklogError('overloaded', `${waitingMax} events wait to be written`)
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ topic, key, value, headers, resolve, reject })
      this.#sending ??= this.#drain()
    })
  }

  async #drain (): Promise<void> {
    // the other requests of this turn of the event loop join the first batch
    await new Promise<void>(resolve => setImmediate(resolve))
    while (this.#waiting.length > 0) await this.#send(this.#waiting.splice(0, batchMax))
    this.#sending = undefined
  }

  async #send (batch: readonly Waiting[]): Promise<void> {
    const byTopic = new Map<string, { key: string, value: Buffer, headers: Record<string, string> }[]>()
    for (const { topic, key, value, headers } of batch) {
      const messages = byTopic.get(topic)
      if (messages === undefined) byTopic.set(topic, [{ key, value, headers }])
      else messages.push({ key, value, headers })
    }
    try {
      await this.#producer.sendBatch({ acks: acksAll, topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })) })
      for (const { resolve } of batch) resolve()
    } catch (cause) {
      const error = new LinklogError('unavailable', 'The log did not take the event', { cause, headers: { 'retry-after': '1' } })
      for (const { reject } of batch) reject(error)
    }
  }

  /** Waits for what was given. */
  async close (): Promise<void> {
    await this.#sending
  }
}
