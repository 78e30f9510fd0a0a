// To which side reads go while the views are made again: an event in the log, so that every gateway follows the same switch.
import type { KsqlClient } from '../ksqldb/client.js'
import { escapeString } from '../queries/escape.js'
import type { Names } from '../topics.js'
import { readsView, type Side } from './definitions.js'

const scope = 'views'
const switchesStream = 'view_switches'

const toSide = (value: unknown): Side => value === 'twin' ? 'twin' : 'standing'

export class ViewReads {
  readonly #ksqldb: Pick<KsqlClient, 'pull' | 'statement'>
  readonly #names: Names

  /** @param names those of the service, which no switch changes */
  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'statement'>, names: Names) {
    this.#ksqldb = ksqldb
    this.#names = names
  }

  /** Where reads go; to what stands, where nothing was ever switched. */
  async current (): Promise<Side> {
    const { rows } = await this.#ksqldb.pull(`SELECT reads FROM ${this.#names.ksql(readsView)} WHERE scope = ${escapeString(scope)};`)
    return toSide(rows[0]?.[0])
  }

  /** Gateways follow within about a second. */
  async switchTo (side: Side, switchedAt: string): Promise<void> {
    await this.#ksqldb.statement(
      `INSERT INTO ${this.#names.ksql(switchesStream)} (scope, reads, switched_at) ` +
      `VALUES (${escapeString(scope)}, ${escapeString(side)}, ${escapeString(switchedAt)});`)
  }
}
