// Many lookups by key as few pull queries: keys that wait together are asked for with one IN, and only so many queries run at once.

export type PullByKeys<T> = (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>

/** Who waits for a value: told by a call, where promises would be too many. */
export interface Waiter<T> { readonly resolve: (value: T) => void, readonly reject: (error: unknown) => void }

const waitingMax = 50_000

export interface BatchOptions {
  /** Keys of one query. */
  readonly keysMax?: number
  /** Queries at once. */
  readonly queriesMax?: number
  /** Of more keys than these each query takes its share: else all that wait for one answer would come, and wait for the next, in step. */
  readonly shareMin?: number
}

/** What one makes of it holds up no other. */
const tell = <T>(waiter: Waiter<T>, value: T): void => {
  try {
    waiter.resolve(value)
  } catch (error) {
    waiter.reject(error)
  }
}

export class BatchedPull<T> {
  readonly #pull: PullByKeys<T>
  readonly #keysMax: number
  readonly #queriesMax: number
  readonly #shareMin: number
  #waiting = new Map<string, Waiter<T | undefined>[]>()
  #running = 0
  /** Keys that the running queries ask for. */
  #asked = 0
  #scheduled = false

  constructor (pull: PullByKeys<T>, { keysMax = 64, queriesMax = 8, shareMin = keysMax }: BatchOptions = {}) {
    this.#pull = pull
    this.#keysMax = keysMax
    this.#queriesMax = queriesMax
    this.#shareMin = shareMin
  }

  /**
   * The row of a key, or undefined where it has none. The query starts after this call, so it sees all that was there before it.
   * @throws the error of the query that asked for it.
   */
  load (key: string): Promise<T | undefined> {
    return new Promise<T | undefined>((resolve, reject) => this.ask(key, { resolve, reject }))
  }

  /** As `load`, without a promise: the waiter is told later, never within this call. */
  ask (key: string, waiter: Waiter<T | undefined>): void {
    const waiters = this.#waiting.get(key)
    if (waiters !== undefined) waiters.push(waiter)
    else if (this.#waiting.size >= waitingMax) queueMicrotask(() => waiter.reject(new RangeError('too many lookups wait')))
    else this.#waiting.set(key, [waiter])
    this.#schedule()
  }

  #schedule (): void {
    if (this.#scheduled || this.#running >= this.#queriesMax || this.#waiting.size === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      while (this.#waiting.size > 0 && this.#running < this.#queriesMax) this.#run(this.#take()).catch(() => {})
    })
  }

  #take (): Map<string, Waiter<T | undefined>[]> {
    const share = Math.ceil((this.#asked + this.#waiting.size) / this.#queriesMax)
    const most = Math.min(this.#keysMax, Math.max(this.#shareMin, share))
    let batch = new Map<string, Waiter<T | undefined>[]>()
    if (this.#waiting.size <= most) {
      [batch, this.#waiting] = [this.#waiting, batch]
      return batch
    }
    for (const [key, waiters] of this.#waiting) {
      if (batch.size >= most) break
      batch.set(key, waiters)
      this.#waiting.delete(key)
    }
    return batch
  }

  async #run (batch: Map<string, Waiter<T | undefined>[]>): Promise<void> {
    this.#running++
    this.#asked += batch.size
    try {
      const rows = await this.#pull([...batch.keys()])
      for (const [key, waiters] of batch) for (const waiter of waiters) tell(waiter, rows.get(key))
    } catch (error) {
      for (const waiters of batch.values()) for (const waiter of waiters) waiter.reject(error)
    } finally {
      this.#running--
      this.#asked -= batch.size
      this.#schedule()
    }
  }
}
