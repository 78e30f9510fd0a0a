// The broker as a whole: opens what is on disk, listens, keeps house, and closes in the right order.
import { mkdir } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { LogError, type Log, type PartitionLog, type TopicDescription, type TopicSpec } from '../log.js'
import { GroupCoordinator } from './coordinator/group-coordinator.js'
import { GroupOffsets } from './coordinator/group-offsets.js'
import { ProducerIds } from './coordinator/producer-ids.js'
import { TransactionCoordinator } from './coordinator/transactions.js'
import type { Services } from './handlers/context.js'
import { makeHandlers } from './handlers/index.js'
import { DataDirLock } from './log/dir-lock.js'
import { DiskLog, type LogEnvironment } from './log/partition-log.js'
import { Janitor } from './log/janitor.js'
import { IndexCache } from './log/segment.js'
import { TailCache } from './log/tail-cache.js'
import { brokerSettings, describeSettings, type BrokerOptions, type BrokerSettings } from './settings.js'
import { SaslUsers } from './sasl.js'
import { BrokerServer } from './server.js'
import { Flusher } from './log/flusher.js'
import { METADATA_LOG, MetadataStore } from './topics/metadata-store.js'
import { GROUP_OFFSETS_TOPIC, Topics, TRANSACTION_TOPIC } from './topics/topics.js'
import { parseLogConfig } from './topics/topic-config.js'

export type { BrokerOptions } from './settings.js'

const INDEX_CACHE_SEGMENTS = 32

interface Parts {
  readonly lock: DataDirLock
  readonly flusher: Flusher
  readonly metadataLog: DiskLog
  readonly topics: Topics
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly producerIds: ProducerIds
  readonly server: BrokerServer
  readonly janitor: Janitor
}

export class Broker implements Log {
  readonly #parts: Parts
  #closing: Promise<void> | undefined

  private constructor (parts: Parts) {
    this.#parts = parts
  }

  /** Opens the data folder, recovering what a kill left, and listens. Throws where another broker has the folder or the port is taken. */
  static async open (options: BrokerOptions): Promise<Broker> {
    const settings = brokerSettings(options)
    await mkdir(settings.dataDir, { recursive: true })
    const lock = await DataDirLock.acquire(settings.dataDir)
    const undo: (() => Promise<void>)[] = [async () => await lock.release()]
    try {
      const parts = await openParts(settings, lock, undo)
      return new Broker(parts)
    } catch (error) {
      for (const step of undo.reverse()) await step()
      throw error
    }
  }

