// What an Avro schema is: the model that the parser makes and that printing, normal form and compatibility read.
import type { Json, JsonObject } from '../json.js'

export type PrimitiveName = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

/** A name with its namespace; `full` is what identifies a type. */
export interface AvroName {
  readonly name: string
  readonly space: string | undefined
  readonly full: string
}

export interface AvroField {
  readonly name: string
  readonly schema: AvroSchema
  readonly doc: string | undefined
  readonly defaultValue: Json | undefined
  readonly order: 'ascending' | 'descending' | 'ignore'
  readonly aliases: readonly string[]
  readonly props: JsonObject
}

interface Named {
  readonly name: AvroName
  readonly doc: string | undefined
  readonly aliases: readonly AvroName[]
  readonly props: JsonObject
}

export interface AvroPrimitive { readonly type: PrimitiveName, readonly props: JsonObject }
/** `fields` is filled after the record is known by name, since a field may be of the record itself. */
export interface AvroRecord extends Named { readonly type: 'record', readonly isError: boolean, readonly fields: AvroField[] }
export interface AvroEnum extends Named { readonly type: 'enum', readonly symbols: readonly string[], readonly defaultSymbol: string | undefined }
export interface AvroFixed extends Named { readonly type: 'fixed', readonly size: number }
export interface AvroArray { readonly type: 'array', readonly items: AvroSchema, readonly props: JsonObject }
export interface AvroMap { readonly type: 'map', readonly values: AvroSchema, readonly props: JsonObject }
export interface AvroUnion { readonly type: 'union', readonly branches: readonly AvroSchema[] }

export type AvroNamed = AvroRecord | AvroEnum | AvroFixed
export type AvroSchema = AvroPrimitive | AvroNamed | AvroArray | AvroMap | AvroUnion

export const PRIMITIVES: ReadonlySet<string> = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])

/** `message` is what Avro's Java parser says (SchemaParseException, AvroTypeException, AvroRuntimeException). */
export class AvroSchemaError extends Error {
  constructor (message: string) {
    super(message)
    this.name = 'AvroSchemaError'
  }
}

function checkName (name: string): string {
  if (name === '') throw new AvroSchemaError('Empty name')
  if (!/^[\p{L}_]/u.test(name)) throw new AvroSchemaError(`Illegal initial character: ${name}`)
  if (!/^[\p{L}\p{Nd}_]+$/u.test(name)) throw new AvroSchemaError(`Illegal character in: ${name}`)
  return name
}

/** Throws AvroSchemaError where `name` is no Avro name (Schema.validateName). */
export const validateName: (name: string) => string = checkName

/** A name as written, in the namespace around it: a dot in it makes its own namespace (Schema.Name). */
export function makeName (written: string, around: string | undefined): AvroName {
  const dot = written.lastIndexOf('.')
  const name = checkName(dot < 0 ? written : written.slice(dot + 1))
  const space = (dot < 0 ? around : written.slice(0, dot)) || undefined
  return { name, space, full: space === undefined ? name : `${space}.${name}` }
}

/** The full name of a named type, else the name of the type: what Java's Schema.getFullName gives. */
export function fullName (schema: AvroSchema): string {
  return 'name' in schema ? schema.name.full : schema.type
}

const LOGICAL: Readonly<Record<string, string>> = {
  uuid: 'string',
  date: 'int',
  'time-millis': 'int',
  'time-micros': 'long',
  'timestamp-millis': 'long',
  'timestamp-micros': 'long',
  'local-timestamp-millis': 'long',
  'local-timestamp-micros': 'long'
}

/** The logical type where it is known and valid for the type it stands on; otherwise it is a property like any other (LogicalTypes.fromSchemaIgnoreInvalid). */
export function logicalTypeOf (schema: AvroSchema): string | undefined {
  if (schema.type === 'union') return undefined
  const name = schema.props.get('logicalType')
  if (typeof name !== 'string') return undefined
  if (name !== 'decimal') return LOGICAL[name] === schema.type ? name : undefined
  if (schema.type !== 'bytes' && schema.type !== 'fixed') return undefined
  const precision = integerProp(schema.props, 'precision')
  const scale = schema.props.has('scale') ? integerProp(schema.props, 'scale') : 0
  if (precision === undefined || scale === undefined || precision <= 0 || scale < 0 || scale > precision) return undefined
  const most = schema.type === 'fixed' ? Math.floor(Math.log10(2) * (8 * schema.size - 1)) : Infinity
  return precision <= most ? name : undefined
}

/** An integer property, such as `precision`; undefined where it is absent or no int. */
export function integerProp (props: JsonObject, name: string): number | undefined {
  const value = props.get(name)
  if (typeof value !== 'object' || value === null || !('isInteger' in value) || !value.isInteger) return undefined
  return value.value
}
