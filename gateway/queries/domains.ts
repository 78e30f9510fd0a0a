// What is asked of domains, and how its rows read. The only SQL text about domains.
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { toMillis } from './escape.js'
import { WholeTable } from './whole-table.js'

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

export class DomainQueries extends WholeTable<Domain> {
  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'push'>, names: Names) {
    super(ksqldb, names, 'domains', columns, toDomain)
  }
}
