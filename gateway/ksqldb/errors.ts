// What ksqlDB refuses, as one error type, and which refusals pass by themselves.

/** ksqlDB's own error: its HTTP status, its numeric error_code and its message. */
export class KsqlError extends Error {
  readonly status: number
  readonly errorCode: number
  readonly statement: string | undefined

  constructor (status: number, errorCode: number, message: string, statement?: string) {
    super(message)
    this.name = 'KsqlError'
    this.status = status
    this.errorCode = errorCode
    this.statement = statement
  }
}

const passing = [
  /is not available yet/i, // just after CREATE: the store is being made
  /Cannot determine which host contains the required partitions/i, // ~35 s after a restart: the group rebalances
  /Materialized data .*(?:not available|not ready)/i,
  /Unable to execute pull query/i, // all hosts of a partition were tried and none was ready
  /KafkaStreams (?:is not running|instance)/i,
  /state store .*(?:not available|migrated|may have migrated)/i,
  /KSQL is not yet ready to serve requests|Server is (?:starting|shutting down)/i
]

/** Whether to ask again: the server is there but its tables are not materialised here yet, or it is still starting. */
export const isPassing = (error: unknown): boolean => {
  if (error instanceof KsqlError) return error.status === 503 || error.errorCode === 50300 || passing.some(pattern => pattern.test(error.message))
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' &&
    /^(?:ECONNREFUSED|ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_CONNECT_TIMEOUT|UND_ERR_CLOSED)$/.test(code)
}

/**
 * ksqlDB writes each statement to its command topic by a producer of one transactional id: of two at the same moment, from whomever, it refuses one, or both,
 * with status 500, and what it refuses so is not written (DistributingExecutor of ksqlDB 7.9).
 */
const contended = /has been fenced by another producer|Could not write the statement\b[^]*\binto the command topic|Another command with the same id\b[^]*\bis being executed/i

/** A topic that another statement has just made is not known to every broker at once. */
const topicIsNew = /Failed to Describe Kafka Topic[^]*This server does not host this topic-partition/i

/** Whether a statement was refused for another at the same moment, or a moment before: to be asked again. */
export const isContended = (error: unknown): boolean =>
  error instanceof KsqlError && ((error.status === 500 && contended.test(error.message)) || topicIsNew.test(error.message))

/** An error body of ksqlDB, whatever its @type. */
export const toKsqlError = (status: number, body: string): KsqlError => {
  try {
    const parsed: unknown = JSON.parse(body)
    const entity = (Array.isArray(parsed) ? parsed[0] : parsed) as { error_code?: unknown, message?: unknown, statementText?: unknown } | null
    if (typeof entity?.message === 'string') {
      const statement = typeof entity.statementText === 'string' ? entity.statementText : undefined
      return new KsqlError(status, typeof entity.error_code === 'number' ? entity.error_code : status * 100, entity.message, statement)
    }
  } catch {
    // not JSON: a proxy's page, or nothing at all
  }
  return new KsqlError(status, status * 100, `HTTP ${status}: ${body.slice(0, 300)}`)
}
