// What is asked of erasures, and how its rows read. The only SQL text about erasures.
import type { ErasureEventType } from '../events/erasure-event.js'
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { textOrNull, toMillis } from './escape.js'
import { WholeTable } from './whole-table.js'

/** An erasure that was made; times in milliseconds since 1970. */
export interface Erasure {
  readonly id: string
  readonly type: ErasureEventType
  readonly at: number
  readonly actor: string
  readonly reason: string | null
  readonly link: string | null
  /** The days (UTC) that it covers. */
  readonly from: number
  readonly to: number
  readonly visits: number
  readonly links: number
  readonly unsealed: number
}

const columns = 'id, type, occurred_at, actor, reason, link, period_from, period_to, visits, links, unsealed'

const toErasure = (row: Row): Erasure => ({
  id: String(row[0]),
  type: row[1] as ErasureEventType,
  at: toMillis(row[2]) ?? 0,
  actor: String(row[3]),
  reason: textOrNull(row[4]),
  link: textOrNull(row[5]),
  from: toMillis(row[6]) ?? 0,
  to: toMillis(row[7]) ?? 0,
  visits: Number(row[8]),
  links: Number(row[9]),
  unsealed: Number(row[10])
})

export class ErasureQueries extends WholeTable<Erasure> {
  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'push'>, names: Names) {
    super(ksqldb, names, 'erasures', columns, toErasure)
  }
}
