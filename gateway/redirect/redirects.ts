// The redirect at full speed: takes GET and HEAD /{slug} straight from node:http, before Fastify's lifecycle, and answers from memory. Everything else
// is left to Fastify, and what this answers is what a route of Fastify's would: same headers, same problem details.
//
// Answers of one turn of the event loop leave together, after their visits were written to the spool by one call. Nothing is logged and nothing
// is awaited for a link that is in memory; what happened is counted.
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { traceparentOf } from '../events/trace.js'
import { LinklogError, toProblem, type ErrorCode } from '../errors.js'
import { outcomes, type Outcome, type Refusal } from '../events/visit.js'
import { isReserved, isSlug } from '../links/slug.js'
import type { VisitorDraw } from '../links/rule-facts.js'
import type { TargetCache } from '../links/target-cache.js'
import { Latencies } from '../metrics/latencies.js'
import type { Waiter } from '../queries/batch.js'
import type { Target } from '../queries/links.js'
import { classifyAgent } from '../visits/agent.js'
import type { VisitLimits } from '../visits/limits.js'
import type { VisitRecorder } from '../visits/recorder.js'
import { decide, refusals, type Blocks, type Decision, type RequestFacts } from './decision.js'

export interface RedirectsOptions {
  readonly targets: Pick<TargetCache, 'peek' | 'ask' | 'get'>
  readonly visits: Pick<VisitRecorder, 'record' | 'flush'>
  readonly limits: VisitLimits
  readonly draw: VisitorDraw
  /** The key of a slug's link at the host that was asked. */
  readonly keyOf: (host: string | undefined, slug: string) => string
  /** Where what leads nowhere at this host is led instead; null: nowhere. */
  readonly notFoundUrlOf: (host: string | undefined) => string | null
  readonly blocklist: Blocks
  readonly hostOf: (request: IncomingMessage) => string | undefined
  readonly countryHeader: string | undefined
  readonly addressOf: (request: IncomingMessage) => string
  /** Counts a link that was asked for and is not there; the headers of a 429 where the address has asked for too many. */
  readonly missed: (address: string) => Readonly<Record<string, string>> | undefined
  /** Name and value of the headers that every answer carries, in turn. */
  readonly headers: readonly string[]
  readonly now: () => number
  /** What an error that is not the visitor's is answered with. */
  readonly toError: (error: unknown) => LinklogError
  readonly onError: (error: LinklogError) => void
}

const problemOf: Readonly<Record<Refusal, readonly [code: ErrorCode, detail: string]>> = {
  not_found: ['link_not_found', 'There is no such link'],
  expired: ['link_expired', 'This link is not valid at this time'],
  disabled: ['link_disabled', 'This link is switched off'],
  deleted: ['link_deleted', 'This link was deleted'],
  exhausted: ['link_exhausted', 'This link has had all its visits'],
  blocked: ['link_blocked', 'This link is blocked']
}

// every visit is to be asked for here, whatever the status says about permanence
const cacheControl = 'private, no-cache, max-age=0'

/** One transparent dot: GIF89a, 1 by 1. */
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

const single = (header: string | string[] | undefined): string | undefined => Array.isArray(header) ? header[0] : header

/** The slug of a path of one part, or undefined where the path is something else. */
export const slugIn = (url: string): string | undefined => {
  const mark = url.indexOf('?')
  const slug = mark < 0 ? url.slice(1) : url.slice(1, mark)
  return isSlug(slug) && !isReserved(slug) ? slug : undefined
}

/** What is asked of the request, taken from it only when it is. */
class Asked implements RequestFacts {
  readonly #options: RedirectsOptions
  readonly #headers: IncomingHttpHeaders
  readonly #url: string
  readonly address: string
  readonly at: number

  constructor (options: RedirectsOptions, request: IncomingMessage, at: number) {
    this.#options = options
    this.#headers = request.headers
    this.#url = request.url ?? '/'
    this.address = options.addressOf(request)
    this.at = at
  }

  get query (): string {
    const mark = this.#url.indexOf('?')
    return mark < 0 ? '' : this.#url.slice(mark + 1)
  }

