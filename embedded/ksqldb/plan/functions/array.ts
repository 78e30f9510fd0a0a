// Functions over arrays.
import type { SqlType } from '../../sql/sql-type.js'
import { BIGINT, BOOLEAN, INTEGER, STRING, array } from '../../sql/sql-type.js'
import type { ArgumentType, ScalarFunction, ScalarSignature } from '../function.js'
import { valueToString } from '../java-text.js'
import type { Value } from '../value.js'
import { T, anonymous, arrayOf, param, scalar, signature, strict } from './define.js'
import type { Comparator } from './values.js'
import { comparatorOf, distinct, includes, valueEquals, valueKey } from './values.js'

type List = readonly Value[]

/** A series longer than this would be an error in the query sooner than a wish. */
const SERIES_ITEMS_MAX = 1_000_000

function itemTypeOf (type: ArgumentType): SqlType | undefined {
  return type?.base === 'ARRAY' ? type.items : undefined
}

/** Builds for the item type, which must have an order. */
function ordered (build: (compare: Comparator) => (...args: any[]) => Value): ScalarSignature['implement'] {
  return types => {
    const item = itemTypeOf(types[0])
    const compare = item === undefined ? undefined : comparatorOf(item)
    return compare !== undefined
      ? build(compare)
      : (list: any) => {
          if (list === null) return null
          throw new Error(`${item?.base ?? 'NULL'} values have no order`)
        }
  }
}

const extreme = (sign: 1 | -1) => ordered(compare => strict((list: List) =>
  list.reduce((best, value) => value !== null && (best === null || compare(value, best) * sign > 0) ? value : best, null)))

const directions = new Map([['ASC', 1], ['ASCENDING', 1], ['DESC', -1], ['DESCENDING', -1]])

/** Nulls come last either way; a direction of another name gives null. */
const sort = ordered(compare => (list: List | null, direction: string | null = 'ASC') => {
  const sign = directions.get(direction?.toUpperCase() ?? '')
  if (list === null || sign === undefined) return null
  const values = list.filter(value => value !== null).sort((a, b) => compare(a, b) * sign)
  return [...values, ...list.filter(value => value === null)]
})

const JOINABLE = new Set(['BOOLEAN', 'INTEGER', 'BIGINT', 'DOUBLE', 'DECIMAL', 'STRING'])

const join: ScalarSignature['implement'] = types => {
  const item = itemTypeOf(types[0])
  return (list: any, delimiter: any = ',') => {
    if (list === null) return null
    return (list as List).map(value => {
      if (value !== null && (item === undefined || !JOINABLE.has(item.base))) throw new Error(`error: hit element of type ${item?.base ?? 'NULL'} which is currently not supported`)
      return value === null || item === undefined ? 'null' : valueToString(value, item)
    }).join(delimiter ?? '')
  }
}

function series (start: bigint, end: bigint, step: bigint): bigint[] {
  if (step === 0n) throw new Error('GENERATE_SERIES step cannot be zero')
  const difference = end - start
  if ((difference > 0n && step < 0n) || (difference < 0n && step > 0n)) throw new Error('GENERATE_SERIES step has wrong sign')
  const size = difference / step + 1n
  if (size > SERIES_ITEMS_MAX) throw new Error(`GENERATE_SERIES gives no more than ${SERIES_ITEMS_MAX} items, not ${size}`)
  return Array.from({ length: Number(size) }, (_, i) => start + BigInt(i) * step)
}

const intSeries = strict((...[start, end, step]: number[]) =>
  series(BigInt(start ?? 0), BigInt(end ?? 0), BigInt(step ?? ((end ?? 0) > (start ?? 0) ? 1 : -1))).map(Number))
const longSeries = strict((...[start, end, step]: bigint[]) =>
  series(start ?? 0n, end ?? 0n, BigInt(step ?? ((end ?? 0n) > (start ?? 0n) ? 1n : -1n))))

/** SLICE counts from 1, both ends included; a missing end is open, one outside the array gives null. */
function slice (list: List | null, from: number | null, to: number | null): Value {
  if (list === null) return null
  const start = (from ?? 1) - 1
  const end = to ?? list.length
  if (start < 0 || end > list.length) return null
  if (start > end) throw new Error(`SLICE from ${start + 1} to ${end}: the end lies before the start`)
  return list.slice(start, end)
}

