// What is asked of api_keys, and how its rows read. The only SQL text about keys.
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { toMillis } from './escape.js'
import { WholeTable } from './whole-table.js'

export interface ApiKey {
  readonly id: string
  readonly name: string
  /** SHA-256 of the whole key text, in hex. */
  readonly secretSha256: string
  readonly scopes: readonly string[]
  readonly domains: readonly string[]
  readonly tags: readonly string[]
  readonly expiresAt: number | null
  readonly createdAt: number
  readonly createdBy: string
  readonly revokedAt: number | null
  readonly revokedBy: string | null
}

const columns = 'id, name, secret_sha256, scopes, domains, tags, expires_at, created_at, created_by, revoked_at, revoked_by'

const toKey = (row: Row): ApiKey => {
  const [id, name, secretSha256, scopes, domains, tags, expiresAt, createdAt, createdBy, revokedAt, revokedBy] = row
  return {
    id: String(id),
    name: String(name),
    secretSha256: String(secretSha256),
    scopes: (scopes ?? []) as string[],
    domains: (domains ?? []) as string[],
    tags: (tags ?? []) as string[],
    expiresAt: toMillis(expiresAt),
    createdAt: toMillis(createdAt) ?? 0,
    createdBy: String(createdBy),
    revokedAt: toMillis(revokedAt),
    revokedBy: (revokedBy ?? null) as string | null
  }
}

export class ApiKeyQueries extends WholeTable<ApiKey> {
  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'push'>, names: Names) {
    super(ksqldb, names, 'api_keys', columns, toKey)
  }
}
