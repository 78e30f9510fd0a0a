// Bounds what reads whole tables: so many at a time, so many waiting, so long each.
import { LinklogError } from '../errors.js'

export interface ScanGateOptions {
  readonly runningMax: number
  readonly waitingMax: number
  /** How long one may wait and run together, in milliseconds; undefined: as long as it takes. */
  readonly timeoutMs?: number
}

const overloaded = (detail: string): LinklogError => new LinklogError('overloaded', detail, { headers: { 'retry-after': '5' } })

export class ScanGate {
  readonly #options: ScanGateOptions
  readonly #waiting = new Set<() => void>()
  #running = 0

  constructor (options: ScanGateOptions) {
    this.#options = options
  }

  /**
   * Runs the task once there is room; the signal that it is given ends at the time-out, or with the one given here.
   * @throws LinklogError overloaded where too many wait or the time is up, and whatever the task throws.
   */
  async run<T> (signal: AbortSignal, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options
    const late = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
    const either = late === undefined ? signal : AbortSignal.any([signal, late])
    const leave = await this.enter(either).catch((error: unknown) => { throw this.#timely(late, error) })
    try {
      return await task(either)
    } catch (error) {
      throw this.#timely(late, error)
    } finally {
      leave()
    }
  }

  #timely (late: AbortSignal | undefined, error: unknown): unknown {
    return late?.aborted === true ? overloaded(`Not answered within ${this.#options.timeoutMs ?? 0} ms: ask for less, or later`) : error
  }

  /**
   * Waits for room and gives what must be called at the end.
   * @throws LinklogError overloaded where too many wait, and the signal's reason.
   */
  async enter (signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#running < this.#options.runningMax) {
      this.#running++
    } else {
      if (this.#waiting.size >= this.#options.waitingMax) throw overloaded('Too many lists and exports are being read')
      await this.#turn(signal)
    }
    let left = false
    return () => {
      if (left) return
      left = true
      this.#leave()
    }
  }

  async #turn (signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = (): void => {
        this.#waiting.delete(enter)
        reject(signal.reason instanceof Error ? signal.reason : new Error('given up'))
      }
      this.#waiting.add(enter)
      signal.addEventListener('abort', giveUp, { once: true })
    })
  }

  /** The place is handed over to who waits longest. */
  #leave (): void {
    const next = this.#waiting.values().next()
    if (next.done === true) {
      this.#running--
      return
    }
    this.#waiting.delete(next.value)
    next.value()
  }
}
