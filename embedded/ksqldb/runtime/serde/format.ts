// What a format gives: rows from bytes and bytes from rows. One implementation a file beside this one; index.ts chooses.
import type { SchemaRegistry } from '../../../schema-registry.js'
import type { Column } from '../../plan/schema.js'
import type { FormatInfo } from '../../plan/steps.js'
import type { Row } from '../../plan/value.js'

/** The bytes do not hold what the columns need, or the row cannot be written: ksqlDB's SerializationException. `causes` go to the processing log. */
export class SerdeError extends Error {
  override readonly name: string = 'SerdeError'
  readonly causes: readonly string[]

  constructor (message: string, causes: readonly string[] = []) {
    super(message)
    this.causes = causes
  }
}

export interface Deserializer {
  /** Waits for what `data` needs, such as the schema of its id. undefined where `deserialize` may be called at once. */
  readonly prepare?: (data: Buffer) => Promise<void> | undefined
  /** True where a part of a buffer needs no `prepare`, said without cutting it out. */
  readonly isPrepared?: (buffer: Buffer, start: number, end: number) => boolean
  /** The columns' values in order; null where the data says null as a whole. Throws SerdeError. Values may point into `data`. */
  readonly deserialize: (data: Buffer) => Row | null
  /** The rows are as the context's layout has them; otherwise they hold the columns in order. */
  readonly isLaidOut?: boolean
  /** As `deserialize`, of a part of a buffer that need not be cut out. Absent: it must be. */
  readonly deserializeAt?: (buffer: Buffer, start: number, end: number) => Row | null
}

/** What it gives is good until the next call. Throws SerdeError. null: the record's key or value is null. */
export type Serializer = (row: Row) => Buffer | null

/** How a reader of rows would have them: how wide, and by column the place where its value is to stand; -1: nobody reads it. All other places are null. */
export interface RowLayout {
  readonly width: number
  readonly places: readonly number[]
}

export interface SerdeContext {
  readonly topic: string
  readonly isKey: boolean
  readonly registry: SchemaRegistry
  /** A wish to a deserializer, which says whether it follows it. */
  readonly layout?: RowLayout
}

export interface Format {
  readonly deserializer: (columns: readonly Column[], info: FormatInfo, context: SerdeContext) => Promise<Deserializer>
  readonly serializer: (columns: readonly Column[], info: FormatInfo, context: SerdeContext) => Promise<Serializer>
}

/** True where one column stands alone in the data, without a record around it. */
export function isUnwrapped (info: FormatInfo, columns: readonly Column[]): boolean {
  return columns.length === 1 && info.features.includes('UNWRAP_SINGLES')
}
