// What all processors share: the record that goes from one to the next, and what a query gives them to work with.
import type { Column } from '../../plan/schema.js'
import type { CompileContext } from '../../plan/compile.js'
import type { ExecutionStep } from '../../plan/steps.js'
import type { Row } from '../../plan/value.js'
import type { RecordHeader } from '../../../records/batch.js'
import type { Window } from '../api.js'
import type { ExpiryIndex } from '../state/expiry-index.js'
import type { TableStore, WindowKind } from '../state/table-store.js'
import type { TimeIndex } from '../state/time-index.js'

type Matching<Step, Name> = Step extends { readonly step: infer Own } ? [Extract<Own, Name>] extends [never] ? never : Step : never

/** The steps of these names. */
export type StepOf<Name extends ExecutionStep['step']> = Matching<ExecutionStep, Name>

/** One record of a stream, or one change of a table. */
export class StreamRecord {
  /** null: the record has no key. */
  readonly key: Row | null
  readonly window: Window | undefined
  /** null: no value; in a table the row is gone. */
  readonly value: Row | null
  /** In a table where old values are sent: the row before. */
  readonly old: Row | null
  /** ms since the epoch. */
  readonly timestamp: number

  constructor (key: Row | null, window: Window | undefined, value: Row | null, old: Row | null, timestamp: number) {
    this.key = key
    this.window = window
    this.value = value
    this.old = old
    this.timestamp = timestamp
  }
}

export type Forward = (record: StreamRecord) => void

/** The highest timestamp seen, for each partition of one processor; -1 before the first. Kept with the offsets. */
export type StreamTimes = number[]

export interface StoreSpec {
  readonly key: readonly Column[]
  readonly value: readonly Column[]
  readonly windowKind?: WindowKind
  readonly windowSizeMs?: number
}

export interface ProcessorContext {
  /** The partition that the record at hand belongs to, as the last repartitioning has it. */
  partition: number
  /** Headers of the source record at hand, which go with what it makes. */
  headers: readonly RecordHeader[]
  readonly partitions: number
  /** True: changes of one key within one commit go on as one. */
  readonly coalesce: boolean
  /** For compiling the expressions of the step of this name. */
  compileContext (step: string): CompileContext
  store (name: string, spec: StoreSpec): TableStore
  index (name: string, key: readonly Column[]): TimeIndex
  expiryIndex (name: string, key: readonly Column[]): ExpiryIndex
  /** Said before a commit that leaves expired rows to the next one. */
  hasMoreToExpire (): void
  streamTimes (name: string): StreamTimes
  /** The partition that a key belongs to. */
  partitionOf (key: Row, columns: readonly Column[]): number
  /** Called at the end of each commit's work, upstream processors first; may forward. */
  beforeCommit (work: () => void): void
  /** Called when the work since the last commit is taken back. */
  onRollback (reset: () => void): void
  /** Said by a processor that reads or removes store entries in their order while records pass: each slice of work is then a transaction of its own. */
  needsTransaction (): void
  /** Tells of a record that could not be processed. */
  error (step: string, message: string, row?: Row): void
}

/** Goes on with another partition, then back: what a repartition topic does between processes is done here within one. */
export function forwardTo (context: ProcessorContext, partition: number, forward: Forward, record: StreamRecord): void {
  const before = context.partition
  context.partition = partition
  try {
    forward(record)
  } finally {
    context.partition = before
  }
}
