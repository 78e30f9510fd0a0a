// What a connection's frames mean: header, version check, authentication, handler, answer.
import type { Answer, FrameHandler } from './connection.js'
import type { RequestContext } from './handlers/context.js'
import type { ServiceHandlers } from './handlers/index.js'
import type { Api } from './protocol/api.js'
import { advertisedVersions, apiByKey, APIS, isFlexible, type ApiName } from './protocol/apis.js'
import { ERROR_CODES, ProtocolError } from './protocol/errors.js'
import { readRequestHeader, writeResponseHeader, type RequestHeader } from './protocol/header.js'
import { Reader } from './protocol/reader.js'
import { Writer } from './protocol/writer.js'
import { SASL_MECHANISMS, SaslError, SaslExchange, type SaslUsers } from './sasl.js'

type AnyHandler = (request: unknown, context: RequestContext) => unknown

export class Session implements FrameHandler {
  readonly #handlers: ServiceHandlers
  readonly #clientHost: string
  readonly #signal: AbortSignal
  readonly #users: SaslUsers | undefined
  #exchange: SaslExchange | undefined
  /** After a version 0 handshake SASL messages come bare, without request headers. */
  #bareSasl = false

  constructor (handlers: ServiceHandlers, clientHost: string, signal: AbortSignal, users: SaslUsers | undefined) {
    this.#handlers = handlers
    this.#clientHost = clientHost
    this.#signal = signal
    this.#users = users
  }

  get #authenticated (): boolean {
    return this.#users === undefined || this.#exchange?.username !== undefined
  }

  /** Produce requests of one client may be written together: their order in the log is that in which they are begun. */
  overlaps (frame: Buffer): boolean {
    return frame.length >= 2 && frame.readInt16BE(0) === APIS.produce.key && this.#authenticated
  }

  async handle (frame: Buffer): Promise<Answer> {
    if (this.#bareSasl) return this.#continueBareSasl(frame)
    const reader = new Reader(frame)
    const header = readRequestHeader(reader, isFlexible)
    const name = apiByKey(header.apiKey)
    if (name === undefined) throw new ProtocolError(`a request with the unknown API key ${header.apiKey}`)
    const api = APIS[name] as Api
    if (header.apiVersion < api.minVersion || header.apiVersion > api.maxVersion) {
      if (name === 'apiVersions') return unsupportedApiVersions(header.correlationId)
      throw new ProtocolError(`${api.name} version ${header.apiVersion}, where ${api.minVersion} to ${api.maxVersion} are supported`)
    }
    const request = this.#decode(api, reader, header)
    const response = await this.#answer(name, request, header)
    if (response === undefined) return undefined
    const writer = new Writer(header.apiVersion >= api.flexibleFrom)
    writeResponseHeader(writer, header.correlationId, header.apiKey)
    api.response.write(writer, response, header.apiVersion)
    return writer.chunks()
  }

  #decode (api: Api, reader: Reader, header: RequestHeader): unknown {
    try {
      return api.request.read(reader, header.apiVersion)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      throw new ProtocolError(`${api.name} version ${header.apiVersion} cannot be read: ${error.message}`)
    }
  }

  #answer (name: ApiName, request: unknown, header: RequestHeader): unknown {
    if (name === 'saslHandshake') return this.#saslHandshake((request as { mechanism: string }).mechanism, header.apiVersion)
    if (name === 'saslAuthenticate') return this.#saslAuthenticate((request as { authBytes: Buffer }).authBytes)
    if (!this.#authenticated && name !== 'apiVersions') throw new ProtocolError(`${APIS[name].name} before authentication`)
    const handler = this.#handlers[name] as AnyHandler
    return handler(request, { version: header.apiVersion, clientId: header.clientId ?? '', clientHost: this.#clientHost, signal: this.#signal })
  }

  #saslHandshake (mechanism: string, version: number) {
    const mechanisms = this.#users === undefined ? [] : [...SASL_MECHANISMS]
    if (this.#users === undefined) return { errorCode: ERROR_CODES.ILLEGAL_SASL_STATE, mechanisms }
    const known = SASL_MECHANISMS.find(each => each === mechanism)
    if (known === undefined) return { errorCode: ERROR_CODES.UNSUPPORTED_SASL_MECHANISM, mechanisms }
    this.#exchange = new SaslExchange(this.#users, known)
    this.#bareSasl = version === 0
    return { errorCode: ERROR_CODES.NONE, mechanisms }
  }

  #saslAuthenticate (message: Buffer) {
    const failed = (errorCode: number, errorMessage: string) => ({ errorCode, errorMessage, authBytes: Buffer.alloc(0) })
    if (this.#exchange === undefined || this.#exchange.username !== undefined) {
      return failed(ERROR_CODES.ILLEGAL_SASL_STATE, 'SaslAuthenticate request received without a SaslHandshake before it')
    }
    try {
      return { errorCode: ERROR_CODES.NONE, errorMessage: null, authBytes: this.#exchange.next(message) }
    } catch (error) {
      if (!(error instanceof SaslError)) throw error
      this.#exchange = undefined
      return failed(ERROR_CODES.SASL_AUTHENTICATION_FAILED, error.message)
    }
  }

  #continueBareSasl (message: Buffer): Answer {
    const answer = this.#exchange!.next(message)
    this.#bareSasl = this.#exchange!.username === undefined
    return [answer]
  }
}

/** A client that is too new learns what it may ask, in the oldest form, which every client reads (KIP-511). */
function unsupportedApiVersions (correlationId: number): Answer {
  const writer = new Writer()
  writer.int32(correlationId)
  const apiKeys = advertisedVersions().filter(({ apiKey }) => apiKey === APIS.apiVersions.key)
  APIS.apiVersions.response.write(writer, { errorCode: ERROR_CODES.UNSUPPORTED_VERSION, apiKeys }, 0)
  return writer.chunks()
}
