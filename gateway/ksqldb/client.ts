// The wire client of ksqlDB: statements, pull queries and push queries over HTTP/1.1, and nothing that knows a table's name.
import { Pool, type Dispatcher } from 'undici'
import { isContended, isPassing, KsqlError, toKsqlError } from './errors.js'
import { readLines } from './lines.js'
import { askWhole } from './whole-answer.js'

export type Row = readonly unknown[]
export type StreamsProperties = Readonly<Record<string, string>>

export interface PullResult { readonly columnNames: readonly string[], readonly rows: readonly Row[] }
export interface PushQuery {
  readonly columnNames: readonly string[]
  readonly columnTypes?: readonly string[]
  readonly rows: AsyncIterable<Row>
}

export interface KsqlClientOptions {
  readonly url: string
  readonly credentials?: { readonly username: string, readonly password: string } | undefined
  /** Until then a pull query is asked again while ksqlDB says that the table is not ready. */
  readonly pullTimeoutMs: number
  /** Connections for pull queries: ksqlDB's documentation warns of many at once. */
  readonly connections?: number
  /** Told of each pull query: how long it took, its repetitions included, and how it ended. */
  readonly onPull?: (seconds: number, outcome: 'ok' | 'error') => void
}

interface CommandEntity {
  readonly '@type'?: string
  readonly commandId?: string
  readonly commandStatus?: { readonly status: string, readonly message: string }
  readonly message?: string
}

const delimited = 'application/vnd.ksqlapi.delimited.v1'
const admin = 'application/vnd.ksql.v1+json'
const retryDelayMsMax = 250
const statementTimeoutMs = 60_000
/** For so long a statement is asked again that is refused for others at the same moment. */
const contentionTimeoutMs = 30_000
const contentionDelayMsMax = 1_000
/** To drop a table ksqlDB waits for its query to end, for five minutes unless told (ksql.streams.shutdown.timeout.ms), and goes on without. */
const settleTimeoutMs = 360_000
const scanSilenceMs = 60_000
const wait = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

interface AskingAgain {
  /** Whether a refusal passes, so that asking again may help. */
  readonly passes: (error: unknown) => boolean
  /** No attempt begins after it, by performance.now(). */
  readonly deadline: number
  /** What lies between attempts: at first so long, then twice as long each time, up to the most. */
  readonly delayMs: number
  readonly delayMsMax: number
  /** What a delay is multiplied by; 1 unless given. */
  readonly spread?: () => number
}

/** Asks until there is an answer. @throws the error of the last attempt. */
const askAgain = async <T>(ask: () => Promise<T>, { passes, deadline, delayMs, delayMsMax, spread = () => 1 }: AskingAgain): Promise<T> => {
  for (let delay = delayMs; ; delay = Math.min(delay * 2, delayMsMax)) {
    try {
      return await ask()
    } catch (error) {
      const ms = delay * spread()
      if (!passes(error) || performance.now() + ms > deadline) throw error
      await wait(ms)
    }
  }
}

/** Of pull queries, until the deadline. */
const pullAgain = (deadline: number): AskingAgain => ({ passes: isPassing, deadline, delayMs: 10, delayMsMax: retryDelayMsMax })

const isHeader = (value: unknown): value is { columnNames: string[], columnTypes?: string[] } =>
  typeof value === 'object' && value !== null && Array.isArray((value as { columnNames?: unknown }).columnNames)

/** The values of an answer of one JSON value a line, all parsed at once: in JSON no line ends but between values. */
const valuesOf = (text: string): readonly unknown[] => JSON.parse(`[${text.trim().replace(/[\r\n]+/g, ',')}]`) as unknown[]

/** Connections for lookups, and how many queries may be unanswered on each. */
const lookupPool = { connections: 2, pipelining: 2 }

export class KsqlClient {
  readonly #pool: Pool
  readonly #lookupPool: Pool
  readonly #pushPool: Pool
  readonly #scanPool: Pool
  readonly #headers: Record<string, string>
  readonly #pullTimeoutMs: number
  #pushes = new AbortController()
  readonly #onPull: NonNullable<KsqlClientOptions['onPull']>

