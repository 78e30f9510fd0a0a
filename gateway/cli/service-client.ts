// A running service as the command line asks it: where it answers, with which key, and what its refusals say.
import { setTimeout as delay } from 'node:timers/promises'
import { Pool, type Dispatcher } from 'undici'
import { ServiceError, UsageError } from './exit-codes.js'

/** The options of every subcommand that asks the service. */
export const serviceOptions = { url: { type: 'string', default: 'http://127.0.0.1:3000' }, key: { type: 'string' } } as const

export interface ServiceAddress {
  /** Where the service answers, e.g. `http://127.0.0.1:3000`; a path in it is kept as a prefix. */
  readonly url: string
  /** Sent as `Authorization: Bearer …`. */
  readonly key?: string | undefined
}

const timeoutMs = 120_000
const retryAfterMsMax = 30_000
const backoffMsMax = 5_000
const responseCharsMax = 16 * 1024 * 1024

/** Nothing was decided, or not yet: the same request may be sent again. */
export const repeatable: ReadonlySet<number> = new Set([202, 408, 425, 429, 500, 502, 503, 504])

export interface ServiceRequest {
  readonly method: 'GET' | 'POST'
  /** With its query, from `/api` on. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal | undefined
}

/** Connections to one service, kept alive. Close it when done. */
export class ServiceClient {
  readonly url: string
  readonly #pool: Pool
  readonly #prefix: string
  readonly #headers: Readonly<Record<string, string>>

  /** @throws UsageError when the address is not an http or https URL */
  constructor ({ url: given, key }: ServiceAddress, connections: number) {
    const url = URL.canParse(given) ? new URL(given) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol)) throw new UsageError(`'${given}' is not an http or https address.`)
    this.url = given
    this.#pool = new Pool(url.origin, { connections, pipelining: 1, connectTimeout: 30_000, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
    this.#prefix = url.pathname.replace(/\/+$/, '')
    this.#headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
  }

  /** @throws undici's error where the service cannot be reached */
  async request ({ method, path, headers, body, signal }: ServiceRequest): Promise<Dispatcher.ResponseData> {
    return await this.#pool.request({
      method, path: this.#prefix + path, headers: { ...headers, ...this.#headers }, ...(body !== undefined && { body }), ...(signal && { signal })
    })
  }

  async close (): Promise<void> {
    await this.#pool.destroy()
  }
}

/** The whole text of an answer. @throws ServiceError where it is longer than any answer can be */
export const textOf = async (body: AsyncIterable<Buffer>): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > responseCharsMax) throw new ServiceError('The service answers without end')
  }
  return text + decoder.decode()
}

/** How long the service asks to be left alone, in milliseconds. */
export const retryAfterMsOf = (headers: Dispatcher.ResponseData['headers']): number | undefined => {
  const seconds = Number(headers['retry-after'])
  return seconds > 0 ? Math.min(seconds * 1_000, retryAfterMsMax) : undefined
}

/** Waits before the attempt after this one: as long as the service asks for, else twice as long each time, up to 5 s, with jitter. */
export const pause = async (attempt: number, retryAfterMs: number | undefined, signal?: AbortSignal): Promise<void> => {
  const backoffMs = Math.min(100 * 2 ** (attempt - 1), backoffMsMax) * (0.5 + Math.random() / 2)
  await delay(retryAfterMs ?? backoffMs, undefined, signal && { signal })
}

/** What an RFC 9457 problem says, with the fields it points at; of anything else the first line. */
export function problemOf (text: string): { code?: string, detail: string } {
  try {
    return readProblem(JSON.parse(text) as object)
  } catch {
    return { detail: text.split('\n', 1)[0]?.slice(0, 200) ?? '' }
  }
}

export interface Problem { readonly code?: unknown, readonly title?: unknown, readonly detail?: unknown, readonly errors?: unknown }

export function readProblem (problem: Problem): { code?: string, detail: string } {
  const summary = String([problem.detail, problem.title].find((part) => typeof part === 'string') ?? '')
  const fields = (Array.isArray(problem.errors) ? problem.errors : [])
    .map(({ pointer, detail }: { pointer?: unknown, detail?: unknown }) => ({ pointer: String(pointer), detail: String(detail) }))
    .map(({ pointer, detail }) => detail === summary ? pointer : `${pointer}: ${detail}`)
  const detail = [summary, ...fields.slice(0, 5)].filter((part) => part !== '').join('; ')
  return { detail, ...(typeof problem.code === 'string' && { code: problem.code }) }
}

/** What an error of the connection says. */
export function reasonOf (error: unknown): string {
  const { code, message } = error as { code?: string, message?: string }
  return [code, message].filter((part) => part !== undefined && part !== '').join(': ')
}
