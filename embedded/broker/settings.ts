// What a broker can be told when it is started, with Kafka's defaults where Kafka has the setting.
import type { TopicConfig } from '../log.js'
import type { GroupSettings } from './coordinator/group-coordinator.js'
import type { TransactionSettings } from './coordinator/transactions.js'
import type { SaslUser } from './sasl.js'
import { checkTopicConfig } from './topics/topic-config.js'

export interface BrokerOptions {
  /** The folder of everything that is kept. Made if it is not there. */
  readonly dataDir: string
  readonly host: string
  /** 0: any free one; see Broker.address. */
  readonly port: number
  /** The host that clients are told to connect to. `host`, unless that means all interfaces: then localhost. */
  readonly advertisedHost?: string | undefined
  /** When acknowledged batches are brought to disk: at an interval (they survive a kill of the process), or before the answer (and a power cut). */
  readonly fsync?: 'interval' | 'always' | undefined
  readonly fsyncIntervalMs?: number | undefined
  readonly autoCreateTopics?: boolean | undefined
  /** Partitions of topics that are created without a number. */
  readonly defaultPartitions?: number | undefined
  /** Settings of topics that do not set their own, by topic setting name. */
  readonly topicDefaults?: TopicConfig | undefined
  /** Kafka's socket.request.max.bytes. */
  readonly frameBytesMax?: number | undefined
  readonly connectionsMax?: number | undefined
  /** Memory for the newest batches of all topics, bytes (8 MiB): for consumers that keep up; what is older lies in the pages of the system. */
  readonly tailCacheBytes?: number | undefined
  /** Users that may connect, by SASL PLAIN or SCRAM-SHA-256. None given: anybody may. */
  readonly saslUsers?: readonly SaslUser[] | undefined
  readonly groups?: Partial<GroupSettings> | undefined
  readonly transactions?: Partial<TransactionSettings> | undefined
  /** How often retention and compaction are looked at (log.retention.check.interval.ms). */
  readonly cleanupIntervalMs?: number | undefined
  /** Milliseconds since the epoch. */
  readonly clock?: (() => number) | undefined
  readonly logger?: { readonly warn: (message: string) => void } | undefined
}

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', ''])
const DAY_MS = 86_400_000

const GROUP_DEFAULTS: GroupSettings = {
  sessionTimeoutMsMin: 6000, sessionTimeoutMsMax: 1_800_000, initialRebalanceDelayMs: 0, sizeMax: 10_000, offsetsRetentionMs: 7 * DAY_MS
}
const TRANSACTION_DEFAULTS: TransactionSettings = { timeoutMsMax: 900_000, idExpirationMs: 7 * DAY_MS }

export interface BrokerSettings {
  readonly dataDir: string
  readonly host: string
  readonly port: number
  readonly advertisedHost: string
  readonly fsync: 'interval' | 'always'
  readonly fsyncIntervalMs: number
  readonly autoCreateTopics: boolean
  readonly topicDefaults: { readonly partitions: number, readonly config: TopicConfig }
  readonly frameBytesMax: number
  readonly connectionsMax: number
  readonly tailCacheBytes: number
  readonly saslUsers: readonly SaslUser[] | undefined
  readonly groups: GroupSettings
  readonly transactions: TransactionSettings
  readonly cleanupIntervalMs: number
  readonly clock: () => number
  readonly warn: (message: string) => void
}

/** Fills in the defaults. Throws LogError INVALID_CONFIG for topic defaults that no topic could have. */
export function brokerSettings (options: BrokerOptions): BrokerSettings {
  const topicConfig = options.topicDefaults ?? {}
  checkTopicConfig(topicConfig)
  return {
    dataDir: options.dataDir,
    host: options.host,
    port: options.port,
    advertisedHost: options.advertisedHost ?? (WILDCARDS.has(options.host) ? 'localhost' : options.host),
    fsync: options.fsync ?? 'interval',
    fsyncIntervalMs: options.fsyncIntervalMs ?? 1000,
    autoCreateTopics: options.autoCreateTopics ?? false,
    topicDefaults: { partitions: options.defaultPartitions ?? 1, config: topicConfig },
    frameBytesMax: options.frameBytesMax ?? 104_857_600,
    connectionsMax: options.connectionsMax ?? 10_000,
    tailCacheBytes: options.tailCacheBytes ?? 8 * 1024 * 1024,
    saslUsers: options.saslUsers,
    groups: { ...GROUP_DEFAULTS, ...options.groups },
    transactions: { ...TRANSACTION_DEFAULTS, ...options.transactions },
    cleanupIntervalMs: options.cleanupIntervalMs ?? 300_000,
    clock: options.clock ?? Date.now,
    warn: (message: string): void => options.logger?.warn(message)
  }
}

/** The broker's settings by Kafka's names, for DescribeConfigs. */
export function describeSettings (settings: BrokerSettings): Readonly<Record<string, string>> {
  return {
    'auto.create.topics.enable': String(settings.autoCreateTopics),
    'broker.id': '1',
    'default.replication.factor': '1',
    'delete.topic.enable': 'true',
    'group.initial.rebalance.delay.ms': String(settings.groups.initialRebalanceDelayMs),
    'group.max.session.timeout.ms': String(settings.groups.sessionTimeoutMsMax),
    'group.max.size': String(settings.groups.sizeMax),
    'group.min.session.timeout.ms': String(settings.groups.sessionTimeoutMsMin),
    'log.dirs': settings.dataDir,
    'log.retention.check.interval.ms': String(settings.cleanupIntervalMs),
    'max.connections': String(settings.connectionsMax),
    'node.id': '1',
    'num.partitions': String(settings.topicDefaults.partitions),
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'sasl.enabled.mechanisms': settings.saslUsers === undefined ? '' : 'PLAIN,SCRAM-SHA-256',
    'socket.request.max.bytes': String(settings.frameBytesMax),
    'transaction.max.timeout.ms': String(settings.transactions.timeoutMsMax),
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transactional.id.expiration.ms': String(settings.transactions.idExpirationMs)
  }
}
