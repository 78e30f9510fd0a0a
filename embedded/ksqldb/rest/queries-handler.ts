// POST /query and /query-stream: one query in, its rows out, as they come and no faster than the client takes them.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { EngineError, toEngineError } from '../engine/errors.js'
import type { KsqlEngine } from '../engine/engine.js'
import { printTopic } from '../engine/print-topic.js'
import { NoQuery, PrepareFailure, Queries, type PullResult, type PushResult, type QueryRequest } from '../engine/queries.js'
import { perColumns } from './per-columns.js'
import { rowWriter } from './row-writer.js'
import { errorBody, objectMember, outgoing, parseObject, send, sendError, textMembers, JSON_TYPE } from './responses.js'
import { formFor, type QueryForm } from './query-writer.js'

const PUSH_QUERIES_MAX = 1000
/** Rows of a pull query are written in pieces of about this many characters. */
const PIECE_CHARS = 64 * 1024

const pullWriter = perColumns(columns => rowWriter(columns.map(column => column.type)))

const isEmpty = (object: Readonly<Record<string, unknown>>): boolean => {
  for (const name in object) if (Object.hasOwn(object, name)) return false
  return true
}

export class QueriesHandler {
  readonly #engine: KsqlEngine
  readonly #queries: Queries
  readonly #running = new Map<string, () => void>()

  constructor (engine: KsqlEngine) {
    this.#engine = engine
    this.#queries = new Queries(engine)
  }

  /** Answers; never throws. */
  handle (path: string, body: string, request: IncomingMessage, response: ServerResponse): void {
    let asked: { sql: string, properties: Record<string, unknown>, variables: Record<string, string> }
    try {
      asked = path === '/query' ? oldRequest(parseObject(body)) : newRequest(parseObject(body))
      const fast = isEmpty(asked.properties) && isEmpty(asked.variables) ? this.#queries.fastPull(asked.sql) : undefined
      if (fast !== undefined) return sendSmall(fast, formFor(path, request.headers.accept), response)
    } catch (error) {
      return sendError(response, error, path === '/query' ? JSON_TYPE : undefined)
    }
    this.#start(path, asked, request, response).catch((error: unknown) => fail(response, error, path))
  }

  async #start (path: string, asked: Omit<QueryRequest, 'signal'>, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    if (this.#running.size >= PUSH_QUERIES_MAX) throw new EngineError('Maximum number of push queries exceeded', undefined, 50300)
    const result = await this.#queries.start({ ...asked, signal: gone.signal })
    const form = formFor(path, request.headers.accept)
    switch (result.kind) {
      case 'pull': return await sendPull(result, form, response)
      case 'push': return await this.#sendPush(result, form, response, gone)
      case 'print': return await printTopic(result.statement, this.#engine, gone.signal, line => writePiece(response, line, 'text/plain'), () => response.end())
    }
  }

