// COLLECT_LIST, COLLECT_SET, HISTOGRAM, TOPK, TOPKDISTINCT, ATTR: aggregates whose state holds values of the group.
import type { SqlType, StructField } from '../../sql/sql-type.js'
import { BIGINT, BYTES, DATE, DOUBLE, INTEGER, STRING, TIME, TIMESTAMP, array, map, struct } from '../../sql/sql-type.js'
import type { AggregateFunction, AggregateImplementation, AggregateSignature, ArgumentType, ParameterType } from '../function.js'
import type { Value } from '../value.js'
import type { FunctionContext } from './context.js'
import { ANY_DECIMAL, T, aggregate, arrayOf, generic, param } from './define.js'
import type { Comparator } from './values.js'
import { comparatorOf, includes, lastIndexOf, valueEquals } from './values.js'
import type { Whole } from './values.js'

type State = AggregateImplementation<any>
type List = readonly Value[]

/** HISTOGRAM keeps so many different values; later ones are left out. */
const HISTOGRAM_ENTRIES_MAX = 1000

const same = (state: any): Value => state

function itemTypeOf (type: SqlType): SqlType {
  if (type.base !== 'ARRAY') throw new TypeError(`expected an ARRAY, not ${type.base}`)
  return type.items
}

/** The type of one argument that is a column. */
function columnType (types: readonly ArgumentType[], index: number): SqlType {
  const type = types[index]
  if (type === undefined || type.base === 'LAMBDA' || type.base === 'INTERVAL_UNIT') throw new Error('Cannot find the type of the argument')
  return type
}

/** A limit from the properties; negative or absent means none (CollectListUdaf.configure). */
function limitOf (context: FunctionContext, property: string): number {
  const text = context.properties[property]
  if (text === undefined) return Infinity
  const limit = Number.parseInt(text, 10)
  if (Number.isNaN(limit)) throw new Error(`Invalid value ${text} for property ${property}: Not a number of entries`)
  return limit < 0 ? Infinity : limit
}

function collectingList (type: SqlType, limit: number): State {
  return {
    stateType: type,
    initialize: () => [],
    add: (state: List, [value]) => state.length < limit ? [...state, value ?? null] : state,
    addInPlace: (state: Value[], [value]) => {
      if (state.length < limit) state.push(value ?? null)
      return state
    },
    // The last equal value goes: which of several was the row's own is not known. One over the limit was never in.
    undo: (state: List, [value]) => {
      const index = lastIndexOf(state, value ?? null)
      return index < 0 ? state : state.toSpliced(index, 1)
    },
    merge: (a: List, b: List) => [...a, ...b].slice(0, Math.max(a.length, limit)),
    map: same
  }
}

function collectingSet (type: SqlType, limit: number): State {
  const merge = (a: List, b: List): List => {
    const union = [...a]
    for (const value of b) if (union.length < limit && !includes(union, value)) union.push(value)
    return union
  }
  return {
    stateType: type,
    initialize: () => [],
    add: (state: List, [value]) => state.length < limit && !includes(state, value ?? null) ? [...state, value ?? null] : state,
    addInPlace: (state: Value[], [value]) => {
      if (state.length < limit && !includes(state, value ?? null)) state.push(value ?? null)
      return state
    },
    merge,
    map: same
  }
}

type Counts = ReadonlyMap<Value, Whole>

function increase (counts: Map<Value, Whole>, value: Value, by: number): Map<Value, Whole> {
  const old = counts.get(value)
  if (old !== undefined) counts.set(value, Number(old) + by)
  else if (counts.size < HISTOGRAM_ENTRIES_MAX) counts.set(value, by)
  return counts
}

/** A map cannot hold a null key in every format, so nulls are not counted. */
const histogram: State = {
  stateType: map(STRING, BIGINT),
  initialize: () => new Map(),
  add: (state: Counts, [value]) => value === null || value === undefined ? state : increase(new Map(state), value, 1),
  addInPlace: (state: Map<Value, Whole>, [value]) => value === null || value === undefined ? state : increase(state, value, 1),
  undo: (state: Counts, [value]) => {
    const count = state.get(value ?? null)
    if (count === undefined) return state
    const counts = new Map(state)
    if (count > 1) counts.set(value ?? null, Number(count) - 1)
    else counts.delete(value ?? null)
    return counts
  },
  merge: (a: Counts, b: Counts) => {
    const union = new Map(a)
    for (const [value, count] of b) increase(union, value, Number(count))
    return union
  },
  map: (state: Counts) => {
    const counts = new Map<Value, bigint>()
    state.forEach((count, value) => { counts.set(value, BigInt(count)) })
    return counts
  }
}

function kOf (name: string, k: Value | undefined): number {
  if (typeof k !== 'number' || k < 1) throw new Error(`${name} needs a k of 1 or more, not ${String(k)}`)
  return k
}

/** The k greatest in descending order; of equals the earlier stands first. `rank` gives what an entry is sorted by. */
function keepTop (k: number, compare: Comparator, rank: (entry: Value) => Value, distinct: boolean): (state: List, entry: Value) => List {
  return (state, entry) => {
    const value = rank(entry)
    const last = state.at(-1)
    if (state.length === k && last !== undefined && compare(value, rank(last)) <= 0) return state
    if (distinct && state.some(other => compare(rank(other), value) === 0)) return state
    const after = state.findIndex(other => compare(rank(other), value) < 0)
    const next = state.toSpliced(after < 0 ? state.length : after, 0, entry)
    return next.length > k ? next.slice(0, k) : next
  }
}

