// GROUP BY over a stream and the projection below it in one step, where the keys are columns: the aggregate then reads the rows as they come, and no
// row, key or record is made for each of them.
import type { Expression } from '../../sql/ast.js'
import { isLiteral } from '../../plan/coercion.js'
import { compileAggregate } from '../../plan/compile.js'
import { columnsIn } from '../../plan/tree.js'
import type { Row, Value } from '../../plan/value.js'
import { columnInput } from './aggregate.js'
import type { AddRow, AggregateStep, Input, Inputs } from './aggregate.js'
import type { Forward, ProcessorContext, StepOf } from './context.js'
import { compileSelect, streamGroupBy, streamSelect } from './stateless.js'

export interface GroupedColumns {
  /** For the aggregate, by the projection's columns. */
  readonly inputs: Inputs
  /** Takes the records from below the projection. `perRecord`: the partition of a record's key counts at once. */
  readonly processor: (add: AddRow, perRecord: boolean) => Forward
  /** The columns of those records that are read. */
  readonly reads: ReadonlySet<string>
}

const isColumn = (e: Expression): e is Extract<Expression, { node: 'UnqualifiedColumnReference' }> => e.node === 'UnqualifiedColumnReference'

const columnNames = (expression: Expression): string[] => columnsIn(expression).map(({ name }) => name)

/** How often the aggregate's calls name a column of the projection. */
const uses = (step: AggregateStep, alias: string): number => step.aggregates.flatMap(columnNames).filter(name => name === alias).length

/** undefined where rows have to be made: a key is computed, or something is that several aggregates read, or none. */
export function groupColumns (step: AggregateStep, context: ProcessorContext): GroupedColumns | undefined {
  const group = step.source
  if (group.step !== 'StreamGroupBy' || group.source.step !== 'StreamSelect' || group.groupByExpressions.length === 0) return undefined
  const select = group.source
  const source = select.source.schema.value
  const isComputed = ({ expression }: typeof select.selects[number]): boolean => !isColumn(expression) && !isLiteral(expression)
  if (!group.groupByExpressions.every(isColumn) || select.selects.some(one => isComputed(one) && uses(step, one.alias) !== 1)) return undefined
  // An argument that has to be cast is read from the projection's row.
  const calls = step.aggregates.map(call => compileAggregate(call, group.schema.value, context.compileContext(step.context)))
  if (calls.some(({ places }) => places.some(place => place < 0))) return undefined
  const compileContext = context.compileContext(select.context)
  const inputs = select.selects.map((one, i): Input => {
    const { expression } = one
    if (isColumn(expression)) return columnInput(source.findIndex(column => column.name === expression.name))
    return { place: -1, evaluate: compileSelect(one, i, source, compileContext) }
  })
  const keys = group.groupByExpressions.map(e => inputs[select.selects.findIndex(({ alias }) => isColumn(e) && e.name === alias)]?.place ?? -1)
  if (keys.some(place => place < 0)) return undefined
  return { inputs, reads: columnsRead(step, group, select), processor: (add, perRecord) => processor(group, select, keys, context, add, perRecord) }
}

/** The columns that an aggregate and its GROUP BY read. */
export function aggregateNeeds (step: AggregateStep, group: StepOf<'StreamGroupBy'>): ReadonlySet<string> {
  return new Set([...step.nonAggregateColumns, ...[...step.aggregates, ...group.groupByExpressions].flatMap(columnNames)])
}

/** Of these the projection's own sources. */
function columnsRead (step: AggregateStep, group: StepOf<'StreamGroupBy'>, select: StepOf<'StreamSelect'>): ReadonlySet<string> {
  const aliases = aggregateNeeds(step, group)
  return new Set(select.selects.filter(({ alias }) => aliases.has(alias)).flatMap(({ expression }) => columnNames(expression)))
}

function processor (
  group: StepOf<'StreamGroupBy'>, select: StepOf<'StreamSelect'>, keys: readonly number[], context: ProcessorContext, add: AddRow, perRecord: boolean
): Forward {
  // Drops the row, and tells why.
  const drop = streamSelect(select, context, streamGroupBy(group, context, () => {}))
  const rekeys = group.repartition && perRecord
  const [first] = keys as [number]
  const addTo = (part: Value, key: Row | undefined, row: Row, timestamp: number): void => {
    if (!rekeys) {
      add(part, key, row, timestamp)
      return
    }
    const before = context.partition
    context.partition = context.partitionOf(key ?? [part], group.schema.key)
    try {
      add(part, key, row, timestamp)
    } finally {
      context.partition = before
    }
  }
  return record => {
    const { value: row } = record
    if (row === null) return
    if (keys.length === 1) {
      const part = row[first]!
      if (part === null) drop(record)
      else addTo(part, undefined, row, record.timestamp)
      return
    }
    const key: Row = keys.map(place => row[place]!)
    if (key.includes(null)) drop(record)
    else addTo(null, key, row, record.timestamp)
  }
}
