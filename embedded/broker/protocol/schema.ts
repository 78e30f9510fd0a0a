// The wire grammar as values: each API file states its fields once, in wire order with the versions that have them, and reading, writing and
// TypeScript's types all follow from that one statement.
import { ProtocolError } from './errors.js'
import type { Reader } from './reader.js'
import { Writer } from './writer.js'

/** `T` is what reading gives, `I` what writing takes. */
export interface Type<T, I = T> {
  read (reader: Reader, version: number): T
  write (writer: Writer, value: I, version: number): void
}

/** A field that some versions lack. Reading gives `fallback` there; writing may leave it out. */
export interface Versioned<T, I = T> extends Type<T, I> {
  readonly since: number
  readonly until: number
  readonly fallback: T & I
  readonly tag?: number
}

// `any` is the only way to say "a type of anything" that still infers both of its parameters.
type AnyType = Type<any, any>
type Fields = Readonly<Record<string, AnyType>>
export type Decoded<S> = S extends Type<infer T, any> ? T : never
export type Encodable<S> = S extends Type<any, infer I> ? I : never
type StructValue<F extends Fields> = { readonly [K in keyof F]: Decoded<F[K]> }
type RequiredKeys<F extends Fields> = { [K in keyof F]: F[K] extends Versioned<any, any> ? never : K }[keyof F]
type StructInput<F extends Fields> = { readonly [K in RequiredKeys<F>]: Encodable<F[K]> } &
  { readonly [K in Exclude<keyof F, RequiredKeys<F>>]?: Encodable<F[K]> | undefined }

const primitive = <T>(read: (reader: Reader) => T, write: (writer: Writer, value: T) => void): Type<T> => ({ read, write })

export const boolean = primitive<boolean>(r => r.boolean(), (w, v) => w.boolean(v))
export const int8 = primitive<number>(r => r.int8(), (w, v) => w.int8(v))
export const int16 = primitive<number>(r => r.int16(), (w, v) => w.int16(v))
export const int32 = primitive<number>(r => r.int32(), (w, v) => w.int32(v))
export const int64 = primitive<number>(r => r.int64(), (w, v) => w.int64(v))
/** A uuid as Kafka prints it: base64url without padding. */
export const uuid = primitive<string>(r => r.uuid(), (w, v) => w.uuid(v))
export const string = primitive<string>(r => r.string(), (w, v) => w.string(v))
export const nullableString = primitive<string | null>(r => r.nullableString(), (w, v) => w.nullableString(v))
export const bytes = primitive<Buffer>(r => r.bytes(), (w, v) => w.nullableBytes(v))
export const nullableBytes = primitive<Buffer | null>(r => r.nullableBytes(), (w, v) => w.nullableBytes(v))
/** Record batches. Writing takes a list of buffers as well, so that batches from several places need not be joined. */
export const records: Type<Buffer | null, Buffer | readonly Buffer[] | null> = {
  read: reader => reader.nullableBytes(), write: (writer, value) => writer.nullableBytes(value)
}

/** Sixteen zero bytes: "no topic id". */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'
/** What the "authorized operations" fields hold when nobody asked for them. */
export const NO_OPERATIONS = -2147483648

export function nullableArray<T, I> (element: Type<T, I>): Type<readonly T[] | null, readonly I[] | null> {
  return {
    read (reader, version) {
      const length = reader.arrayLength()
      if (length === -1) return null
      const items: T[] = []
      for (let i = 0; i < length; i++) items.push(element.read(reader, version))
      return items
    },
    write (writer, value, version) {
      writer.arrayLength(value === null ? -1 : value.length)
      for (const item of value ?? []) element.write(writer, item, version)
    }
  }
}

export function array<T, I> (element: Type<T, I>): Type<readonly T[], readonly I[]> {
  const { read, write } = nullableArray(element)
  return {
    read (reader, version) {
      const value = read(reader, version)
      if (value === null) throw new ProtocolError('null where an array must be')
      return value
    },
    write
  }
}

/** A field that versions `since` and above have. */
export function since<T, I> (version: number, type: Type<T, I>, fallback: T & I): Versioned<T, I> {
  return { read: type.read, write: type.write, since: version, until: Infinity, fallback }
}

/** A field that versions `from` to `until`, both included, have. */
export function between<T, I> (from: number, until: number, type: Type<T, I>, fallback: T & I): Versioned<T, I> {
  return { read: type.read, write: type.write, since: from, until, fallback }
}

/** A tagged field of flexible versions (KIP-482). It is written only where it is not its fallback. */
export function tagged<T, I> (tag: number, version: number, type: Type<T, I>, fallback: T & I): Versioned<T, I> {
  return { read: type.read, write: type.write, since: version, until: Infinity, fallback, tag }
}

interface Entry { name: string, type: AnyType, since: number, until: number, fallback: unknown, tag: number | undefined }

export function struct<F extends Fields> (fields: F): Type<StructValue<F>, StructInput<F>> {
  const entries = Object.entries(fields).map(([name, type]): Entry => {
    const versioned = type as Partial<Versioned<unknown>>
    return {
      name, type, since: versioned.since ?? 0, until: versioned.until ?? Infinity, fallback: versioned.fallback, tag: versioned.tag
    }
  })
  const plain = entries.filter(entry => entry.tag === undefined)
  const tags = entries.filter(entry => entry.tag !== undefined)
  return {
    read (reader, version) {
      const value: Record<string, unknown> = {}
      for (const { name, type, since, until, fallback } of plain) {
        value[name] = version >= since && version <= until ? type.read(reader, version) : fallback
      }
      for (const { name, fallback } of tags) value[name] = fallback
      if (reader.flexible) {
        reader.taggedFields((tag) => {
          const entry = tags.find(entry => entry.tag === tag && version >= entry.since)
          if (entry !== undefined) value[entry.name] = entry.type.read(reader, version)
        })
      }
      return value as StructValue<F>
    },
    write (writer, value, version) {
      const source = value as Record<string, unknown>
      for (const { name, type, since, until, fallback } of plain) {
        if (version < since || version > until) continue
        const field = source[name]
        type.write(writer, field === undefined ? fallback : field, version)
      }
      if (writer.flexible) writeTags(writer, tags, source, version)
    }
  }
}

function writeTags (writer: Writer, tags: readonly Entry[], source: Record<string, unknown>, version: number): void {
  const present = tags.filter(({ name, since, fallback }) => version >= since && source[name] !== undefined && source[name] !== fallback)
  writer.unsignedVarint(present.length)
  for (const { name, type, tag } of present) {
    const inner = new Writer(true)
    type.write(inner, source[name], version)
    const data = inner.toBuffer()
    writer.unsignedVarint(tag!)
    writer.unsignedVarint(data.length)
    writer.raw(data)
  }
}
