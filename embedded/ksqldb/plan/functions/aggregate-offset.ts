// EARLIEST_BY_OFFSET and LATEST_BY_OFFSET: the first or last values of a group in the order the rows were read.
import type { SqlType } from '../../sql/sql-type.js'
import { BIGINT, BOOLEAN, INTEGER, array, struct } from '../../sql/sql-type.js'
import type { AggregateFunction, AggregateImplementation, AggregateSignature, ArgumentType } from '../function.js'
import type { Value } from '../value.js'
import type { FunctionContext } from './context.js'
import { T, aggregate, arrayOf, param } from './define.js'

type State = AggregateImplementation<any>
/** A value and the sequence number of when it was read, by which states of two session windows are put in order. */
type Entry = readonly [sequence: bigint, value: Value]

const entryType = (type: SqlType): SqlType => struct([{ name: 'SEQ', type: BIGINT }, { name: 'VAL', type }])

/** Numbers that grow, also over a restart: they begin at the clock's microseconds. */
function sequenceFrom (now: () => number): () => bigint {
  let last = 0n
  return () => {
    const clock = BigInt(Math.floor(now())) * 1000n
    last = clock > last ? clock : last + 1n
    return last
  }
}

const bySequence = (a: Entry, b: Entry): number => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0
const valueOf = (entry: Entry | null): Value => entry === null ? null : entry[1]

function earliest (type: SqlType, next: () => bigint, ignoreNulls: boolean): State {
  return {
    stateType: entryType(type),
    initialize: () => null,
    add: (state: Entry | null, [value]) => state !== null || (ignoreNulls && value === null) ? state : [next(), value ?? null],
    merge: (a: Entry | null, b: Entry | null) => a === null ? b : b === null ? a : bySequence(a, b) < 0 ? a : b,
    map: valueOf
  }
}

function latest (type: SqlType, next: () => bigint, ignoreNulls: boolean): State {
  return {
    stateType: entryType(type),
    initialize: () => null,
    add: (state: Entry | null, [value]) => ignoreNulls && value === null ? state : [next(), value ?? null],
    merge: (a: Entry | null, b: Entry | null) => a === null ? b : b === null ? a : bySequence(a, b) > 0 ? a : b,
    map: valueOf
  }
}

/** `keep` cuts a list that is in order of reading down to what stands. */
function several (type: SqlType, next: () => bigint, ignoreNulls: boolean, keep: (entries: readonly Entry[]) => readonly Entry[]): State {
  return {
    stateType: array(entryType(type)),
    initialize: () => [],
    add: (state: readonly Entry[], [value]) => ignoreNulls && value === null ? state : keep([...state, [next(), value ?? null]]),
    merge: (a: readonly Entry[], b: readonly Entry[]) => keep([...a, ...b].sort(bySequence)),
    map: (state: readonly Entry[]) => state.map(valueOf)
  }
}

function columnType (types: readonly ArgumentType[]): SqlType {
  const type = types[0]
  if (type === undefined || type.base === 'LAMBDA' || type.base === 'INTERVAL_UNIT') throw new Error('Cannot find the type of the argument')
  return type
}

interface Kind {
  readonly name: string
  readonly description: string
  readonly countName: string
  readonly single: typeof earliest
  readonly keep: (n: number) => (entries: readonly Entry[]) => readonly Entry[]
}

const kinds: readonly Kind[] = [
  { name: 'EARLIEST_BY_OFFSET', countName: 'earliestN', single: earliest, keep: n => entries => entries.slice(0, n),
    description: 'The first value of a group, or its first N, by offset. Nulls are passed over unless ignoreNulls is false. Not over tables.' },
  { name: 'LATEST_BY_OFFSET', countName: 'latestN', single: latest, keep: n => entries => entries.slice(-n),
    description: 'The last value of a group, or its last N, by offset. Nulls are passed over unless ignoreNulls is false. Not over tables.' }
]

function signatures (kind: Kind, next: () => bigint): AggregateSignature[] {
  const value = param('val1', T)
  const count = param(kind.countName, INTEGER, 'how many values to keep')
  const ignoreNulls = param('ignoreNulls', BOOLEAN, 'false: null is a value like others')
  const single = (types: readonly ArgumentType[], ignore: boolean): State => kind.single(columnType(types), next, ignore)
  const list = (types: readonly ArgumentType[], n: Value | undefined, ignore: boolean): State => {
    if (typeof n !== 'number' || n < 1) throw new Error(`${kind.countName} must be 1 or greater`)
    return several(columnType(types), next, ignore, kind.keep(n))
  }
  return [
    { parameters: [value], returns: T, initialArguments: 0, description: '', implement: types => single(types, true) },
    { parameters: [value, count], returns: arrayOf(T), initialArguments: 1, description: '', implement: (types, _returns, [n]) => list(types, n, true) },
    { parameters: [value, count, ignoreNulls], returns: arrayOf(T), initialArguments: 2, description: '',
      implement: (types, _returns, [n, ignore]) => list(types, n, ignore === true) },
    { parameters: [value, ignoreNulls], returns: T, initialArguments: 1, description: '', implement: (types, _returns, [ignore]) => single(types, ignore === true) }
  ]
}

export function offsetAggregates (context: FunctionContext): readonly AggregateFunction[] {
  const next = sequenceFrom(context.now)
  return kinds.map(kind => aggregate(kind.name, kind.description, signatures(kind, next)))
}
