// HTTP as Schema Registry speaks it: its content types, error bodies and limits, apart from what the paths mean.
import { createServer } from 'node:http'
import { RegistryError } from './errors.js'
import { JsonSyntaxError, parseJson, printJson, toJson } from './json.js'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json } from './json.js'
import type { Logger } from './store.js'

export interface RouteRequest {
  /** Decoded parts of the path, in the order of the pattern's names. */
  readonly params: readonly string[]
  readonly query: URLSearchParams
  /** Undefined where the method takes none. */
  readonly body: Json | undefined
}

/** Text is sent as it is, everything else as JSON. */
export type Handler = (request: RouteRequest) => unknown

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Segments; one that begins with `:` takes anything. */
  readonly path: string
  readonly handler: Handler
}

const TYPES = ['application/vnd.schemaregistry.v1+json', 'application/vnd.schemaregistry+json', 'application/json'] as const
const ACCEPTED_BODIES = new Set<string>([...TYPES, 'application/octet-stream'])
const MAX_BODY_BYTES = 4 * 1024 * 1024

/** A response type that the client takes, the registry's own unless it asks for another. Source: Versions.java's preferences. */
function negotiate (accept: string | undefined): string | undefined {
  const asked = (accept ?? '*/*').split(',').map(part => part.split(';')[0]?.trim().toLowerCase() ?? '')
  return asked.some(type => type === '*/*' || type === 'application/*' || type === '') ? TYPES[0] : TYPES.find(type => asked.includes(type))
}

async function readBody (request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new RegistryError(413, `A request body may have ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseBody (bytes: Buffer): Json {
  if (bytes.length === 0) throw new RegistryError(422, 'The request body must not be null')
  try {
    return parseJson(bytes.toString())
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new RegistryError(400, error.message, { cause: error })
    throw error
  }
}

function decode (segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new RegistryError(400, 'The path is not valid percent-encoding')
  }
}

/** The path's variable parts, or undefined where the pattern is another. */
function match (pattern: readonly string[], segments: readonly string[]): string[] | undefined {
  if (pattern.length !== segments.length) return undefined
  if (!pattern.every((part, index) => part.startsWith(':') || part === segments[index])) return undefined
  return segments.filter((_, index) => pattern[index]?.startsWith(':')).map(decode)
}

export class HttpServer {
  readonly #routes: readonly { route: Route, pattern: readonly string[] }[]
  readonly #logger: Logger | undefined
  readonly #server: Server
  #isListening = false

  constructor (routes: readonly Route[], logger: Logger | undefined) {
    this.#routes = routes.map(route => ({ route, pattern: route.path.split('/').slice(1) }))
    this.#logger = logger
    this.#server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 30_000 }, (request, response) => {
      this.#serve(request, response).catch((error: unknown) => { response.destroy(error as Error) })
    })
  }

  async listen ({ host, port }: { host: string, port: number }): Promise<{ host: string, port: number }> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
    this.#isListening = true
    return { host, port: (this.#server.address() as AddressInfo).port }
  }

  /** Waits for requests under way; idle connections are ended. */
  async close (): Promise<void> {
    if (!this.#isListening) return
    this.#isListening = false
    await new Promise<void>(resolve => {
      this.#server.close(() => { resolve() })
      this.#server.closeIdleConnections()
    })
  }

  async #serve (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const type = negotiate(request.headers.accept)
    try {
      if (!this.#isListening) response.setHeader('connection', 'close')
      const answer = await this.#answer(request, type)
      this.#send(response, 200, type ?? TYPES[0], typeof answer === 'string' ? answer : printJson(toJson(answer)))
    } catch (error) {
      this.#fail(response, error, type ?? TYPES[0])
    }
    if (!this.#isListening) this.#server.closeIdleConnections()
  }

  async #answer (request: IncomingMessage, type: string | undefined): Promise<unknown> {
    const [pathname = '', search = ''] = (request.url ?? '/').split(/\?(.*)/s)
    const trimmed = pathname.replace(/\/+$/, '')
    const segments = trimmed === '' ? [''] : trimmed.split('/').slice(1)
    const found = this.#routes.flatMap(({ route, pattern }) => {
      const params = match(pattern, segments)
      return params === undefined ? [] : [{ route, params }]
    })
    if (found.length === 0) throw new RegistryError(404, 'HTTP 404 Not Found')
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const one = found.find(({ route }) => route.method === method)
    if (one === undefined) throw new RegistryError(405, 'HTTP 405 Method Not Allowed')
    if (type === undefined) throw new RegistryError(406, 'HTTP 406 Not Acceptable')
    const takesBody = method === 'POST' || method === 'PUT'
    const bodyType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
    if (takesBody && bodyType !== undefined && !ACCEPTED_BODIES.has(bodyType)) throw new RegistryError(415, 'HTTP 415 Unsupported Media Type')
    const body = takesBody ? parseBody(await readBody(request)) : undefined
    return await one.route.handler({ params: one.params, query: new URLSearchParams(search), body })
  }

  #fail (response: ServerResponse, error: unknown, type: string): void {
    const known = error instanceof RegistryError ? error : new RegistryError(500, 'Internal Server Error', { cause: error })
    if (known.status >= 500) this.#logger?.warn(`A request to the registry failed: ${(error as Error).stack ?? String(error)}`)
    const isRouting = known.message === 'HTTP 404 Not Found' || known.errorCode === 405
    if (known.errorCode === 413) response.setHeader('connection', 'close')
    this.#send(response, known.status, isRouting ? undefined : type, printJson(toJson({ error_code: known.errorCode, message: known.message })))
  }

  #send (response: ServerResponse, status: number, type: string | undefined, body: string): void {
    if (response.destroyed || response.headersSent) return
    const bytes = Buffer.from(body)
    response.writeHead(status, { ...type !== undefined && { 'content-type': type }, vary: 'Accept-Encoding', 'content-length': bytes.length })
    response.end(bytes)
  }
}
