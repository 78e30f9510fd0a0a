// Shares the one thread between queries, broker and HTTP: each query works for a few milliseconds, then lets the event loop turn.

/** ms that one slice of work may take. */
export const SLICE_MS = 8

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

  async wait (): Promise<void> {
    if (!this.#raised) await new Promise<void>(resolve => { this.#resolve = resolve })
    this.#resolve = undefined
    this.#raised = false
  }
}
