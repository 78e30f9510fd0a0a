// Creates one link over HTTP and says what became of it; repeats, with a bound, what may succeed when repeated.
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { ServiceError, UsageError } from './exit-codes.js'

/** What became of one link. */
export type Outcome =
  | { readonly kind: 'created' | 'existing' }
  | { readonly kind: 'rejected', readonly reason: string, /** The error's code in the service's catalogue. */ readonly code?: string }

export interface LinkCreatorOptions {
  /** Where the service answers, e.g. `http://127.0.0.1:3000`; a path in it is kept as a prefix. */
  readonly url: string
  /** Requests at once, each on a connection that is kept open. */
  readonly concurrency: number
  /** Sent as `Authorization: Bearer …`. */
  readonly key?: string
  /** How often one request is sent at most. */
  readonly attemptsMax?: number
  /** First pause before a repetition; doubled each time, up to 5 s. */
  readonly backoffMs?: number
  /** A number in [0, 1) that spreads the pauses. */
  readonly random?: () => number
}

const backoffMsMax = 5_000
const timeoutMs = 30_000
const retryAfterMsMax = 30_000
const responseBytesMax = 1024 * 1024
/** Nothing was decided, or not yet (202): the same request may be sent again, since creating is idempotent. */
const repeatable = new Set([202, 408, 425, 429, 500, 502, 503, 504])
/** What concerns one line only. Any other status would be the same for every line, so it ends the import. */
const rejecting = new Set([400, 409, 413, 422])

interface Answer { status: number, text: string, isReplay: boolean, retryAfterMs: number | undefined }

/** A client of `POST /api/links` with kept-alive connections. Close it when done. */
export class LinkCreator {
  readonly #pool: Pool
  readonly #path: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #options: LinkCreatorOptions

  /** @throws UsageError when the address is not an http or https URL */
  constructor (options: LinkCreatorOptions) {
    const url = URL.canParse(options.url) ? new URL(options.url) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol)) throw new UsageError(`'${options.url}' is not an http or https address.`)
    this.#pool = new Pool(url.origin, {
      connections: options.concurrency,
      pipelining: 1,
      connectTimeout: timeoutMs,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: responseBytesMax
    })
    this.#path = `${url.pathname.replace(/\/+$/, '')}/api/links`
    this.#headers = { 'content-type': 'application/json', accept: 'application/json', ...(options.key !== undefined && { authorization: `Bearer ${options.key}` }) }
    this.#options = options
  }

  /**
   * Creates a link from the body of a request.
   * @throws ServiceError when the service cannot be reached or keeps failing, or answers what no line can change (401, 404, a redirect …)
   */
  async create (body: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<Outcome> {
    const { attemptsMax = 8 } = this.#options
    const text = JSON.stringify(body)
    let failure = ''
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      let retryAfterMs: number | undefined
      try {
        const answer = await this.#post(text, idempotencyKey(body), signal)
        if (!repeatable.has(answer.status)) return outcomeOf(answer)
        failure = `${answer.status} ${problemOf(answer.text).detail}`.trim()
        retryAfterMs = answer.retryAfterMs
      } catch (error) {
        if (error instanceof ServiceError || signal?.aborted === true) throw error
        failure = reasonOf(error)
      }
      if (attempt < attemptsMax) await delay(retryAfterMs ?? this.#pauseMs(attempt), undefined, signal && { signal })
    }
    throw new ServiceError(`${this.#options.url} does not create links (tried ${attemptsMax} times): ${failure}`)
  }

  async close (): Promise<void> {
    await this.#pool.destroy()
  }

  async #post (body: string, key: string | undefined, signal: AbortSignal | undefined): Promise<Answer> {
    const response = await this.#pool.request({
      method: 'POST',
      path: this.#path,
      headers: key === undefined ? this.#headers : { ...this.#headers, 'idempotency-key': key },
      body,
      ...(signal && { signal })
    })
    const seconds = Number(response.headers['retry-after'])
    return {
      status: response.statusCode,
      text: await response.body.text(),
      // An Idempotency-Key seen before is answered as it was then, 201 included, and says so.
      isReplay: response.headers['idempotent-replayed'] === 'true',
      retryAfterMs: seconds > 0 ? Math.min(seconds * 1000, retryAfterMsMax) : undefined
    }
  }

  /** Full jitter: somewhere between half and the whole of the doubled pause. */
  #pauseMs (attempt: number): number {
    const { backoffMs = 100, random = Math.random } = this.#options
    return Math.min(backoffMs * 2 ** (attempt - 1), backoffMsMax) * (0.5 + random() / 2)
  }
}

/**
 * The key that makes a second run of the same line the same request. A URL alone needs none: the service derives the link from it.
 * Fields are sorted, so that a column moved in the file changes nothing.
 */
export function idempotencyKey (body: Readonly<Record<string, unknown>>): string | undefined {
  const names = Object.keys(body).sort()
  if (names.length === 1 && names[0] === 'url') return undefined
  return `import-${createHash('sha256').update(JSON.stringify(names.map((name) => [name, body[name]]))).digest('hex').slice(0, 40)}`
}

function outcomeOf (answer: Answer): Outcome {
  if (answer.status === 201) return { kind: answer.isReplay ? 'existing' : 'created' }
  if (answer.status === 200) return { kind: 'existing' }
  const problem = problemOf(answer.text)
  if (!rejecting.has(answer.status)) throw new ServiceError(`The service answered ${answer.status} ${problem.detail}`.trim())
  return {
    kind: 'rejected',
    reason: problem.detail || `The service answered ${answer.status}.`,
    ...(problem.code !== undefined && { code: problem.code })
  }
}

/** What an RFC 9457 problem says, with the fields it points at; of anything else the first line. */
function problemOf (text: string): { code?: string, detail: string } {
  try {
    const problem = JSON.parse(text) as { code?: unknown, title?: unknown, detail?: unknown, errors?: unknown }
    const summary = [problem.detail, problem.title].find((part) => typeof part === 'string') ?? ''
    const fields = (Array.isArray(problem.errors) ? problem.errors : [])
      .map(({ pointer, detail }: { pointer?: unknown, detail?: unknown }) => `${String(pointer)}: ${String(detail)}`)
    const detail = [String(summary), ...fields.slice(0, 5)].filter((part) => part !== '').join('; ')
    return { detail, ...(typeof problem.code === 'string' && { code: problem.code }) }
  } catch {
    return { detail: text.split('\n', 1)[0]?.slice(0, 200) ?? '' }
  }
}

function reasonOf (error: unknown): string {
  const { code, message } = error as { code?: string, message?: string }
  return [code, message].filter((part) => part !== undefined && part !== '').join(': ')
}