  async #sendPush (result: PushResult, form: QueryForm, response: ServerResponse, gone: AbortController): Promise<void> {
    const { id, columns, query } = result
    this.#running.set(id, () => gone.abort())
    try {
      response.setHeader('content-type', form.contentType)
      const isHttp2 = response.req.httpVersionMajor === 2
      const tell = isHttp2 ? writeFrame : writePiece
      await tell(response, form.header(id, columns, false))
      const write = rowWriter(columns.map(column => column.type), result.places)
      for await (const rows of query) {
        const texts = rows.map(row => form.row(write(row.values), row.tombstone))
        for (const text of isHttp2 ? texts : [texts.join('')]) await tell(response, text)
        if (gone.signal.aborted) break
      }
      response.end(outgoing(response, (query.limitReached ? form.limitReached : query.completed ? form.completed : '') + form.end))
    } catch (error) {
      response.end(outgoing(response, gone.signal.aborted ? '' : form.error(errorBody(toEngineError(error))) + form.end))
    } finally {
      this.#running.delete(id)
      await query.close()
    }
  }

  /** POST /close-query: ends a push query of this server. */
  close (body: string, response: ServerResponse): void {
    try {
      const { queryId } = parseObject(body)
      if (typeof queryId === 'object' && queryId !== null) throw new EngineError('Invalid JSON in request: "queryId" must be a string')
      const end = typeof queryId === 'string' ? this.#running.get(queryId) : undefined
      if (end === undefined) throw new EngineError(`No query with id ${String(queryId)}`)
      end()
      send(response, 200, '')
    } catch (error) {
      sendError(response, error)
    }
  }

  /** Ends all push queries. */
  closeAll (): void {
    for (const end of [...this.#running.values()]) end()
  }
}

function newRequest (body: Record<string, unknown>): { sql: string, properties: Record<string, unknown>, variables: Record<string, string> } {
  const sql = body['sql']
  if (sql === undefined || sql === null) {
    throw new EngineError("Invalid JSON in request: Missing required creator property 'sql' (index 0)\n at [Source: REDACTED " +
      '(`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2] (through reference chain: ' +
      'io.confluent.ksql.rest.entity.QueryStreamArgs["sql"])')
  }
  if (typeof sql !== 'string') throw new EngineError('Invalid JSON in request: "sql" must be a string')
  return { sql, properties: objectMember(body, 'properties'), variables: textMembers(body, 'sessionVariables') }
}

function oldRequest (body: Record<string, unknown>): { sql: string, properties: Record<string, unknown>, variables: Record<string, string> } {
  const sql = body['ksql']
  if (typeof sql !== 'string' || sql.trim() === '') throw new EngineError('"ksql" field must be populated')
  return { sql, properties: objectMember(body, 'streamsProperties'), variables: textMembers(body, 'sessionVariables') }
}

function fail (response: ServerResponse, error: unknown, path: string): void {
  if (response.headersSent || response.destroyed) response.end()
  else if (path === '/query') failOld(response, error)
  else sendError(response, error)
}

/** The old /query words some refusals in its own way, and says JSON of all that it finds before planning. */
function failOld (response: ServerResponse, error: unknown): void {
  if (error instanceof NoQuery) {
    const message = "Statement type `io.confluent.ksql.parser.KsqlParser$PreparedStatement' not supported for this resource"
    sendError(response, new EngineError(message), JSON_TYPE)
  } else if (error instanceof PrepareFailure) {
    const cause = error.causeMessage === undefined ? '' : `\nCaused by: ${error.causeMessage}`
    sendError(response, new EngineError(error.message + cause, error.statementText, error.code), JSON_TYPE)
  } else sendError(response, error)
}

/** A pull by one key: one piece, with its length. */
function sendSmall (result: PullResult, form: QueryForm, response: ServerResponse): void {
  let text = form.header(result.id, result.columns, true)
  const write = pullWriter(result.columns)
  for (const row of result.rows) if (row !== undefined) text += form.row(write(row), false)
  send(response, 200, text + form.end, form.contentType)
}

async function sendPull (result: PullResult, form: QueryForm, response: ServerResponse): Promise<void> {
  const write = pullWriter(result.columns)
  let text = form.header(result.id, result.columns, true)
  let pieces = 0
  for (const row of result.rows) {
    if (row === undefined) {
      await new Promise<void>(resolve => { setImmediate(resolve) })
      if (response.destroyed) return
      continue
    }
    text += form.row(write(row), false)
    if (text.length < PIECE_CHARS) continue
    if (pieces++ === 0) response.setHeader('content-type', form.contentType)
    await writePiece(response, text)
    if (response.destroyed) return
    text = ''
  }
  if (pieces === 0) return send(response, 200, text + form.end, form.contentType)
  response.end(outgoing(response, text + form.end))
}

/** Writes a DATA frame of its own, as ksqlDB does over HTTP/2: ksqldb-client takes each for one row. Resolves when it has been sent, or the client is gone. */
async function writeFrame (response: ServerResponse, text: string): Promise<void> {
  if (response.destroyed || text === '') return await writePiece(response, text)
  await new Promise<void>(resolve => {
    response.once('close', resolve)
    response.write(outgoing(response, text), () => {
      response.off('close', resolve)
      resolve()
    })
  })
}

/** Resolves when the client has room for more, or is gone. */
async function writePiece (response: ServerResponse, text: string, contentType?: string): Promise<void> {
  if (response.destroyed) return
  if (contentType !== undefined && !response.headersSent) response.setHeader('content-type', contentType)
  if (text === '') return response.flushHeaders()
  if (response.write(outgoing(response, text))) return
  await new Promise<void>(resolve => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
