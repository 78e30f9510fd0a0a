// Follows a push query for as long as the gateway runs: a break is waited out with a growing delay, and whoever holds rows is told whether they come.
import { setTimeout as wait } from 'node:timers/promises'

const retryMsMax = 2_000

export interface FeedOptions<T> {
  readonly open: (signal: AbortSignal) => Promise<AsyncIterable<T>>
  readonly onRow: (row: T) => void
  readonly onState: (up: boolean) => void
  readonly onError: (error: unknown) => void
}

/** Resolves once the signal is aborted; never rejects. */
export const followFeed = async <T>({ open, onRow, onState, onError }: FeedOptions<T>, signal: AbortSignal): Promise<void> => {
  for (let delay = 50; !signal.aborted; delay = Math.min(delay * 2, retryMsMax)) {
    try {
      const rows = await open(signal)
      onState(true)
      delay = 50
      for await (const row of rows) onRow(row)
    } catch (error) {
      if (!signal.aborted) onError(error)
    }
    onState(false)
    await wait(delay, undefined, { signal }).catch(() => {})
  }
}
