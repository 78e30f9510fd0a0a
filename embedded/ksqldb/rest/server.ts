// ksqlDB's REST API over HTTP/1.1: paths, methods, bodies with a bound, time-outs, an orderly end.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { KsqlEngine } from '../engine/engine.js'
import { EngineError } from '../engine/errors.js'
import { QueriesHandler } from './queries-handler.js'
import { JSON_TYPE, objectMember, parseObject, readBody, send, sendError, sendJson, textMembers } from './responses.js'

/** The version of ksqlDB whose API this is. */
const API_VERSION = '7.9.1'
const NOT_FOUND = '<html><body><h1>Resource not found</h1></body></html>'

type Handler = (body: string, request: IncomingMessage, response: ServerResponse) => void

export interface RestOptions {
  readonly engine: KsqlEngine
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
  readonly clusterId: string
  /** `ksql.service.id`. */
  readonly serviceId: string
}

export class RestServer {
  readonly #server: Server
  readonly #engine: KsqlEngine
  readonly #clusterId: string
  readonly #serviceId: string
  readonly #queries: QueriesHandler
  readonly #posts: Readonly<Record<string, Handler | undefined>>
  readonly #gets: Readonly<Record<string, ((response: ServerResponse) => void) | undefined>>

  private constructor (options: RestOptions) {
    this.#engine = options.engine
    this.#clusterId = options.clusterId
    this.#serviceId = options.serviceId
    this.#queries = new QueriesHandler(options.engine)
    this.#posts = {
      __proto__: null as never,
      '/ksql': (body, _, response) => this.#ksql(body, response),
      '/query': (body, request, response) => this.#queries.handle('/query', body, request, response),
      '/query-stream': (body, request, response) => this.#queries.handle('/query-stream', body, request, response),
      '/close-query': (body, _, response) => this.#queries.close(body, response),
      '/inserts-stream': (_, __, response) => sendError(response, new EngineError('This endpoint is only available when using HTTP2', undefined, 40004))
    }
    this.#gets = {
      __proto__: null as never,
      '/': response => {
        response.setHeader('location', '/info')
        send(response, 307, '')
      },
      '/info': response => sendJson(response, {
        KsqlServerInfo: { version: API_VERSION, kafkaClusterId: this.#clusterId, ksqlServiceId: this.#serviceId, serverStatus: 'RUNNING' }
      }),
      '/healthcheck': response => sendJson(response, {
        isHealthy: true, details: { metastore: { isHealthy: true }, kafka: { isHealthy: true }, commandRunner: { isHealthy: true } }, serverState: 'READY'
      }),
      '/clusterStatus': response => send(response, 404, '', JSON_TYPE),
      '/status': response => sendJson(response, {
        commandStatuses: Object.fromEntries([...this.#engine.statuses()].map(([id, { status }]) => [id, status]))
      }),
      '/v1/metadata': response => sendJson(response, { version: API_VERSION, clusterId: this.#cluster() }),
      '/v1/metadata/id': response => sendJson(response, this.#cluster())
    }
    // A request must have come whole after a minute; idle connections are kept for one.
    const timeouts = { requestTimeout: 60_000, headersTimeout: 30_000, keepAliveTimeout: 60_000 }
    this.#server = createServer(timeouts, (request, response) => this.#handle(request, response))
    this.#server.on('clientError', (_, socket) => socket.writable ? socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n') : socket.destroy())
  }

  /** Listens. Rejects where the port is taken. */
  static async listen (options: RestOptions): Promise<RestServer> {
    const rest = new RestServer(options)
    await new Promise<void>((resolve, reject) => {
      rest.#server.once('error', reject)
      rest.#server.listen(options.port, options.host, () => {
        rest.#server.off('error', reject)
        resolve()
      })
    })
    return rest
  }

  get address (): { host: string, port: number } {
    const { address, port } = this.#server.address() as AddressInfo
    return { host: address, port }
  }

  /** Ends push queries, lets running answers finish, then closes every connection. */
  async close (): Promise<void> {
    this.#queries.closeAll()
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const force = setTimeout(() => this.#server.closeAllConnections(), 1000)
    await closed
    clearTimeout(force)
  }

  #handle (request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '/'
    const end = url.indexOf('?')
    const path = end < 0 ? url : url.slice(0, end)
    const post = this.#posts[path]
    if (post !== undefined && request.method === 'POST') return this.#withBody(post, request, response)
    const get = this.#gets[path]
    const pattern = get ?? this.#pattern(path)
    if (pattern !== undefined && (request.method === 'GET' || request.method === 'HEAD')) return pattern(response)
    if (post !== undefined || pattern !== undefined) return send(response, 405, '')
    send(response, 404, NOT_FOUND, 'text/html; charset=utf-8')
  }

  #withBody (handler: Handler, request: IncomingMessage, response: ServerResponse): void {
    readBody(request, (error, body) => {
      if (error === undefined) return handler(body, request, response)
      if (response.destroyed) return
      response.setHeader('connection', 'close')
      sendError(response, new EngineError(error.message, undefined, error.status * 100))
    })
  }

  /** Paths with a parameter. */
  #pattern (path: string): ((response: ServerResponse) => void) | undefined {
    if (path.startsWith('/is_valid_property/')) return response => sendJson(response, true)
    if (!path.startsWith('/status/')) return undefined
    return response => {
      const status = this.#engine.statuses().get(decode(path.slice('/status/'.length)))
      if (status === undefined) sendError(response, new EngineError('Command not found', undefined, 40400), JSON_TYPE)
      else sendJson(response, status)
    }
  }

  #ksql (body: string, response: ServerResponse): void {
    let asked: Record<string, unknown>
    try {
      asked = parseObject(body)
    } catch (error) {
      return sendError(response, error)
    }
    this.#execute(asked).then(
      entities => sendJson(response, entities),
      (error: unknown) => sendError(response, error, JSON_TYPE))
  }

  async #execute (asked: Record<string, unknown>): Promise<unknown> {
    const ksql = asked['ksql'] ?? ''
    if (typeof ksql !== 'string') throw new EngineError('Invalid JSON in request: "ksql" must be a string')
    return await this.#engine.execute({
      ksql, properties: objectMember(asked, 'streamsProperties'), variables: textMembers(asked, 'sessionVariables')
    })
  }

  #cluster (): object {
    return { scope: { path: [], clusters: { 'kafka-cluster': this.#clusterId, 'ksql-cluster': this.#serviceId } }, id: '' }
  }
}

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
