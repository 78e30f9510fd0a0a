// Chooses the format by its name, and says which formats there are.
import type { Column, LogicalSchema } from '../../plan/schema.js'
import type { FormatInfo, FormatName } from '../../plan/steps.js'
import { avroFormat } from './avro.js'
import { delimitedFormat } from './delimited.js'
import { SerdeError } from './format.js'
import type { Deserializer, Format, SerdeContext, Serializer } from './format.js'
import { jsonFormat } from './json.js'
import { jsonSrFormat } from './json-sr.js'
import { kafkaFormat, noneFormat } from './kafka.js'
import { protobufFormat, protobufNoSrFormat } from './protobuf.js'

export { referencedTexts } from './avro.js'
export { avroSchemaFor, sqlSchemaFromAvro } from './avro-schema.js'
export { sqlSchemaFromJson } from './json-schema.js'
export { sqlSchemaFromProto } from './protobuf.js'
export type { InferenceOptions } from './avro-schema.js'
export { SerdeError } from './format.js'
export type { Deserializer, RowLayout, SerdeContext, Serializer } from './format.js'

const FORMATS: Partial<Record<FormatName, Format>> = {
  KAFKA: kafkaFormat, NONE: noneFormat, JSON: jsonFormat, DELIMITED: delimitedFormat, AVRO: avroFormat, JSON_SR: jsonSrFormat,
  PROTOBUF: protobufFormat, PROTOBUF_NOSR: protobufNoSrFormat
}

function formatOf (info: FormatInfo): Format {
  const format = FORMATS[info.format]
  if (format === undefined) throw new SerdeError(`The format ${info.format} is not supported`)
  return format
}

/** Value columns that stand in the record's value: those declared HEADERS do not. */
export function valueColumns (schema: LogicalSchema): readonly Column[] {
  return schema.value.filter(column => column.headerKey === undefined)
}

/** Throws SerdeError where the format cannot hold the columns' types. */
export function createDeserializer (columns: readonly Column[], info: FormatInfo, context: SerdeContext): Promise<Deserializer> {
  return formatOf(info).deserializer(columns, info, context)
}

/** Registers the columns' schema where the format has one. Throws SerdeError, or the registry's error. */
export function createSerializer (columns: readonly Column[], info: FormatInfo, context: SerdeContext): Promise<Serializer> {
  return formatOf(info).serializer(columns, info, context)
}
