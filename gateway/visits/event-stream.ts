// One listener's server-sent events: a stream whose buffer is bounded, so that whoever does not read is let go with a last word instead of filling the memory.
import { Readable } from 'node:stream'

export interface EventStreamOptions {
  /** What may wait for a listener that does not read. */
  readonly bytesMax: number
  /** How long one that was let go may take to read what was left. */
  readonly lingerMs: number
}

export const bytesMaxPreset = 1_048_576
const lingerPresetMs = 10_000
/** Below this a stream takes what comes from the log. */
const roomBytes = 65_536

export class EventStream extends Readable {
  readonly #options: EventStreamOptions
  #waiting: (() => void)[] = []
  #over = false

  constructor (options: Partial<EventStreamOptions> = {}) {
    super({ highWaterMark: roomBytes })
    this.#options = { bytesMax: bytesMaxPreset, lingerMs: lingerPresetMs, ...options }
    this.once('close', () => this.#wake())
  }

  #wake (): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  override _read (): void {
    this.#wake()
  }

  /** Whether it takes no more. */
  get over (): boolean {
    return this.#over || this.destroyed
  }

  /** False where the listener is let go, because it has not read for too long. */
  send (block: string): boolean {
    if (this.over) return false
    if (this.readableLength + Buffer.byteLength(block) > this.#options.bytesMax) {
      this.finish('event: dropped\ndata: {"reason":"You read too slowly. Connect again with Last-Event-ID."}\n\n')
      return false
    }
    this.push(block)
    return true
  }

  /** Resolves once the listener has read most of what waits, or is gone. */
  async room (): Promise<void> {
    if (this.over || this.readableLength < roomBytes) return
    await new Promise<void>(resolve => { this.#waiting.push(resolve) })
  }

  /** Ends it, after a last block. */
  finish (last = ''): void {
    if (this.over) return
    this.#over = true
    if (last !== '') this.push(last)
    this.push(null)
    setTimeout(() => this.destroy(), this.#options.lingerMs).unref()
  }
}
