// What a source leaves in the registry: the schemas of its key and value, made with it and deleted with its topic.
import type { SchemaRegistry } from '../../schema-registry.js'
import type { DataSource } from '../plan/metastore.js'
import { createSerializer, valueColumns } from '../runtime/serde/index.js'
import type { Statement } from '../sql/ast.js'
import { printStatement } from '../sql/printer.js'
import { EngineError } from './errors.js'
import { hasRegistrySchema } from './inference.js'
import type { EngineState } from './state.js'

/** Of CREATE STREAM and TABLE only where the subject has none yet (SchemaRegisterInjector). Throws EngineError. */
export async function registerSchemas (source: DataSource, statement: Statement, registry: SchemaRegistry): Promise<void> {
  const parts = [
    { columns: source.schema.key, info: source.formats.key, isKey: true },
    { columns: valueColumns(source.schema), info: source.formats.value, isKey: false }
  ]
  for (const { columns, info, isKey } of parts) {
    if (columns.length === 0 || !hasRegistrySchema(info.format) || info.properties['schemaId'] !== undefined) continue
    const subject = `${source.topic}-${isKey ? 'key' : 'value'}`
    if (statement.node !== 'CreateAsSelect' && await registry.latest(subject) !== undefined) continue
    try {
      await createSerializer(columns, info, { topic: source.topic, isKey, registry })
    } catch (error) {
      throw new EngineError(`Could not register schema for topic: ${error instanceof Error ? error.message : String(error)}`, printStatement(statement))
    }
  }
}

/** Throws EngineError where others read or write the source's topic. */
export function refuseSharedTopic (source: DataSource, state: EngineState): void {
  const others = state.sources().filter(other => other.topic === source.topic && other.name !== source.name).map(other => other.name)
  if (others.length === 0) return
  throw new EngineError(`Refusing to delete topic. Found other data sources (${others.join(', ')}) using topic ${source.topic}`)
}

export async function deleteSubjects (source: DataSource, registry: SchemaRegistry): Promise<void> {
  for (const part of ['key', 'value'] as const) {
    if (hasRegistrySchema(source.formats[part].format)) await registry.deleteSubject(`${source.topic}-${part}`)
  }
}
