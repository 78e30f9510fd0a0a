// Whether data written with one Avro schema can be read with another, and where not: Avro's schema resolution as
// org.apache.avro.SchemaCompatibility checks it, with its kinds of incompatibility, places and messages.
import { printAvro } from './print.js'
import type { AvroEnum, AvroField, AvroNamed, AvroRecord, AvroSchema } from './schema.js'

export type IncompatibilityType = 'NAME_MISMATCH' | 'FIXED_SIZE_MISMATCH' | 'MISSING_ENUM_SYMBOLS' | 'READER_FIELD_MISSING_DEFAULT_VALUE' |
  'TYPE_MISMATCH' | 'MISSING_UNION_BRANCH'

export interface Incompatibility {
  readonly type: IncompatibilityType
  /** What is wrong, in Avro's words. */
  readonly message: string
  /** A JSON pointer into the reader's schema. */
  readonly location: string
}

type Incompatibilities = readonly Incompatibility[]
const NONE: Incompatibilities = []
/** Which writers a reader of another type reads too. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  long: ['int'], float: ['int', 'long'], double: ['int', 'long', 'float'], bytes: ['string'], string: ['bytes']
}

const pointer = (place: readonly string[]) => `/${place.map(step => step.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`

/** The writer's field that the reader's field reads: by its name or one of its aliases. */
function writerField (writer: AvroRecord, field: AvroField, index: number): AvroField | undefined {
  const found = [field.name, ...field.aliases].flatMap(name => writer.fields.find(one => one.name === name) ?? [])
  if (found.length > 1) {
    const place = `${field.name} type:${field.schema.type.toUpperCase()} pos:${index}`
    throw new Error(`Reader record field ${place} matches multiple fields in writer record schema ${printAvro(writer)}`)
  }
  return found[0]
}

class Checker {
  /** Results by reader and writer; a pair in progress counts as compatible, so that recursive types come to an end. */
  readonly #known = new Map<AvroSchema, Map<AvroSchema, Incompatibilities>>()

  check (reader: AvroSchema, writer: AvroSchema, place: readonly string[]): Incompatibilities {
    let byWriter = this.#known.get(reader)
    if (byWriter === undefined) this.#known.set(reader, byWriter = new Map())
    const known = byWriter.get(writer)
    if (known !== undefined) return known
    byWriter.set(writer, NONE)
    const result = this.#calculate(reader, writer, place)
    byWriter.set(writer, result)
    return result
  }

  #calculate (reader: AvroSchema, writer: AvroSchema, place: readonly string[]): Incompatibilities {
    if (reader.type !== writer.type) return this.#differentTypes(reader, writer, place)
    switch (reader.type) {
      case 'array': return this.check(reader.items, (writer as typeof reader).items, [...place, 'items'])
      case 'map': return this.check(reader.values, (writer as typeof reader).values, [...place, 'values'])
      case 'fixed': {
        const size = (writer as typeof reader).size
        const sizes = reader.size === size ? NONE : [{ type: 'FIXED_SIZE_MISMATCH', message: `expected: ${size}, found: ${reader.size}`, location: pointer([...place, 'size']) } as const]
        return [...names(reader, writer as AvroNamed, place), ...sizes]
      }
      case 'enum': return [...names(reader, writer as AvroNamed, place), ...symbols(reader, writer as AvroEnum, place)]
      case 'record': return [...names(reader, writer as AvroNamed, place), ...this.#fields(reader, writer as AvroRecord, place)]
      case 'union': return (writer as typeof reader).branches.flatMap((branch, index) =>
        this.check(reader, branch, []).length === 0 ? [] : [missingBranch(branch, [...place, String(index)])])
      default: return NONE
    }
  }

  #differentTypes (reader: AvroSchema, writer: AvroSchema, place: readonly string[]): Incompatibilities {
    if (writer.type === 'union') return writer.branches.flatMap(branch => this.check(reader, branch, []))
    if (reader.type === 'union') {
      return reader.branches.some(branch => this.check(branch, writer, []).length === 0) ? NONE : [missingBranch(writer, place)]
    }
    if (PROMOTIONS[reader.type]?.includes(writer.type) === true) return NONE
    const message = `reader type: ${reader.type.toUpperCase()} not compatible with writer type: ${writer.type.toUpperCase()}`
    return [{ type: 'TYPE_MISMATCH', message, location: pointer(place) }]
  }

  #fields (reader: AvroRecord, writer: AvroRecord, place: readonly string[]): Incompatibilities {
    return reader.fields.flatMap((field, index) => {
      const here = [...place, 'fields', String(index)]
      const written = writerField(writer, field, index)
      if (written !== undefined) return this.check(field.schema, written.schema, [...here, 'type'])
      if (field.defaultValue !== undefined) return NONE
      if (field.schema.type === 'enum' && field.schema.defaultSymbol !== undefined) return this.check(field.schema, writer, [...here, 'type'])
      return [{ type: 'READER_FIELD_MISSING_DEFAULT_VALUE', message: field.name, location: pointer(here) } as const]
    })
  }
}

/** Only the last part of the name counts, as Avro has it since 1.9. */
function names (reader: AvroNamed, writer: AvroNamed, place: readonly string[]): Incompatibilities {
  if (reader.name.name === writer.name.name) return NONE
  return [{ type: 'NAME_MISMATCH', message: `expected: ${writer.name.full}`, location: pointer([...place, 'name']) }]
}

function symbols (reader: AvroEnum, writer: AvroEnum, place: readonly string[]): Incompatibilities {
  const missing = writer.symbols.filter(symbol => !reader.symbols.includes(symbol)).sort()
  if (missing.length === 0 || reader.defaultSymbol !== undefined) return NONE
  return [{ type: 'MISSING_ENUM_SYMBOLS', message: `[${missing.join(', ')}]`, location: pointer([...place, 'symbols']) }]
}

function missingBranch (writer: AvroSchema, place: readonly string[]): Incompatibility {
  return { type: 'MISSING_UNION_BRANCH', message: `reader union lacking writer type: ${writer.type.toUpperCase()}`, location: pointer(place) }
}

/** Empty where `reader` reads all that `writer` wrote. Throws where a reader's field matches two of the writer's. */
export function incompatibilities (reader: AvroSchema, writer: AvroSchema): Incompatibilities {
  return new Checker().check(reader, writer, [])
}
