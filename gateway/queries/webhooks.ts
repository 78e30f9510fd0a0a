// What is asked of webhooks, and how its rows read. The only SQL text about webhooks.
import type { LinkEventType } from '../events/link-event.js'
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { toMillis } from './escape.js'
import { WholeTable } from './whole-table.js'

export interface Webhook {
  readonly id: string
  readonly url: string
  readonly types: readonly LinkEventType[]
  readonly tags: readonly string[]
  readonly domains: readonly string[]
  readonly enabled: boolean
  readonly secretGeneration: number
  readonly secretSince: number
  readonly createdAt: number
  readonly updatedAt: number
  /** Why its last change was made, where that was said. */
  readonly reason: string | null
  readonly deletedAt: number | null
}

const columns = 'id, url, types, tags, domains, enabled, secret_generation, secret_since, created_at, updated_at, reason, deleted_at'

const toWebhook = (row: Row): Webhook => {
  const [id, url, types, tags, domains, enabled, secretGeneration, secretSince, createdAt, updatedAt, reason, deletedAt] = row
  return {
    id: String(id),
    url: String(url),
    types: (types ?? []) as LinkEventType[],
    tags: (tags ?? []) as string[],
    domains: (domains ?? []) as string[],
    enabled: enabled === true,
    secretGeneration: Number(secretGeneration),
    secretSince: toMillis(secretSince) ?? 0,
    createdAt: toMillis(createdAt) ?? 0,
    updatedAt: toMillis(updatedAt) ?? 0,
    reason: reason === null || reason === '' ? null : String(reason),
    deletedAt: toMillis(deletedAt)
  }
}

export class WebhookQueries extends WholeTable<Webhook> {
  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'push'>, names: Names) {
    super(ksqldb, names, 'webhooks', columns, toWebhook)
  }
}
