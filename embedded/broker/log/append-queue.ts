// What waits to be appended to one log: taken in groups, so that many small batches cost one write, and in order.
import { LogError, type AppendResult } from '../../log.js'
import type { BatchView } from '../../records/batch.js'
import type { Origin } from './producer-state.js'

/** One write takes at most so many bytes. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024
/** More waiting appends than this are refused; connections stop reading long before. */
const QUEUE_MAX = 10_000

export interface Pending {
  readonly view: BatchView
  readonly origin: Origin
  readonly resolve: (result: AppendResult) => void
  readonly reject: (error: Error) => void
}

export class AppendQueue {
  readonly #write: (group: readonly Pending[]) => Promise<void>
  #waiting: Pending[] = []
  #draining: Promise<void> | undefined

  /** `write` settles every pending of its group, whatever happens. */
  constructor (write: (group: readonly Pending[]) => Promise<void>) {
    this.#write = write
  }

  /** Throws LogError REQUEST_TIMED_OUT where too many wait. */
  push (pending: Pending): void {
    if (this.#waiting.length >= QUEUE_MAX) throw new LogError('REQUEST_TIMED_OUT', `More than ${QUEUE_MAX} appends wait for one log`)
    this.#waiting.push(pending)
    this.#draining ??= this.#drain()
  }

  /** Writes until nobody waits. It begins with the next turn of the event loop, so that what arrives in one turn goes out in one write. */
  async #drain (): Promise<void> {
    await new Promise(resolve => setImmediate(resolve))
    while (this.#waiting.length > 0) await this.#write(this.#takeGroup())
    this.#draining = undefined
  }

  #takeGroup (): Pending[] {
    let bytes = 0
    let count = 0
    for (const { view } of this.#waiting) {
      if (count > 0 && bytes + view.size > GROUP_BYTES_MAX) break
      bytes += view.size
      count++
    }
    const group = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    return group
  }

  /** Refuses what waits and is not being written yet. */
  reject (error: Error): void {
    for (const pending of this.#waiting.splice(0)) pending.reject(error)
  }

  async idle (): Promise<void> {
    while (this.#draining !== undefined) await this.#draining
  }
}
