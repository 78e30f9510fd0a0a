// The processing log: what queries could not process, as JSON records of a topic over which KSQL_PROCESSING_LOG is declared
// (ProcessingLogServerUtils, ProcessingLogMessageSchema).
import type { Log } from '../../log.js'
import { encodeBatch } from '../../records/batch.js'
import type { Row, Value } from '../plan/value.js'
import { Decimal } from '../plan/decimal.js'
import type { ProcessingError, RuntimeLogger } from '../runtime/api.js'
import { quoteIdentifier } from '../sql/keywords.js'
import type { Properties } from './properties.js'
import { LogTopics } from './topics.js'

const PREFIX = 'ksql.logging.processing.'
/** A flood of bad records must not sink the node: so many errors at once, and so many a second after that. What is more is only counted. */
const BURST = 500
const ERRORS_PER_SECOND = 100
const BATCH_MAX = 200
const TEXT_CHARS_MAX = 8192
const CAUSES_MAX = 20
/** Of a topic that is made here. */
const RETENTION_BYTES = 64 * 1024 * 1024

/** The numbers of message types, by which `message->type` tells which member is set. */
const MEMBERS = {
  DESERIALIZATION_ERROR: [0, 'deserializationError'],
  RECORD_PROCESSING_ERROR: [1, 'recordProcessingError'],
  PRODUCTION_ERROR: [2, 'productionError'],
  SERIALIZATION_ERROR: [3, 'serializationError'],
  KAFKA_STREAMS_THREAD_ERROR: [4, 'kafkaStreamsThreadError']
} as const

/** What all members but the smallest have in common, and the column's type as ksqlDB declares it. */
const CAUSE = 'cause ARRAY<VARCHAR>'
const MEMBER_TYPES: Readonly<Record<keyof typeof MEMBERS, string>> = {
  DESERIALIZATION_ERROR: `target VARCHAR, errorMessage VARCHAR, recordB64 VARCHAR, ${CAUSE}, \`topic\` VARCHAR`,
  RECORD_PROCESSING_ERROR: `errorMessage VARCHAR, record VARCHAR, ${CAUSE}`,
  PRODUCTION_ERROR: 'errorMessage VARCHAR',
  SERIALIZATION_ERROR: `target VARCHAR, errorMessage VARCHAR, record VARCHAR, ${CAUSE}, \`topic\` VARCHAR`,
  KAFKA_STREAMS_THREAD_ERROR: `errorMessage VARCHAR, threadName VARCHAR, ${CAUSE}`
}

function columns (): string {
  const members = Object.entries(MEMBERS).map(([type, [, member]]) => `${member} STRUCT<${MEMBER_TYPES[type as keyof typeof MEMBERS]}>`)
  return `logger VARCHAR, level VARCHAR, time BIGINT, message STRUCT<type INT, ${members.join(', ')}>`
}

/** The settings `ksql.logging.processing.…`, by ksqlDB's names and defaults. */
export interface ProcessingLogConfig {
  readonly topic: string
  readonly stream: string
  readonly partitions: number
  readonly createsTopic: boolean
  readonly createsStream: boolean
  /** Whether the rows themselves are written. */
  readonly includesRows: boolean
}

/** Throws RangeError for a number of partitions that is none. */
export function processingLogConfig (properties: Properties): ProcessingLogConfig {
  const of = (name: string): string | undefined => properties[PREFIX + name]
  const isTrue = (name: string): boolean => of(name)?.toLowerCase() === 'true'
  const partitions = Number(of('topic.partitions') ?? 1)
  if (!Number.isInteger(partitions) || partitions < 1) throw new RangeError(`${PREFIX}topic.partitions must be a number above 0, but is ${of('topic.partitions') ?? ''}`)
  const topic = of('topic.name') ?? ''
  return {
    topic: topic === '' ? `${properties['ksql.service.id'] ?? 'default_'}ksql_processing_log` : topic,
    stream: of('stream.name') ?? 'KSQL_PROCESSING_LOG',
    partitions,
    createsTopic: isTrue('topic.auto.create'),
    createsStream: isTrue('stream.auto.create'),
    includesRows: isTrue('rows.include')
  }
}

/** The statement that declares the stream over the topic. */
export function processingLogStatement ({ topic, stream }: ProcessingLogConfig): string {
  return `CREATE STREAM ${quoteIdentifier(stream)} (${columns()}) WITH (KAFKA_TOPIC='${topic.replaceAll("'", "''")}', VALUE_FORMAT='JSON', KEY_FORMAT='KAFKA');`
}

export interface ProcessingLogOptions {
  readonly log: Log
  readonly config: ProcessingLogConfig
  readonly logger?: RuntimeLogger
  /** ms since the epoch; by default Date.now. */
  readonly clock?: () => number
}

