// What the topic of keys needs by the clock, on whichever gateway comes first; twice does no harm.
import { keySegmentMs } from '../topics.js'
import { dayOf, destroyed, tickKey, type KeyRing } from './key-ring.js'

export interface KeyRecord { readonly key: string, readonly value: Buffer }

/**
 * The records to be written now: over each pepper whose day has been over for a day, since visits may have been on their way that long; and a tick where
 * something was written over that the broker cannot compact away yet, because it ends a segment only when something comes behind it.
 * @param now milliseconds since 1970
 */
export const dueRecords = (ring: Pick<KeyRing, 'peppersBefore' | 'overwrittenAt' | 'writtenAt'>, now: number): readonly KeyRecord[] => {
  const peppers = ring.peppersBefore(dayOf(now) - 1).map(key => ({ key, value: destroyed }))
  const segmentEndsAt = ring.overwrittenAt + keySegmentMs
  const isWaiting = ring.overwrittenAt > 0 && ring.writtenAt <= segmentEndsAt && now > segmentEndsAt
  return isWaiting ? [...peppers, { key: tickKey, value: Buffer.from(String(now)) }] : peppers
}
