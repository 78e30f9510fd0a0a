// COUNT, SUM, SUM_LIST, AVG, MIN, MAX: aggregates whose state is a number or two.
import type { SqlType } from '../../sql/sql-type.js'
import { BIGINT, BYTES, DATE, DOUBLE, INTEGER, STRING, TIME, TIMESTAMP, array, struct } from '../../sql/sql-type.js'
import { fitDecimal } from '../decimal-arithmetic.js'
import { Decimal } from '../decimal.js'
import type { AggregateFunction, AggregateImplementation, AggregateSignature, ArgumentType, ParameterType } from '../function.js'
import type { Value } from '../value.js'
import { ANY_DECIMAL, T, aggregate, param } from './define.js'
import { addWhole, comparatorOf, wrap32, wrap64 } from './values.js'
import type { Whole } from './values.js'

type State = AggregateImplementation<any>

/** A signature over one column without constants. */
function over (type: ParameterType, returns: AggregateSignature['returns'], implement: (type: SqlType) => State): AggregateSignature {
  return {
    parameters: [param('val1', type)], returns, ...typeof returns === 'function' ? { describedReturns: type } : {}, initialArguments: 0, description: '',
    implement: (types, resolved) => implement((types[0] as SqlType | undefined) ?? resolved)
  }
}

const sameAsArgument = (args: readonly ArgumentType[]): SqlType => {
  const type = args[0]
  if (type === undefined || type.base === 'LAMBDA' || type.base === 'INTERVAL_UNIT') throw new Error('Cannot find the type of the argument')
  return type
}

const same = (state: any): Value => state

// COUNT(*) calls with no argument; an absent one is not null. No count comes to 2^53.
const counting: State = {
  stateType: BIGINT,
  initialize: () => 0,
  add: (state: Whole, args) => args[0] === null ? state : Number(state) + 1,
  undo: (state: Whole, args) => args[0] === null ? state : Number(state) - 1,
  merge: (a: Whole, b: Whole) => Number(a) + Number(b),
  map: BigInt
}

interface Arithmetic<N> { zero: N, add: (a: N, b: N) => N, subtract: (a: N, b: N) => N, toNumber: (n: N) => number }

const int32: Arithmetic<number> = { zero: 0, add: (a, b) => wrap32(a + b), subtract: (a, b) => wrap32(a - b), toNumber: n => n }
const int64: Arithmetic<bigint> = { zero: 0n, add: (a, b) => wrap64(a + b), subtract: (a, b) => wrap64(a - b), toNumber: Number }
const float64: Arithmetic<number> = { zero: 0, add: (a, b) => a + b, subtract: (a, b) => a - b, toNumber: n => n }

/** The arithmetic of INTEGER, BIGINT or DOUBLE: the first two wrap around, as Java's. */
export function arithmeticOf (type: SqlType): Arithmetic<any> {
  return type.base === 'INTEGER' ? int32 : type.base === 'BIGINT' ? int64 : float64
}

/** The sum is a number until it, or a value, is too large for one. */
const summingBigints: State = {
  stateType: BIGINT,
  initialize: () => 0,
  add: (state: Whole, [value]) => value === null ? state : addWhole(state, value as bigint),
  undo: (state: Whole, [value]) => value === null ? state : addWhole(state, -(value as bigint)),
  merge: addWhole,
  map: BigInt
}

function summing (type: SqlType): State {
  if (type.base === 'BIGINT') return summingBigints
  const { zero, add, subtract } = arithmeticOf(type)
  return {
    stateType: type,
    initialize: () => zero,
    add: (state, [value]) => value === null ? state : add(state, value),
    undo: (state, [value]) => value === null ? state : subtract(state, value),
    merge: add,
    map: same
  }
}

