// Shares the one thread between queries, broker and HTTP: each query works for a few milliseconds, then lets the event loop turn.
import { setTimeout as delay } from 'node:timers/promises'

/** ms that one slice of work may take, and while many pull queries come. */
export const SLICE_MS = 8
const SLICE_MS_AMONG_READS = 2

/** Rows read by key within a quarter to half a second from which on pull queries go before what is far behind. */
const READS_MANY = 1250
const READS_MS = 250
/** Share of the time that what is far behind gets meanwhile; when that has lasted, so that it comes forward under a load that does not end. */
const BEHIND_SHARE = 1 / 16
const BEHIND_SHARE_LATER = 1 / 2
const BEHIND_LATER_MS = 30_000
/** How much it may have had in advance. */
const BEHIND_AHEAD_MS_MAX = 500
/** How soon it is seen that pull queries have ceased, or that the query is to stop. */
const BEHIND_WAIT_MS = 20

const CREDIT_MS_MAX = 30
const CREDIT_SHARE = 1 / 3
/** ms after which a commit is due in any case: Kafka Streams' commit.interval.ms with exactly_once_v2. */
export const COMMIT_DELAY_MS_MAX = 100

/** Time that may be spent, in ms: what is spent goes off, what passes fills it up again by a share. Begins full. */
class TimeCredit {
  readonly #min: number
  readonly #max: number
  #ms: number
  #filledAt = -Infinity

  constructor (min: number, max: number) {
    this.#min = min
    this.#max = max
    this.#ms = max
  }

  /** What there is at `now`, where `share` of the time since the last call has filled it up; negative: more was spent. */
  at (now: number, share: number): number {
    this.#ms = Math.min(this.#max, this.#ms + (now - this.#filledAt) * share)
    this.#filledAt = now
    return this.#ms
  }

  spend (ms: number): void { this.#ms = Math.max(this.#min, this.#ms - ms) }
}

export class Scheduler {
  readonly #waiting: (() => void)[] = []
  #scheduled = false
  readonly #now: () => number
  readonly #wait: (ms: number) => Promise<unknown>
  #reads = 0
  #readsBefore = 0
  #readsSince = 0
  /** Since when many pull queries come without a break; Infinity while they do not. */
  #manySince = Infinity
  readonly #credit = new TimeCredit(-BEHIND_AHEAD_MS_MAX, 0)

  /** `now`: a clock that only goes forward, in milliseconds; `wait` resolves after so many of them. */
  constructor (now: () => number = () => performance.now(), wait: (ms: number) => Promise<unknown> = delay) {
    this.#now = now
    this.#wait = wait
  }

  /** Said of each row that a pull query reads by its key. */
  read (): void {
    this.#countReads(this.#now())
    this.#reads++
  }

  #countReads (now: number): void {
    const ms = now - this.#readsSince
    if (ms < READS_MS) return
    this.#readsBefore = ms < 2 * READS_MS ? this.#reads : 0
    this.#reads = 0
    this.#readsSince = now
  }

  /** Whether many pull queries come: what is done at a stretch is then to be short. */
  get readsAreMany (): boolean { return this.#areMany(this.#now()) }

  #areMany (now: number): boolean {
    this.#countReads(now)
    return this.#reads + this.#readsBefore >= READS_MANY
  }

  /** How long one slice of work may take now, in ms. */
  get sliceMs (): number { return this.readsAreMany ? SLICE_MS_AMONG_READS : SLICE_MS }

  /** The share of the time that what is far behind may have now. */
  #share (now: number): number {
    if (!this.#areMany(now)) {
      this.#manySince = Infinity
      return 1
    }
    this.#manySince = Math.min(this.#manySince, now)
    return now - this.#manySince < BEHIND_LATER_MS ? BEHIND_SHARE : BEHIND_SHARE_LATER
  }

  /**
   * Does what takes long and nobody waits for, at its turn. While many pull queries come they go first: all such work together gets a sixteenth of the
   * time then, and half of it once they have come for 30 s. Not begun where `unless` says so by then.
   */
  async behind (work: () => void, unless: () => boolean): Promise<void> {
    for (;;) {
      await this.turn()
      if (unless()) return
      const started = this.#now()
      const share = this.#share(started)
      const creditMs = this.#credit.at(started, share)
      if (share === 1 || creditMs === 0) {
        try {
          work()
        } finally {
          this.#credit.spend(this.#now() - started)
        }
        return
      }
      await this.#wait(Math.min(BEHIND_WAIT_MS, -creditMs / share))
    }
  }

  /** What was done beside `behind` and ought to have been within: it counts as if it had been. */
  spent (ms: number): void { this.#credit.spend(ms) }

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
 * Keeps the commits that someone waits for from taking all of the thread's time while records trickle in. Each takes what it cost from a common credit that
 * time fills up again: after a pause all may commit at once, under a steady load they share a third of the time.
 */
export class CommitPacer {
  readonly #credit = new TimeCredit(-Infinity, CREDIT_MS_MAX)

  /** ms until a commit is due that has waited since `since`; 0: now. `now` and `since` by performance.now(). */
  delayMs (now: number, since: number): number {
    const creditMs = this.#credit.at(now, CREDIT_SHARE)
    if (creditMs > 0) return 0
    return Math.max(0, Math.min(Math.ceil(-creditMs / CREDIT_SHARE) + 1, since + COMMIT_DELAY_MS_MAX - now))
  }

  spent (ms: number): void { this.#credit.spend(ms) }
}
