// How many different values came, about, in little memory: HyperLogLog (Flajolet et al. 2007) with 2^14 registers, standard error 0.8 %, and
// the estimator of Ertl (2017, arXiv:1702.01284, algorithm 6), which needs no correction for few or many values.
// A sketch is a Buffer: a list of the registers in use while they are few, all registers once they are many.

const INDEX_BITS = 14
const REGISTERS = 1 << INDEX_BITS
const SPARSE = 0
const DENSE = 1
/** index: 2 bytes, rank: 1 byte. */
const ENTRY_BYTES = 3
/** Beyond this a list would be longer than the registers are worth. */
const SPARSE_ENTRIES_MAX = 2048
/** Ranks run from 1 to 33: how many bits of a 32-bit hash are 0 before the first 1, and one more. */
const RANK_MAX = 33

export const emptySketch = (): Buffer => Buffer.from([SPARSE])

function mix (k: number): number {
  k = Math.imul(k, 0xcc9e2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593)
}

/** MurmurHash3 x86 32-bit (Austin Appleby, public domain algorithm). */
export function murmur3 (bytes: Uint8Array, seed: number, length = bytes.length): number {
  let h = seed
  const blocks = length & ~3
  for (let i = 0; i < blocks; i += 4) {
    h ^= mix(bytes[i]! | bytes[i + 1]! << 8 | bytes[i + 2]! << 16 | bytes[i + 3]! << 24)
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let i = length - 1; i >= blocks; i--) tail = (tail << 8) | bytes[i]!
  if (length > blocks) h ^= mix(tail)
  h ^= length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

const SCRATCH_BYTES = 256
const scratch = Buffer.alloc(SCRATCH_BYTES)

/** The key's UTF-8 and its length. What is short stands in a buffer that the next call uses again. */
function encode (key: string): { bytes: Buffer, length: number } {
  if (key.length * 3 > SCRATCH_BYTES) {
    const bytes = Buffer.from(key)
    return { bytes, length: bytes.length }
  }
  return { bytes: scratch, length: scratch.write(key, 0) }
}

/** Where a value's hash falls, and the place of its first 1 bit there. Two hashes: one alone would saturate at some hundred million values. */
function place (key: string): { index: number, rank: number } {
  const { bytes, length } = encode(key)
  return { index: murmur3(bytes, 0, length) >>> (32 - INDEX_BITS), rank: Math.clz32(murmur3(bytes, 0x9747b28c, length)) + 1 }
}

/** First entry of a sparse sketch whose index is not below `index`, as an offset into the buffer. */
function lowerBound (sketch: Buffer, index: number): number {
  let low = 0
  let high = (sketch.length - 1) / ENTRY_BYTES
  while (low < high) {
    const middle = (low + high) >>> 1
    const place = 1 + middle * ENTRY_BYTES
    if ((sketch[place]! << 8 | sketch[place + 1]!) < index) low = middle + 1
    else high = middle
  }
  return 1 + low * ENTRY_BYTES
}

function * registers (sketch: Buffer): Generator<[index: number, rank: number]> {
  if (sketch[0] === SPARSE) {
    for (let at = 1; at < sketch.length; at += ENTRY_BYTES) yield [sketch.readUInt16BE(at), sketch.readUInt8(at + 2)]
  } else {
    for (let i = 0; i < REGISTERS; i++) if (sketch[1 + i] !== 0) yield [i, sketch[1 + i] ?? 0]
  }
}

function toDense (sketch: Buffer): Buffer {
  const dense = Buffer.alloc(1 + REGISTERS)
  dense[0] = DENSE
  for (const [index, rank] of registers(sketch)) dense[1 + index] = rank
  return dense
}

/** The sketch with the register raised to `rank`: the same buffer where it already stands as high, else a new one. */
function raise (sketch: Buffer, index: number, rank: number): Buffer {
  if (sketch[0] === DENSE) {
    if ((sketch[1 + index] ?? 0) >= rank) return sketch
    const copy = Buffer.from(sketch)
    copy[1 + index] = rank
    return copy
  }
  const at = lowerBound(sketch, index)
  if (at < sketch.length && sketch.readUInt16BE(at) === index) {
    if (sketch.readUInt8(at + 2) >= rank) return sketch
    const copy = Buffer.from(sketch)
    copy[at + 2] = rank
    return copy
  }
  if (sketch.length >= 1 + SPARSE_ENTRIES_MAX * ENTRY_BYTES) return raise(toDense(sketch), index, rank)
  const copy = Buffer.allocUnsafeSlow(capacityFor(sketch.length + ENTRY_BYTES)).subarray(0, sketch.length + ENTRY_BYTES)
  copy.set(sketch)
  insert(copy, at, index, rank)
  return copy
}

/** What a list of so many bytes is given, that it may grow where it stands. */
function capacityFor (bytes: number): number {
  const entries = Math.ceil((bytes - 1) / ENTRY_BYTES * 1.25) + 8
  return 1 + Math.min(entries, SPARSE_ENTRIES_MAX) * ENTRY_BYTES
}

/** Makes an entry at `at` of a list whose last entry's place is free. */
function insert (sketch: Buffer, at: number, index: number, rank: number): void {
  sketch.copyWithin(at + ENTRY_BYTES, at, sketch.length - ENTRY_BYTES)
  sketch[at] = index >>> 8
  sketch[at + 1] = index & 255
  sketch[at + 2] = rank
}

/**
 * The list with one entry more, in the memory behind it where that is the list's own: made by `raise`, since nothing else begins at 0 of memory whose size
 * is that of a list and no pool of Node's.
 */
function grow (sketch: Buffer, at: number, index: number, rank: number): Buffer | undefined {
  const { buffer, byteOffset, length } = sketch
  const capacity = buffer.byteLength
  if (byteOffset !== 0 || capacity < length + ENTRY_BYTES || (capacity - 1) % ENTRY_BYTES !== 0 || capacity === Buffer.poolSize) return undefined
  const grown = Buffer.from(buffer, 0, length + ENTRY_BYTES)
  insert(grown, at, index, rank)
  return grown
}

/** `key` is a text that is the same for equal values and for no others. Leaves `sketch` as it is. */
export function addToSketch (sketch: Buffer, key: string): Buffer {
  const { index, rank } = place(key)
  return raise(sketch, index, rank)
}

/** The same for a caller that alone holds the sketch: it is changed where it stands. */
export function addToSketchInPlace (sketch: Buffer, key: string): Buffer {
  const { index, rank } = place(key)
  if (sketch[0] === DENSE) {
    if (sketch[1 + index]! < rank) sketch[1 + index] = rank
    return sketch
  }
  const at = lowerBound(sketch, index)
  if (at < sketch.length && (sketch[at]! << 8 | sketch[at + 1]!) === index) {
    if (sketch[at + 2]! < rank) sketch[at + 2] = rank
    return sketch
  }
  return grow(sketch, at, index, rank) ?? raise(sketch, index, rank)
}

export function mergeSketches (a: Buffer, b: Buffer): Buffer {
  if (a[0] === SPARSE && b[0] === SPARSE) {
    let union = a
    for (const [index, rank] of registers(b)) union = raise(union, index, rank)
    return union
  }
  const union = toDense(a)
  for (const [index, rank] of registers(b)) union[1 + index] = Math.max(union[1 + index] ?? 0, rank)
  return union
}

/** The share of registers that were never touched, as the estimator weighs it. */
function sigma (share: number): number {
  if (share === 1) return Infinity
  let [x, y, z, last] = [share, 1, share, NaN]
  while (z !== last) {
    x *= x
    last = z
    z += x * y
    y += y
  }
  return z
}

/** The share of registers at the highest rank. */
function tau (share: number): number {
  if (share === 0 || share === 1) return 0
  let [x, y, z, last] = [share, 1, 1 - share, NaN]
  while (z !== last) {
    x = Math.sqrt(x)
    last = z
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}

/** The estimate: all but exact while values are few. */
export function cardinality (sketch: Buffer): number {
  const counts = new Array<number>(RANK_MAX + 1).fill(0)
  const [first, step] = sketch[0] === SPARSE ? [1 + ENTRY_BYTES - 1, ENTRY_BYTES] : [1, 1]
  for (let at = first; at < sketch.length; at += step) {
    const rank = sketch[at] ?? 0
    counts[rank] = (counts[rank] ?? 0) + 1
  }
  const used = (sketch.length - 1) / step - (counts[0] ?? 0)
  let z = REGISTERS * tau(1 - (counts[RANK_MAX] ?? 0) / REGISTERS)
  for (let rank = RANK_MAX - 1; rank >= 1; rank--) z = 0.5 * (z + (counts[rank] ?? 0))
  z += REGISTERS * sigma((REGISTERS - used) / REGISTERS)
  return Math.round(REGISTERS * REGISTERS / (2 * Math.LN2 * z))
}