/** The sum keeps the column's precision; one that outgrows it is an error, which leaves the state as it was (DecimalSumKudaf). */
function summingDecimals (type: SqlType): State {
  if (type.base !== 'DECIMAL') throw new TypeError(`SUM of ${type.base} is no decimal sum`)
  const fit = (sum: Decimal): Decimal => fitDecimal(sum, type)
  return {
    stateType: type,
    initialize: () => new Decimal(0n, type.scale),
    add: (state: Decimal, args) => args[0] === null ? state : fit(state.add(args[0] as Decimal)),
    undo: (state: Decimal, args) => args[0] === null ? state : fit(state.subtract(args[0] as Decimal)),
    merge: (a: Decimal, b: Decimal) => fit(a.add(b)),
    map: same
  }
}

/** `itemType` is what the lists hold; nulls in them count as 0. */
function summingLists (itemType: SqlType): State {
  const { zero, add, subtract } = arithmeticOf(itemType)
  const total = (list: Value): any => (list as readonly Value[]).reduce((sum, item) => item === null ? sum : add(sum, item), zero)
  return {
    stateType: itemType,
    initialize: () => zero,
    add: (state, [list]) => list === null || list === undefined ? state : add(state, total(list)),
    undo: (state, [list]) => list === null || list === undefined ? state : subtract(state, total(list)),
    merge: add,
    map: same
  }
}

/** State [SUM, COUNT]; of no values the average is 0 (AverageUdaf). */
function averaging (type: SqlType): State {
  const { zero, add, subtract, toNumber } = arithmeticOf(type)
  return {
    stateType: struct([{ name: 'SUM', type }, { name: 'COUNT', type: BIGINT }]),
    initialize: () => [zero, 0n],
    add: (state, [value]) => value === null ? state : [add(state[0], value), state[1] + 1n],
    undo: (state, [value]) => value === null ? state : [subtract(state[0], value), state[1] - 1n],
    merge: (a, b) => [add(a[0], b[0]), a[1] + b[1]],
    map: state => state[1] === 0n ? 0 : toNumber(state[0]) / Number(state[1])
  }
}

/** The greatest by `sign` 1, the least by -1; nulls do not count. Of equals the newer stands. */
function extreme (sign: 1 | -1): (type: SqlType) => State {
  return type => {
    const compare = comparatorOf(type)
    if (compare === undefined) throw new TypeError(`${type.base} has no order`)
    const pick = (a: Value, b: Value): Value => b === null ? a : a === null ? b : compare(a, b) * sign > 0 ? a : b
    return { stateType: type, initialize: () => null, add: (state, [value]) => pick(state, value ?? null), merge: pick, map: same }
  }
}

const extremes = (sign: 1 | -1): AggregateSignature[] => [
  over(ANY_DECIMAL, sameAsArgument, extreme(sign)),
  ...[DOUBLE, INTEGER, BIGINT, STRING, TIMESTAMP, TIME, DATE, BYTES].map(type => over(type, type, extreme(sign)))
]

export const basicAggregates: readonly AggregateFunction[] = [
  aggregate('COUNT', 'Counts the rows of a group, or those in which the column is not null.', [over(T, BIGINT, () => counting)]),
  aggregate('SUM', 'Adds up the values of a group. Nulls count as 0; INTEGER and BIGINT wrap around on overflow.', [
    over(ANY_DECIMAL, sameAsArgument, summingDecimals),
    ...[DOUBLE, INTEGER, BIGINT].map(type => over(type, type, () => summing(type)))
  ]),
  aggregate('SUM_LIST', 'Adds up the numbers of all lists in a group.', [DOUBLE, INTEGER, BIGINT].map(type => over(array(type), type, () => summingLists(type)))),
  aggregate('AVG', 'The mean of the values of a group that are not null; 0 where there are none.', [DOUBLE, INTEGER, BIGINT].map(type => over(type, DOUBLE, () => averaging(type)))),
  aggregate('MAX', 'The greatest value of a group. Not over tables.', extremes(1)),
  aggregate('MIN', 'The least value of a group. Not over tables.', extremes(-1))
]