  get userAgent (): string | undefined { return this.#headers['user-agent'] }
  get language (): string | undefined { return this.#headers['accept-language'] }
  get referrer (): string | undefined { return this.#headers.referer }
  get traceparent (): string | undefined { return traceparentOf(this.#headers['traceparent']) }

  get country (): string | undefined {
    const { countryHeader } = this.#options
    return countryHeader === undefined ? undefined : single(this.#headers[countryHeader])
  }

  get draw (): VisitorDraw { return this.#options.draw }
}

interface Answers {
  readonly settle: (response: ServerResponse, link: string, target: Target | null, startedAt: number) => void
  readonly fail: (response: ServerResponse, error: unknown) => void
}

/**
 * A request that waits for its link, and lets go of it once told. What it waited in may be referred to for long after, by a table that a Map has given
 * up and that lies in the old generation: with the request in it, whatever that refers to would be moved there too, request after request.
 */
class Missed implements Waiter<Target | null> {
  readonly #answers: Answers
  readonly #link: string
  readonly #startedAt: number
  #response: ServerResponse | undefined

  constructor (answers: Answers, response: ServerResponse, link: string, startedAt: number) {
    this.#answers = answers
    this.#response = response
    this.#link = link
    this.#startedAt = startedAt
  }

  #letGo (): ServerResponse | undefined {
    const response = this.#response
    this.#response = undefined
    return response
  }

  resolve (target: Target | null): void {
    const response = this.#letGo()
    if (response === undefined) return
    try {
      this.#answers.settle(response, this.#link, target, this.#startedAt)
    } catch (error) {
      this.#answers.fail(response, error)
    }
  }

  reject (error: unknown): void {
    const response = this.#letGo()
    if (response !== undefined) this.#answers.fail(response, error)
  }
}

export class Redirects {
  readonly #options: RedirectsOptions
  /** Answers that wait for the end of this turn: the response, its decision, and when its request came. */
  #responses: ServerResponse[] = []
  #decisions: Decision[] = []
  #startedAt: number[] = []
  #open = true
  readonly #flush = (): void => this.#answerAll()
  readonly #answers: Answers = {
    settle: (response, link, target, startedAt) => this.#settle(response.req, response, link, target, startedAt),
    fail: (response, error) => this.#fail(response, error)
  }

  /** How long answers took, by outcome. */
  readonly latencies = new Latencies('outcome', outcomes)
  /** Requests that could not be answered because the views did not answer. */
  failed = 0

  constructor (options: RedirectsOptions) {
    this.#options = options
  }

  /** Takes a request where it is one for a short link; false where it is for others. */
  handle (request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url } = request
    if (!this.#open || (method !== 'GET' && method !== 'HEAD') || url === undefined) return false
    const slug = slugIn(url)
    if (slug === undefined) return false
    this.answer(request, response, slug)
    return true
  }

  /** Answers a request for this slug. */
  answer (request: IncomingMessage, response: ServerResponse, slug: string): void {
    const startedAt = performance.now()
    const link = this.#options.keyOf(this.#options.hostOf(request), slug)
    const target = this.#options.targets.peek(link)
    if (target !== undefined && (target === null || target.maxVisits === null)) this.#settle(request, response, link, target, startedAt)
    else this.#options.targets.ask(link, new Missed(this.#answers, response, link, startedAt))
  }

  #settle (request: IncomingMessage, response: ServerResponse, link: string, target: Target | null, startedAt: number): void {
    const { limits, now } = this.#options
    const asked = new Asked(this.#options, request, now())
    const decision = decide(target, asked, asked.at, this.#options.blocklist)
    if (target === null || target.maxVisits === null || decision.outcome !== 'redirected') {
      this.#record(request, response, link, target, asked, decision, startedAt)
      return
    }
    const takes = request.method === 'GET' && !classifyAgent(asked.userAgent).bot
    limits.take(link, target.maxVisits, takes).then(
      taken => this.#record(request, response, link, target, asked, taken ? decision : refusals.exhausted, startedAt),
      (error: unknown) => this.#fail(response, error))
  }

  #record (
    request: IncomingMessage, response: ServerResponse, link: string, target: Target | null, asked: Asked, decision: Decision, startedAt: number
  ): void {
    if (request.method === 'GET') this.#visit(link, target, asked, decision.outcome, decision.rule)
    if (this.#responses.length === 0) setImmediate(this.#flush)
    this.#responses.push(response)
    this.#decisions.push(decision)
    this.#startedAt.push(startedAt)
  }

  #visit (link: string, target: Target | null, asked: Asked, outcome: Outcome, rule: number | null): void {
    this.#options.visits.record({
      link,
      version: target === null ? 0 : target.version,
      url: target === null ? null : target.url,
      outcome,
      rule,
      visitedAt: asked.at,
      address: asked.address,
      userAgent: asked.userAgent,
      referrer: asked.referrer,
      language: asked.language,
      country: asked.country,
      traceparent: asked.traceparent
    })
  }

  /**
   * Answers a request for the tracking pixel of this slug: always with the picture, and with a visit that says that the link was seen, or why it could
   * not have been followed.
   */
  view (request: IncomingMessage, response: ServerResponse, slug: string): void {
    const { blocklist, hostOf, keyOf, now, targets, visits } = this.#options
    const link = keyOf(hostOf(request), slug)
    targets.get(link).then(target => {
      const asked = new Asked(this.#options, request, now())
      const { outcome } = decide(target, asked, asked.at, blocklist)
      if (request.method === 'GET') {
        this.#visit(link, target, asked, outcome === 'redirected' ? 'viewed' : outcome, null)
        visits.flush()
      }
      response.writeHead(200, [
        'content-type', 'image/gif', 'content-length', String(pixel.length), 'cache-control', 'no-store', 'x-request-id', randomUUID(), ...this.#options.headers
      ])
      response.end(request.method === 'HEAD' ? undefined : pixel)
    }).catch((error: unknown) => this.#fail(response, error))
  }

  #answerAll (): void {
    const [responses, decisions, startedAt] = [this.#responses, this.#decisions, this.#startedAt]
    this.#responses = []
    this.#decisions = []
    this.#startedAt = []
    this.#options.visits.flush()
    for (let n = 0; n < responses.length; n++) this.#send(responses[n] as ServerResponse, decisions[n] as Decision)
    const now = performance.now()
    for (let n = 0; n < responses.length; n++) this.latencies.observe((decisions[n] as Decision).outcome, (now - (startedAt[n] as number)) / 1_000)
  }

  #send (response: ServerResponse, { outcome, status, location }: Decision): void {
    if (outcome === 'redirected' && location !== null) {
      response.writeHead(status, [
        'location', location, 'cache-control', cacheControl, 'content-length', '0', 'x-request-id', randomUUID(), ...this.#options.headers
      ])
      response.end()
      return
    }
    const refusal = outcome === 'redirected' ? 'not_found' : outcome
    const tooMany = refusal === 'not_found' ? this.#tooMany(response.req) : undefined
    const elsewhere = refusal === 'blocked' || tooMany !== undefined ? null : this.#options.notFoundUrlOf(this.#options.hostOf(response.req))
    if (elsewhere !== null) this.#send(response, { outcome: 'redirected', status: 302, location: elsewhere, rule: null })
    else this.#refuse(response, tooMany ?? new LinklogError(...problemOf[refusal]))
  }

  #tooMany (request: IncomingMessage): LinklogError | undefined {
    const headers = this.#options.missed(this.#options.addressOf(request))
    return headers === undefined
      ? undefined
      : new LinklogError('too_many_requests', 'This address has asked for too many links that do not exist', { headers: { ...headers } })
  }

  #refuse (response: ServerResponse, error: LinklogError): void {
    const requestId = randomUUID()
    const body = JSON.stringify(toProblem(error, requestId, (response.req.url ?? '/').split('?', 1)[0] ?? '/'))
    response.writeHead(error.status, [
      ...Object.entries(error.headers).flat(), 'cache-control', 'no-store', 'content-type', 'application/problem+json; charset=utf-8',
      'content-length', String(Buffer.byteLength(body)), 'x-request-id', requestId, ...this.#options.headers
    ])
    response.end(response.req.method === 'HEAD' ? undefined : body)
  }

  #fail (response: ServerResponse, cause: unknown): void {
    this.failed++
    const error = this.#options.toError(cause)
    this.#options.onError(error)
    if (!response.headersSent && !response.destroyed) this.#refuse(response, error)
  }

  /** From now on Fastify answers everything, and says that it is closing. What waits leaves first. */
  close (): void {
    this.#open = false
    if (this.#responses.length > 0) this.#answerAll()
  }
}
