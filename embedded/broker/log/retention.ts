// Retention: which of a log's oldest segments its limits of time and size let go (cleanup.policy=delete; UnifiedLog.deleteOldSegments).
import type { DiskLog } from './partition-log.js'

/** Drops what may go. Gives the number of segments dropped. */
export async function applyRetention (log: DiskLog, now: number): Promise<number> {
  const { deletes, retentionMs, retentionBytes } = log.config
  if (!deletes) return 0
  const before = log.segments.length
  if (retentionMs >= 0) await dropExpired(log, now - retentionMs)
  if (retentionBytes >= 0) await dropExcess(log, retentionBytes)
  return Math.max(0, before - log.segments.length)
}

async function dropExpired (log: DiskLog, expireBefore: number): Promise<void> {
  const expired = (maxTimestamp: number): boolean => maxTimestamp >= 0 && maxTimestamp < expireBefore
  // What is all too old goes even where nothing new comes to end its segment.
  if (log.segments.every(({ size, maxTimestamp }) => size === 0 || expired(maxTimestamp))) await log.exclusively(async () => await log.roll())
  const first = log.segments.findIndex(segment => segment.isActive || !expired(segment.maxTimestamp))
  if (first > 0) await log.deleteBefore(log.segments[first]!.baseOffset)
}

async function dropExcess (log: DiskLog, bytesMax: number): Promise<void> {
  let excess = log.sizeBytes - bytesMax
  let first = 0
  for (const { size, isActive } of log.segments) {
    if (isActive || excess < size) break
    excess -= size
    first++
  }
  if (first > 0) await log.deleteBefore(log.segments[first]!.baseOffset)
}
