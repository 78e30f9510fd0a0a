// How much one client may ask of this gateway in a minute: by its key, or by its address where it brings none; and how often it may guess.
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isLoopback } from '../access/exposure.js'
import { clientOf, RateLimiter } from '../access/rate-limiter.js'
import type { Config } from '../config.js'
import { LinklogError } from '../errors.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** What is asked for and is not there, by address: unknown short links, unknown keys. */
    misses: Misses
  }
}

const windowMs = 60_000
const clientsMax = 50_000

/** The limit on guesses. Requests of this machine itself are not counted, unless it is told to. */
export class Misses {
  readonly #limiter: RateLimiter
  readonly #loopback: boolean

  constructor (limiter: RateLimiter, loopback: boolean) {
    this.#limiter = limiter
    this.#loopback = loopback
  }

  #exempt (address: string): boolean {
    return !this.#limiter.enabled || (!this.#loopback && isLoopback(address))
  }

  /** Counts a miss. Undefined while the address is within the limit, then the headers of a 429. */
  count (address: string): Readonly<Record<string, string>> | undefined {
    if (this.#exempt(address)) return undefined
    const verdict = this.#limiter.take(clientOf(address))
    return verdict.allowed ? undefined : this.#limiter.headers(verdict)
  }

  /** Without counting: whether the address has used its misses up. */
  spent (address: string): Readonly<Record<string, string>> | undefined {
    if (this.#exempt(address)) return undefined
    const verdict = this.#limiter.look(clientOf(address))
    return verdict.allowed ? undefined : this.#limiter.headers({ ...verdict, allowed: false })
  }
}

export type LimitSettings = Pick<Config, 'rateLimitReads' | 'rateLimitWrites' | 'rateLimitMisses' | 'rateLimitLoopback'>

const tooMany = (headers: Readonly<Record<string, string>>, what: string) => new LinklogError('too_many_requests', what, { headers })

/** Before the door: who has tried too many wrong keys waits, whatever he brings now. */
export const guessLimitPlugin = fp<{ settings: LimitSettings, now: () => number }>(async (app, { settings, now }) => {
  const limiter = new RateLimiter({ name: 'misses', max: settings.rateLimitMisses, windowMs, clientsMax, now })
  app.decorate('misses', new Misses(limiter, settings.rateLimitLoopback))
  app.addHook('onRequest', async request => {
    if (request.routeOptions.config.access === undefined || request.headers.authorization === undefined) return
    const headers = app.misses.spent(request.ip)
    if (headers !== undefined) throw tooMany(headers, 'Too many wrong keys came from this address')
  })
  app.addHook('onResponse', async (request, reply) => {
    if (reply.statusCode === 401 && request.headers.authorization !== undefined) app.misses.count(request.ip)
  })
}, { name: 'guess-limit' })

/** Behind the door: so many reads and writes a minute for a key, or for an address where no key is asked for. */
export const rateLimitPlugin = fp<{ settings: LimitSettings, now: () => number }>(async (app, { settings, now }) => {
  const limiterOf = (name: string, max: number) => new RateLimiter({ name, max, windowMs, clientsMax, now })
  const reads = limiterOf('reads', settings.rateLimitReads)
  const writes = limiterOf('writes', settings.rateLimitWrites)
  const limit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (request.routeOptions.config.access === undefined) return
    const limiter = request.method === 'GET' || request.method === 'HEAD' ? reads : writes
    if (!limiter.enabled || (!settings.rateLimitLoopback && isLoopback(request.ip))) return
    const verdict = limiter.take(request.key === null ? clientOf(request.ip) : `key ${request.key.id}`)
    const headers = limiter.headers(verdict)
    if (!verdict.allowed) throw tooMany(headers, 'Too many requests came with this key, or from this address, in the last minute')
    reply.headers(headers)
  }
  app.addHook('onRequest', limit)
}, { name: 'rate-limit', dependencies: ['actor'] })
