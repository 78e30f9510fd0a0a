// The settings that a topic may have, by Kafka's names, types and defaults (org.apache.kafka.common.config.TopicConfig).
import { LogError, type TopicConfig } from '../../log.js'
import type { LogConfig } from '../log/log-config.js'

export type ConfigType = 'BOOLEAN' | 'STRING' | 'INT' | 'LONG' | 'DOUBLE' | 'LIST'

export interface ConfigDefinition {
  readonly name: string
  readonly type: ConfigType
  readonly defaultValue: string
  readonly documentation: string
  /** What is wrong with a value that has the right type, if anything. */
  readonly check?: (value: string) => string | undefined
}

const LONG_MAX = '9223372036854775807'
const atLeast = (min: number) => (value: string): string | undefined => Number(value) < min ? `Value must be at least ${min}` : undefined
const between = (min: number, max: number) => (value: string): string | undefined =>
  Number(value) < min || Number(value) > max ? `Value must be between ${min} and ${max}` : undefined
const oneOf = (...values: string[]) => (value: string): string | undefined => values.includes(value) ? undefined : `String must be one of: ${values.join(', ')}`
const define = (name: string, type: ConfigType, defaultValue: string, documentation: string, check?: ConfigDefinition['check']): ConfigDefinition =>
  check === undefined ? { name, type, defaultValue, documentation } : { name, type, defaultValue, documentation, check }

function checkPolicy (value: string): string | undefined {
  const parts = value.split(',').map(part => part.trim())
  return parts.every(part => part === 'delete' || part === 'compact') ? undefined : 'String must be one of: compact, delete'
}

const DEFINITIONS: readonly ConfigDefinition[] = [
  define('cleanup.policy', 'LIST', 'delete', 'What becomes of old segments: delete, compact or both.', checkPolicy),
  define('compression.type', 'STRING', 'producer', 'Batches are kept in the codec that the producer chose.', value =>
    value === 'producer' ? undefined : 'this broker keeps batches as they come and supports only: producer'),
  define('delete.retention.ms', 'LONG', '86400000', 'How long tombstones stay in a compacted topic.', atLeast(0)),
  define('file.delete.delay.ms', 'LONG', '60000', 'Kept for compatibility: files go as soon as nobody reads them.', atLeast(0)),
  define('flush.messages', 'LONG', LONG_MAX, 'Kept for compatibility: the broker decides when to flush.', atLeast(1)),
  define('flush.ms', 'LONG', LONG_MAX, 'Kept for compatibility: the broker decides when to flush.', atLeast(0)),
  define('follower.replication.throttled.replicas', 'LIST', '', 'Without effect on one node.'),
  define('index.interval.bytes', 'INT', '4096', 'Bytes between two entries of the offset index.', atLeast(0)),
  define('leader.replication.throttled.replicas', 'LIST', '', 'Without effect on one node.'),
  define('max.compaction.lag.ms', 'LONG', LONG_MAX, 'The longest that a record stays uncompacted.', atLeast(1)),
  define('max.message.bytes', 'INT', '1048588', 'The largest record batch.', atLeast(0)),
  define('message.timestamp.after.max.ms', 'LONG', LONG_MAX, 'How far a timestamp may be ahead of the broker.', atLeast(0)),
  define('message.timestamp.before.max.ms', 'LONG', LONG_MAX, 'How far a timestamp may be behind the broker.', atLeast(0)),
  define('message.timestamp.type', 'STRING', 'CreateTime', 'Whose clock stamps a record.', oneOf('CreateTime', 'LogAppendTime')),
  define('min.cleanable.dirty.ratio', 'DOUBLE', '0.5', 'The part of a log that must be uncompacted before it is compacted.', between(0, 1)),
  define('min.compaction.lag.ms', 'LONG', '0', 'The least time that a record stays uncompacted.', atLeast(0)),
  define('min.insync.replicas', 'INT', '1', 'There is one replica.', atLeast(1)),
  define('preallocate', 'BOOLEAN', 'false', 'Kept for compatibility.'),
  define('retention.bytes', 'LONG', '-1', 'The size that a partition may reach before old segments go; -1 for any.', atLeast(-1)),
  define('retention.ms', 'LONG', '604800000', 'How long segments stay; -1 for ever.', atLeast(-1)),
  define('segment.bytes', 'INT', '1073741824', 'The size of a segment.', atLeast(14)),
  define('segment.index.bytes', 'INT', '10485760', 'Kept for compatibility: the index grows as it must.', atLeast(4)),
  define('segment.jitter.ms', 'LONG', '0', 'Kept for compatibility.', atLeast(0)),
  define('segment.ms', 'LONG', '604800000', 'The time after which a segment ends.', atLeast(1)),
  define('unclean.leader.election.enable', 'BOOLEAN', 'false', 'Without effect on one node.')
]

export const TOPIC_CONFIGS: ReadonlyMap<string, ConfigDefinition> = new Map(DEFINITIONS.map(definition => [definition.name, definition]))

const NUMBER_RANGES = { INT: [-2147483648n, 2147483647n], LONG: [-(2n ** 63n), 2n ** 63n - 1n] } as const

function checkType (type: ConfigType, value: string): string | undefined {
  if (type === 'INT' || type === 'LONG') {
    const [min, max] = NUMBER_RANGES[type]
    const number = /^[+-]?\d+$/.test(value) ? BigInt(value) : undefined
    return number !== undefined && number >= min && number <= max ? undefined : `Not a number of type ${type}`
  }
  if (type === 'DOUBLE') return value.trim() !== '' && Number.isFinite(Number(value)) ? undefined : 'Not a number of type DOUBLE'
  if (type === 'BOOLEAN') return /^(true|false)$/i.test(value) ? undefined : 'Expected value to be either true or false'
  return undefined
}

/** Throws LogError INVALID_CONFIG where a name is none of a topic's or a value does not suit it. */
export function checkTopicConfig (config: TopicConfig): void {
  for (const [name, value] of Object.entries(config)) {
    const definition = TOPIC_CONFIGS.get(name)
    if (definition === undefined) throw new LogError('INVALID_CONFIG', `Unknown topic config name: ${name}`)
    const wrong = checkType(definition.type, value) ?? definition.check?.(value)
    if (wrong !== undefined) throw new LogError('INVALID_CONFIG', `Invalid value ${value} for configuration ${name}: ${wrong}`)
  }
}

/** What the settings mean to a log; what is not set has its default. */
export function parseLogConfig (config: TopicConfig): LogConfig {
  const text = (name: string): string => config[name] ?? TOPIC_CONFIGS.get(name)!.defaultValue
  const number = (name: string): number => Number(text(name))
  const policies = text('cleanup.policy').split(',').map(part => part.trim())
  return {
    segmentBytes: number('segment.bytes'),
    segmentMs: number('segment.ms'),
    indexIntervalBytes: number('index.interval.bytes'),
    maxMessageBytes: number('max.message.bytes'),
    retentionMs: number('retention.ms'),
    retentionBytes: number('retention.bytes'),
    deletes: policies.includes('delete'),
    compacts: policies.includes('compact'),
    minCleanableDirtyRatio: number('min.cleanable.dirty.ratio'),
    minCompactionLagMs: number('min.compaction.lag.ms'),
    maxCompactionLagMs: number('max.compaction.lag.ms'),
    deleteRetentionMs: number('delete.retention.ms'),
    appendTime: text('message.timestamp.type') === 'LogAppendTime',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms')
  }
}
