// The JSON_SR format: Confluent's header (0, schema id in 32 bits), then JSON as the JSON format has it. The registry holds a JSON schema.
import type { Column } from '../../plan/schema.js'
import { HEADER_BYTES } from './avro.js'
import { isUnwrapped, SerdeError } from './format.js'
import type { Deserializer, Format, SerdeContext, Serializer } from './format.js'
import { jsonReader, jsonWriter } from './json.js'
import { jsonSchemaFor } from './json-schema.js'

async function schemaId (
  columns: readonly Column[], unwrapped: boolean, properties: Readonly<Record<string, string>>, context: SerdeContext
): Promise<number> {
  if (properties['schemaId'] !== undefined) return Number(properties['schemaId'])
  const subject = `${context.topic}-${context.isKey ? 'key' : 'value'}`
  return (await context.registry.register(subject, { schema: jsonSchemaFor(columns, { unwrapped }), schemaType: 'JSON' })).id
}

export const jsonSrFormat: Format = {
  deserializer: async (columns, info, context): Promise<Deserializer> => {
    const read = jsonReader(columns, isUnwrapped(info, columns), context)
    return {
      deserialize: data => {
        if (data.length < HEADER_BYTES || data[0] !== 0) {
          throw new SerdeError(`Error deserializing message from topic: ${context.topic}`, ['Unknown magic byte!'])
        }
        return read(data, HEADER_BYTES)
      }
    }
  },
  serializer: async (columns, info, context): Promise<Serializer> => {
    const unwrapped = isUnwrapped(info, columns)
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeInt32BE(await schemaId(columns, unwrapped, info.properties, context), 1)
    const write = jsonWriter(columns, unwrapped)
    return row => {
      const text = write(row)
      return text === null ? null : Buffer.concat([header, Buffer.from(text)])
    }
  }
}
