// The client's side of the count: it numbers its visits in the referrer, and knows which were answered. What it was answered must be in the topic once.
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import type { GatewayProcess } from './gateway-process.js'
import { readVisits, type VisitRecord, type Where } from './recount.js'
import { until } from './until.js'

const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0'
const numberOf = ({ referrer }: VisitRecord): number => Number(/^n(\d+)\.example$/.exec(referrer ?? '')?.[1])

export class CountingClient {
  readonly answered = new Set<number>()
  readonly unanswered = new Set<number>()
  readonly #links: readonly string[]
  readonly #connections: number
  #next = 0

  constructor (links: readonly string[], connections = 16) {
    this.#links = links
    this.#connections = connections
  }

  /** Visits until told to stop, or the service does not answer any more; between two visits of a connection it waits so long. */
  async visit (service: Pick<GatewayProcess, 'call'>, stop: AbortSignal, pauseMs = 1): Promise<void> {
    await Promise.all(Array.from({ length: this.#connections }, async () => {
      while (!stop.aborted) {
        const n = this.#next++
        try {
          const { status } = await service.call('GET', `/${this.#links[n % this.#links.length]}`, undefined, { referer: `https://n${n}.example/`, 'user-agent': agent })
          if (status === 302) this.answered.add(n)
          else this.unanswered.add(n)
        } catch {
          this.unanswered.add(n)
          return
        }
        await delay(pauseMs) // a few thousand a second are load enough, and leave the machine to what fails
      }
    }))
  }

  /** Waits until every answered visit is in the topic, and says that each is there once, and none that nobody made. Gives what is there. */
  async eachOnce (t: Test, where: Where, topic: string, timeoutMs = 120_000): Promise<VisitRecord[]> {
    const records = await until('every answered visit in the topic', async () => {
      const all = await readVisits(where, topic)
      const seen = new Set(all.map(numberOf))
      return [...this.answered].every((n) => seen.has(n)) && all
    }, timeoutMs)
    t.comment(`${this.answered.size} answered, ${this.unanswered.size} not; ${records.length} visits in the topic`)
    t.equal(new Set(records.map(({ referrer }) => referrer)).size, records.length, 'no visit is in the topic twice')
    t.equal(new Set(records.map(({ visitId }) => visitId)).size, records.length, 'nor an id')
    t.ok(records.every((record) => this.answered.has(numberOf(record)) || this.unanswered.has(numberOf(record))), 'nor one that nobody made')
    return records
  }
}
