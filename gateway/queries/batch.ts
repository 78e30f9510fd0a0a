// Many lookups by key as few pull queries: keys that wait together are asked for with one IN, and only so many queries run at once.

export type PullByKeys<T> = (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>

interface Waiter<T> { readonly resolve: (value: T | undefined) => void, readonly reject: (error: unknown) => void }

const waitingMax = 50_000

export interface BatchOptions { readonly keysMax?: number, readonly queriesMax?: number }

export class BatchedPull<T> {
  readonly #pull: PullByKeys<T>
  readonly #keysMax: number
  readonly #queriesMax: number
  readonly #waiting = new Map<string, Waiter<T>[]>()
  #running = 0
  #scheduled = false

  constructor (pull: PullByKeys<T>, { keysMax = 64, queriesMax = 8 }: BatchOptions = {}) {
    this.#pull = pull
    this.#keysMax = keysMax
    this.#queriesMax = queriesMax
  }

  /**
   * The row of a key, or undefined where it has none. The query starts after this call, so it sees all that was there before it.
   * @throws the error of the query that asked for it.
   */
  load (key: string): Promise<T | undefined> {
    return new Promise<T | undefined>((resolve, reject) => {
      const waiters = this.#waiting.get(key)
      if (waiters !== undefined) waiters.push({ resolve, reject })
      else if (this.#waiting.size >= waitingMax) reject(new RangeError('too many lookups wait'))
      else this.#waiting.set(key, [{ resolve, reject }])
      this.#schedule()
    })
  }

  #schedule (): void {
    if (this.#scheduled || this.#running >= this.#queriesMax || this.#waiting.size === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      while (this.#waiting.size > 0 && this.#running < this.#queriesMax) this.#run(this.#take()).catch(() => {})
    })
  }

  #take (): Map<string, Waiter<T>[]> {
    const batch = new Map<string, Waiter<T>[]>()
    for (const [key, waiters] of this.#waiting) {
      if (batch.size >= this.#keysMax) break
      batch.set(key, waiters)
      this.#waiting.delete(key)
    }
    return batch
  }

  async #run (batch: Map<string, Waiter<T>[]>): Promise<void> {
    this.#running++
    try {
      const rows = await this.#pull([...batch.keys()])
      for (const [key, waiters] of batch) for (const { resolve } of waiters) resolve(rows.get(key))
    } catch (error) {
      for (const waiters of batch.values()) for (const { reject } of waiters) reject(error)
    } finally {
      this.#running--
      this.#schedule()
    }
  }
}
