// Text that comes again and again (a browser, a country, a busy link) is read once: the same string then stands in all rows, its hash known.
import type { ByteReader } from '../bytes.js'

const SLOTS = 2048
const LENGTH_MAX = 128
// A column of ever new values gains nothing: after so many reads with few hits the cache steps aside, to try again later.
const TRIAL = 1024
const HITS_MIN = 256
const REST = 32 * TRIAL

/** For one column. Only ASCII is kept: its bytes are its characters. */
export class TextCache {
  readonly #slots: (string | undefined)[] = new Array<string | undefined>(SLOTS).fill(undefined)
  #reads = 0
  #hits = 0

  /** The next `length` bytes as text. */
  read (from: ByteReader, length: number): string {
    if (length > LENGTH_MAX || length === 0) return from.utf8(length)
    if (this.#reads++ >= TRIAL) {
      if (this.#hits < HITS_MIN) {
        if (this.#reads < REST) return from.utf8(length)
        this.#slots.fill(undefined)
      }
      this.#reads = 0
      this.#hits = 0
    }
    const start = from.skip(length)
    const { buffer } = from
    let hash = length
    for (let i = start + length - 1, first = Math.max(start, i - 23); i >= first; i--) hash = Math.imul(hash ^ buffer[i]!, 0x01000193)
    const slot = (hash ^ hash >>> 15) & (SLOTS - 1)
    const known = this.#slots[slot]
    if (known !== undefined && known.length === length && isAscii(known, buffer, start)) {
      this.#hits++
      return known
    }
    const text = buffer.toString('utf8', start, start + length)
    // As many characters as bytes: every one of them is ASCII.
    if (text.length === length) this.#slots[slot] = text
    return text
  }
}

function isAscii (text: string, buffer: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== buffer[start + i]) return false
  return true
}
