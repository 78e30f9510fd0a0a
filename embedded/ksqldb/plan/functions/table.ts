// EXPLODE and CUBE_EXPLODE: functions that give several rows for one.
import type { SqlType } from '../../sql/sql-type.js'
import { KsqlError } from '../error.js'
import type { ArgumentType, TableFunction } from '../function.js'
import type { Value } from '../value.js'
import { ANY_DECIMAL, T, arrayOf, param, table } from './define.js'

/** 2^20 rows for one are the most that CUBE_EXPLODE gives. */
const CUBE_COLUMNS_MAX = 20

function itemType (args: readonly ArgumentType[]): SqlType {
  const type = args[0]
  if (type?.base !== 'ARRAY') throw new KsqlError('explode should be provided with an ARRAY')
  return type.items
}

const explode = () => (list: readonly Value[] | null): Iterable<Value> => list ?? []

/** Every way to blank out columns, from all blank to none, the last column changing fastest; a column that is null counts as one way only. */
function * cube (columns: readonly Value[] | null): Generator<Value> {
  if (columns === null) return
  const { length } = columns
  if (length > CUBE_COLUMNS_MAX) throw new Error(`cube_explode can take no more than ${CUBE_COLUMNS_MAX} columns, not ${length}`)
  const present = columns.reduce<number>((mask, value, i) => value === null ? mask : mask | (1 << (length - 1 - i)), 0)
  for (let mask = 0; mask < 1 << length; mask++) {
    if ((mask & present) === mask) yield columns.map((value, i) => (mask & (1 << (length - 1 - i))) === 0 ? null : value)
  }
}

export const tableFunctions: readonly TableFunction[] = [
  table('EXPLODE', 'One row for each item of an array; none where the array is null or empty.', [
    { parameters: [param('input', arrayOf(ANY_DECIMAL))], returns: itemType, describedReturns: ANY_DECIMAL, description: '', implement: explode as () => (...args: any[]) => Iterable<Value> },
    { parameters: [param('list', arrayOf(T))], returns: T, description: '', implement: explode as () => (...args: any[]) => Iterable<Value> }
  ]),
  table('CUBE_EXPLODE', 'One row for each way to replace columns of the array by null.', [
    { parameters: [param('columns', arrayOf(T))], returns: arrayOf(T), description: '', implement: () => cube as (...args: any[]) => Iterable<Value> }
  ])
]
