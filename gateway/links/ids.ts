// Identifiers: random for a new event, derived for one that a client may send again, time-ordered for a visit.
import { createHash, randomFillSync } from 'node:crypto'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

const format = (bytes: Uint8Array, version: number): string => {
  bytes[6] = (bytes[6] as number & 0x0f) | (version << 4)
  bytes[8] = (bytes[8] as number & 0x3f) | 0x80
  const text = hex(bytes.subarray(0, 16))
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`
}

/** A UUID of version 8 (RFC 9562 5.8) that depends on these words alone. */
export const derivedId = (...words: readonly string[]): string => {
  const hash = createHash('sha256')
  for (const word of words) hash.update(`${Buffer.byteLength(word)}:${word}`)
  return format(hash.digest(), 8)
}

const pool = Buffer.alloc(4_096)
let taken = pool.length

/** A UUID of version 7 (RFC 9562 5.7): the millisecond first, so that ids sort by time. */
export const timeOrderedId = (nowMs: number): string => {
  if (taken + 16 > pool.length) {
    randomFillSync(pool)
    taken = 0
  }
  const bytes = pool.subarray(taken, taken + 16)
  taken += 16
  bytes.writeUIntBE(nowMs, 0, 6)
  return format(bytes, 7)
}
