// What the registry keeps: versions of schemas, compatibility and mode settings. The same shapes stand in the log, in memory and in answers.
import type { Json } from './json.js'
import type { SchemaReference, SchemaType } from '../schema-registry.js'

/** A schema as it stands under a subject. Soft-deleted ones stay readable by id. */
export interface SchemaVersion {
  readonly subject: string
  readonly version: number
  readonly id: number
  readonly schemaType: SchemaType
  readonly schema: string
  readonly references: readonly SchemaReference[]
  readonly metadata: Json | undefined
  readonly ruleSet: Json | undefined
  readonly deleted: boolean
}

/** What makes two schemas the same, whatever subject they are under. */
export type SchemaContent = Pick<SchemaVersion, 'schemaType' | 'schema' | 'references' | 'metadata' | 'ruleSet'>

export const LEVELS = ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE', 'FORWARD', 'FORWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE'] as const
export type CompatibilityLevel = typeof LEVELS[number]

export const MODES = ['READWRITE', 'READONLY', 'READONLY_OVERRIDE', 'IMPORT'] as const
export type Mode = typeof MODES[number]

/** What can be set globally or for a subject; what is absent falls to the level above. */
export interface Config {
  readonly compatibilityLevel?: CompatibilityLevel
  readonly normalize?: boolean
  /** Only schemas with the same value of this metadata property are checked against each other. */
  readonly compatibilityGroup?: string
}
