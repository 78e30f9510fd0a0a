// Puts the visits of redirects into the spool, those of one turn of the event loop together, before their answers leave. What cannot be recorded is
// counted, and never holds up an answer.
import type { Outcome } from '../events/visit.js'
import { rawVisitBytesMax, writeRawVisit } from './raw-visit.js'
import type { SpoolWriter } from './spool-writer.js'
import type { AddressTokens } from './visitor.js'

/** What the request told; headers as they came. */
export interface VisitRequest {
  readonly link: string
  readonly version: number
  readonly url: string | null
  readonly outcome: Outcome
  readonly rule: number | null
  /** Milliseconds since 1970. */
  readonly visitedAt: number
  readonly address: string
  readonly userAgent: string | undefined
  readonly referrer: string | undefined
  readonly language: string | undefined
  readonly country: string | undefined
  readonly traceparent: string | undefined
}

export interface RecorderOptions {
  readonly spool: Pick<SpoolWriter, 'buffer' | 'reserve' | 'commit' | 'flush' | 'recorded' | 'dropped' | 'lastFault'>
  readonly tokens: AddressTokens
  /** Told after each flush. */
  readonly onWritten: () => void
  /** The alarm: told when visits are dropped, at first and then at most every so often. */
  readonly onDropped: (fault: Error | undefined, dropped: number) => void
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
}

const alarmEveryMs = 10_000

export class VisitRecorder {
  readonly #options: RecorderOptions
  #droppedTold = 0
  #toldAt = -Infinity

  constructor (options: RecorderOptions) {
    this.#options = options
  }

  get recorded (): number {
    return this.#options.spool.recorded
  }

  get dropped (): number {
    return this.#options.spool.dropped
  }

  /** Takes a visit. It is in the spool, or counted as dropped, once `flush` was called in the same turn of the event loop. */
  record (visit: VisitRequest): void {
    const { spool, tokens } = this.#options
    const offset = spool.reserve(rawVisitBytesMax(visit.link, visit.url))
    if (offset >= 0) spool.commit(writeRawVisit(spool.buffer, offset, visit, tokens.of(visit.address, visit.visitedAt)))
  }

  flush (): void {
    const { spool, onWritten } = this.#options
    spool.flush()
    if (spool.dropped > this.#droppedTold) this.#alarm()
    onWritten()
  }

  #alarm (): void {
    const { spool, onDropped, now } = this.#options
    if (now() - this.#toldAt < alarmEveryMs) return
    this.#toldAt = now()
    this.#droppedTold = spool.dropped
    onDropped(spool.lastFault, spool.dropped)
  }
}
