// COUNT_DISTINCT: about how many different values a group has.
import { BIGINT, BYTES } from '../../sql/sql-type.js'
import type { AggregateFunction } from '../function.js'
import { T, aggregate, param } from './define.js'
import { addToSketch, addToSketchInPlace, cardinality, emptySketch, mergeSketches } from './hyperloglog.js'
import { valueKey } from './values.js'

export const countDistinct: AggregateFunction = aggregate('COUNT_DISTINCT',
  'About how many different values a group has (HyperLogLog, standard error 0.8 %); nulls do not count. Not over tables.', [{
    parameters: [param('val1', T)],
    returns: BIGINT,
    initialArguments: 0,
    description: '',
    implement: () => ({
      stateType: BYTES,
      initialize: emptySketch,
      add: (state: Buffer, [value]) => value === null || value === undefined ? state : addToSketch(state, valueKey(value)),
      addInPlace: (state: Buffer, [value]) => value === null || value === undefined ? state : addToSketchInPlace(state, valueKey(value)),
      merge: mergeSketches,
      map: (state: Buffer) => BigInt(cardinality(state))
    })
  }])
