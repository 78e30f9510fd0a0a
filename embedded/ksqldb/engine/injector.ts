// Makes a CREATE statement complete before it is kept: default formats, columns from the registry, the topic's properties. After this a replay of the
// statement asks nothing of the world (ksqlDB's DefaultFormatInjector, DefaultSchemaInjector, TopicCreateInjector).
import type { TopicSpec } from '../../log.js'
import type { SchemaRegistry } from '../../schema-registry.js'
import type { Statement, WindowTime } from '../sql/ast.js'
import { printStatement } from '../sql/printer.js'
import { EngineError } from './errors.js'
import { inferColumns } from './inference.js'
import { integerOf, numberLiteral, stringLiteral, textOf, withProperties } from './literals.js'
import type { Properties } from './properties.js'
import type { EngineState } from './state.js'
import type { TopicView } from './topics.js'

type CreateSource = Extract<Statement, { node: 'CreateSource' }>
type CreateAsSelect = Extract<Statement, { node: 'CreateAsSelect' }>

const DEFAULT_RETENTION_MS = 604800000
const DEFAULT_PARTITIONS = 1

export interface InjectionContext {
  readonly state: EngineState
  readonly topics: TopicView
  readonly registry: SchemaRegistry
  readonly properties: Properties
}

/** The complete statement, its text, and the topic that must exist. */
export interface Injected<S extends Statement> { readonly statement: S, readonly text: string, readonly topic: TopicSpec }

/** Throws EngineError. */
export async function injectCreateSource (original: CreateSource, context: InjectionContext): Promise<Injected<CreateSource>> {
  const formatted = injectFormats(original, context.properties)
  const inferred = await inferColumns(formatted, context.registry, printStatement(formatted))
  refuseCleanupPolicy(inferred)
  const name = textOf(inferred.properties, 'KAFKA_TOPIC') ?? ''
  const existing = context.topics.describe(name)
  const partitions = integerOf(inferred.properties, 'PARTITIONS')
  if (existing === undefined && partitions === undefined) throw new EngineError(topicMissing(name, inferred))
  const cleanupPolicy = inferred.kind === 'TABLE' ? 'compact' : 'delete'
  const retentionMs = integerOf(inferred.properties, 'RETENTION_MS')
  if (cleanupPolicy === 'compact') refuseRetention(retentionMs)
  const replicas = integerOf(inferred.properties, 'REPLICAS')
  checkExisting(name, existing, partitions, replicas)
  const statement = { ...inferred, properties: withProperties(inferred.properties, { CLEANUP_POLICY: stringLiteral(cleanupPolicy) }) }
  return { statement, text: printStatement(statement), topic: topicSpec(name, partitions ?? existing?.partitions, replicas, cleanupPolicy, retentionMs) }
}

/** Throws EngineError. The statement must be sanitized, and so its sources exist. */
export function injectCreateAsSelect (original: CreateAsSelect, context: InjectionContext): Injected<CreateAsSelect> {
  refuseCleanupPolicy(original)
  const { properties } = original
  const window = original.query.window
  const source = context.topics.describe(context.state.source(original.query.from.relation)?.topic ?? '')
  const name = textOf(properties, 'KAFKA_TOPIC') ?? `${context.properties['ksql.output.topic.name.prefix'] ?? ''}${original.name}`
  const partitions = integerOf(properties, 'PARTITIONS') ?? source?.partitions ?? DEFAULT_PARTITIONS
  const replicas = integerOf(properties, 'REPLICAS') ?? source?.replicationFactor ?? 1
  const cleanupPolicy = original.kind === 'STREAM' ? 'delete' : window === undefined ? 'compact' : 'compact,delete'
  const asked = integerOf(properties, 'RETENTION_MS')
  if (cleanupPolicy === 'compact') refuseRetention(asked)
  const base = asked ?? retentionOf(source?.config['retention.ms'])
  const windowRetention = original.kind === 'TABLE' && window?.retention !== undefined ? milliseconds(window.retention) : undefined
  checkExisting(name, context.topics.describe(name), integerOf(properties, 'PARTITIONS'), integerOf(properties, 'REPLICAS'))
  const statement: CreateAsSelect = {
    ...original,
    properties: withProperties(properties, {
      KAFKA_TOPIC: stringLiteral(name),
      PARTITIONS: numberLiteral(partitions),
      REPLICAS: numberLiteral(replicas),
      RETENTION_MS: numberLiteral(windowRetention ?? base),
      CLEANUP_POLICY: stringLiteral(cleanupPolicy)
    })
  }
  const retention = Math.max(base, windowRetention ?? base)
  return { statement, text: printStatement(statement), topic: topicSpec(name, partitions, replicas, cleanupPolicy, retention) }
}

