// Waits until the views say which event won. The feed of changes tells at once; a poll for each link, however many writers wait on it, stands in
// where the feed is down or has missed a change.
import type { LinkState } from '../queries/links.js'

export interface Verdict {
  /** pending: the views did not answer in time. */
  readonly outcome: 'accepted' | 'lost' | 'pending'
  readonly state: LinkState | undefined
}

interface Waiter {
  readonly eventId: string
  readonly baseVersion: number
  readonly deadline: number
  readonly resolve: (verdict: Verdict) => void
}

interface Watch { readonly waiters: Set<Waiter>, delayMs: number }

const firstDelayMs = 3
/** While the feed is up a poll is only for what it may have missed. */
const firstDelayWithFeedMs = 100
const delayMsMax = 200

/** The acceptance rule read from the outside: the event stands among the accepted, or the version it wanted to follow has another successor. */
const judge = (waiter: Waiter, state: LinkState | undefined): Verdict | undefined => {
  if (state === undefined) return undefined
  if (state.eventIds.includes(waiter.eventId)) return { outcome: 'accepted', state }
  if (state.version > waiter.baseVersion) return { outcome: 'lost', state }
  return undefined
}

export interface ConfirmationOptions {
  /** Reads where a link stands, beginning after the call. */
  readonly read: (link: string) => Promise<LinkState | undefined>
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
  /** Whether changes arrive through `observe`. */
  readonly feedUp: () => boolean
}

export class Confirmation {
  readonly #options: ConfirmationOptions
  readonly #watches = new Map<string, Watch>()

  constructor (options: ConfirmationOptions) {
    this.#options = options
  }

  /**
   * Writes the event, and resolves once it is decided whether it was accepted, or at the deadline (of options.now).
   * @throws what `write` throws.
   */
  async of (link: string, eventId: string, baseVersion: number, deadline: number, write: () => Promise<void>): Promise<Verdict> {
    let forget = (): void => {}
    // waits from before: the feed may have told by the time that the log has answered
    const verdict = new Promise<Verdict>(resolve => { forget = this.#expect(link, { eventId, baseVersion, deadline, resolve }) })
    try {
      await write()
    } catch (error) {
      forget()
      throw error
    }
    return await verdict
  }

  /** Returns what ends the waiting. */
  #expect (link: string, waiter: Waiter): () => void {
    const watch = this.#watches.get(link) ?? { waiters: new Set(), delayMs: 0 }
    watch.waiters.add(waiter)
    watch.delayMs = this.#firstDelayMs()
    if (!this.#watches.has(link)) {
      this.#watches.set(link, watch)
      this.#poll(link, watch).catch(() => {}) // it has nothing to throw: reads that fail are taken for no answer
    }
    return () => { watch.waiters.delete(waiter) }
  }

  #firstDelayMs (): number {
    return this.#options.feedUp() ? firstDelayWithFeedMs : firstDelayMs
  }

  /** A link as the feed shows it now: writers who wait on it may have their verdict. */
  observe (state: LinkState): void {
    const watch = this.#watches.get(state.link)
    if (watch !== undefined) this.#settle(watch, state)
  }

  async #poll (link: string, watch: Watch): Promise<void> {
    while (watch.waiters.size > 0) {
      await this.#options.wait(watch.delayMs)
      if (watch.waiters.size === 0) break
      watch.delayMs = Math.min(Math.ceil(watch.delayMs * 1.5), delayMsMax)
      // a read that fails decides nothing: the event is on the log, and the deadline ends the waiting
      const state = await this.#options.read(link).catch(() => undefined)
      this.#settle(watch, state)
    }
    this.#watches.delete(link)
  }

  #settle (watch: Watch, state: LinkState | undefined): void {
    const now = this.#options.now()
    for (const waiter of watch.waiters) {
      const verdict = judge(waiter, state) ?? (now >= waiter.deadline ? { outcome: 'pending' as const, state } : undefined)
      if (verdict === undefined) continue
      watch.waiters.delete(waiter)
      waiter.resolve(verdict)
    }
  }
}
