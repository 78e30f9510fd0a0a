// Answers over HTTP: entities, errors in ksqlDB's two shapes, and the request's body with its bound.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { EngineError, toEngineError } from '../engine/errors.js'

/** A request's body may have at most this many bytes. */
export const BODY_BYTES_MAX = 8 * 1024 * 1024

export const JSON_TYPE = 'application/json'

/** Thrown while a body is read; `status` is what the client is told. */
export class BodyError extends Error {
  readonly status: number

  constructor (status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * Text in the form in which the response may be given it. Over HTTP/2 that is bytes: Node 20 frees a string's bytes before they are sent where a session was
 * opened on a socket handed over by a TCP server.
 */
export function outgoing (response: ServerResponse, text: string): string | Buffer {
  return 'stream' in response ? Buffer.from(text) : text
}

export function send (response: ServerResponse, status: number, body: string, contentType?: string): void {
  response.statusCode = status
  if (contentType !== undefined) response.setHeader('content-type', contentType)
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(outgoing(response, body))
}

export function sendJson (response: ServerResponse, body: unknown, status = 200): void {
  send(response, status, JSON.stringify(body), JSON_TYPE)
}

/** An error as ksqlDB words it; the HTTP status is the code's first three digits. */
export function errorBody (error: EngineError): string {
  const { code, message, statementText, entities } = error
  return JSON.stringify(statementText === undefined
    ? { '@type': 'generic_error', error_code: code, message }
    : { '@type': 'statement_error', error_code: code, message, statementText, entities })
}

export function sendError (response: ServerResponse, error: unknown, contentType?: string): void {
  const refused = toEngineError(error)
  send(response, Math.floor(refused.code / 100), errorBody(refused), contentType)
}

/** The whole body as text. Rejects with BodyError where it is too long or the client goes away. */
export function readBody (request: IncomingMessage, done: (error: BodyError | undefined, body: string) => void): void {
  const chunks: Buffer[] = []
  let bytes = 0
  let ended = false
  const finish = (error: BodyError | undefined, body = ''): void => {
    if (ended) return
    ended = true
    done(error, body)
  }
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) finish(new BodyError(413, `The body is longer than ${BODY_BYTES_MAX} bytes`))
    else chunks.push(chunk)
  })
  request.on('end', () => finish(undefined, chunks.length === 1 ? (chunks[0] as Buffer).toString() : Buffer.concat(chunks).toString()))
  request.on('error', () => finish(new BodyError(400, 'The request was cut off')))
  request.on('aborted', () => finish(new BodyError(400, 'The request was cut off')))
}

/** The body's JSON object. Throws EngineError 40000 in the words of ksqlDB's JSON library. */
export function parseObject (body: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    throw new EngineError(`Invalid JSON in request: ${jacksonMessage(body, error)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EngineError('Invalid JSON in request: Cannot deserialize value: a JSON object is expected')
  }
  return value as Record<string, unknown>
}

const SOURCE = ' at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: '

function jacksonMessage (body: string, error: unknown): string {
  if (body.trim() === '') return `No content to map due to end-of-input\n${SOURCE}1, column: 0]`
  const message = error instanceof Error ? error.message : ''
  const found = /position (\d+)/.exec(message)
  const position = found === null ? body.length : Number(found[1])
  const before = body.slice(0, position).split('\n')
  const where = `\n${SOURCE}${before.length}, column: ${(before.at(-1)?.length ?? 0) + 2}]`
  const character = body.charAt(position)
  if (character === '') return `Unexpected end-of-input${where}`
  const what = `Unexpected character ('${character}' (code ${character.charCodeAt(0)}))`
  return /[{,]\s*$/.test(body.slice(0, position)) && /\{/.test(body) ? `${what}: was expecting double-quote to start field name${where}` : `${what}${where}`
}

/** A member that must be an object of texts, numbers and the like; {} where it is absent. Throws EngineError. */
export function objectMember (body: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = body[name]
  if (value === undefined || value === null) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw new EngineError(`Invalid JSON in request: "${name}" must be an object`)
}

/** A member that must be an object of texts. */
export function textMembers (body: Record<string, unknown>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(objectMember(body, name)).map(([key, value]) => [key, String(value)]))
}
