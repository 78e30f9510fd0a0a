// One delivery: a signed POST, and what came of it.
import { isIP } from 'node:net'
import { Agent } from 'undici'
import { toJson, type Change } from '../changes/change.js'
import type { Webhook } from '../queries/webhooks.js'
import { isPublicAddress, publicLookup } from './addresses.js'
import { signatureHeaders } from './signature.js'

export interface Outcome {
  readonly delivered: boolean
  /** The receiver wants no more (410). */
  readonly gone: boolean
  /** What went wrong, in words that hold no secret. */
  readonly failure: string | null
}

export interface SenderOptions {
  readonly serviceSecret: Buffer
  readonly allowPrivate: boolean
  readonly timeoutMs: number
  readonly now: () => number
}

/**
 * Whether a URL may be a target. An address in it is checked here, because only names are looked up; what a name leads to is checked when it is
 * connected to.
 */
export const isAllowedTarget = (url: URL, allowPrivate: boolean): boolean => {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (!['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '') return false
  return allowPrivate || isIP(host) === 0 ? allowPrivate || !/^(?:localhost|.*\.localhost|.*\.local|.*\.internal)\.?$/i.test(host) : isPublicAddress(host)
}

export class WebhookSender {
  readonly #options: SenderOptions
  readonly #agent: Agent

  constructor (options: SenderOptions) {
    this.#options = options
    const { allowPrivate, timeoutMs } = options
    this.#agent = new Agent({
      connections: 8, pipelining: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxResponseSize: 65_536,
      connect: { timeout: timeoutMs, ...(!allowPrivate && { lookup: publicLookup }) }
    })
  }

  /** Sends once; never rejects. */
  async send (webhook: Webhook, change: Change, signal: AbortSignal): Promise<Outcome> {
    const url = new URL(webhook.url)
    if (!isAllowedTarget(url, this.#options.allowPrivate)) return { delivered: false, gone: false, failure: 'the address is not to be reached' }
    const body = JSON.stringify({ type: change.event.type, timestamp: new Date(change.event.occurred_at).toISOString(), data: toJson(change) })
    try {
      const response = await this.#agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'POST',
        headers: {
          'content-type': 'application/json', 'user-agent': 'Linklog-Webhooks',
          ...signatureHeaders(this.#options.serviceSecret, webhook, change.event.event_id, body, this.#options.now())
        },
        body,
        signal
      })
      await response.body.dump().catch(() => {})
      const { statusCode } = response
      const delivered = statusCode >= 200 && statusCode < 300
      return { delivered, gone: statusCode === 410, failure: delivered ? null : `HTTP ${statusCode}` }
    } catch (error) {
      const { code, message } = error as { code?: string, message: string }
      return { delivered: false, gone: false, failure: (code ?? message).slice(0, 200) }
    }
  }

  async close (): Promise<void> {
    await this.#agent.destroy()
  }
}
