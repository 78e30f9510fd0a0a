// Brings ksqlDB to the version of the files in ksql/. Safe to run twice and by several gateways at once:
// - A file that stands MIGRATED with the same checksum is passed over; another checksum stops the start, since a merged file is never edited.
// - Every statement says IF NOT EXISTS, so that running it again, or at the same time, changes nothing; a server that loses such a race and
//   answers "already exists" is asked once more. No lock is needed for what is made, and none can be left behind by a kill.
// - Only the bookkeeping could be written out of order by two appliers: one that finds another at work waits for it a while, and each, when
//   it is done, reads back that CURRENT is the last version and writes it again where it is not. Whoever writes last looks last.
import { KsqlError, isPassing } from '../ksqldb/errors.js'
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
  readonly log: (message: string) => void
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
}

/** An applier at work says so again after each of these; one that has said nothing for so long is taken for dead. */
const heartbeatMs = 1_000
const silenceMs = 10_000
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
    let rows = await this.#rows(migrations)
    if (rows === undefined) {
      await this.#metadata.initialise()
      rows = await this.#rows(migrations) ?? new Map<string, VersionRow>()
    }
    this.#check(migrations, rows)
    const applied: number[] = []
    let previous = noVersion
    for (const migration of migrations) {
      if (rows.get(String(migration.version))?.state !== 'MIGRATED' && await this.#applyOne(migration, previous)) applied.push(migration.version)
      previous = String(migration.version)
    }
    if (applied.length > 0 || rows.get(currentKey)?.version !== previous) await this.#readBack(migrations)
    return applied
  }

  /** Whether every migration stands: what /readyz asks. */
  async standing (): Promise<boolean> {
    const migrations = await prepare(this.#options.directory, this.#options.names)
    const rows = await this.#rows(migrations, standingTimeoutMs)
    return rows !== undefined && migrations.every(({ version }) => rows.get(String(version))?.state === 'MIGRATED')
  }

  async #rows (migrations: readonly MigrationFile[], timeoutMs = this.#options.timeoutMs): Promise<ReadonlyMap<string, VersionRow> | undefined> {
    return await this.#metadata.rows([currentKey, ...migrations.map(({ version }) => String(version))], timeoutMs)
  }

  #check (migrations: readonly MigrationFile[], rows: ReadonlyMap<string, VersionRow>): void {
    for (const { version, file, checksum } of migrations) {
      const row = rows.get(String(version))
      if (row?.state === 'MIGRATED' && row.checksum !== checksum) {
        throw new MigrationError(`ksql/${file} was edited after it was applied (MD5 ${checksum}, applied as ${row.checksum}). ` +
          'Put it back as it was, and make the change in a new migration.')
      }
    }
    const current = rows.get(currentKey)
    const last = migrations.at(-1)?.version ?? 0
    if (current !== undefined && Number(current.version) > last) {
      throw new MigrationError(`ksqlDB stands at migration ${current.version}, which this version does not have (its last is ${last}). Use a newer version.`)
    }
  }

  /** False where another applier did it meanwhile. */
  async #applyOne (migration: Prepared, previous: string): Promise<boolean> {
    if (await this.#doneByAnother(migration)) return false
    const startedOn = this.#options.now()
    await this.#metadata.record(migration, 'RUNNING', startedOn, undefined, previous)
    try {
      await this.#saying(async () => await this.#metadata.record(migration, 'RUNNING', this.#options.now(), undefined, previous), async () => await this.#run(migration))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      await this.#metadata.record(migration, 'ERROR', startedOn, this.#options.now(), previous, reason).catch(() => {})
      throw new MigrationError(`ksqlDB refused ksql/${migration.file}: ${reason}`, { cause: error })
    }
    await this.#metadata.record(migration, 'MIGRATED', startedOn, this.#options.now(), previous)
    this.#options.log(`applied ksql/${migration.file}`)
    return true
  }

  /** Runs the task, and says again and again that it runs; nothing is said any more when it resolves. */
  async #saying (say: () => Promise<void>, task: () => Promise<void>): Promise<void> {
    let said = Promise.resolve()
    const beat = setInterval(() => { said = said.then(say).catch(() => {}) }, heartbeatMs)
    try {
      await task()
    } finally {
      clearInterval(beat)
      await said
    }
  }

  /** Waits while another applier works on this file, for as long as it is heard. Its clock does not matter: only whether what it says changes. */
  async #doneByAnother (migration: Prepared): Promise<boolean> {
    const key = String(migration.version)
    let [said, heardAt] = ['', this.#options.now()]
    for (;;) {
      const row = (await this.#metadata.rows([key], this.#options.timeoutMs))?.get(key)
      if (row?.state === 'MIGRATED') {
        this.#check([migration], new Map([[key, row]]))
        return true
      }
      if (row?.state !== 'RUNNING') return false
      if (row.startedOn !== said) [said, heardAt] = [row.startedOn, this.#options.now()]
      if (this.#options.now() - heardAt > silenceMs) return false
      await this.#options.wait(100)
    }
  }

  async #run (migration: Prepared): Promise<void> {
    const properties: Record<string, string> = {}
    for (const statement of migration.statements) {
      if (statement.kind === 'set') properties[statement.property] = statement.value
      else if (statement.kind === 'unset') delete properties[statement.property]
      else await this.#execute(statement.text, { ...properties })
    }
  }

  /** A statement that another applier is carrying out at this moment may be refused once; then it is there, and IF NOT EXISTS passes. */
  async #execute (text: string, properties: StreamsProperties): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#options.ksqldb.statement(text, properties)
        return
      } catch (error) {
        const again = isPassing(error) || (error instanceof KsqlError && /already exists/i.test(error.message))
        if (!again || attempt >= 5) throw error
        await this.#options.wait(100 * attempt)
      }
    }
  }

  /** The table follows the stream a moment later: wait until it shows every migration, and set CURRENT right where a second applier was late. */
  async #readBack (migrations: readonly Prepared[]): Promise<void> {
    const last = migrations.at(-1) as Prepared
    const previous = migrations.at(-2)
    const deadline = this.#options.now() + readBackMs
    for (let round = 1; ; round++) {
      const rows = await this.#rows(migrations)
      const all = migrations.every(({ version }) => rows?.get(String(version))?.state === 'MIGRATED')
      const current = rows?.get(currentKey)
      if (all && current?.version === String(last.version) && current.state === 'MIGRATED') return
      if (this.#options.now() > deadline) throw new MigrationError('ksqlDB does not show the migrations that were just recorded in MIGRATION_SCHEMA_VERSIONS')
      if (all && round % 10 === 0) {
        const now = this.#options.now()
        await this.#metadata.record(last, 'MIGRATED', now, now, previous === undefined ? noVersion : String(previous.version))
      }
      await this.#options.wait(Math.min(20 * round, 200))
    }
  }
}
