// Joins with a table's current row: stream-table and table-table (KStreamKTableJoinProcessor, KTableKTableInnerJoin, …LeftJoin, …RightJoin, …OuterJoin).
import type { Row } from '../../plan/value.js'
import type { Window } from '../api.js'
import { StreamRecord } from './context.js'
import type { Forward, StepOf } from './context.js'
import { rowJoiner } from './join-row.js'

/** A table's row as it stands, with its timestamp; undefined where there is none. */
export type TableGetter = (key: Row, window: Window | undefined) => { readonly row: Row, readonly timestamp: number } | undefined

export function streamTableJoin (step: StepOf<'StreamTableJoin'>, forward: Forward, table: TableGetter): Forward {
  const join = rowJoiner(step.schema, step.left.schema, step.right.schema)
  const left = step.joinType === 'LEFT'
  return record => {
    const { key, value, window } = record
    if (value === null || (key === null && !left)) return
    const missing = key === null || key.every(part => part === null)
    if (missing && !left) return
    const found = missing ? undefined : table(key, window)
    if (found === undefined && !left) return
    forward(new StreamRecord(key, window, join(key, value, found?.row ?? null), null, record.timestamp))
  }
}

/** The two sides' processors; `getters` give the rows of each side's table and may be set after. */
export function tableTableJoin (
  step: StepOf<'TableTableJoin'>, forward: Forward, sendOld: boolean, getters: { left: TableGetter, right: TableGetter }
): { left: Forward, right: Forward } {
  const joined = rowJoiner(step.schema, step.left.schema, step.right.schema)
  const { joinType } = step
  const side = (isLeft: boolean): Forward => {
    const keepsThis = joinType === 'OUTER' || joinType === (isLeft ? 'LEFT' : 'RIGHT')
    const keepsOther = joinType === 'OUTER' || joinType === (isLeft ? 'RIGHT' : 'LEFT')
    return record => {
      const { key, window, value, old } = record
      if (key === null) return
      const found = isLeft ? getters.right(key, window) : getters.left(key, window)
      const other = found?.row ?? null
      if (other === null && (!keepsThis || (value === null && old === null))) return
      const result = (row: Row | null): Row | null => {
        if (row === null && (other === null || !keepsOther)) return null
        return isLeft ? joined(key, row, other) : joined(key, other, row)
      }
      forward(new StreamRecord(key, window, result(value), sendOld ? result(old) : null, Math.max(record.timestamp, found?.timestamp ?? -1)))
    }
  }
  return { left: side(true), right: side(false) }
}
