// Processors over the changes of a table: its source, filter, projection and EMIT FINAL's suppression (KTableSource, KTableFilter, KTableTransformValues).
import { compilePredicate } from '../../plan/compile.js'
import type { Column } from '../../plan/schema.js'
import type { Row } from '../../plan/value.js'
import type { TableStore } from '../state/table-store.js'
import { StreamRecord } from './context.js'
import type { Forward, ProcessorContext, StepOf } from './context.js'
import { compileSelects } from './stateless.js'

const SUPPRESS_PAGE = 200

/** Keeps the rows of a table as they come; sends on what a row was before. */
export function materialize (
  name: string, schema: { readonly key: readonly Column[], readonly value: readonly Column[] }, windowed: 'time' | 'session' | undefined, context: ProcessorContext,
  forward: Forward, windowSizeMs?: number
): { process: Forward, store: TableStore } {
  const store = context.store(name, {
    key: schema.key, value: schema.value, windowKind: windowed ?? 'none', ...(windowSizeMs === undefined ? {} : { windowSizeMs })
  })
  const process = (record: StreamRecord): void => {
    if (record.key === null) return
    const entry = store.entry(record.key, record.window)
    const old = entry.row
    if (old !== null || record.value !== null) store.put(entry, record.value, record.timestamp)
    forward(new StreamRecord(record.key, record.window, record.value, old, record.timestamp))
  }
  return { process, store }
}

/** A row that does not pass is gone from the table: a tombstone goes on, unless it is known that there was no row before. */
export function tableFilter (step: StepOf<'TableFilter'>, context: ProcessorContext, forward: Forward, sendOld: boolean): Forward {
  const passes = compilePredicate(step.filter, step.source.schema.value, context.compileContext(step.context))
  const filtered = (row: Row | null) => row !== null && passes(row) ? row : null
  return record => {
    const value = filtered(record.value)
    const old = sendOld ? filtered(record.old) : null
    if (sendOld && value === null && old === null) return
    forward(new StreamRecord(record.key, record.window, value, old, record.timestamp))
  }
}

export function tableSelect (step: StepOf<'TableSelect'>, context: ProcessorContext, forward: Forward, sendOld: boolean): Forward {
  const select = compileSelects(step.selects, step.source.schema.value, context.compileContext(step.context))
  return record => {
    const value = record.value === null ? null : select(record.value)
    const old = sendOld && record.old !== null ? select(record.old) : null
    forward(new StreamRecord(record.key, record.window, value, old, record.timestamp))
  }
}

/** Holds the last row of each window back until stream time has passed its end and grace. */
export function tableSuppress (step: StepOf<'TableSuppress'>, context: ProcessorContext, forward: Forward, graceMs: number, session: boolean): Forward {
  const { key, value } = step.schema
  context.needsTransaction()
  const store = context.store(step.context, { key, value, windowKind: 'session' })
  const open = context.index(`${step.context}-open`, key)
  const streamTimes = context.streamTimes(step.context)
  return record => {
    const { window } = record
    if (record.key === null || window === undefined) return
    const { partition } = context
    // Upstream, the record's timestamp is the row's: stream time is what the task has seen.
    const streamTime = Math.max(streamTimes[partition] ?? -1, record.timestamp)
    streamTimes[partition] = streamTime
    const entry = store.entry(record.key, window)
    if (entry.row === null && record.value !== null) open.add(window.end, record.key, window)
    if (entry.row !== null && record.value === null) open.remove(window.end, record.key, window)
    store.put(entry, record.value, record.timestamp)
    for (;;) {
      const closed = open.below(streamTime - graceMs + (session ? 0 : 1), SUPPRESS_PAGE)
      for (const one of closed) {
        open.remove(one.at, one.key, one.window)
        const held = store.entry(one.key, one.window)
        const row = held.row
        if (row === null) continue
        store.put(held, null, held.timestamp)
        forward(new StreamRecord(one.key, one.window, row, null, held.timestamp))
      }
      if (closed.length < SUPPRESS_PAGE) return
    }
  }
}
