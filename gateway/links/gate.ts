// Lets so many holders of one key in at a time: what bounds how many losing events a race can put on a link's history.

interface Entry { inside: number, readonly queue: (() => void)[] }

export class KeyedGate {
  readonly #width: number
  readonly #queueMax: number
  readonly #entries = new Map<string, Entry>()

  constructor (width: number, queueMax: number) {
    this.#width = width
    this.#queueMax = queueMax
  }

  /**
   * Runs the task once there is room on its key, in the order of calls.
   * @throws RangeError where the key's queue is full, and whatever the task throws.
   */
  async run<T> (key: string, task: () => Promise<T>): Promise<T> {
    const entry = this.#entries.get(key) ?? { inside: 0, queue: [] }
    this.#entries.set(key, entry)
    if (entry.inside >= this.#width) {
      if (entry.queue.length >= this.#queueMax) throw new RangeError(`too many wait on ${key}`)
      await new Promise<void>(resolve => { entry.queue.push(resolve) })
    } else {
      entry.inside++
    }
    try {
      return await task()
    } finally {
      const next = entry.queue.shift()
      if (next !== undefined) next() // the place is handed over, so inside stays as it is
      else if (--entry.inside === 0) this.#entries.delete(key)
    }
  }
}
