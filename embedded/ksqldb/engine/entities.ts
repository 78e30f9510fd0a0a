// The answers of /ksql as ksqlDB's REST API shapes them, and how sources and queries are told in them.
import type { Log } from '../../log.js'
import type { DataSource } from '../plan/metastore.js'
import type { Column } from '../plan/schema.js'
import { printSqlType, type SqlType } from '../sql/sql-type.js'
import type { PartitionPosition, QueryStatus, RunningQuery } from '../runtime/api.js'
import type { EngineState, QueryEntry } from './state.js'
import { topologyText } from './topology-text.js'

/** What this server calls itself. */
const HOST = 'localhost:8088'

/** One element of the answer to /ksql. */
export interface Entity { readonly '@type': string, readonly statementText: string, readonly [name: string]: unknown }

export interface World {
  readonly state: EngineState
  readonly log: Log
  readonly running: (id: string) => RunningQuery | undefined
}

interface SchemaInfo {
  readonly type: string
  readonly fields: readonly FieldInfo[] | null
  readonly memberSchema: SchemaInfo | null
  readonly parameters?: Readonly<Record<string, number>>
}

interface FieldInfo { readonly name: string, readonly schema: SchemaInfo, readonly type?: string, readonly headerKey?: string }

function schemaInfo (type: SqlType): SchemaInfo {
  switch (type.base) {
    case 'ARRAY': return { type: 'ARRAY', fields: null, memberSchema: schemaInfo(type.items) }
    case 'MAP': return { type: 'MAP', fields: null, memberSchema: schemaInfo(type.values) }
    case 'STRUCT': return { type: 'STRUCT', fields: type.fields.map(field => ({ name: field.name, schema: schemaInfo(field.type) })), memberSchema: null }
    case 'DECIMAL': return { type: 'DECIMAL', fields: null, memberSchema: null, parameters: { precision: type.precision, scale: type.scale } }
    default: return { type: type.base, fields: null, memberSchema: null }
  }
}

export function typeInfo (type: SqlType): SchemaInfo {
  return schemaInfo(type)
}

/** Key columns first, as DESCRIBE lists them. */
export function fieldInfos (schema: { readonly key: readonly Column[], readonly value: readonly Column[] }): FieldInfo[] {
  return [
    ...schema.key.map(column => ({ name: column.name, schema: schemaInfo(column.type), type: 'KEY' })),
    ...schema.value.map(column => ({
      name: column.name,
      schema: schemaInfo(column.type),
      ...(column.headerKey !== undefined && { type: 'HEADER', ...(column.headerKey !== '' && { headerKey: column.headerKey }) })
    }))
  ]
}

function status (running: RunningQuery | undefined): QueryStatus | 'UNRESPONSIVE' {
  return running?.status ?? 'UNRESPONSIVE'
}

/** A query as SHOW QUERIES and DESCRIBE list it. */
export function runningQuery (query: QueryEntry, world: World): object {
  const state = query.paused ? 'PAUSED' : status(world.running(query.id))
  return {
    queryString: query.sqlText,
    sinks: query.sinkName === undefined ? [] : [query.sinkName],
    sinkKafkaTopics: query.plan.sink === undefined ? [] : [query.plan.sink.topic],
    id: query.id,
    statusCount: { [state]: 1 },
    queryType: 'PERSISTENT',
    state
  }
}

export function consumerGroup (queryId: string): string {
  return `_confluent-ksql-default_query_${queryId}`
}

function offsetSummaries (query: QueryEntry, world: World): object {
  const byTopic = new Map<string, PartitionPosition[]>()
  for (const position of world.running(query.id)?.positions() ?? []) {
    byTopic.set(position.topic, [...byTopic.get(position.topic) ?? [], position])
  }
  return {
    groupId: consumerGroup(query.id),
    topicSummaries: [...byTopic].map(([kafkaTopic, positions]) => ({
      kafkaTopic,
      offsets: positions.map(({ topic, partition, offset, endOffset }) => ({
        partition, logStartOffset: world.log.partition(topic, partition)?.logStartOffset ?? 0, logEndOffset: endOffset, consumerOffset: offset
      }))
    }))
  }
}

