// Brings ksqlDB to the version of the files in ksql/. Safe to run twice, by several gateways at once, and after a kill at any moment:
// - A file that stands MIGRATED with the same checksum is passed over; another checksum stops the start, since a merged file is never edited.
// - Where something is missing, one gateway applies at a time (ksqldb/ddl-lock.ts); the next looks again first.
// - Every statement says IF NOT EXISTS, so that what a killed applier had done is passed over.
import type { Alone } from '../ksqldb/ddl-lock.js'
import { isPassing } from '../ksqldb/errors.js'
import type { KsqlClient, StreamsProperties } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { MigrationError, readMigrations, type MigrationFile } from './files.js'
import { currentKey, MigrationMetadata, noVersion, type VersionRow } from './metadata.js'
import { createdNames, splitStatements, underPrefix, type MigrationStatement } from './statements.js'

export interface ApplierOptions {
  readonly ksqldb: KsqlClient
  readonly names: Names
  readonly directory: string
  readonly replicationFactor: number
  /** How long ksqlDB may take to make its tables ready: after a restart of its own, half a minute and more. */
  readonly timeoutMs: number
  readonly alone: Alone
  readonly log: (message: string) => void
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
}

const readBackMs = 30_000
const standingTimeoutMs = 1_000

type Prepared = MigrationFile & { readonly statements: readonly MigrationStatement[] }

const prepare = async (directory: string, names: Names): Promise<readonly Prepared[]> => {
  const files = await readMigrations(directory)
  if (files.length === 0) throw new MigrationError(`there are no migrations in ${directory}`)
  const own = createdNames(files.map(file => file.text))
  return files.map(file => ({
    ...file,
    statements: splitStatements(file.text, file.file)
      .map(statement => statement.kind === 'statement' ? { kind: 'statement', text: underPrefix(statement.text, own, names) } : statement)
  }))
}

type Rows = ReadonlyMap<string, VersionRow> | undefined

const isMigrated = ({ version }: MigrationFile, rows: Rows): boolean => rows?.get(String(version))?.state === 'MIGRATED'
const areMigrated = (migrations: readonly MigrationFile[], rows: Rows): boolean => migrations.every(migration => isMigrated(migration, rows))

export class MigrationApplier {
  readonly #options: ApplierOptions
  readonly #metadata: MigrationMetadata

  constructor (options: ApplierOptions) {
    this.#options = options
    this.#metadata = new MigrationMetadata(options.ksqldb, options.names, options.replicationFactor)
  }

  /**
   * Applies what is missing.
   * @returns the versions that were applied now.
   * @throws MigrationError where an applied file was edited or is missing, or ksqlDB refused a statement.
   */
  async apply (): Promise<readonly number[]> {
    const migrations = await prepare(this.#options.directory, this.#options.names)
    const rows = await this.#rows(migrations)
    this.#check(migrations, rows)
    return this.#complete(migrations, rows) ? [] : await this.#options.alone(async signal => await this.#applyMissing(migrations, signal))
  }

  /** Whether every migration stands: what /readyz asks. */
  async standing (): Promise<boolean> {
    const migrations = await prepare(this.#options.directory, this.#options.names)
    const rows = await this.#rows(migrations, standingTimeoutMs)
    return areMigrated(migrations, rows)
  }

  async #rows (migrations: readonly MigrationFile[], timeoutMs = this.#options.timeoutMs): Promise<Rows> {
    return await this.#metadata.rows([currentKey, ...migrations.map(({ version }) => String(version))], timeoutMs)
  }

  /** Whether every migration stands, and CURRENT is the last. */
  #complete (migrations: readonly MigrationFile[], rows: Rows): boolean {
    const current = rows?.get(currentKey)
    return areMigrated(migrations, rows) && current?.version === String(migrations.at(-1)?.version) && current.state === 'MIGRATED'
  }

  #check (migrations: readonly MigrationFile[], rows: Rows): void {
    for (const { version, file, checksum } of migrations) {
      const row = rows?.get(String(version))
      if (row?.state === 'MIGRATED' && row.checksum !== checksum) {
        throw new MigrationError(`ksql/${file} was edited after it was applied (MD5 ${checksum}, applied as ${row.checksum}). ` +
          'Put it back as it was, and make the change in a new migration.')
      }
    }
    const current = rows?.get(currentKey)
    const last = migrations.at(-1)?.version ?? 0
    if (current !== undefined && Number(current.version) > last) {
      throw new MigrationError(`ksqlDB stands at migration ${current.version}, which this version does not have (its last is ${last}). Use a newer version.`)
    }
  }

  async #applyMissing (migrations: readonly Prepared[], signal: AbortSignal): Promise<readonly number[]> {
    const found = await this.#rows(migrations)
    if (found === undefined) await this.#metadata.initialise()
    const rows = found ?? await this.#rows(migrations)
    this.#check(migrations, rows)
    if (this.#complete(migrations, rows)) return []
    const applied: number[] = []
    const previous = (index: number) => index === 0 ? noVersion : String((migrations[index - 1] as Prepared).version)
    for (const [index, migration] of migrations.entries()) {
      if (isMigrated(migration, rows)) continue
      await this.#applyOne(migration, previous(index), signal)
      applied.push(migration.version)
    }
    const last = migrations.at(-1) as Prepared
    const now = this.#options.now()
    if (applied.at(-1) !== last.version) await this.#metadata.record(last, 'MIGRATED', now, now, previous(migrations.length - 1)) // so that CURRENT is the last
    await this.#readBack(migrations)
    return applied
  }

  async #applyOne (migration: Prepared, previous: string, signal: AbortSignal): Promise<void> {
    const startedOn = this.#options.now()
    await this.#metadata.record(migration, 'RUNNING', startedOn, undefined, previous)
    try {
      await this.#run(migration, signal)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (!signal.aborted) await this.#metadata.record(migration, 'ERROR', startedOn, this.#options.now(), previous, reason).catch(() => {})
      throw error === signal.reason ? error : new MigrationError(`ksqlDB refused ksql/${migration.file}: ${reason}`, { cause: error })
    }
    await this.#metadata.record(migration, 'MIGRATED', startedOn, this.#options.now(), previous)
    this.#options.log(`applied ksql/${migration.file}`)
  }

  async #run (migration: Prepared, signal: AbortSignal): Promise<void> {
    const properties: Record<string, string> = {}
    for (const statement of migration.statements) {
      signal.throwIfAborted()
      if (statement.kind === 'set') properties[statement.property] = statement.value
      else if (statement.kind === 'unset') delete properties[statement.property]
      else await this.#execute(statement.text, { ...properties })
    }
  }

  async #execute (text: string, properties: StreamsProperties): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#options.ksqldb.statement(text, properties)
        return
      } catch (error) {
        if (!isPassing(error) || attempt >= 5) throw error
        await this.#options.wait(100 * attempt)
      }
    }
  }

  /** The table follows the stream a moment later: waits until it shows every migration. */
  async #readBack (migrations: readonly Prepared[]): Promise<void> {
    const deadline = this.#options.now() + readBackMs
    for (let round = 1; !this.#complete(migrations, await this.#rows(migrations)); round++) {
      if (this.#options.now() > deadline) throw new MigrationError('ksqlDB does not show the migrations that were just recorded in MIGRATION_SCHEMA_VERSIONS')
      await this.#options.wait(Math.min(20 * round, 200))
    }
  }
}
