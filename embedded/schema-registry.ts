// The registry interface: what the engine needs of Schema Registry. Types only; embedded/registry implements it in process.

export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF'

export interface SchemaReference {
  readonly name: string
  readonly subject: string
  readonly version: number
}

export interface RegisteredSchema {
  readonly subject: string
  readonly version: number
  readonly id: number
  readonly schemaType: SchemaType
  /** The schema's text as it was registered. */
  readonly schema: string
  readonly references: readonly SchemaReference[]
}

/** Every method throws an Error with Confluent's numeric `errorCode` (such as 40401, 409, 42201) and its message. */
export interface SchemaRegistry {
  register (subject: string, schema: { schema: string, schemaType?: SchemaType, references?: readonly SchemaReference[] }): Promise<RegisteredSchema>
  latest (subject: string): Promise<RegisteredSchema | undefined>
  byId (id: number): Promise<Pick<RegisteredSchema, 'id' | 'schemaType' | 'schema' | 'references'> | undefined>
  listSubjects (): Promise<readonly string[]>
  /** Soft, then permanent. No error where the subject is unknown. */
  deleteSubject (subject: string): Promise<void>
}
