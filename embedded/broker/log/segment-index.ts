// The sparse indexes beside a segment, in Kafka's own file formats: offset → position, and timestamp → offset.

const OFFSET_ENTRY_BYTES = 8
const TIME_ENTRY_BYTES = 12

/** Fixed size entries in one growing buffer. */
class Entries {
  readonly entryBytes: number
  #buffer: Buffer
  #count: number

  constructor (entryBytes: number, data: Buffer) {
    this.entryBytes = entryBytes
    this.#count = Math.floor(data.length / entryBytes)
    this.#buffer = data
  }

  get count (): number { return this.#count }
  get buffer (): Buffer { return this.#buffer }

  /** Makes room for one more entry and gives its position. */
  extend (): number {
    const at = this.#count * this.entryBytes
    if (at + this.entryBytes > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(at * 2, this.entryBytes * 64))
      this.#buffer.copy(grown, 0, 0, at)
      this.#buffer = grown
    }
    this.#count++
    return at
  }

  truncate (count: number): void {
    this.#count = Math.min(this.#count, count)
  }

  bytes (fromEntry = 0): Buffer {
    return this.#buffer.subarray(fromEntry * this.entryBytes, this.#count * this.entryBytes)
  }

  /** The last entry for which `isAtMost` holds, -1 where there is none. Entries are in order. */
  last (isAtMost: (at: number) => boolean): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = low + high >>> 1
      if (isAtMost(middle * this.entryBytes)) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** Entries of relative offset int32 and position int32 (org.apache.kafka.storage.internals.log.OffsetIndex). */
export class OffsetIndex {
  readonly #baseOffset: number
  readonly #entries: Entries

  constructor (baseOffset: number, data: Buffer = Buffer.alloc(0)) {
    this.#baseOffset = baseOffset
    this.#entries = new Entries(OFFSET_ENTRY_BYTES, data)
  }

  get count (): number { return this.#entries.count }

  append (offset: number, position: number): void {
    const at = this.#entries.extend()
    this.#entries.buffer.writeInt32BE(offset - this.#baseOffset, at)
    this.#entries.buffer.writeInt32BE(position, at + 4)
  }

  /** A position at or before the batch that holds `offset`. */
  lookup (offset: number): number {
    const { buffer } = this.#entries
    const relative = offset - this.#baseOffset
    const entry = this.#entries.last(at => buffer.readInt32BE(at) <= relative)
    return entry === -1 ? 0 : buffer.readInt32BE(entry * OFFSET_ENTRY_BYTES + 4)
  }

  /** Forgets entries at or behind `position`. */
  truncate (position: number): void {
    const { buffer } = this.#entries
    this.#entries.truncate(this.#entries.last(at => buffer.readInt32BE(at + 4) < position) + 1)
  }

  bytes (fromEntry = 0): Buffer { return this.#entries.bytes(fromEntry) }
}

/** Entries of timestamp int64 and relative offset int32, timestamps rising (org.apache.kafka.storage.internals.log.TimeIndex). */
export class TimeIndex {
  readonly #baseOffset: number
  readonly #entries: Entries

  constructor (baseOffset: number, data: Buffer = Buffer.alloc(0)) {
    this.#baseOffset = baseOffset
    this.#entries = new Entries(TIME_ENTRY_BYTES, data)
  }

  get count (): number { return this.#entries.count }

  /** The largest timestamp that the index knows; -1 for none. */
  get maxTimestamp (): number {
    return this.#entries.count === 0 ? -1 : this.#timestamp((this.#entries.count - 1) * TIME_ENTRY_BYTES)
  }

  #timestamp (at: number): number {
    const { buffer } = this.#entries
    return buffer.readInt32BE(at) * 4294967296 + buffer.readUInt32BE(at + 4)
  }

  /** Does nothing unless `timestamp` is above all before it. */
  append (timestamp: number, offset: number): void {
    if (timestamp <= this.maxTimestamp) return
    const at = this.#entries.extend()
    const { buffer } = this.#entries
    const high = Math.floor(timestamp / 4294967296)
    buffer.writeInt32BE(high, at)
    buffer.writeUInt32BE(timestamp - high * 4294967296, at + 4)
    buffer.writeInt32BE(offset - this.#baseOffset, at + 8)
  }

  /** An offset from which to look for the first record at or after `timestamp`: all before it are older. */
  lookup (timestamp: number): number {
    // An entry says: the largest timestamp so far stood at this offset. So below the last entry under `timestamp` nothing reaches it.
    const entry = this.#entries.last(at => this.#timestamp(at) < timestamp)
    return entry === -1 ? this.#baseOffset : this.#baseOffset + this.#entries.buffer.readInt32BE(entry * TIME_ENTRY_BYTES + 8)
  }

  /** Forgets entries at or behind `offset`. */
  truncate (offset: number): void {
    const relative = offset - this.#baseOffset
    const { buffer } = this.#entries
    this.#entries.truncate(this.#entries.last(at => buffer.readInt32BE(at + 8) < relative) + 1)
  }

  bytes (fromEntry = 0): Buffer { return this.#entries.bytes(fromEntry) }
}
