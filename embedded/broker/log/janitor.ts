// House-keeping at an interval: retention, compaction, and forgetting what nobody will ask for again.
import type { GroupCoordinator } from '../coordinator/group-coordinator.js'
import type { ProducerIds } from '../coordinator/producer-ids.js'
import type { TransactionCoordinator } from '../coordinator/transactions.js'
import type { MetadataStore } from '../topics/metadata-store.js'
import type { Topics } from '../topics/topics.js'
import { compactLog, type CompactionState } from './compaction.js'
import type { DiskLog } from './partition-log.js'
import { applyRetention } from './retention.js'
import type { IndexCache } from './segment.js'

/** Kafka's producer.id.expiration.ms. */
const PRODUCER_EXPIRATION_MS = 86_400_000

export interface JanitorParts {
  readonly topics: Topics
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly producerIds: ProducerIds
  readonly store: MetadataStore
  readonly indexCache: IndexCache
  readonly clock: () => number
  readonly warn: (message: string) => void
}

export class Janitor {
  readonly #parts: JanitorParts
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  constructor (parts: JanitorParts, intervalMs: number) {
    this.#parts = parts
    this.#intervalMs = intervalMs
    this.#arm()
  }

  #arm (): void {
    this.#timer = setTimeout(() => {
      this.run().then(() => { if (!this.#stopped) this.#arm() }, () => {})
    }, this.#intervalMs)
    this.#timer.unref()
  }

  /** One round now. Two never run at once. */
  run (): Promise<void> {
    this.#running = this.#running.then(async () => await this.#round())
    return this.#running
  }

  async #round (): Promise<void> {
    const { topics, groups, transactions, warn } = this.#parts
    const step = async (what: string, work: () => Promise<unknown>): Promise<void> => {
      if (this.#stopped) return
      try {
        await work()
      } catch (error) {
        warn(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    for (const topic of [...topics.all()]) {
      for (const log of topic.logs) {
        if (log.isClosed) continue
        await step(`Cleaning ${log.topic}-${log.partition}`, async () => await this.#clean(log))
      }
    }
    await step('Expiring committed offsets', async () => await groups.expireOffsets())
    await step('Expiring transactional ids', async () => await transactions.expireIds())
  }

  async #clean (log: DiskLog): Promise<void> {
    const { store, indexCache, clock, producerIds } = this.#parts
    const now = clock()
    await applyRetention(log, now)
    const key = `cleaned/${log.topic}/${log.partition}`
    const state = store.get<CompactionState>(key) ?? { cleanedOffset: 0, deleteHorizon: undefined }
    const result = await compactLog(log, state, indexCache, now)
    if (result !== undefined && !log.isClosed) await store.set([[key, { cleanedOffset: result.cleanedOffset, deleteHorizon: result.deleteHorizon }]])
    log.producers.prune(log.logStartOffset, now - PRODUCER_EXPIRATION_MS, producerId => producerIds.isInternal(producerId))
  }

  async stop (): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }
}
