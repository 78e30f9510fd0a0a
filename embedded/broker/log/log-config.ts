// The settings of one log, parsed: what a topic's textual configuration means to the files.

export interface LogConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  readonly maxMessageBytes: number
  /** -1: unlimited, as for retentionBytes. */
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly deletes: boolean
  readonly compacts: boolean
  readonly minCleanableDirtyRatio: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  readonly deleteRetentionMs: number
  readonly appendTime: boolean
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
}
