// Counts what one client did in the running minute. Own code, because the same few lines must serve the redirects, which do not go through Fastify's hooks, and
// give the fields of the current RateLimit draft; a gateway counts for itself alone.
import { LRUCache } from 'lru-cache'
import { isIPv6 } from 'node:net'

export interface RateLimiterOptions {
  /** Of the policy, as the RateLimit fields call it. */
  readonly name: string
  /** In a window; 0 is no limit. */
  readonly max: number
  readonly windowMs: number
  /** Clients counted at once. Beyond it the one that was counted for the longest time is forgotten. */
  readonly clientsMax: number
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
}

export interface Verdict {
  readonly allowed: boolean
  readonly remaining: number
  /** Until the window ends, at least 1. */
  readonly resetSeconds: number
}

interface Window { readonly since: number, count: number }

export class RateLimiter {
  readonly #options: RateLimiterOptions
  /** In the order in which they began. */
  readonly #windows: LRUCache<string, Window>

  constructor (options: RateLimiterOptions) {
    this.#options = options
    this.#windows = new LRUCache({ max: options.clientsMax })
  }

  get size (): number {
    return this.#windows.size
  }

  /** Whether anything is counted at all. */
  get enabled (): boolean {
    return this.#options.max > 0
  }

  /** Counts one more for the client, and says whether it is within the limit. */
  take (client: string): Verdict {
    const { max } = this.#options
    if (max === 0) return { allowed: true, remaining: 0, resetSeconds: 1 }
    const window = this.#windowOf(client)
    if (window.count <= max) window.count++
    return this.#verdict(window)
  }

  /** The same, without counting. */
  look (client: string): Verdict {
    const window = this.#windows.peek(client)
    const { max, windowMs, now } = this.#options
    if (max === 0 || window === undefined || now() - window.since >= windowMs) {
      return { allowed: true, remaining: max, resetSeconds: Math.ceil(windowMs / 1_000) }
    }
    return { ...this.#verdict(window), allowed: window.count < max }
  }

  #verdict ({ since, count }: Window): Verdict {
    const { max, windowMs, now } = this.#options
    return { allowed: count <= max, remaining: Math.max(0, max - count), resetSeconds: Math.max(1, Math.ceil((since + windowMs - now()) / 1_000)) }
  }

  #windowOf (client: string): Window {
    const at = this.#options.now()
    const held = this.#windows.peek(client)
    if (held !== undefined && at - held.since < this.#options.windowMs) return held
    const fresh = { since: at, count: 0 }
    this.#windows.set(client, fresh)
    return fresh
  }

  /** The fields of draft-ietf-httpapi-ratelimit-headers-10; Retry-After where the limit is passed. */
  headers ({ allowed, remaining, resetSeconds }: Verdict): Record<string, string> {
    const { name, max, windowMs } = this.#options
    return {
      'ratelimit-policy': `"${name}";q=${max};w=${Math.round(windowMs / 1_000)}`,
      ratelimit: `"${name}";r=${remaining};t=${resetSeconds}`,
      ...(!allowed && { 'retry-after': String(resetSeconds) })
    }
  }
}

/** One client as the limits see it: an IPv4 address, or the /64 of an IPv6 address, within which one household or server has them all. */
export const clientOf = (address: string): string => {
  const bare = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '')
  if (!isIPv6(bare)) return bare
  const [head = '', tail] = bare.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const rest = tail === '' ? [] : tail.split(':')
    while (groups.length + rest.length < 8) groups.push('0')
    groups.push(...rest)
  }
  return `${groups.slice(0, 4).map(group => group.replace(/^0+(?=.)/, '')).join(':')}::/64`
}
