// Rows as compact bytes: what state stores keep. Read and write closures are made once for each type.
import type { SqlType } from '../../sql/sql-type.js'
import { Decimal } from '../../plan/decimal.js'
import type { Row, Value } from '../../plan/value.js'
import { CorruptDataError } from '../bytes.js'
import type { ByteReader, ByteWriter } from '../bytes.js'
import { TextCache } from '../serde/text-cache.js'

type Write = (to: ByteWriter, value: Value) => void
type Read = (from: ByteReader) => Value

const BIGINT_SMALL = 4503599627370495n

// A value is 0 for NULL, or 1 and what the type needs. Structs and rows have no length: their type says it.
function presentWriter (type: SqlType): Write {
  switch (type.base) {
    case 'BOOLEAN': return (to, value) => to.byte(value === true ? 1 : 0)
    case 'INTEGER': case 'DATE': case 'TIME': case 'TIMESTAMP': return (to, value) => to.signed(value as number)
    // A state that changes holds a number for a BIGINT while it is small enough.
    case 'BIGINT': return (to, value) => {
      if (typeof value === 'number') {
        to.signed(value)
        return
      }
      const big = value as bigint
      if (big <= BIGINT_SMALL && big >= -BIGINT_SMALL) to.signed(Number(big))
      else to.signed64(big)
    }
    case 'DOUBLE': return (to, value) => to.doubleLE(value as number)
    case 'STRING': return (to, value) => to.text(value as string)
    case 'BYTES': return (to, value) => {
      to.unsigned((value as Buffer).length)
      to.bytes(value as Buffer)
    }
    case 'DECIMAL': return (to, value) => {
      const { scale, unscaled } = value as Decimal
      to.signed(scale)
      to.text(unscaled.toString(36))
    }
    case 'ARRAY': {
      const item = writerOf(type.items)
      return (to, value) => {
        const items = value as readonly Value[]
        to.unsigned(items.length)
        for (let i = 0; i < items.length; i++) item(to, items[i]!)
      }
    }
    case 'MAP': {
      const [key, item] = [writerOf(type.keys), writerOf(type.values)]
      return (to, value) => {
        const map = value as ReadonlyMap<Value, Value>
        to.unsigned(map.size)
        map.forEach((v, k) => {
          key(to, k)
          item(to, v)
        })
      }
    }
    case 'STRUCT': {
      const fields = type.fields.map(field => writerOf(field.type))
      return (to, value) => { for (let i = 0; i < fields.length; i++) fields[i]!(to, (value as readonly Value[])[i] ?? null) }
    }
  }
}

function writerOf (type: SqlType): Write {
  const present = presentWriter(type)
  return (to, value) => {
    if (value === null || value === undefined) {
      to.byte(0)
      return
    }
    to.byte(1)
    present(to, value)
  }
}

function bigOf (text: string): bigint {
  const negative = text.startsWith('-')
  let value = 0n
  for (const digit of negative ? text.slice(1) : text) value = value * 36n + BigInt(parseInt(digit, 36))
  return negative ? -value : value
}

function presentReader (type: SqlType): Read {
  switch (type.base) {
    case 'BOOLEAN': return from => from.byte() === 1
    case 'INTEGER': case 'DATE': case 'TIME': case 'TIMESTAMP': return from => from.signed()
    case 'BIGINT': return from => from.signed64()
    case 'DOUBLE': return from => from.doubleLE()
    case 'STRING': return from => from.text()
    // A copy: the bytes read lie in memory that lmdb uses again.
    case 'BYTES': return from => Buffer.from(from.bytes(from.unsigned()))
    case 'DECIMAL': return from => {
      const scale = from.signed()
      return new Decimal(bigOf(from.text()), scale)
    }
    case 'ARRAY': {
      const item = readerOf(type.items)
      return from => {
        const length = from.unsigned()
        const items: Value[] = []
        for (let i = 0; i < length; i++) items.push(item(from))
        return items
      }
    }
    case 'MAP': {
      // The same keys stand in many rows: each text is there once.
      const texts = new TextCache()
      const key: Read = type.keys.base === 'STRING' ? from => from.byte() === 0 ? null : texts.read(from, from.unsigned()) : readerOf(type.keys)
      const item = readerOf(type.values)
      return from => {
        const size = from.unsigned()
        const map = new Map<Value, Value>()
        for (let i = 0; i < size; i++) map.set(key(from), item(from))
        return map
      }
    }
    case 'STRUCT': {
      const fields = type.fields.map(field => readerOf(field.type))
      return from => fields.map(field => field(from))
    }
  }
}

function readerOf (type: SqlType): Read {
  const present = presentReader(type)
  return from => {
    const tag = from.byte()
    if (tag === 1) return present(from)
    if (tag === 0) return null
    throw new CorruptDataError(`${tag} stands where 0 or 1 was expected`)
  }
}

/** Writes and reads rows of these types. */
export class ValueCodec {
  readonly #writers: readonly Write[]
  readonly #readers: readonly Read[]

  constructor (types: readonly SqlType[]) {
    this.#writers = types.map(writerOf)
    this.#readers = types.map(readerOf)
  }

  write (to: ByteWriter, row: Row): void {
    for (let i = 0; i < this.#writers.length; i++) this.#writers[i]!(to, row[i]!)
  }

  read (from: ByteReader): Row {
    const row: Row = []
    for (let i = 0; i < this.#readers.length; i++) row.push(this.#readers[i]!(from))
    return row
  }
}
