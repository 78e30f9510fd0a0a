// Brings written logs to the disk at an interval: what a power cut may take is bounded by it. A timer runs only while something is to be done.
import type { DiskLog } from './partition-log.js'

export class Flusher {
  readonly #intervalMs: number
  readonly #warn: (message: string) => void
  #dirty = new Set<DiskLog>()
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> = Promise.resolve()

  constructor (intervalMs: number, warn: (message: string) => void) {
    this.#intervalMs = intervalMs
    this.#warn = warn
  }

  add (log: DiskLog): void {
    this.#dirty.add(log)
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#flushing = this.#flush()
    }, this.#intervalMs).unref()
  }

  async #flush (): Promise<void> {
    const logs = this.#dirty
    this.#dirty = new Set()
    for (const log of logs) {
      try {
        await log.flush()
      } catch (error) {
        this.#warn(`Flushing ${log.topic}-${log.partition}: ${String(error)}`)
      }
    }
  }

  async stop (): Promise<void> {
    clearTimeout(this.#timer)
    await this.#flushing
    await this.#flush()
  }
}
