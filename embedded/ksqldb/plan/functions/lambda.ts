// TRANSFORM, REDUCE, FILTER: functions over arrays and maps that take a lambda.
import { BOOLEAN } from '../../sql/sql-type.js'
import type { Lambda, ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import { T, arrayOf, generic, lambda, mapOf, param, scalar, signature, strict } from './define.js'
import { inHashOrder } from './hash-order.js'
import { valueKey } from './values.js'

type List = readonly Value[]
type Entries = ReadonlyMap<Value, Value>

const [K, V, R, S] = ['K', 'V', 'R', 'S'].map(generic) as [ReturnType<typeof generic>, ReturnType<typeof generic>, ReturnType<typeof generic>, ReturnType<typeof generic>]

function transformMap (map: Entries, toKey: Lambda, toValue: Lambda): Value {
  const result = new Map<Value, Value>()
  for (const [key, value] of map) {
    const newKey = toKey(key, value)
    if (result.has(newKey)) throw new Error(`Duplicate key ${valueKey(newKey)} in a transformed map`)
    result.set(newKey, toValue(key, value))
  }
  return result
}

function reduceArray (list: List | null, initial: Value, step: Lambda): Value {
  return initial === null || list === null ? initial : list.reduce<Value>((state, value) => step(state, value), initial)
}

function reduceMap (map: Entries | null, initial: Value, step: Lambda): Value {
  if (initial === null || map === null) return initial
  let state: Value = initial
  for (const [key, value] of inHashOrder(map)) state = step(state, key, value)
  return state
}

export const lambdaFunctions: readonly ScalarFunction[] = [
  scalar('TRANSFORM', 'LAMBDA', 'Applies a lambda to every item of an array, or two lambdas to every key and value of a map.', [
    signature([param('map', mapOf(K, V)), param('biFunction1', lambda([K, V], R), 'gives the new key'), param('biFunction2', lambda([K, V], T), 'gives the new value')],
      mapOf(R, T), strict(transformMap)),
    signature([param('array', arrayOf(T)), param('function', lambda([T], R))], arrayOf(R), strict((array: List, item: Lambda) => array.map(value => item(value))))
  ]),
  scalar('REDUCE', 'LAMBDA', 'Runs through an array or a map from an initial state; the lambda gives the next state.', [
    signature([param('list', arrayOf(T)), param('initialState', S), param('biFunction', lambda([S, T], S))], S,
      reduceArray),
    signature([param('map', mapOf(K, V)), param('initialState', S), param('triFunction', lambda([S, K, V], S))], S, reduceMap)
  ]),
  scalar('FILTER', 'LAMBDA', 'The items of an array, or the entries of a map, for which the lambda gives true.', [
    signature([param('map', mapOf(K, V)), param('biFunction', lambda([K, V], BOOLEAN))], mapOf(K, V),
      strict((map: Entries, keep: Lambda) => new Map([...map].filter(([key, value]) => keep(key, value) === true)))),
    signature([param('array', arrayOf(T)), param('function', lambda([T], BOOLEAN))], arrayOf(T),
      strict((array: List, keep: Lambda) => array.filter(value => keep(value) === true)))
  ])
]
