// WITH (TIMESTAMP = …, TIMESTAMP_FORMAT = …) as an expression: the same for a source that reads the time out of a row and a sink that writes it.
import type { TimestampColumn } from '../plan/steps.js'
import type { Value } from '../plan/value.js'
import type { Expression } from '../sql/ast.js'

export function timestampExpression ({ column, format }: TimestampColumn): Expression {
  const reference: Expression = { node: 'UnqualifiedColumnReference', name: column }
  if (format === undefined) return reference
  return { node: 'FunctionCall', name: 'STRINGTOTIMESTAMP', arguments: [reference, { node: 'StringLiteral', value: format }] }
}

/** ms since the epoch; -1 where the expression gave none. */
export function timestampOfValue (value: Value): number {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : -1
}