/** DESCRIBE's answer about one source. */
export function sourceDescription (source: DataSource, extended: boolean, world: World): object {
  const readers = world.state.readers(source.name)
  const writers = world.state.writers(source.name)
  const topic = world.log.describeTopic(source.topic)
  // What the queries that read it could not process.
  const failed = extended ? readers.reduce((sum, query) => sum + (world.running(query.id)?.metrics.errors ?? 0), 0) : 0
  const now = Date.now()
  const constraints = new Set(readers.filter(query => query.kind === 'CREATE_AS').map(query => query.sinkName ?? ''))
  return {
    name: source.name,
    windowType: source.window?.type ?? null,
    readQueries: readers.map(query => runningQuery(query, world)),
    writeQueries: writers.map(query => runningQuery(query, world)),
    fields: fieldInfos(source.schema),
    type: source.kind,
    timestamp: source.timestampColumn?.column ?? '',
    statistics: extended ? statistics(source, writers, world) : '',
    errorStats: failed === 0 ? '' : errorStats(failed, now),
    extended,
    keyFormat: source.formats.key.format,
    valueFormat: source.formats.value.format,
    topic: source.topic,
    partitions: topic?.partitions ?? 0,
    replication: topic?.replicationFactor ?? 0,
    statement: source.sqlText,
    queryOffsetSummaries: extended ? writers.map(query => offsetSummaries(query, world)) : [],
    sourceConstraints: [...constraints],
    clusterStatistics: [],
    clusterErrorStats: failed === 0 ? [] : [{ name: 'consumer-failed-messages', host: HOST, value: failed, timestamp: now }]
  }
}

function statistics (source: DataSource, writers: readonly QueryEntry[], world: World): string {
  const total = writers.reduce((sum, query) => sum + (world.running(query.id)?.metrics.recordsOut ?? 0), 0)
  if (writers.length === 0 || total === 0) return ''
  return 'The statistics field is deprecated and will be removed in a future version of ksql. Please update your client to the latest version and use ' +
    `statisticsMap instead.\ntotal-messages: ${total}`
}

function errorStats (failed: number, now: number): string {
  return 'The errorStats field is deprecated and will be removed in a future version of ksql. Please update your client to the latest version and use ' +
    `errorStatsMap instead.\nconsumer-failed-messages:${String(failed).padStart(10)}      last-failed: ${new Date(now).toISOString()}`
}

/** SHOW STREAMS and SHOW TABLES: one line a source. */
export function sourceLine (source: DataSource): object {
  return {
    type: source.kind, name: source.name, topic: source.topic, keyFormat: source.formats.key.format, valueFormat: source.formats.value.format,
    isWindowed: source.window !== undefined
  }
}

/** EXPLAIN and SHOW QUERIES EXTENDED: the whole of a persistent query. */
export function queryDescription (query: QueryEntry, world: World, schema: { readonly key: readonly Column[], readonly value: readonly Column[] }): object {
  const running = world.running(query.id)
  const state = query.paused ? 'PAUSED' : status(running)
  return {
    id: query.id,
    statementText: query.sqlText,
    windowType: query.plan.window?.type ?? null,
    fields: fieldInfos(schema),
    sources: query.plan.sourceNames,
    sinks: query.sinkName === undefined ? [] : [query.sinkName],
    topology: topologyText(query.plan),
    executionPlan: executionPlan(query),
    overriddenProperties: Object.fromEntries(Object.entries(query.properties).map(([name, value]) => [`ksql.streams.${name}`, value])),
    ksqlHostQueryStatus: { [HOST]: state },
    queryType: 'PERSISTENT',
    queryErrors: running?.errors ?? [],
    tasksMetadata: (running?.positions() ?? []).map(position => ({
      taskId: `0_${position.partition}`,
      topicOffsets: [{
        topicPartitionEntity: { topic: position.topic, partition: position.partition }, endOffset: position.endOffset, committedOffset: position.offset
      }],
      timeCurrentIdlingStarted: null
    })),
    consumerGroupId: consumerGroup(query.id),
    state
  }
}

function executionPlan (query: QueryEntry): string {
  return planLines(query.plan.physical, query.id, query.plan.sink === undefined ? 0 : 1,
    query.plan.sink === undefined ? '' : ` > [ SINK ] | Schema: ${plainSchema(query.plan.physical.schema)} | Logger: ${query.id}.${query.plan.sink.name}\n`)
}

type AnyStep = QueryEntry['plan']['physical']

/** The plan as indented lines, one a step. */
export function planLines (step: AnyStep, queryId: string, depth = 0, above = ''): string {
  const line = `${'\t\t'.repeat(depth)} > [ ${step.step.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()} ] | Schema: ${
    plainSchema(step.schema)} | Logger: ${queryId}.${step.context.replaceAll('/', '.')}\n`
  const below = 'source' in step ? [step.source] : 'left' in step ? [step.left, step.right] : []
  return below.reduce((text, source) => planLines(source, queryId, depth + 1, text), above + line)
}

function plainSchema (schema: { readonly key: readonly Column[], readonly value: readonly Column[] }): string {
  const column = (suffix: string) => (c: Column): string => `${c.name} ${printSqlType(c.type, name => name)}${suffix}`
  return [...schema.key.map(column(' KEY')), ...schema.value.map(column(''))].join(', ')
}
