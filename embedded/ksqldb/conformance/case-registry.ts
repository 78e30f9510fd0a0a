// A schema registry in memory for one case: no compatibility rules, and ids that a case may choose.
import type { RegisteredSchema, SchemaReference, SchemaRegistry, SchemaType } from '../../schema-registry.js'

interface NewSchema { readonly schema: string, readonly schemaType?: SchemaType, readonly references?: readonly SchemaReference[] }

export class CaseRegistry implements SchemaRegistry {
  readonly #subjects = new Map<string, RegisteredSchema[]>()
  readonly #byId = new Map<number, RegisteredSchema>()
  #nextId = 1

  async register (subject: string, { schema, schemaType = 'AVRO', references = [] }: NewSchema): Promise<RegisteredSchema> {
    const versions = this.#subjects.get(subject) ?? []
    const same = versions.find(one => one.schema === schema && one.schemaType === schemaType)
    if (same !== undefined) return same
    const known = [...this.#byId.values()].find(one => one.schema === schema && one.schemaType === schemaType)
    while (this.#byId.has(this.#nextId)) this.#nextId++
    return this.#add({ subject, version: versions.length + 1, id: known?.id ?? this.#nextId, schemaType, schema, references })
  }

  /** As a case asks: under an id of its choice. */
  put (subject: string, id: number, { schema, schemaType = 'AVRO', references = [] }: NewSchema): RegisteredSchema {
    return this.#add({ subject, version: (this.#subjects.get(subject)?.length ?? 0) + 1, id, schemaType, schema, references })
  }

  #add (registered: RegisteredSchema): RegisteredSchema {
    this.#subjects.set(registered.subject, [...this.#subjects.get(registered.subject) ?? [], registered])
    this.#byId.set(registered.id, registered)
    return registered
  }

  async latest (subject: string): Promise<RegisteredSchema | undefined> {
    return this.#subjects.get(subject)?.at(-1)
  }

  async byId (id: number): Promise<RegisteredSchema | undefined> {
    return this.#byId.get(id)
  }

  async listSubjects (): Promise<readonly string[]> {
    return [...this.#subjects.keys()]
  }

  async deleteSubject (subject: string): Promise<void> {
    this.#subjects.delete(subject)
  }
}
