// Functions over maps.
import type { SqlType } from '../../sql/sql-type.js'
import { BIGINT, BOOLEAN, DOUBLE, INTEGER, STRING, array, map, struct } from '../../sql/sql-type.js'
import type { ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import { T, anonymous, arrayOf, mapOf, param, scalar, signature, strict } from './define.js'
import { inHashOrder } from './hash-order.js'

type Entries = ReadonlyMap<Value, Value>

function asMap (keys: readonly Value[], values: readonly Value[]): Value {
  return new Map(keys.map((key, i) => [key, values[i] ?? null]))
}

function union (a: Entries | null, b: Entries | null): Value {
  return a === null && b === null ? null : new Map([...a ?? [], ...b ?? []])
}

const byKey = (a: readonly [Value, Value], b: readonly [Value, Value]): number => (a[0] as string) < (b[0] as string) ? -1 : 1
const entries = strict((m: Entries, sorted: boolean) => sorted ? [...m].sort(byKey) : inHashOrder(m))
const entryOf = (value: SqlType): SqlType => struct([{ name: 'K', type: STRING }, { name: 'V', type: value }])
const anyMap = mapOf(STRING, T)

export const mapFunctions: readonly ScalarFunction[] = [
  scalar('AS_MAP', 'MAP', 'A map of an array of keys and an array of values; keys without a value have null.', [
    signature([param('keys', array(STRING)), param('values', arrayOf(T))], anyMap, strict(asMap))]),
  scalar('ENTRIES', 'MAP', 'The entries of a map as an array of structs with fields K and V, sorted by key where asked for.', [STRING, INTEGER, BIGINT, DOUBLE, BOOLEAN].map(type =>
    signature([param('map', map(STRING, type)), param('sorted', BOOLEAN)], array(entryOf(type)), entries))),
  anonymous('MAP_KEYS', 'MAP', 'The keys of a map.', [signature([param('input', anyMap)], array(STRING), strict((m: Entries) => inHashOrder(m).map(([key]) => key)))]),
  anonymous('MAP_VALUES', 'MAP', 'The values of a map.', [signature([param('input', anyMap)], arrayOf(T), strict((m: Entries) => inHashOrder(m).map(([, value]) => value)))]),
  anonymous('MAP_UNION', 'MAP', 'The entries of both maps; where a key is in both, the second one\'s value.', [
    signature([param('map1', anyMap), param('map2', anyMap)], anyMap, union)])
]
