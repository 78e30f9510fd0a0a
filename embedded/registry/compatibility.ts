// Whether a schema may follow those before it under a compatibility level, and the reasons in Schema Registry's words
// (CompatibilityChecker, SchemaValidatorBuilder, avro.Difference).
import { RegistryError } from './errors.js'
import { incompatibilities } from './avro/compatibility.js'
import type { Incompatibility } from './avro/compatibility.js'
import type { CompatibilityLevel } from './model.js'
import type { ParsedSchema } from './parsed.js'

export interface PreviousSchema {
  readonly version: number
  readonly parsed: ParsedSchema
}

const MAX_SCHEMA_SHOWN = 10 * 1024 // characters
const DIFFERENT_TYPE = 'Incompatible because of different schema type'

function describe ({ type, message, location }: Incompatibility, reader: string, writer: string): string {
  const description = {
    FIXED_SIZE_MISMATCH: `The size of FIXED type field at path '${location}' in the ${reader} schema does not match with the ${writer} schema`,
    TYPE_MISMATCH: `The type (path '${location}') of a field in the ${reader} schema does not match with the ${writer} schema`,
    NAME_MISMATCH: `The name of the schema has changed (path '${location}')`,
    MISSING_ENUM_SYMBOLS: `The ${reader} schema is missing enum symbols '${message}' at path '${location}' in the ${writer} schema`,
    MISSING_UNION_BRANCH: `The ${reader} schema is missing a type inside a union field at path '${location}' in the ${writer} schema`,
    READER_FIELD_MISSING_DEFAULT_VALUE: `The field '${message}' at path '${location}' in the ${reader} schema has no default value and is missing in the ${writer} schema`
  }[type]
  return `{errorType:'${type}', description:'${description}', additionalInfo:'${message}'}`
}

function reasons (reader: ParsedSchema, writer: ParsedSchema, readerName: string, writerName: string): string[] {
  if (reader.avro === undefined || writer.avro === undefined) return []
  try {
    return incompatibilities(reader.avro, writer.avro).map(one => describe(one, readerName, writerName))
  } catch (error) {
    return [`Unexpected exception during compatibility check: ${(error as Error).message}`]
  }
}

function against (level: CompatibilityLevel, next: ParsedSchema, previous: PreviousSchema): string[] {
  if (next.schemaType !== previous.parsed.schemaType) return [DIFFERENT_TYPE]
  const found: string[] = []
  if (!level.startsWith('BACKWARD')) found.push(...reasons(previous.parsed, next, 'old', 'new'))
  if (!level.startsWith('FORWARD')) found.push(...reasons(next, previous.parsed, 'new', 'old'))
  if (found.length === 0) return found
  const { schema } = previous.parsed
  const shown = schema.length <= MAX_SCHEMA_SHOWN ? `'${schema}'` : `<truncated> '${schema.slice(0, MAX_SCHEMA_SHOWN)}...'`
  return [...found, `{oldSchemaVersion: ${previous.version}}`, `{oldSchema: ${shown}}`]
}

/**
 * The reasons why `next` may not follow `previous` (in order of their versions); none where it may.
 * Throws RegistryError 42203 for JSON and PROTOBUF, whose compatibility is not known here, unless nothing is to be checked.
 */
export function compatibilityErrors (level: CompatibilityLevel, next: ParsedSchema, previous: readonly PreviousSchema[]): string[] {
  if (level === 'NONE' || previous.length === 0) return []
  const checked = level.endsWith('_TRANSITIVE') ? [...previous].reverse() : previous.slice(-1)
  if (next.schemaType !== 'AVRO' && checked.some(({ parsed }) => parsed.schemaType === next.schemaType)) {
    throw new RegistryError(42203, `Compatibility ${level} of ${next.schemaType} schemas cannot be checked by this registry: only AVRO can. Set the subject's compatibility to NONE`)
  }
  for (const one of checked) {
    const found = against(level, next, one)
    if (found.length > 0) return [...found, `{validateFields: 'false', compatibility: '${level}'}`]
  }
  return []
}
