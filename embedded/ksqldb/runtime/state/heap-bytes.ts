// About how many bytes a row takes of the heap: what the cache's bound counts in. Measured on Node 20 (64-bit, pointers of 8 bytes).
import type { Row, Value } from '../../plan/value.js'

const ENTRY_BYTES = 240 // the entry, its key's array, its place in a map
const ARRAY_BYTES = 32
const STRING_BYTES = 24
const BIGINT_BYTES = 24
const BUFFER_BYTES = 190
const MAP_BYTES = 96
const MAP_PLACE_BYTES = 24
// Of a map with few entries, such as a histogram of browsers, the keys are mostly texts that other rows hold too.
const MAP_SHARED_MAX = 64
const DECIMAL_BYTES = 80

function valueBytes (value: Value): number {
  switch (typeof value) {
    case 'string': return 8 + STRING_BYTES + value.length
    case 'bigint': return 8 + BIGINT_BYTES
    case 'object': break
    default: return 16
  }
  if (value === null) return 8
  if (Array.isArray(value)) return rowBytes(value)
  if (Buffer.isBuffer(value)) return BUFFER_BYTES + value.length
  if (value instanceof Map) {
    let bytes = MAP_BYTES + MAP_PLACE_BYTES * 2 ** Math.max(2, Math.ceil(Math.log2(value.size)))
    // Small numbers, such as counts, stand in the map itself.
    value.forEach((one, key) => { bytes += (typeof one === 'number' ? 0 : valueBytes(one)) + (value.size > MAP_SHARED_MAX ? valueBytes(key) : 0) })
    return bytes
  }
  return DECIMAL_BYTES
}

function rowBytes (row: Row): number {
  let bytes = ARRAY_BYTES
  for (let i = 0; i < row.length; i++) bytes += valueBytes(row[i]!)
  return bytes
}

/** Of an entry without a row, and of one with it. */
export function entryBytes (key: Row, row: Row | null): number {
  return ENTRY_BYTES + rowBytes(key) + (row === null ? 0 : rowBytes(row))
}
