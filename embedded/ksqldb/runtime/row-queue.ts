// Rows on their way from a push query to its reader: the query waits while the reader has enough, so a slow client costs no memory.
import type { PushRow } from './api.js'

export class RowQueue {
  readonly #max: number
  #rows: PushRow[] = []
  #ended = false
  #error: Error | undefined
  #wakeReader: (() => void) | undefined
  /** Called when rows were taken. */
  onTaken: () => void = () => {}

  constructor (max: number) { this.#max = max }

  get isFull (): boolean { return this.#ended || this.#rows.length >= this.#max }
  get isEnded (): boolean { return this.#ended }
  get isEmpty (): boolean { return this.#rows.length === 0 }

  push (row: PushRow): void {
    if (this.#ended) return
    this.#rows.push(row)
    this.#wake()
  }

  /** No more rows come; those that wait may still be taken. */
  end (error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#wake()
  }

  #wake (): void {
    const wake = this.#wakeReader
    this.#wakeReader = undefined
    wake?.()
  }

  async * read (): AsyncGenerator<readonly PushRow[]> {
    for (;;) {
      if (this.#rows.length > 0) {
        const rows = this.#rows
        this.#rows = []
        this.onTaken()
        yield rows
      } else if (this.#ended) {
        if (this.#error !== undefined) throw this.#error
        return
      } else {
        await new Promise<void>(resolve => { this.#wakeReader = resolve })
      }
    }
  }
}
