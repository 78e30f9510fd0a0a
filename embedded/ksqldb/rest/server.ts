// ksqlDB's REST API over HTTP/1.1 and HTTP/2 without TLS, on one port: paths, methods, bodies with a bound, time-outs, an orderly end.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2Server, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { isAllowed, type Credentials } from './basic-auth.js'
import type { KsqlEngine } from '../engine/engine.js'
import { EngineError } from '../engine/errors.js'
import { insertsStream } from './inserts-stream.js'
import { QueriesHandler } from './queries-handler.js'
import { JSON_TYPE, objectMember, parseObject, readBody, send, sendError, sendJson, textMembers } from './responses.js'

/** The version of ksqlDB whose API this is. */
const API_VERSION = '7.9.1'
/** Answers that are under way at the end may take this long. */
const CLOSE_MS_MAX = 1000
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
  /** Users and passwords; without, everybody may ask. */
  readonly credentials?: Credentials
}

/** What every connection over HTTP/2 begins with (RFC 9113, 3.4). */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0')
/** A connection must have said something after this long. */
const FIRST_BYTES_MS_MAX = 30_000

/** What Node's own server answers where none looks. */
const CLIENT_ERRORS: Readonly<Record<string, string | undefined>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout', HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large'
}

export class RestServer {
  readonly #tcp: TcpServer
  readonly #server: Server
  readonly #http2: Http2Server
  readonly #sockets = new Set<Socket>()
  readonly #credentials: Credentials | undefined
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
    this.#credentials = options.credentials
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
      '/clusterStatus': response => this.#clusterStatus(response),
      '/status': response => sendJson(response, {
        commandStatuses: Object.fromEntries([...this.#engine.statuses()].map(([id, { status }]) => [id, status]))
      }),
      '/v1/metadata': response => sendJson(response, { version: API_VERSION, clusterId: this.#cluster() }),
      '/v1/metadata/id': response => sendJson(response, this.#cluster())
    }
    // A request must have come whole after a minute; idle connections are kept for one.
    const timeouts = { requestTimeout: 60_000, headersTimeout: 30_000, keepAliveTimeout: 60_000 }
    this.#server = createServer(timeouts, (request, response) => this.#handle(request, response))
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const status = CLIENT_ERRORS[error.code ?? ''] ?? '400 Bad Request'
      if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`)
      else socket.destroy()
    })
    // It listens through the TCP server: this starts its own watch over time-outs and idle connections.
    this.#server.emit('listening')
    this.#http2 = createHttp2Server({}, (request, response) => this.#handle2(request, response))
    this.#http2.on('sessionError', () => {})
    this.#tcp = createTcpServer({ noDelay: true }, socket => this.#connect(socket))
  }

  /** Listens. Rejects where the port is taken. */
  static async listen (options: RestOptions): Promise<RestServer> {
    const rest = new RestServer(options)
    await new Promise<void>((resolve, reject) => {
      rest.#tcp.once('error', reject)
      rest.#tcp.listen(options.port, options.host, () => {
        rest.#tcp.off('error', reject)
        resolve()
      })
    })
    return rest
  }

  /** Hands the connection to the version of HTTP that its first bytes speak. */
  #connect (socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.once('error', () => socket.destroy())
    socket.setTimeout(FIRST_BYTES_MS_MAX, () => socket.destroy())
    socket.once('data', (first: Buffer) => {
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.pause()
      socket.unshift(first)
      const length = Math.min(first.length, HTTP2_PREFACE.length)
      const speaksHttp2 = first.subarray(0, length).equals(HTTP2_PREFACE.subarray(0, length))
      ;(speaksHttp2 ? this.#http2 : this.#server).emit('connection', socket)
      process.nextTick(() => socket.resume())
    })
  }

  get address (): { host: string, port: number } {
    const { address, port } = this.#tcp.address() as AddressInfo
    return { host: address, port }
  }

  /** Ends push queries, lets running answers finish, then closes every connection. */
  async close (): Promise<void> {
    this.#queries.closeAll()
    const closed = new Promise<void>(resolve => this.#tcp.close(() => resolve()))
    this.#server.closeIdleConnections()
    const idle = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, CLOSE_MS_MAX)
    // Connections that wait between two requests are closed as the answers on the others end.
    const poll = setInterval(() => this.#server.closeIdleConnections(), 20)
    this.#http2.close()
    await closed
    clearTimeout(idle)
    clearInterval(poll)
    // Stops the watch; it never listened itself, which is the error that it would report.
    this.#server.close(() => {})
  }

  /** HTTP/2 asks the same; only the stream of inserts is its own. */
  #handle2 (request: Http2ServerRequest, response: Http2ServerResponse): void {
    const path = request.url.split('?')[0]
    if (path !== '/inserts-stream' || request.method !== 'POST') {
      // The compatibility classes are made to stand in for those of HTTP/1.1.
      return this.#handle(request as unknown as IncomingMessage, response as unknown as ServerResponse)
    }
    if (!isAllowed(this.#credentials, request.headers.authorization)) return unauthorized(response as unknown as ServerResponse)
    insertsStream(this.#engine, request, response).catch(() => request.stream.destroy())
  }

  #handle (request: IncomingMessage, response: ServerResponse): void {
    if (!isAllowed(this.#credentials, request.headers.authorization)) return unauthorized(response)
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
      if (request.httpVersionMajor < 2) response.setHeader('connection', 'close')
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

  /** Of the one server that there is, where it has heartbeats on (ClusterStatusResource); else 404. */
  #clusterStatus (response: ServerResponse): void {
    if (this.#engine.properties({})['ksql.heartbeat.enable'] !== 'true') return send(response, 404, '', JSON_TYPE)
    const { host, port } = this.address
    const now = this.#engine.now()
    const activeStandbyPerQuery = Object.fromEntries(this.#engine.state.queries().map(({ id }) => [id, {
      activeStores: [],
      activePartitions: (this.#engine.runtime.query(id)?.positions() ?? []).map(({ topic, partition }) => ({ topic, partition })),
      standByStores: [],
      standByPartitions: []
    }]))
    const status = { hostAlive: true, lastStatusUpdateMs: now, activeStandbyPerQuery, hostStoreLags: { stateStoreLags: {}, updateTimeMs: now } }
    sendJson(response, { clusterStatus: { [`${host}:${port}`]: status } })
  }

  #cluster (): object {
    return { scope: { path: [], clusters: { 'kafka-cluster': this.#clusterId, 'ksql-cluster': this.#serviceId } }, id: '' }
  }
}

function unauthorized (response: ServerResponse): void {
  response.setHeader('www-authenticate', 'Basic realm="ksql"')
  sendError(response, new EngineError('Unauthorized', undefined, 40100))
}

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
