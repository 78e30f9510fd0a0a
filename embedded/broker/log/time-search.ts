// Looking records up by time: the segments' time indexes narrow it down, the batches' headers further, records are decoded last.
import { iterateBatches } from '../../records/batch.js'
import type { Segment } from './segment.js'

const READ_BYTES = 65_536

export interface TimedOffset { readonly offset: number, readonly timestamp: number }

/** The first record between two offsets whose timestamp is at or after `timestamp`. */
export async function findByTimestamp (
  segments: readonly Segment[], timestamp: number, startOffset: number, endOffset: number
): Promise<TimedOffset | undefined> {
  for (const segment of segments) {
    if (segment.maxTimestamp < timestamp) continue
    let from = Math.max(segment.indexes().times.lookup(timestamp), startOffset)
    for (;;) {
      const batches = await segment.readBatches(from, READ_BYTES, endOffset)
      if (batches.length === 0) break
      for (const view of iterateBatches(batches)) {
        from = view.lastOffset + 1
        if (view.maxTimestamp < timestamp || view.lastOffset < startOffset) continue
        const found = view.records().find(record => record.timestamp >= timestamp && record.offset >= startOffset)
        if (found !== undefined) return { offset: found.offset, timestamp: found.timestamp }
      }
    }
  }
  return undefined
}
