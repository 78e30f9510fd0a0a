// How the rows of two sides become one: KsqlValueJoiner.
import type { LogicalSchema } from '../../plan/schema.js'
import type { Row, Value } from '../../plan/value.js'

export interface Joiner {
  (key: Row | null, left: Row | null, right: Row | null): Row
}

/** The left's value columns, then the right's, then the key's where neither side has it. A missing side gives nulls. */
export function rowJoiner (schema: LogicalSchema, left: LogicalSchema, right: LogicalSchema): Joiner {
  const noLeft: Row = new Array<Value>(left.value.length).fill(null)
  const noRight: Row = new Array<Value>(right.value.length).fill(null)
  const appendKey = schema.value.length > left.value.length + right.value.length
  return (key, leftRow, rightRow) => {
    const row = [...leftRow ?? noLeft, ...rightRow ?? noRight]
    if (appendKey) row.push(...key ?? schema.key.map(() => null))
    return row
  }
}
