// Carries out many commands over POST /api/links/bulk and says what became of each; what was not decided is sent again, with a bound.
import { createHash } from 'node:crypto'
import { readLines } from '../ksqldb/lines.js'
import { ServiceError } from './exit-codes.js'
import { pause, problemOf, readProblem, reasonOf, repeatable, retryAfterMsOf, textOf, type Problem, type ServiceClient } from './service-client.js'

/** A line of the request. */
export type Command = Readonly<Record<string, unknown>>

/** What became of a command; existing: it was carried out before, or there was nothing to do. */
export type Outcome =
  | { readonly kind: 'created' | 'existing' }
  | { readonly kind: 'rejected', readonly reason: string, /** The error's code in the service's catalogue. */ readonly code?: string }

interface Told extends Problem { readonly line?: unknown, readonly status?: unknown, readonly outcome?: unknown, readonly replayed?: unknown }

interface Answer { readonly told: readonly Told[], readonly failure?: string, readonly retryAfterMs?: number | undefined }

/** How often in a row a request may bring nothing. */
const attemptsMax = 8

const outcomeOf = (told: Told): Outcome | undefined => {
  if (told.outcome === 'pending' || (told.outcome === 'rejected' && repeatable.has(Number(told.status)))) return undefined
  if (told.outcome === 'created') return { kind: told.replayed === true ? 'existing' : 'created' }
  if (told.outcome !== 'rejected') return { kind: 'existing' }
  const { detail, code } = readProblem(told)
  return { kind: 'rejected', reason: detail || `The service answered ${String(told.status)}.`, ...(code !== undefined && { code }) }
}

/**
 * The key that makes a second run of the same command the same command. A URL alone needs none: the service derives the link from it.
 * Fields are sorted, so that a column moved in the file changes nothing.
 */
export function idempotencyKey (command: Command): string | undefined {
  const names = Object.keys(command).sort()
  if (names.length === 1 && names[0] === 'url') return undefined
  return `import-${createHash('sha256').update(JSON.stringify(names.map((name) => [name, command[name]]))).digest('hex').slice(0, 40)}`
}

export class BulkClient {
  readonly #service: ServiceClient

  constructor (service: ServiceClient) {
    this.#service = service
  }

  /**
   * The outcome of each command, in their order.
   * @throws ServiceError when the service cannot be reached or keeps failing, or answers what no line can change (401, 404, a redirect …)
   */
  async send (commands: readonly Command[], signal?: AbortSignal): Promise<readonly Outcome[]> {
    const lines = commands.map((command) => JSON.stringify({ ...command, idempotencyKey: idempotencyKey(command) }))
    const outcomes = new Map<number, Outcome>()
    let failures = 0
    while (outcomes.size < lines.length) {
      const open = [...lines.keys()].filter((index) => !outcomes.has(index))
      const { told, failure, retryAfterMs } = await this.#post(open.map((index) => lines[index] as string), signal)
      for (const one of told) {
        const index = open[Number(one.line) - 1]
        const outcome = outcomeOf(one)
        if (index !== undefined && outcome !== undefined) outcomes.set(index, outcome)
      }
      if (outcomes.size === lines.length) break
      failures = lines.length - outcomes.size < open.length ? 1 : failures + 1
      if (failures >= attemptsMax) {
        const why = failure ?? told.map((one) => readProblem(one).detail)[0] ?? ''
        throw new ServiceError(`${this.#service.url} does not create links (tried ${attemptsMax} times): ${why}`)
      }
      await pause(failures, retryAfterMs, signal)
    }
    return lines.map((_, index) => outcomes.get(index) as Outcome)
  }

  /** What one request told, and why it did not tell more. An answer that was cut off counts as far as it came. */
  async #post (lines: readonly string[], signal: AbortSignal | undefined): Promise<Answer> {
    const told: Told[] = []
    try {
      const { statusCode, headers, body } = await this.#service.request({
        method: 'POST', path: '/api/links/bulk', headers: { 'content-type': 'application/x-ndjson' }, body: `${lines.join('\n')}\n`, signal
      })
      if (statusCode !== 200) {
        const failure = `${statusCode} ${problemOf(await textOf(body)).detail}`.trim()
        if (!repeatable.has(statusCode)) throw new ServiceError(`The service answered ${failure}`)
        return { told, failure, retryAfterMs: retryAfterMsOf(headers) }
      }
      for await (const line of readLines(body)) told.push(JSON.parse(line) as Told)
      return { told }
    } catch (error) {
      if (error instanceof ServiceError || signal?.aborted === true) throw error
      return { told, failure: reasonOf(error) }
    }
  }
}
