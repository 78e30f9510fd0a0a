// What is asked of domains, and how its rows read. The only SQL text about domains.
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { toMillis } from './escape.js'

export interface Domain {
  readonly host: string
  /** How many events the host has had. */
  readonly version: number
  /** Set once and removed since: its links are kept, but not served. */
  readonly isRemoved: boolean
  readonly createdAt: number
  readonly updatedAt: number
  /** Who changed it last. */
  readonly actor: string
  readonly defaultUrl: string | null
  readonly notFoundUrl: string | null
}

const columns = 'host, version, type, created_at, updated_at, actor, default_url, not_found_url'

const toDomain = (row: Row): Domain => {
  const [host, version, type, createdAt, updatedAt, actor, defaultUrl, notFoundUrl] = row
  return {
    host: String(host),
    version: Number(version),
    isRemoved: type === 'DomainRemoved',
    createdAt: toMillis(createdAt) ?? 0,
    updatedAt: toMillis(updatedAt) ?? 0,
    actor: String(actor),
    defaultUrl: (defaultUrl ?? null) as string | null,
    notFoundUrl: (notFoundUrl ?? null) as string | null
  }
}

export class DomainQueries {
  readonly #ksqldb: Pick<KsqlClient, 'pull' | 'push'>
  readonly #names: Names

  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'push'>, names: Names) {
    this.#ksqldb = ksqldb
    this.#names = names
  }

  /** Asked for at each use: while the tables are made again, reads go elsewhere. */
  get #table (): string {
    return this.#names.ksql('domains')
  }

  /** Every domain that was ever set, removed ones too: few enough to be held whole. */
  async all (): Promise<readonly Domain[]> {
    return (await this.#ksqldb.pull(`SELECT ${columns} FROM ${this.#table};`)).rows.map(toDomain)
  }

  /** Every change of a domain from now on, for as long as the signal and the server allow. */
  async changes (signal: AbortSignal): Promise<AsyncIterable<Domain>> {
    const { rows } = await this.#ksqldb.push(`SELECT ${columns} FROM ${this.#table} EMIT CHANGES;`, { 'auto.offset.reset': 'latest' }, signal)
    return (async function * () {
      for await (const row of rows) if (row[1] !== null) yield toDomain(row)
    })()
  }
}