function injectFormats (statement: CreateSource, properties: Properties): CreateSource {
  const both = statement.properties.has('FORMAT')
  const key = both || statement.properties.has('KEY_FORMAT')
  const value = both || statement.properties.has('VALUE_FORMAT')
  if (key && value) return statement
  const text = printStatement(statement)
  return {
    ...statement,
    properties: withProperties(statement.properties, {
      KEY_FORMAT: key ? undefined : stringLiteral(properties['ksql.persistence.default.format.key'] ?? 'KAFKA'),
      VALUE_FORMAT: value ? undefined : defaultFormat('VALUE_FORMAT', 'ksql.persistence.default.format.value', properties, text)
    })
  }
}

function defaultFormat (name: string, config: string, properties: Properties, text: string) {
  const format = properties[config]
  if (format !== undefined && format !== '') return stringLiteral(format)
  throw new EngineError(`Statement is missing the '${name}' property from the WITH clause. Either provide one or set a default via the '${config}' config.`, text)
}

function refuseCleanupPolicy (statement: CreateSource | CreateAsSelect): void {
  if (!statement.properties.has('CLEANUP_POLICY')) return
  throw new EngineError('Invalid config variable in the WITH clause: CLEANUP_POLICY.\nThe CLEANUP_POLICY config is automatically inferred based ' +
    "on the type of source (STREAM or TABLE).\nUsers can't set the CLEANUP_POLICY config manually.")
}

function refuseRetention (retentionMs: number | undefined): void {
  if (retentionMs === undefined) return
  throw new EngineError('Invalid config variable in the WITH clause: RETENTION_MS. Non-windowed tables do not support retention.')
}

/** An existing topic is taken as it is, unless the statement asks for another shape (KafkaTopicClientImpl.validateTopicProperties). */
function checkExisting (
  name: string, existing: { partitions: number, replicationFactor: number } | undefined, partitions: number | undefined, replicas: number | undefined
): void {
  if (existing === undefined) return
  if ((partitions === undefined || partitions === existing.partitions) && (replicas === undefined || replicas === existing.replicationFactor)) return
  throw new EngineError(`A Kafka topic with the name '${name}' already exists, with different partition/replica configuration than required. ` +
    `KSQL expects ${partitions ?? existing.partitions} partitions (topic has ${existing.partitions}), and ${
      replicas ?? existing.replicationFactor} replication factor (topic has ${existing.replicationFactor}).`)
}

function topicMissing (name: string, statement: CreateSource): string {
  const example = { ...statement, properties: withProperties(statement.properties, { PARTITIONS: numberLiteral(2) }) }
  return `Topic '${name}' does not exist. If you want to create a new topic for the stream/table please re-run the statement providing the required ` +
    `'PARTITIONS' configuration in the WITH clause (and optionally 'REPLICAS'). For example: ${printStatement(example)}`
}

function topicSpec (
  name: string, partitions: number | undefined, replicas: number | undefined, cleanupPolicy: string, retentionMs: number | undefined
): TopicSpec {
  return {
    name,
    partitions: partitions ?? DEFAULT_PARTITIONS,
    ...(replicas !== undefined && { replicationFactor: replicas }),
    config: {
      'cleanup.policy': cleanupPolicy,
      ...(cleanupPolicy !== 'compact' && retentionMs !== undefined && { 'retention.ms': String(retentionMs) })
    }
  }
}

function retentionOf (text: string | undefined): number {
  const value = Number(text)
  return text === undefined || !Number.isFinite(value) ? DEFAULT_RETENTION_MS : value
}

const MILLISECONDS = {
  MILLISECONDS: 1, SECONDS: 1000, MINUTES: 60_000, HOURS: 3_600_000, DAYS: 86_400_000, WEEKS: 604_800_000, MONTHS: 2_592_000_000, YEARS: 31_536_000_000
} as const

export function milliseconds (time: WindowTime): number {
  return time.value * MILLISECONDS[time.unit]
}
