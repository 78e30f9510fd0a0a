// Reads a topic by offsets, without a consumer group: what a feed that can be resumed anywhere needs, and what leaves nothing behind on the cluster.
// kafkajs fetches for groups only, and its groups take seconds to form; its cluster, which can, is not public. This is the only module that reaches for it,
// and package.json pins the version that it was written against.
import type { Kafka } from 'kafkajs'
import { setTimeout as delay } from 'node:timers/promises'
import Batch from 'kafkajs/src/consumer/batch.js'

interface FetchedPartition { readonly partition: number, readonly errorCode: number, readonly highWatermark: string }

interface Broker {
  fetch (request: {
    readonly maxWaitTime: number
    readonly minBytes: number
    readonly maxBytes: number
    readonly isolationLevel: number
    readonly topics: readonly { readonly topic: string, readonly partitions: readonly { partition: number, fetchOffset: string, maxBytes: number }[] }[]
  }): Promise<{ readonly responses: readonly { readonly topicName: string, readonly partitions: readonly FetchedPartition[] }[] }>
}

interface Cluster {
  connect (): Promise<void>
  disconnect (): Promise<void>
  addTargetTopic (topic: string): Promise<void>
  refreshMetadata (): Promise<void>
  refreshMetadataIfNecessary (): Promise<void>
  findTopicPartitionMetadata (topic: string): readonly { readonly partitionId: number }[]
  findLeaderForPartitions (topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  fetchTopicsOffset (
    topics: readonly { readonly topic: string, readonly partitions: readonly { readonly partition: number }[], readonly fromBeginning: boolean }[]
  ): Promise<readonly { readonly partitions: readonly { readonly partition: number, readonly offset: string }[] }[]>
  findBroker (node: { readonly nodeId: string }): Promise<Broker>
}

const readCommitted = 1
const bytesPerPartition = 262_144
/** Where the cluster does not answer, which kafkajs itself has tried several times; and where a broker answers that it is not, or not yet, the leader. */
const attemptsMax = { unanswered: 4, refused: 10 }
const pauseMsMax = 1_000

const clusterOf = (client: Kafka): Cluster => {
  const symbol = Object.getOwnPropertySymbols(client).find(({ description }) => description === 'private:Kafka:createCluster')
  if (symbol === undefined) throw new Error('this version of kafkajs is not the one that LogReader was written for')
  const create = (client as unknown as Record<symbol, (options: object) => Cluster>)[symbol] as (options: object) => Cluster
  return create({ metadataMaxAge: 300_000, allowAutoTopicCreation: false, isolationLevel: readCommitted })
}

export interface LogRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: string
  readonly value: Buffer | null
}

/** What stood in a partition from an offset on. */
export interface Stretch {
  readonly records: readonly LogRecord[]
  /** The offset to go on with. */
  readonly next: number
  /** The offset behind the last record that is committed, or may be. */
  readonly end: number
}

/** The offset asked for is not in the log. */
export class OffsetUnknown extends Error {
  readonly code = 'LINKLOG_OFFSET_UNKNOWN'
}

export class LogReader {
  readonly #cluster: Cluster
  readonly #topic: string
  #connected: Promise<void> | undefined

  constructor (client: Kafka, topic: string) {
    this.#cluster = clusterOf(client)
    this.#topic = topic
  }

  async #connect (): Promise<void> {
    this.#connected ??= this.#cluster.connect().then(async () => await this.#cluster.addTargetTopic(this.#topic))
    try {
      await this.#connected
    } catch (error) {
      this.#connected = undefined
      throw error
    }
    await this.#cluster.refreshMetadataIfNecessary()
  }

  /** The numbers of the topic's partitions, in order. */
  async partitions (): Promise<readonly number[]> {
    await this.#connect()
    return this.#cluster.findTopicPartitionMetadata(this.#topic).map(({ partitionId }) => partitionId).sort((a, b) => a - b)
  }

  /** Behind the last committed record of each partition: before the first of a transaction that is still open. */
  async ends (): Promise<ReadonlyMap<number, number>> {
    const [found] = await this.#patiently(async () => {
      const partitions = (await this.partitions()).map(partition => ({ partition }))
      return await this.#cluster.fetchTopicsOffset([{ topic: this.#topic, partitions, fromBeginning: false }])
    })
    return new Map((found?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]))
  }

  /**
   * The records from these offsets on, about 256 KiB of each partition unless told otherwise, read committed. Where there are none it waits so long for some.
   * @throws OffsetUnknown, or the error of kafkajs where the cluster does not answer.
   */
  async fetch (positions: ReadonlyMap<number, number>, maxWaitMs: number, bytes = bytesPerPartition): Promise<ReadonlyMap<number, Stretch>> {
    return await this.#patiently(async () => {
      await this.#connect()
      return await this.#fetch(positions, maxWaitMs, bytes)
    })
  }

  /** Asks again where a leader has moved, or a topic that was made a moment ago has none yet. */
  async #patiently<Result> (ask: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask()
      } catch (error) {
        const { type, name } = error as { type?: string, name?: string }
        if (type === 'OFFSET_OUT_OF_RANGE' || name === 'KafkaJSOffsetOutOfRange') throw new OffsetUnknown('There is no such offset in the log', { cause: error })
        if (attempt >= (type === undefined ? attemptsMax.unanswered : attemptsMax.refused)) throw error
        if (attempt > 1) await delay(Math.min(25 * 2 ** attempt, pauseMsMax))
        await this.#cluster.refreshMetadata().catch(() => {}) // the next attempt tells
      }
    }
  }

  async #fetch (positions: ReadonlyMap<number, number>, maxWaitTime: number, bytes: number): Promise<ReadonlyMap<number, Stretch>> {
    const leaders = this.#cluster.findLeaderForPartitions(this.#topic, [...positions.keys()])
    const stretches = new Map<number, Stretch>()
    await Promise.all(Object.entries(leaders).map(async ([nodeId, partitions]) => {
      const broker = await this.#cluster.findBroker({ nodeId })
      const { responses } = await broker.fetch({
        maxWaitTime,
        minBytes: 1,
        maxBytes: bytes * partitions.length,
        isolationLevel: readCommitted,
        topics: [{
          topic: this.#topic,
          partitions: partitions.map(partition => ({ partition, fetchOffset: String(positions.get(partition)), maxBytes: bytes }))
        }]
      })
      for (const fetched of responses.flatMap(response => response.partitions)) {
        stretches.set(fetched.partition, toStretch(this.#topic, positions.get(fetched.partition) ?? 0, fetched))
      }
    }))
    return stretches
  }

  async close (): Promise<void> {
    if (this.#connected !== undefined) await this.#cluster.disconnect().catch(() => {})
  }
}

const toStretch = (topic: string, from: number, fetched: FetchedPartition): Stretch => {
  const batch = new Batch(topic, String(from), fetched)
  const next = batch.isEmptyIncludingFiltered() ? from : Number(batch.lastOffset()) + 1
  const records = batch.messages.map(({ offset, timestamp, key, value }) => ({
    partition: fetched.partition,
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: key?.toString('utf8') ?? '',
    value
  }))
  return { records, next, end: Number(fetched.highWatermark) }
}
