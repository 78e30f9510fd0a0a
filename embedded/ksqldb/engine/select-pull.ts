// Carries out a planned pull query over a table's state: reads the keys and windows it asks for, filters, projects, counts to the limit.
import type { InstantRange, PullPlan } from '../plan/pull-plan.js'
import type { Row, Value } from '../plan/value.js'
import type { MaterializedTable, TableRow, WindowBounds } from '../runtime/api.js'

/** So many rows are looked at in one go: about a millisecond. */
const LOOKED_AT_MAX = 256

/** The answer's rows in the order of the state. Reads as they are taken; gives undefined now and then, where a long scan can let others have a turn. */
export function * selectPull (plan: PullPlan, table: MaterializedTable): Generator<Row | undefined, void, undefined> {
  const limit = plan.limit ?? Infinity
  if (limit <= 0) return
  let count = 0
  let looked = 0
  const layout = rowLayout(plan)
  for (const found of candidates(plan, table)) {
    if (++looked % LOOKED_AT_MAX === 0) yield undefined
    if (!inRange(plan.windowStart, found.window?.start) || !inRange(plan.windowEnd, found.window?.end)) continue
    const row = layout(found)
    if (plan.filter !== undefined && !plan.filter(row)) continue
    yield plan.selects.map(select => select(row))
    if (++count >= limit) return
  }
}

function candidates (plan: PullPlan, table: MaterializedTable): Iterable<TableRow> {
  const { lookup } = plan
  const bounds = windowBounds(plan)
  switch (lookup.kind) {
    case 'keys': return table.window === undefined ? getAll(lookup.keys, table) : windowsOfAll(lookup.keys, table, bounds)
    case 'range': return table.range(lookup, bounds)
    case 'scan': return table.scan(bounds)
  }
}

function getAll (keys: readonly (readonly Value[])[], table: MaterializedTable): TableRow[] {
  return keys.map(key => table.get([...key])).filter(row => row !== undefined)
}

function * windowsOfAll (keys: readonly (readonly Value[])[], table: MaterializedTable, bounds: WindowBounds): Generator<TableRow, void, undefined> {
  for (const key of keys) yield * table.getWindows([...key], bounds)
}

function windowBounds ({ windowStart, windowEnd }: PullPlan): WindowBounds {
  const start = outerBounds(windowStart)
  const end = outerBounds(windowEnd)
  return {
    ...(start.min !== undefined && { startMin: start.min }),
    ...(start.max !== undefined && { startMax: start.max }),
    ...(end.min !== undefined && { endMin: end.min }),
    ...(end.max !== undefined && { endMax: end.max })
  }
}

/** The inclusive bounds, in ms, within which all instants of the range lie. */
function outerBounds (range: InstantRange | undefined): { min?: number, max?: number } {
  if (range === undefined) return {}
  const { equal, from, to } = range
  if (equal !== undefined && equal.length > 0) return { min: Math.min(...equal), max: Math.max(...equal) }
  return {
    ...(from !== undefined && { min: from.inclusive ? from.value : from.value + 1 }),
    ...(to !== undefined && { max: to.inclusive ? to.value : to.value - 1 })
  }
}

function inRange (range: InstantRange | undefined, instant: number | undefined): boolean {
  if (range === undefined || instant === undefined) return true
  const { equal, from, to } = range
  if (equal !== undefined && !equal.includes(instant)) return false
  if (from !== undefined && (from.inclusive ? instant < from.value : instant <= from.value)) return false
  return to === undefined || (to.inclusive ? instant <= to.value : instant < to.value)
}

/** Builds the Row that the plan's filter and selects read: value columns, ROWTIME, window bounds, key columns. */
function rowLayout ({ rowColumns, source }: PullPlan): (found: TableRow) => Row {
  const values = source.schema.value.length
  const keys = new Map(source.schema.key.map((column, i) => [column.name, i]))
  const parts = rowColumns.map(({ name }, i): (found: TableRow) => Value => {
    if (i < values) return found => found.value[i] ?? null
    switch (name) {
      case 'ROWTIME': return found => BigInt(found.timestamp)
      case 'WINDOWSTART': return found => found.window === undefined ? null : BigInt(found.window.start)
      case 'WINDOWEND': return found => found.window === undefined ? null : BigInt(found.window.end)
      default: {
        const place = keys.get(name) ?? -1
        return found => found.key[place] ?? null
      }
    }
  })
  return found => parts.map(part => part(found))
}