  constructor (options: KsqlClientOptions) {
    this.#pool = new Pool(options.url, { connections: options.connections ?? 16, pipelining: 1, keepAliveTimeout: 30_000 })
    // asked behind another that is not answered yet, a query is sent at once; before it uses an idle connection undici lets the event loop turn, to see that
    // it is not closed: under load that wait is as long as the query, and what it takes besides a tenth of a redirect
    this.#lookupPool = new Pool(options.url, { ...lookupPool, keepAliveTimeout: 30_000 })
    // a push query holds its connection, so these are counted apart; its body has no end, hence no body time-out
    this.#pushPool = new Pool(options.url, { connections: 16, bodyTimeout: 0, headersTimeout: 30_000 })
    // nor may a scan of a million rows keep pulls by key waiting; who takes its rows slowly is waited for, a server that says nothing is not
    this.#scanPool = new Pool(options.url, { connections: 16, pipelining: 1, headersTimeout: scanSilenceMs, bodyTimeout: scanSilenceMs })
    this.#pullTimeoutMs = options.pullTimeoutMs
    this.#onPull = options.onPull ?? (() => {})
    this.#headers = { 'content-type': 'application/json' }
    if (options.credentials !== undefined) {
      const { username, password } = options.credentials
      this.#headers['authorization'] = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    }
  }

  /** Asks for an answer of any length, which is read as it comes. */
  async #stream (pool: Pool, sql: string, properties: StreamsProperties, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const response = await pool.request({
      method: 'POST', path: '/query-stream', headers: { ...this.#headers, accept: delimited }, body: JSON.stringify({ sql, properties }), signal
    })
    if (response.statusCode !== 200) throw toKsqlError(response.statusCode, await response.body.text())
    return response
  }

  /** Asks for an answer that is short, or of few rows. GETs where no body is given. */
  async #whole (path: string, accept: string, body: unknown, timeoutMs: number, pool = this.#pool): Promise<string> {
    const isLookup = pool === this.#lookupPool // which the next may follow at once, and which may be asked twice
    const { statusCode, text } = await askWhole(pool, {
      idempotent: isLookup,
      blocking: !isLookup,
      method: body === undefined ? 'GET' : 'POST',
      path,
      headers: { ...this.#headers, accept },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    if (statusCode !== 200) throw toKsqlError(statusCode, text)
    return text
  }

  async #pullOnce (sql: string, timeoutMs: number, pool: Pool): Promise<PullResult> {
    let columnNames: readonly string[] = []
    const rows: Row[] = []
    for (const value of valuesOf(await this.#whole('/query-stream', delimited, { sql, properties: {} }, timeoutMs, pool))) {
      if (Array.isArray(value)) rows.push(value)
      else if (isHeader(value)) columnNames = value.columnNames
      else if ((value as { message?: unknown }).message !== undefined) throw toKsqlError(400, JSON.stringify(value))
    }
    return { columnNames, rows }
  }

  /**
   * Runs a pull query; a missing key gives no rows. While ksqlDB answers that the table is not materialised yet, it is asked again
   * until the time-out: the client's own, unless another is given.
   * @throws KsqlError as ksqlDB refused it, or undici's error where the server could not be reached in time.
   */
  async pull (sql: string, timeoutMs = this.#pullTimeoutMs): Promise<PullResult> {
    return await this.#pull(sql, timeoutMs, this.#pool)
  }

  /**
   * As `pull`, for queries by key that come by the thousand a second and are answered at once: they share two connections, on which one may be sent while
   * the one before it is unanswered (HTTP/1.1 pipelining, RFC 9112 9.3.2). Two at once run in ksqlDB, and each may wait for another's time-out besides its own.
   */
  async lookUp (sql: string): Promise<PullResult> {
    return await this.#pull(sql, this.#pullTimeoutMs, this.#lookupPool)
  }

  async #pull (sql: string, timeoutMs: number, pool: Pool): Promise<PullResult> {
    const started = performance.now()
    const deadline = started + timeoutMs
    let outcome: 'ok' | 'error' = 'error'
    try {
      const result = await askAgain(() => this.#pullOnce(sql, Math.max(1, Math.ceil(deadline - performance.now())), pool), pullAgain(deadline))
      outcome = 'ok'
      return result
    } finally {
      this.#onPull((performance.now() - started) / 1_000, outcome)
    }
  }

  async #eachOnce (sql: string, onRow: (row: Row) => void, signal: AbortSignal): Promise<void> {
    const { body } = await this.#stream(this.#pool, sql, {}, signal)
    for await (const line of readLines(body)) {
      const value: unknown = JSON.parse(line)
      if (Array.isArray(value)) onRow(value)
      else if ((value as { message?: unknown }).message !== undefined) throw toKsqlError(400, line)
    }
  }

  /**
   * Runs a pull query of many rows and hands each over as it comes; an error thrown by `onRow` ends it. Asked again as `pull` is, unless rows have come.
   * @throws KsqlError as ksqlDB refused it, undici's error where the server could not be reached, or a TimeoutError where it took longer.
   */
  async pullEach (sql: string, onRow: (row: Row) => void, timeoutMs = this.#pullTimeoutMs): Promise<void> {
    const signal = AbortSignal.timeout(timeoutMs)
    const deadline = performance.now() + timeoutMs
    let hasRows = false
    const ask = async (): Promise<void> => await this.#eachOnce(sql, row => {
      hasRows = true
      onRow(row)
    }, signal)
    await askAgain(ask, { ...pullAgain(deadline), passes: error => !hasRows && isPassing(error) })
  }

  /**
   * Starts a push query. Its rows end when the server ends it, and throw where the connection breaks; aborting the signal ends both.
   * @throws KsqlError as ksqlDB refused it.
   */
  async push (sql: string, properties: StreamsProperties, signal: AbortSignal): Promise<PushQuery> {
    return await this.#rows(this.#pushPool, sql, properties, AbortSignal.any([signal, this.#pushes.signal]))
  }

  /**
   * Runs a pull query whose rows are given as they come, no faster than they are taken: for what reads a whole table. As with `pull`, it is
   * asked again while the table is not ready. Giving up the rows, or aborting the signal, ends it.
   * @throws KsqlError as ksqlDB refused it; the rows throw where the connection breaks.
   */
  async scan (sql: string, signal: AbortSignal): Promise<PushQuery> {
    return await askAgain(() => this.#rows(this.#scanPool, sql, {}, signal), pullAgain(performance.now() + this.#pullTimeoutMs))
  }

  async #rows (pool: Pool, sql: string, properties: StreamsProperties, signal: AbortSignal): Promise<PushQuery> {
    const { body } = await this.#stream(pool, sql, properties, signal)
    const lines = readLines(body)
    const first = await lines.next()
    if (first.done === true) throw new KsqlError(200, 50000, 'The query ended before its header')
    const header: unknown = JSON.parse(first.value)
    if (!isHeader(header)) throw toKsqlError(400, first.value)
    const rows = async function * (): AsyncGenerator<Row> {
      for await (const line of lines) {
        const value: unknown = JSON.parse(line)
        if (Array.isArray(value)) yield value
        else if (typeof (value as { error_code?: unknown }).error_code === 'number') throw toKsqlError(200, line)
      }
    }
    return { columnNames: header.columnNames, columnTypes: header.columnTypes ?? [], rows: rows() }
  }

  /**
   * Runs one statement that is not a query, and waits until it has been carried out. Asked again where ksqlDB refused it for another at the same moment.
   * @returns the server's entities, such as a currentStatus or a warning_entity.
   * @throws KsqlError as ksqlDB refused it.
   */
  async statement (ksql: string, properties: StreamsProperties = {}): Promise<readonly CommandEntity[]> {
    const answer = await askAgain(() => this.#whole('/ksql', admin, { ksql, streamsProperties: properties }, statementTimeoutMs), {
      passes: isContended,
      deadline: performance.now() + contentionTimeoutMs,
      delayMs: 50,
      delayMsMax: contentionDelayMsMax,
      spread: () => 0.5 + Math.random() // those that were refused for each other must not ask again in step
    })
    const entities = JSON.parse(answer) as CommandEntity[]
    for (const entity of entities) await this.#settled(entity)
    return entities
  }

  /** A command that the server has queued is followed until it succeeds or fails. */
  async #settled (entity: CommandEntity): Promise<void> {
    if (entity.commandId === undefined || entity.commandStatus === undefined) return
    let { status, message } = entity.commandStatus
    const deadline = performance.now() + settleTimeoutMs
    for (let delay = 20; status !== 'SUCCESS'; delay = Math.min(delay * 2, retryDelayMsMax)) {
      if (status === 'ERROR' || status === 'TERMINATED') throw new KsqlError(200, 50000, message)
      if (performance.now() > deadline) throw new KsqlError(200, 50000, `${entity.commandId} is still ${status}: ${message}`)
      await wait(delay)
      const answer = await this.get(`/status/${entity.commandId}`) as { status: string, message: string };
      ({ status, message } = answer)
    }
  }

  /** GETs one of the server's own paths, such as /info or /healthcheck. */
  async get (path: string, timeoutMs = 5_000): Promise<unknown> {
    return JSON.parse(await this.#whole(path, admin, undefined, timeoutMs)) as unknown
  }

  /** Ends the push queries that run now, as if their connections had broken. */
  breakPushes (): void {
    this.#pushes.abort(new Error('the push query is to begin anew'))
    this.#pushes = new AbortController()
  }

  /** Ends every connection, push queries included. */
  async close (): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#lookupPool.destroy(), this.#pushPool.destroy(), this.#scanPool.destroy()])
  }
}
