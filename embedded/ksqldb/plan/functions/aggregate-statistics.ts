// STDDEV_SAMP, STDDEV_SAMPLE and CORRELATION: aggregates over running sums.
import type { SqlType } from '../../sql/sql-type.js'
import { BIGINT, DOUBLE, INTEGER, struct } from '../../sql/sql-type.js'
import type { AggregateFunction, AggregateImplementation } from '../function.js'
import type { Value } from '../value.js'
import { arithmeticOf } from './aggregate-basic.js'
import { aggregate, param } from './define.js'

/** SUM in the column's own type, COUNT, and M2, the sum of squared distances from the mean. */
type Moments = readonly [sum: any, count: bigint, m2: number]

/** By how much one value more, or less, moves M2, where `count` others stand beside it (Youngs and Cramer's update). */
function spread (sum: number, count: number, value: number): number {
  if (count <= 0) return 0
  const delta = value * (count + 1) - (sum + value)
  return delta * delta / ((count + 1) * count)
}

/** `result` turns M2 / (count - 1) into what the function gives. */
function deviation (type: SqlType, result: (variance: number) => number): AggregateImplementation<any> {
  const { zero, add, subtract, toNumber } = arithmeticOf(type)
  return {
    stateType: struct([{ name: 'SUM', type }, { name: 'COUNT', type: BIGINT }, { name: 'M2', type: DOUBLE }]),
    initialize: () => [zero, 0n, 0],
    add: ([sum, count, m2]: Moments, [value]) => value === null || value === undefined
      ? [sum, count, m2]
      : [add(sum, value), count + 1n, m2 + spread(toNumber(sum), Number(count), toNumber(value))],
    undo: ([sum, count, m2]: Moments, [value]) => {
      if (value === null || value === undefined) return [sum, count, m2]
      const rest = subtract(sum, value)
      return [rest, count - 1n, m2 - spread(toNumber(rest), Number(count) - 1, toNumber(value))]
    },
    merge: (a: Moments, b: Moments) => {
      const [countA, countB] = [Number(a[1]), Number(b[1])]
      const distance = countA === 0 || countB === 0 ? 0 : toNumber(a[0]) / countA - toNumber(b[0]) / countB
      const between = distance === 0 ? 0 : countA * countB * distance * distance / (countA + countB)
      return [add(a[0], b[0]), a[1] + b[1], a[2] + b[2] + between]
    },
    map: (state: Moments) => state[1] < 2n ? 0 : result(state[2] / (Number(state[1]) - 1))
  }
}

type Sums = readonly [x: number, y: number, xx: number, yy: number, xy: number, count: bigint]

function correlation (type: SqlType): AggregateImplementation<any> {
  const { toNumber } = arithmeticOf(type)
  const move = (state: Sums, args: readonly Value[], sign: 1 | -1): Sums => {
    if (args[0] === null || args[1] === null) return state
    const [x, y] = [toNumber(args[0]), toNumber(args[1])]
    return [state[0] + sign * x, state[1] + sign * y, state[2] + sign * x * x, state[3] + sign * y * y, state[4] + sign * x * y, state[5] + BigInt(sign)]
  }
  return {
    stateType: struct([...['X_SUM', 'Y_SUM', 'X_SQUARED_SUM', 'Y_SQUARED_SUM', 'XY_SUM'].map(name => ({ name, type: DOUBLE })), { name: 'COUNT', type: BIGINT }]),
    initialize: () => [0, 0, 0, 0, 0, 0n],
    add: (state: Sums, args) => move(state, args, 1),
    undo: (state: Sums, args) => move(state, args, -1),
    merge: (a: Sums, b: Sums) => [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5]],
    map: ([x, y, xx, yy, xy, count]: Sums) => {
      const n = Number(count)
      return (n * xy - x * y) / Math.sqrt((n * xx - x * x) * (n * yy - y * y))
    }
  }
}

const numbers = [DOUBLE, INTEGER, BIGINT]
const deviations = (result: (variance: number) => number): AggregateFunction['signatures'] => numbers.map(type =>
  ({ parameters: [param('val1', type)], returns: DOUBLE, initialArguments: 0, description: '', implement: () => deviation(type, result) }))

export const statisticalAggregates: readonly AggregateFunction[] = [
  aggregate('STDDEV_SAMP', 'The sample variance of the values of a group: as in ksqlDB the root is not taken. STDDEV_SAMPLE takes it.', deviations(variance => variance)),
  aggregate('STDDEV_SAMPLE', 'The sample standard deviation of the values of a group; 0 for fewer than two.', deviations(Math.sqrt)),
  aggregate('CORRELATION', 'The Pearson correlation coefficient of two columns; NaN where one of them does not vary.', numbers.map(type =>
    ({ parameters: [param('val1', type), param('val2', type)], returns: DOUBLE, initialArguments: 0, description: '', implement: () => correlation(type) })))
]
