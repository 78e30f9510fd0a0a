// Whether this gateway holds its visits back, as `linklog rebuild` asks of all (views/holds.ts). It counts by its own clock from when it first sees a
// hold's id, for no longer than its own bound, and then ships for at least as long as it has held: so neither another's clock nor a rebuild that was
// killed, nor one that asks again and again, keeps visits from the log.
import type { Hold } from '../views/holds.js'

export const holdMsMax = 15_000

export interface HeldOptions {
  readonly spool: {
    /** Keeps shipping from beginning a transaction for so long. */
    hold (ms: number): void
    release (): void
  }
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number
}

export class HeldVisits {
  readonly #options: HeldOptions
  #id: string | undefined
  #isFirst = true
  #since = 0
  #restUntil = -Infinity

  constructor (options: HeldOptions) {
    this.#options = options
  }

  /** Told again and again what was last asked for. What it is told first was asked for before this gateway started, and is not followed. */
  follow (hold: Hold | undefined): void {
    const isOld = this.#isFirst
    this.#isFirst = false
    if (hold === undefined) return
    const { spool, now } = this.#options
    const at = now()
    const isNew = hold.id !== this.#id && !isOld
    this.#id = hold.id
    if (isNew && hold.seconds > 0 && at >= this.#restUntil) {
      const ms = Math.min(hold.seconds * 1_000, holdMsMax)
      this.#since = at
      this.#restUntil = at + 2 * ms
      spool.hold(ms)
    } else if (hold.seconds <= 0) {
      this.#restUntil = Math.min(this.#restUntil, at + (at - this.#since))
      spool.release()
    }
  }
}
