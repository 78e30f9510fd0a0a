// What link_revisions says of the events on the log: which were accepted, and which it has seen at all.
import type { KsqlClient } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { escapeString } from './escape.js'

export interface Decisions {
  /** The ids of the accepted events in order: version n of the link is accepted[n - 1]. */
  readonly accepted: readonly string[]
  /** The ids of all events that the view has taken in, losers too. */
  readonly seen: readonly string[]
}

export class ChangeQueries {
  readonly #ksqldb: Pick<KsqlClient, 'pull'>
  readonly #names: Names

  constructor (ksqldb: Pick<KsqlClient, 'pull'>, names: Names) {
    this.#ksqldb = ksqldb
    this.#names = names
  }

  /** Asked for at each use: while the tables are made again, reads go elsewhere. */
  get #table (): string {
    return this.#names.ksql('link_revisions')
  }

  /** By link; one of which the view has seen nothing is absent. */
  async decisions (links: readonly string[]): Promise<ReadonlyMap<string, Decisions>> {
    const { rows } = await this.#ksqldb.pull(
      'SELECT link, TRANSFORM(revisions, r => r->event_id) AS accepted, TRANSFORM(attempts, a => a->event_id) AS seen ' +
      `FROM ${this.#table} WHERE link IN (${links.map(escapeString).join(', ')});`)
    return new Map(rows.map(([link, accepted, seen]) => [String(link), { accepted: (accepted ?? []) as string[], seen: (seen ?? []) as string[] }]))
  }
}
