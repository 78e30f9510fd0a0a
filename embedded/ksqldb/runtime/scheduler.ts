// Shares the one thread between queries, broker and HTTP: each query works for a few milliseconds, then lets the event loop turn.

/** ms that one slice of work may take. */
export const SLICE_MS = 8

const CREDIT_MS_MAX = 30
const CREDIT_SHARE = 1 / 3
// Kafka Streams' commit.interval.ms with exactly_once_v2.
const DELAY_MS_MAX = 100

export class Scheduler {
  readonly #waiting: (() => void)[] = []
  #scheduled = false

  /** Resolves when it is the caller's turn, at the earliest after the event loop has turned: first come, first served, one each time. */
  turn (): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
  }

  #schedule (): void {
    if (this.#scheduled || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#waiting.shift()?.()
      this.#schedule()
    })
  }
}

/** A flag that one loop waits for: a wake that comes while no one waits is not lost. */
export class Signal {
  #raised = false
  #resolve: (() => void) | undefined

  raise (): void {
    this.#raised = true
    this.#resolve?.()
  }

  /** At most so long, where a time is given. */
  async wait (ms?: number): Promise<void> {
    if (!this.#raised) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>(resolve => {
        this.#resolve = resolve
        if (ms !== undefined) timer = setTimeout(resolve, ms)
      })
      clearTimeout(timer)
    }
    this.#resolve = undefined
    this.#raised = false
  }
}

/**
 * Keeps the queries' commits from taking all of the thread's time while records trickle in. Each commit takes what it cost from a common credit that
 * time fills up again: after a pause all may commit at once, under a steady load they share a third of the time.
 */
export class CommitPacer {
  #creditMs = CREDIT_MS_MAX
  #filledAt = -Infinity

  #fill (now: number): void {
    this.#creditMs = Math.min(CREDIT_MS_MAX, this.#creditMs + (now - this.#filledAt) * CREDIT_SHARE)
    this.#filledAt = now
  }

  /** ms until a commit is due that has waited since `since`; 0: now. `now` and `since` by performance.now(). */
  delayMs (now: number, since: number): number {
    this.#fill(now)
    if (this.#creditMs > 0) return 0
    return Math.max(0, Math.min(Math.ceil(-this.#creditMs / CREDIT_SHARE) + 1, since + DELAY_MS_MAX - now))
  }

  spent (ms: number): void { this.#creditMs -= ms }
}