const except = strict((left: List, right: List) => {
  const taken = new Set(right.map(valueKey))
  return distinct(left.filter(value => !taken.has(valueKey(value))))
})

const intersect = strict((left: List, right: List) => {
  const shared = new Set(right.map(valueKey))
  return distinct(left.filter(value => shared.has(valueKey(value))))
})

const two = [param('left', arrayOf(T)), param('right', arrayOf(T))]
const input = param('input', arrayOf(T))
const bounds = (type: SqlType) => [param('start', type, 'the first item'), param('end', type, 'not to be passed')]
const step = param('step', INTEGER, 'from one item to the next, not 0')

export const arrayFunctions: readonly ScalarFunction[] = [
  anonymous('ARRAY_CONCAT', 'ARRAY', 'The items of both arrays, one behind the other; a null array counts as empty unless both are.', [
    signature(two, arrayOf(T), (left: List | null, right: List | null) => left === null && right === null ? null : [...left ?? [], ...right ?? []])]),
  scalar('ARRAY_CONTAINS', 'ARRAY', 'Whether an array holds a value; false where the array is null.', [
    signature([param('array', arrayOf(T)), param('val', T)], BOOLEAN, (list: List | null, value: Value) => list !== null && includes(list, value))]),
  anonymous('ARRAY_DISTINCT', 'ARRAY', 'The array without repeats, in the order of first appearance.', [signature([input], arrayOf(T), strict(distinct))]),
  anonymous('ARRAY_EXCEPT', 'ARRAY', 'The different items of the first array that the second does not hold.', [signature(two, arrayOf(T), except)]),
  anonymous('ARRAY_INTERSECT', 'ARRAY', 'The different items that both arrays hold.', [signature(two, arrayOf(T), intersect)]),
  scalar('ARRAY_JOIN', 'ARRAY', 'The items as text with a delimiter between them, a comma by default; null items as "null".', [
    { parameters: [param('array', arrayOf(T))], returns: STRING, description: '', implement: join },
    { parameters: [param('array', arrayOf(T)), param('delimiter', STRING)], returns: STRING, description: '', implement: join }]),
  scalar('ARRAY_LENGTH', 'ARRAY', 'How many items an array has.', [signature([param('array', arrayOf(T))], INTEGER, strict((list: List) => list.length))]),
  anonymous('ARRAY_MAX', 'ARRAY', 'The greatest item that is not null.', [{ parameters: [input], returns: T, description: '', implement: extreme(1) }]),
  anonymous('ARRAY_MIN', 'ARRAY', 'The least item that is not null.', [{ parameters: [input], returns: T, description: '', implement: extreme(-1) }]),
  anonymous('ARRAY_REMOVE', 'ARRAY', 'The array without the items that equal a value.', [
    signature([param('array', arrayOf(T)), param('victim', T)], arrayOf(T),
      (list: List | null, victim: Value) => list === null ? null : list.filter(value => !valueEquals(value, victim)))]),
  anonymous('ARRAY_SORT', 'ARRAY', 'The items in ascending order, or by direction ASC or DESC; nulls last.', [
    { parameters: [input], returns: arrayOf(T), description: '', implement: sort },
    { parameters: [input, param('direction', STRING, 'ASC, ASCENDING, DESC or DESCENDING')], returns: arrayOf(T), description: '', implement: sort }]),
  anonymous('ARRAY_UNION', 'ARRAY', 'The different items of both arrays.', [signature(two, arrayOf(T), strict((left: List, right: List) => distinct([...left, ...right])))]),
  scalar('GENERATE_SERIES', 'ARRAY', 'The numbers from start to end, both included, one apart or step apart.', [
    signature(bounds(INTEGER), array(INTEGER), intSeries),
    signature(bounds(BIGINT), array(BIGINT), longSeries),
    signature([...bounds(INTEGER), step], array(INTEGER), intSeries),
    signature([...bounds(BIGINT), step], array(BIGINT), longSeries)]),
  scalar('SLICE', 'ARRAY', 'A part of an array: positions count from 1, both ends are included, a null end is open.', [
    signature([param('in', arrayOf(T)), param('from', INTEGER), param('to', INTEGER)], arrayOf(T), slice)])
]