  /** Where it listens. */
  get address (): { host: string, port: number } { return this.#parts.server.address }

  listTopics (): readonly TopicDescription[] {
    const { topics } = this.#parts
    return [...topics.all()].filter(({ isInternal }) => !isInternal).map(topic => topics.describe(topic))
  }

  describeTopic (name: string): TopicDescription | undefined {
    const { topics } = this.#parts
    const topic = topics.get(name)
    return topic === undefined ? undefined : topics.describe(topic)
  }

  async createTopic (spec: TopicSpec): Promise<TopicDescription> {
    const { topics } = this.#parts
    return topics.describe(await topics.create(spec))
  }

  async deleteTopic (name: string): Promise<void> {
    const { topics, groups } = this.#parts
    await deleteTopic(topics, groups, name)
  }

  partition (topic: string, partition: number): PartitionLog | undefined {
    return this.#parts.topics.log(topic, partition)
  }

  async internalProducerId (name: string): Promise<number> {
    return await this.#parts.producerIds.internal(name)
  }

  /** Applies retention and compaction now, as it happens by itself at the cleanup interval. */
  async cleanUp (): Promise<void> {
    await this.#parts.janitor.run()
  }

  /** Ends connections, lets what was begun finish, brings all to disk. Safe to call twice. */
  close (): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close (): Promise<void> {
    const { server, janitor, groups, transactions, topics, metadataLog, flusher, lock } = this.#parts
    await server.close()
    await janitor.stop()
    groups.close()
    await transactions.close()
    await flusher.stop()
    await topics.close()
    await metadataLog.close()
    await lock.release()
  }
}

async function deleteTopic (topics: Topics, groups: GroupCoordinator, name: string): Promise<void> {
  if (topics.get(name)?.isInternal === true) throw new LogError('INVALID_REQUEST', `${name} is the broker's own topic`)
  await topics.delete(name)
  await groups.offsets.deleteTopic(name)
}

async function openParts (settings: BrokerSettings, lock: DataDirLock, undo: (() => Promise<void>)[]): Promise<Parts> {
  const { clock, warn, dataDir } = settings
  const flusher = new Flusher(settings.fsyncIntervalMs, warn)
  undo.push(async () => await flusher.stop())
  const environment: LogEnvironment = {
    clock,
    warn,
    tailCache: new TailCache(settings.tailCacheBytes),
    indexCache: new IndexCache(INDEX_CACHE_SEGMENTS),
    fsyncAlways: settings.fsync === 'always',
    onDirty: log => flusher.add(log)
  }
  const metadataConfig = parseLogConfig({ 'retention.ms': '-1' })
  const metadataDir = join(dataDir, `${METADATA_LOG.topic}-${METADATA_LOG.partition}`)
  const metadataLog = await DiskLog.open({ ...METADATA_LOG, dir: metadataDir }, () => metadataConfig, environment)
  undo.push(async () => await metadataLog.close())
  const store = await MetadataStore.open(metadataLog, clock)
  if (store.get('cluster-id') === undefined) await store.set([['cluster-id', randomBytes(16).toString('base64url')]])
  const topics = await Topics.open(dataDir, store, environment, settings.topicDefaults)
  undo.push(async () => await topics.close())
  const internal = async (name: string): Promise<DiskLog> => {
    const topic = topics.get(name) ?? await topics.create({ name, partitions: 1, config: { 'cleanup.policy': 'compact', 'segment.bytes': '104857600' } })
    return topic.logs[0]!
  }
  const offsets = await GroupOffsets.open(await internal(GROUP_OFFSETS_TOPIC), clock)
  const groups = new GroupCoordinator(offsets, settings.groups, clock)
  undo.push(async () => groups.close())
  const producerIds = new ProducerIds(store)
  const transactions = await TransactionCoordinator.open({
    log: await internal(TRANSACTION_TOPIC),
    partition: (topic, partition) => topics.log(topic, partition),
    onEnd: ({ topic }, producerId, type) => { if (topic === GROUP_OFFSETS_TOPIC) offsets.endTransaction(producerId, type) },
    warn,
    clock
  }, producerIds, settings.transactions)
  undo.push(async () => await transactions.close())

  const serverOptions = {
    host: settings.host,
    port: settings.port,
    frameBytesMax: settings.frameBytesMax,
    connectionsMax: settings.connectionsMax,
    users: settings.saslUsers === undefined ? undefined : new SaslUsers(settings.saslUsers),
    warn
  }
  const server = await BrokerServer.listen(serverOptions)
  const services: Services = {
    topics,
    groups,
    transactions,
    producerIds,
    clusterId: store.get<string>('cluster-id')!,
    advertised: { host: settings.advertisedHost, port: server.address.port },
    autoCreateTopics: settings.autoCreateTopics,
    brokerConfig: describeSettings(settings),
    clock,
    warn,
    deleteTopic: async name => await deleteTopic(topics, groups, name)
  }
  server.serve(makeHandlers(services), serverOptions)
  const parts = { topics, groups, transactions, producerIds, store, indexCache: environment.indexCache, clock, warn }
  const janitor = new Janitor(parts, settings.cleanupIntervalMs)
  return { lock, flusher, metadataLog, topics, groups, transactions, producerIds, server, janitor }
}
