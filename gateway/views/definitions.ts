// The views as the migration files define them: every CREATE … AS SELECT that still stands when all files have run, and the same under other names.
import { MigrationError, type MigrationFile } from '../migrations/files.js'
import { createdNames, splitStatements, underPrefix } from '../migrations/statements.js'
import type { StreamsProperties } from '../ksqldb/client.js'
import type { Names } from '../topics.js'

export interface View {
  /** As the file calls it, in lower case. */
  readonly name: string
  readonly kind: 'table' | 'stream'
  /** The statement as the file has it. */
  readonly text: string
  /** What the file SETs for it. */
  readonly properties: StreamsProperties
}

const creates = /^CREATE\s+(?:OR\s+REPLACE\s+)?(TABLE|STREAM)\s+(?:IF\s+NOT\s+EXISTS\s+)?([A-Za-z_]\w*)/i
const drops = /^DROP\s+(?:TABLE|STREAM)\s+(?:IF\s+EXISTS\s+)?([A-Za-z_]\w*)/i
const isQuery = /\bAS\s+SELECT\b/i

/** Where reads are led, and whether visits are held back, are themselves views, and are left as they are. */
export const readsView = 'view_reads'
export const holdsView = 'holds'

/**
 * The views in the order in which they can be made.
 * @throws MigrationError where a file cannot be read.
 */
export const viewsOf = (files: readonly MigrationFile[]): readonly View[] => {
  const views = new Map<string, View>()
  for (const file of files) {
    const properties: Record<string, string> = {}
    for (const statement of splitStatements(file.text, file.file)) {
      if (statement.kind === 'set') properties[statement.property] = statement.value
      if (statement.kind === 'unset') delete properties[statement.property]
      if (statement.kind !== 'statement') continue
      const dropped = drops.exec(statement.text)?.[1]?.toLowerCase()
      if (dropped !== undefined) views.delete(dropped)
      const [, kind = '', name = ''] = creates.exec(statement.text) ?? []
      if (name === '' || !isQuery.test(statement.text)) continue
      views.delete(name.toLowerCase()) // made again: it comes after what it reads
      views.set(name.toLowerCase(), { name: name.toLowerCase(), kind: kind.toLowerCase() as View['kind'], text: statement.text, properties: { ...properties } })
    }
  }
  for (const name of [readsView, holdsView]) views.delete(name)
  if (views.size === 0) throw new MigrationError('the migrations make no view')
  return [...views.values()]
}

export type Side = 'standing' | 'twin'

/** The names of one side: the twins of views have an ending of their own, and so have their topics. */
export const sideNames = (names: Names, views: ReadonlySet<string>, side: Side): Names => side === 'standing'
  ? names
  : {
      ...names,
      ksql: name => views.has(name.toLowerCase()) ? names.ksql(`${name}_twin`) : names.ksql(name),
      topic: name => `${names.topic(name)}-twin`
    }

/** A view's statement under the names of a side. */
export const statementOf = (view: View, files: readonly MigrationFile[], names: Names): string =>
  underPrefix(view.text, createdNames(files.map(({ text }) => text)), names)
