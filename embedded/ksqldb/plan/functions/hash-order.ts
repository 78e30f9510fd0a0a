// The order in which java.util.HashMap gives its entries: it shows in REDUCE, MAP_KEYS, MAP_VALUES and ENTRIES, whose results ksqlDB takes
// as they come. Maps out of JSON and of MAP(…) are made there for just as many entries as they get; so are those here.
import type { Value } from '../value.js'

/** String.hashCode. */
function stringHash (text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

/** Undefined for types that are no one's keys, whose entries stay as they stand. */
function hashOf (key: Value): number | undefined {
  switch (typeof key) {
    case 'string': return stringHash(key)
    case 'bigint': return Number(BigInt.asIntN(32, key ^ (BigInt.asUintN(64, key) >> 32n)))
    case 'boolean': return key ? 1231 : 1237
    case 'number': return Number.isInteger(key) ? key | 0 : undefined
    default: return key === null ? 0 : undefined
  }
}

/** The table grows to twice its size when more than three quarters are full. */
function tableSize (entries: number): number {
  let size = 1
  while (size < entries) size *= 2
  return entries > size * 0.75 ? size * 2 : size
}

export function inHashOrder (map: ReadonlyMap<Value, Value>): ReadonlyArray<readonly [Value, Value]> {
  const mask = tableSize(map.size) - 1
  const placed: { readonly bucket: number, readonly entry: readonly [Value, Value] }[] = []
  for (const entry of map) {
    const hash = hashOf(entry[0])
    if (hash === undefined) return [...map]
    placed.push({ bucket: (hash ^ (hash >>> 16)) & mask, entry })
  }
  return placed.sort((a, b) => a.bucket - b.bucket).map(({ entry }) => entry)
}
