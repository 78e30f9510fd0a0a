// Asks all gateways to hold visits back in their spools for some seconds, by an event in the log: so the views stand still while they are compared.
// What a gateway makes of it is its own to decide: visits/held.ts.
import type { KsqlClient } from '../ksqldb/client.js'
import { escapeInteger, escapeString } from '../queries/escape.js'
import type { Names } from '../topics.js'
import { holdsView } from './definitions.js'

const scope = 'visits'
const eventsStream = 'hold_events'

export interface Hold { readonly id: string, readonly seconds: number }

export class Holds {
  readonly #ksqldb: Pick<KsqlClient, 'pull' | 'statement'>
  readonly #names: Names

  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'statement'>, names: Names) {
    this.#ksqldb = ksqldb
    this.#names = names
  }

  /** The last one that was asked for, over or not; undefined where there was none. */
  async last (): Promise<Hold | undefined> {
    const { rows: [row] } = await this.#ksqldb.pull(`SELECT hold_id, hold_seconds FROM ${this.#names.ksql(holdsView)} WHERE scope = ${escapeString(scope)};`)
    return row === undefined ? undefined : { id: String(row[0]), seconds: Number(row[1]) }
  }

  /** Gateways follow within about a second. 0 seconds: it is over. */
  async ask ({ id, seconds }: Hold, askedAt: string): Promise<void> {
    await this.#ksqldb.statement(
      `INSERT INTO ${this.#names.ksql(eventsStream)} (scope, hold_id, hold_seconds, asked_at) ` +
      `VALUES (${escapeString(scope)}, ${escapeString(id)}, ${escapeInteger(seconds)}, ${escapeString(askedAt)});`)
  }
}
