// Turns a request for a short link into a visit in the spool; what cannot be recorded is counted, and never holds up the answer.
import type { AvroCodec } from '../events/avro.js'
import type { Outcome, Visit } from '../events/visit.js'
import { timeOrderedId } from '../links/ids.js'
import { classifyAgent, countryCode, firstLanguage, referrerHost } from './agent.js'
import { encodeFrame } from './frame.js'
import type { Spool } from './spool.js'

/** What the request told; headers as they came. */
export interface VisitRequest {
  readonly link: string
  readonly version: number
  readonly url: string | null
  readonly outcome: Outcome
  readonly rule: number | null
  readonly address: string
  readonly userAgent: string | undefined
  readonly referrer: string | undefined
  readonly language: string | undefined
  readonly country: string | undefined
}

export interface RecorderOptions {
  readonly spool: Pick<Spool, 'append'>
  readonly codec: AvroCodec<Visit>
  readonly hash: (address: string, agent: string, nowMs: number) => string
  readonly now: () => number
  readonly onDropped: (error: unknown, dropped: number) => void
}

export class VisitRecorder {
  readonly #options: RecorderOptions
  recorded = 0
  dropped = 0

  constructor (options: RecorderOptions) {
    this.#options = options
  }

  /** Resolves once the visit is in the spool, or has been counted as dropped. Whether it was made by a robot is the answer. */
  async record (request: VisitRequest): Promise<boolean> {
    const now = this.#options.now()
    const agent = classifyAgent(request.userAgent)
    try {
      const value = this.#options.codec.encode({
        visit_id: timeOrderedId(now),
        version: request.version,
        url: request.url,
        outcome: request.outcome,
        visited_at: now,
        referrer: referrerHost(request.referrer),
        device: agent.device,
        browser: agent.browser,
        os: agent.os,
        country: countryCode(request.country),
        language: firstLanguage(request.language),
        visitor: this.#options.hash(request.address, request.userAgent ?? '', now),
        bot: agent.bot,
        rule: request.rule
      })
      await this.#options.spool.append(encodeFrame({ timestamp: now, link: request.link, value }))
      this.recorded++
    } catch (error) {
      this.dropped++
      this.#options.onDropped(error, this.dropped)
    }
    return agent.bot
  }
}
