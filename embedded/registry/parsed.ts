// A schema of any type, read and put into the form it is kept in. AVRO is understood; JSON and PROTOBUF are kept and served.
import { invalidSchema } from './errors.js'
import { JsonSyntaxError, parseJson, printJson } from './json.js'
import { parseAvro } from './avro/parse.js'
import { printAvro } from './avro/print.js'
import { normalizeAvro } from './avro/normalize.js'
import type { Json } from './json.js'
import type { SchemaReference, SchemaType } from '../schema-registry.js'
import type { AvroSchema } from './avro/schema.js'
import type { SchemaContent, SchemaVersion } from './model.js'

/** A schema as a request gives it. `id` and `version` are given only when importing. */
export interface SchemaRequest {
  readonly schema: string | undefined
  readonly schemaType: string | undefined
  readonly references: readonly SchemaReference[]
  readonly metadata: Json | undefined
  readonly ruleSet: Json | undefined
  readonly id: number
  readonly version: number
}

export interface ParsedSchema extends SchemaContent {
  readonly avro: AvroSchema | undefined
  /** The schema with its references written out. Only for AVRO. */
  readonly written: string
  /** The same, and the same for schemas that mean the same: properties in order. */
  readonly resolved: string
}

export interface ParseContext {
  readonly subject: string
  /** Finds the version referred to; -1 is the latest. Deleted ones count for schemas that are kept already, not for new ones. */
  readonly lookUp: (reference: SchemaReference, deletedToo: boolean) => SchemaVersion | undefined
  readonly normalize: boolean
  /** A new schema has its defaults checked; one that was kept before is taken as it is. */
  readonly isNew: boolean
}

export const SCHEMA_TYPES: readonly SchemaType[] = ['JSON', 'PROTOBUF', 'AVRO']
const MAX_REFERENCES = 1000

/** The texts of all schemas referred to, directly or not, each after what it refers to. */
function resolveReferences (references: readonly SchemaReference[], context: ParseContext, found = new Map<string, string>()): Map<string, string> {
  for (const reference of references) {
    if (found.has(reference.name)) continue
    const version = context.lookUp(reference, !context.isNew)
    if (version === undefined) throw new Error(`No schema reference found for subject "${reference.subject}" and version ${reference.version}`)
    if (found.size >= MAX_REFERENCES) throw new Error(`More than ${MAX_REFERENCES} references`)
    found.set(reference.name, '')
    resolveReferences(version.references, context, found)
    found.delete(reference.name) // again, behind what it needs
    found.set(reference.name, version.schema)
  }
  return found
}

/** The latest version asked for by -1 is kept as the version it is now. */
function pinned (references: readonly SchemaReference[], context: ParseContext): SchemaReference[] {
  return references.map(({ name, subject, version }) =>
    ({ name, subject, version: version === -1 ? context.lookUp({ name, subject, version }, false)?.version ?? version : version }))
}

function describe (request: SchemaRequest, subject: string, type: string): string {
  const references = `[${request.references.map(({ name, subject, version }) => `{name='${name}', subject='${subject}', version=${version}}`).join(', ')}]`
  const shown = (value: Json | undefined) => value === undefined ? 'null' : printJson(value)
  const schema = `{subject=${subject},version=${request.version},id=${request.id},schemaType=${type},references=${references},` +
    `metadata=${shown(request.metadata)},ruleSet=${shown(request.ruleSet)},schema=${request.schema ?? 'null'},schemaTags=null}`
  return `Invalid schema ${schema} with refs ${references} of type ${type}`
}

function parseAvroSchema (text: string, references: readonly SchemaReference[], context: ParseContext): Pick<ParsedSchema, 'schema' | 'written' | 'resolved'> & { avro: AvroSchema } {
  const texts = [...resolveReferences(references, context).values()]
  let { schema: avro, references: known } = parseAvro(text, { references: texts, validateDefaults: context.isNew })
  let schema = printAvro(avro, { known })
  if (context.normalize) {
    schema = normalizeAvro(avro, known, texts);
    ({ schema: avro, references: known } = parseAvro(schema, { references: texts }))
  }
  return { avro, schema, written: printAvro(avro), resolved: printAvro(avro, { sortProps: true }) }
}

/** Throws RegistryError 42201 where the schema is none. Undefined for an empty one. */
export function parseSchema (request: SchemaRequest, context: ParseContext): ParsedSchema | undefined {
  const { schema: text, metadata, ruleSet } = request
  if (text === undefined || text.trim() === '') return undefined
  const schemaType = SCHEMA_TYPES.find(type => type === (request.schemaType ?? 'AVRO'))
  if (schemaType === undefined) throw invalidSchema(`Invalid schema type ${request.schemaType ?? ''}`)
  try {
    const references = pinned(request.references, context)
    const content = { schemaType, references: context.normalize ? sortedReferences(references) : references, metadata, ruleSet }
    if (schemaType === 'AVRO') return { ...content, ...parseAvroSchema(text, references, context) }
    resolveReferences(references, context)
    const schema = schemaType === 'JSON' ? printJson(parseJson(text), context.normalize) : text
    return { ...content, schema, avro: undefined, written: schema, resolved: schema }
  } catch (error) {
    const detail = error instanceof JsonSyntaxError ? error.asJavaException : (error as Error).message
    throw invalidSchema(`${describe(request, context.subject, schemaType)}, details: ${detail}`)
  }
}

function sortedReferences (references: readonly SchemaReference[]): SchemaReference[] {
  const key = ({ name, subject, version }: SchemaReference) => `${name}\0${subject}\0${String(version).padStart(10, '0')}`
  return [...new Map(references.map(one => [key(one), one])).entries()].sort(([left], [right]) => left < right ? -1 : 1).map(([, one]) => one)
}
