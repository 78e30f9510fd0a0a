// Processors over the changes of a table: its source, filter and projection (KTableSource, KTableFilter, KTableTransformValues).
import { compilePredicate } from '../../plan/compile.js'
import type { Column } from '../../plan/schema.js'
import type { Row } from '../../plan/value.js'
import type { TableStore } from '../state/table-store.js'
import { StreamRecord } from './context.js'
import type { Forward, ProcessorContext, StepOf } from './context.js'
import { compileSelects } from './stateless.js'

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
