// CRC-32C (Castagnoli), which guards every record batch: node:zlib has only the other polynomial.

const SLICES = 8
/** Eight tables of 256 entries, back to back: entry [k][b] is the CRC of byte b followed by k zero bytes. */
const TABLE = makeTable()

function makeTable (): Int32Array {
  const table = new Int32Array(256 * SLICES)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    table[byte] = crc
  }
  for (let i = 256; i < table.length; i++) {
    const before = table[i - 256]!
    table[i] = (before >>> 8) ^ table[before & 0xff]!
  }
  return table
}

/**
 * CRC-32C of `buffer[start..end)` as an unsigned 32-bit number (RFC 3720, appendix B.4). Eight bytes a step ("slicing by 8").
 */
export function crc32c (buffer: Uint8Array, start = 0, end = buffer.length): number {
  const table = TABLE
  let crc = -1
  let at = start
  for (const stop = end - 7; at < stop; at += 8) {
    crc ^= buffer[at]! | buffer[at + 1]! << 8 | buffer[at + 2]! << 16 | buffer[at + 3]! << 24
    crc = table[1792 + (crc & 0xff)]! ^ table[1536 + (crc >>> 8 & 0xff)]! ^ table[1280 + (crc >>> 16 & 0xff)]! ^ table[1024 + (crc >>> 24)]! ^
      table[768 + buffer[at + 4]!]! ^ table[512 + buffer[at + 5]!]! ^ table[256 + buffer[at + 6]!]! ^ table[buffer[at + 7]!]!
  }
  for (; at < end; at++) crc = crc >>> 8 ^ table[(crc ^ buffer[at]!) & 0xff]!
  return (crc ^ -1) >>> 0
}
