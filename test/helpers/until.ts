// Waits for what can be seen, with a bound, so that no test sleeps for a guessed time.
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks again and again until `look` gives something other than undefined or false, and gives that.
 * @throws Error naming `what` and the last failure when it has not come within `timeoutMs`
 */
export async function until<T> (what: string | (() => string), look: () => Promise<T | undefined | false>, timeoutMs = 30_000): Promise<T> {
  const endMs = performance.now() + timeoutMs
  let failure: unknown
  let pauseMs = 5
  while (true) {
    try {
      const seen = await look()
      if (seen !== undefined && seen !== false) return seen
      failure = undefined
    } catch (error) {
      failure = error
    }
    if (performance.now() > endMs) throw new Error(`Not seen within ${timeoutMs} ms: ${typeof what === 'string' ? what : what()}`, { cause: failure })
    await delay(pauseMs)
    pauseMs = Math.min(pauseMs * 2, 200)
  }
}

/** Runs `each` for every item, at most `concurrency` at a time; results in the order of the items. */
export async function inParallel<T, R> (items: readonly T[], concurrency: number, each: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const index = next++
      results[index] = await each(items[index] as T, index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker))
  return results
}
