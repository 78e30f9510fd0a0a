// COALESCE, IFNULL, NULLIF: which of several values stands.
import type { ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import { T, param, scalar, signature, variadic } from './define.js'
import { valueEquals } from './values.js'

const coalesce = (...values: Value[]): Value => {
  for (const value of values) if (value !== null) return value
  return null
}

export const conditionalFunctions: readonly ScalarFunction[] = [
  scalar('COALESCE', 'CONDITIONAL', 'The first argument that is not null.', [variadic(1, [param('first', T), param('others', T)], T, coalesce)]),
  scalar('IFNULL', 'CONDITIONAL', 'The expression, or the alternative where it is null.', [signature([param('expression', T), param('altValue', T)], T, coalesce)]),
  scalar('NULLIF', 'CONDITIONAL', 'Null where both expressions are equal, else the first.', [
    signature([param('expr1', T), param('expr2', T)], T, (a: Value, b: Value) => a === null || valueEquals(a, b) ? null : a)])
]
