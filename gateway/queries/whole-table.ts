// A small table that a gateway holds whole: all of its rows, and each change of one from now on. What API keys, domains and webhooks are asked by.
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'

export class WholeTable<T> {
  readonly #ksqldb: Pick<KsqlClient, 'pull' | 'push'>
  readonly #select: () => string
  readonly #read: (row: Row) => T

  /** @param columns the key first, and second one that every row has: a row without it is a key's end */
  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'push'>, names: Names, table: string, columns: string, read: (row: Row) => T) {
    this.#ksqldb = ksqldb
    // the name is asked for at each use: while the tables are made again, reads go elsewhere
    this.#select = () => `SELECT ${columns} FROM ${names.ksql(table)}`
    this.#read = read
  }

  /** Every row, of what was ended too: few enough to be held whole. */
  async all (): Promise<readonly T[]> {
    return (await this.#ksqldb.pull(`${this.#select()};`)).rows.map(this.#read)
  }

  /** Every change of a row from now on, for as long as the signal and the server allow. */
  async changes (signal: AbortSignal): Promise<AsyncIterable<T>> {
    const read = this.#read
    const { rows } = await this.#ksqldb.push(`${this.#select()} EMIT CHANGES;`, { 'auto.offset.reset': 'latest' }, signal)
    return (async function * () {
      for await (const row of rows) if (row[1] !== null) yield read(row)
    })()
  }
}
