// What stops a query, as an exception stops a Kafka Streams thread: it is told, and the query begins again at its last commit.
import type { QueryError } from './api.js'

/** ksqlDB keeps as many of a query's errors (ksql.query.error.max.queue.size). */
const ERRORS_MAX = 10

/** A failure that no later record mends. `causes` stand below the message, outermost first. */
export class QueryFailure extends Error {
  override readonly name: string = 'QueryFailure'
  readonly type: QueryError['type']
  readonly causes: readonly string[]

  constructor (message: string, type: QueryError['type'], causes: readonly string[] = []) {
    super(message)
    this.type = type
    this.causes = causes
  }
}

/** As Kafka Streams words it when a processor throws: which record it was. */
export function processingFailure (topic: string, partition: number, offset: number, error: Error): QueryFailure {
  const place = `taskId=0_${partition}, processor=KSTREAM-SOURCE-0000000000, topic=${topic}, partition=${partition}, offset=${offset}`
  return new QueryFailure(`Exception caught in process. ${place}, stacktrace=${error.name}: ${error.message}`, 'UNKNOWN', messagesOf(error))
}

/** As Kafka Streams words it when ROWTIME cannot be had and `ksql.timestamp.throw.on.invalid` is true. */
export function timestampFailure (topic: string, partition: number, offset: number, causes: readonly string[]): QueryFailure {
  return new QueryFailure('Fatal user code error in TimestampExtractor callback for record ' +
    `ConsumerRecord(topic = ${topic}, partition = ${partition}, offset = ${offset}).`, 'USER', causes)
}

/** The messages of an error and of what is below it (ErrorMessageUtil.getErrorMessages). */
export function messagesOf (error: Error): string[] {
  const messages = [error.message]
  if ('causes' in error && Array.isArray(error.causes)) messages.push(...error.causes as string[])
  if (error.cause instanceof Error && messages.length < ERRORS_MAX) messages.push(...messagesOf(error.cause))
  return messages
}

/** The last errors of a query, bounded. */
export class QueryErrors {
  readonly #errors: QueryError[] = []

  get all (): readonly QueryError[] { return this.#errors }

  add (error: Error, timestamp: number): void {
    const [message = '', ...causes] = messagesOf(error)
    const type = error instanceof QueryFailure ? error.type : 'SYSTEM'
    this.#errors.push({ timestamp, errorMessage: [message, ...causes.map(cause => `Caused by: ${cause}`)].join('\n'), type })
    if (this.#errors.length > ERRORS_MAX) this.#errors.shift()
  }
}
