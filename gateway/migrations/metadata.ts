// What was applied, kept where ksql-migrations keeps it: the stream MIGRATION_EVENTS and the table MIGRATION_SCHEMA_VERSIONS
// (InitializeMigrationCommand, MetadataUtil). So that tool and this applier can each continue the other's work.
import { KsqlError } from '../ksqldb/errors.js'
import type { KsqlClient } from '../ksqldb/client.js'
import { escapeString } from '../queries/escape.js'
import type { Names } from '../topics.js'
import type { MigrationFile } from './files.js'

export type MigrationState = 'PENDING' | 'RUNNING' | 'MIGRATED' | 'ERROR'

export interface VersionRow {
  readonly versionKey: string
  readonly version: string
  readonly state: MigrationState
  readonly checksum: string
  readonly startedOn: string
  readonly errorReason: string
  readonly previous: string
}

/** The key of the row that says which migration came last. */
export const currentKey = 'CURRENT'
/** The version before the first. */
export const noVersion = '<none>'
const noError = 'N/A'

/** While its query is being made, a table is there, but "isn't queryable". */
const notThere = (error: unknown): boolean => error instanceof KsqlError && /does not exist|isn't queryable/i.test(error.message)

export class MigrationMetadata {
  readonly #ksqldb: KsqlClient
  readonly #stream: string
  readonly #table: string
  readonly #names: Names
  readonly #replicas: number

  constructor (ksqldb: KsqlClient, names: Names, replicas: number) {
    this.#ksqldb = ksqldb
    this.#names = names
    this.#stream = names.ksql('MIGRATION_EVENTS')
    this.#table = names.ksql('MIGRATION_SCHEMA_VERSIONS')
    this.#replicas = replicas
  }

  async #topic (source: string): Promise<string> {
    const info = await this.#ksqldb.get('/info') as { KsqlServerInfo: { ksqlServiceId: string } }
    return this.#names.topic(`${info.KsqlServerInfo.ksqlServiceId}ksql_${source}`)
  }

  /** Makes the stream and the table where they are not there yet. */
  async initialise (): Promise<void> {
    const create = async (text: string) => { await this.#ksqldb.statement(text, { 'auto.offset.reset': 'earliest' }) }
    await create(`CREATE STREAM IF NOT EXISTS ${this.#stream} (
  version_key STRING KEY, version STRING, name STRING, state STRING, checksum STRING,
  started_on STRING, completed_on STRING, previous STRING, error_reason STRING
) WITH (KAFKA_TOPIC='${await this.#topic('MIGRATION_EVENTS')}', VALUE_FORMAT='JSON', PARTITIONS=1, REPLICAS=${this.#replicas});`)
    await create(`CREATE TABLE IF NOT EXISTS ${this.#table} WITH (KAFKA_TOPIC='${await this.#topic('MIGRATION_SCHEMA_VERSIONS')}') AS SELECT
  version_key, latest_by_offset(version) AS version, latest_by_offset(name) AS name, latest_by_offset(state) AS state,
  latest_by_offset(checksum) AS checksum, latest_by_offset(started_on) AS started_on, latest_by_offset(completed_on) AS completed_on,
  latest_by_offset(previous) AS previous, latest_by_offset(error_reason) AS error_reason
FROM ${this.#stream} GROUP BY version_key;`)
  }

  /** The rows of these keys, asked for until the time-out while ksqlDB is still making the table; undefined where the table is not there yet. */
  async rows (keys: readonly string[], timeoutMs: number): Promise<ReadonlyMap<string, VersionRow> | undefined> {
    try {
      const { rows } = await this.#ksqldb.pull(
        `SELECT version_key, version, state, checksum, started_on, error_reason, previous FROM ${this.#table} ` +
        `WHERE version_key IN (${keys.map(escapeString).join(', ')});`, timeoutMs)
      return new Map(rows.map(row => {
        const [versionKey, version, state, checksum, startedOn, errorReason, previous] = row.map(value => String(value ?? ''))
        return [String(versionKey), { versionKey, version, state, checksum, startedOn, errorReason, previous } as VersionRow]
      }))
    } catch (error) {
      if (notThere(error)) return undefined
      throw error
    }
  }

  /** Records a migration's state under its version and as the current one. */
  async record (
    migration: MigrationFile, state: MigrationState, startedOn: number, completedOn: number | undefined, previous: string, reason?: string
  ): Promise<void> {
    await Promise.all([currentKey, String(migration.version)].map(async key => {
      const values = [
        key, String(migration.version), migration.name, state, migration.checksum,
        String(startedOn), completedOn === undefined ? '' : String(completedOn), previous, (reason ?? noError).slice(0, 2_000)
      ]
      await this.#ksqldb.statement(
        `INSERT INTO ${this.#stream} (version_key, version, name, state, checksum, started_on, completed_on, previous, error_reason) ` +
        `VALUES (${values.map(escapeString).join(', ')});`)
    }))
  }
}