function top (name: string, stateType: SqlType, sortType: SqlType, k: number, toEntry: (args: List) => Value, isStruct: boolean, distinct: boolean): State {
  const compare = comparatorOf(sortType)
  if (compare === undefined) throw new TypeError(`${name}: ${sortType.base} has no order`)
  const rank = isStruct ? (entry: Value): Value => (entry as List)[0] ?? null : (entry: Value): Value => entry
  const insert = keepTop(k, compare, rank, distinct)
  return {
    stateType,
    initialize: () => [],
    add: (state: List, args) => args[0] === null ? state : insert(state, toEntry(args)),
    merge: (a: List, b: List) => b.reduce(insert, a),
    map: same
  }
}

/** TOPK(col, other…, k): entries are the values, or structs of `sort_col`, `col0`, … where other columns are named (TopkKudaf). */
function topkEntryType (types: readonly ArgumentType[]): SqlType {
  const columns = types.slice(0, -1).map((_, i) => columnType(types, i))
  const first = columnType(types, 0)
  if (columns.length < 2) return first
  return struct(columns.map((type, i): StructField => ({ name: i === 0 ? 'sort_col' : `col${i - 1}`, type })))
}

function topk (type: SqlType): AggregateSignature {
  return {
    parameters: [param('val1', type), param('val2', { base: 'ANY' }), param('k', INTEGER)],
    variadicIndex: 1, initialArguments: 1, description: '',
    returns: types => array(topkEntryType(types)),
    describedReturns: arrayOf(generic('S')),
    implement: (_types, returns, [k]) => {
      const entry = itemTypeOf(returns)
      const isStruct = entry.base === 'STRUCT'
      const columns = isStruct ? entry.fields.length : 1
      return top('TOPK', returns, type, kOf('TOPK', k), args => isStruct ? args.slice(0, columns) : args[0] ?? null, isStruct, false)
    }
  }
}

function topkDistinct (type: ParameterType): AggregateSignature {
  return {
    parameters: [param('val1', type), param('k', INTEGER)],
    initialArguments: 1, description: '',
    returns: types => array(columnType(types, 0)),
    describedReturns: arrayOf(type),
    implement: (_types, returns, [k]) => top('TOPKDISTINCT', returns, itemTypeOf(returns), kOf('TOPKDISTINCT', k), args => args[0] ?? null, false, true)
  }
}

type Seen = ReadonlyArray<readonly [Value, number]>

/** State: every value with its count, as a list because null is a value too (Attr). */
function singleton (type: SqlType): State {
  const count = (state: Seen, value: Value, by: number): Seen => {
    const index = state.findIndex(entry => valueEquals(entry[0], value))
    if (index < 0) return by > 0 ? [...state, [value, by]] : state
    return state.with(index, [value, Math.max(0, (state[index]?.[1] ?? 0) + by)])
  }
  return {
    stateType: array(struct([{ name: 'VALUE', type }, { name: 'COUNT', type: INTEGER }])),
    initialize: () => [],
    add: (state: Seen, [value]) => count(state, value ?? null, 1),
    undo: (state: Seen, [value]) => count(state, value ?? null, -1),
    merge: (a: Seen, b: Seen) => b.reduce((state, [value, by]) => count(state, value, by), a),
    map: (state: Seen) => {
      const present = state.filter(entry => entry[1] > 0)
      return present.length === 1 ? present[0]?.[0] ?? null : null
    }
  }
}

const one = (returns: AggregateSignature['returns'], implement: AggregateSignature['implement']): AggregateSignature =>
  ({ parameters: [param('val1', T)], returns, initialArguments: 0, description: '', implement })

/** The limits are read when a function is made for a call, so a wrong one fails the statement that uses it and no other. */
export function collectingAggregates (context: FunctionContext): readonly AggregateFunction[] {
  return [
    aggregate('COLLECT_LIST', 'All values of a group, nulls too, in the order they came; at most ksql.functions.collect_list.limit of them.', [
      one(arrayOf(T), (_types, returns) => collectingList(returns, limitOf(context, 'ksql.functions.collect_list.limit')))]),
    aggregate('COLLECT_SET', 'The different values of a group in the order they first came; at most ksql.functions.collect_set.limit of them. Not over tables.', [
      one(arrayOf(T), (_types, returns) => collectingSet(returns, limitOf(context, 'ksql.functions.collect_set.limit')))]),
    aggregate('HISTOGRAM', `How often each value of a group came, for the first ${HISTOGRAM_ENTRIES_MAX} different values.`, [
      { parameters: [param('val1', STRING)], returns: map(STRING, BIGINT), initialArguments: 0, description: '', implement: () => histogram }]),
    aggregate('TOPK', 'The k greatest values of a group in descending order, with other columns of their rows where such are named. Not over tables.',
      [DOUBLE, INTEGER, BIGINT, STRING].map(topk)),
    aggregate('TOPKDISTINCT', 'The k greatest different values of a group in descending order. Not over tables.',
      [BIGINT, INTEGER, DOUBLE, ANY_DECIMAL, BYTES, DATE, TIME, TIMESTAMP, STRING].map(topkDistinct)),
    aggregate('ATTR', 'The one value that all rows of a group share; null where they differ.', [one(T, (_types, returns) => singleton(returns))], '')
  ]
}