export class ProcessingLog {
  readonly #options: ProcessingLogOptions
  readonly #clock: () => number
  #records: Buffer[] = []
  #tokens = BURST
  #filledAt: number
  #left = 0
  #writing: Promise<void> | undefined
  #next = 0

  constructor (options: ProcessingLogOptions) {
    this.#options = options
    this.#clock = options.clock ?? Date.now
    this.#filledAt = this.#clock()
  }

  /** Makes the topic where the settings say so. */
  async open (): Promise<void> {
    const { log, config } = this.#options
    if (!config.createsTopic || log.describeTopic(config.topic) !== undefined) return
    await new LogTopics(log).create({ name: config.topic, partitions: config.partitions, config: { 'retention.bytes': String(RETENTION_BYTES) } })
  }

  /** Never throws. The record is written soon; beyond the bound it is left out, and how many were is told with the next that is not. */
  add (error: ProcessingError): void {
    const now = this.#clock()
    this.#tokens = Math.min(BURST, this.#tokens + Math.max(0, now - this.#filledAt) * ERRORS_PER_SECOND / 1000)
    this.#filledAt = now
    if (this.#tokens < 1) {
      this.#left++
      return
    }
    this.#tokens--
    const { logger, log, config } = this.#options
    if (this.#left > 0) logger?.warn(`${this.#left} more processing errors were counted, but not written to the processing log`)
    this.#left = 0
    logger?.warn(`${error.logger}: ${cut(error.message)}${error.cause[0] === undefined ? '' : `: ${cut(error.cause[0])}`}`)
    if (log.describeTopic(config.topic) === undefined) return
    this.#records.push(Buffer.from(JSON.stringify(entryOf(error, now, config.includesRows))))
    this.#writing ??= this.#write()
  }

  /** Resolves once all that was added is in the topic, or could not be written. */
  async flush (): Promise<void> {
    await this.#writing
  }

  async #write (): Promise<void> {
    const { log, config, logger } = this.#options
    await new Promise(resolve => { setImmediate(resolve) })
    try {
      while (this.#records.length > 0) {
        const records = this.#records.splice(0, BATCH_MAX)
        const partitions = log.describeTopic(config.topic)?.partitions ?? 0
        const partition = partitions === 0 ? undefined : log.partition(config.topic, this.#next++ % partitions)
        const timestamp = this.#clock()
        await partition?.append(encodeBatch(records.map(value => ({ timestamp, key: null, value }))))
      }
    } catch (error) {
      this.#records = []
      logger?.error(`The processing log could not be written: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.#writing = undefined
    }
  }
}

function cut (text: string): string {
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text
}

function entryOf (error: ProcessingError, time: number, includesRows: boolean): object {
  const [type, member] = MEMBERS[error.type]
  const none = Object.fromEntries(Object.values(MEMBERS).map(([, name]) => [name, null]))
  return { logger: error.logger, level: error.level, time, message: { type, ...none, [member]: detailsOf(error, includesRows) } }
}

function detailsOf (error: ProcessingError, includesRows: boolean): object {
  const errorMessage = cut(error.message)
  const cause = error.cause.slice(0, CAUSES_MAX).map(cut)
  const record = includesRows && error.record !== undefined ? error.record : null
  switch (error.type) {
    case 'DESERIALIZATION_ERROR': {
      const recordB64 = Buffer.isBuffer(record) ? record.subarray(0, TEXT_CHARS_MAX).toString('base64') : null
      return { target: error.target ?? 'value', errorMessage, recordB64, cause, topic: error.topic ?? null }
    }
    case 'RECORD_PROCESSING_ERROR': return { errorMessage, record: rowText(record), cause }
    case 'PRODUCTION_ERROR': return { errorMessage }
    case 'SERIALIZATION_ERROR': return { target: error.target ?? 'value', errorMessage, record: rowText(record), cause, topic: error.topic ?? null }
    case 'KAFKA_STREAMS_THREAD_ERROR': return { errorMessage, threadName: `_confluent-ksql-default_query_${error.queryId}-StreamThread-1`, cause }
  }
}

/** The row as a JSON array. */
function rowText (record: Buffer | Row | null): string | null {
  return record === null || Buffer.isBuffer(record) ? null : cut(`[${record.map(valueText).join(',')}]`)
}

function valueText (value: Value): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Decimal) return value.toString()
  if (Buffer.isBuffer(value)) return JSON.stringify(value.toString('base64'))
  if (value instanceof Map) return `{${[...value].map(([key, item]) => `${JSON.stringify(String(key))}:${valueText(item)}`).join(',')}}`
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`
  return JSON.stringify(value)
}
