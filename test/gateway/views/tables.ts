// Two tables and a log in a few plain lines, behind the three calls of ksqlDB's client that a rebuild uses.
import type { Row } from '../../../gateway/ksqldb/client.js'

type Table = Map<string, Row>

export class FakeKsqldb {
  readonly tables = new Map<string, Table>()
  readonly statements: string[] = []
  /** What a table that is made reads from the log, a row each time that it is asked. */
  log: readonly Row[] = []
  readonly #reading = new Map<string, Row[]>()
  /** Tables that a query writes. */
  readonly #writing = new Set<string>()

  table (name: string, ...rows: readonly Row[]): Table {
    const table = new Map(rows.map(row => [String(row[0]), row]))
    this.tables.set(name, table)
    this.#writing.add(name)
    return table
  }

  #existing (name: string): Table {
    const table = this.tables.get(name)
    if (table === undefined) throw new Error(`${name} does not exist`)
    const next = this.#reading.get(name)?.shift()
    if (next !== undefined) table.set(String(next[0]), next)
    return table
  }

  async statement (text: string) {
    this.statements.push(text)
    const made = /CREATE TABLE (?:IF NOT EXISTS )?(\w+)/.exec(text)?.[1]
    if (made !== undefined) {
      this.table(made)
      this.#reading.set(made, [...this.log])
    }
    const dropped = /DROP TABLE IF EXISTS (\w+)/.exec(text)?.[1]
    if (dropped !== undefined) {
      if (this.#writing.has(dropped)) throw new Error(`${dropped} is written by a query, which would wait for its topic`)
      this.tables.delete(dropped)
    }
    const ended = /TERMINATE CTAS_(\w+)_1;/.exec(text)?.[1]
    if (ended !== undefined && !this.#writing.delete(ended.toLowerCase())) throw new Error(`Query with id:${ended} does not exist`)
    if (text === 'SHOW QUERIES;') {
      const queries = [...this.#writing].map(name => ({ id: `CTAS_${name.toUpperCase()}_1`, sinks: [name.toUpperCase()] }))
      return [{ queries: [...queries, { id: 'ScalablePushQueryProcessor-1', sinks: [] }] }] as never
    }
    const fields = [{ name: 'K', type: 'KEY', schema: { type: 'STRING' } }, { name: 'N', schema: { type: 'BIGINT' } }]
    return text.startsWith('DESCRIBE') ? [{ sourceDescription: { fields, windowType: null } }] as never : []
  }

  async pull (sql: string) {
    const [, name = '', keys = ''] = /FROM (\w+) WHERE `K` IN \((.*)\);/.exec(sql) ?? []
    const table = this.#existing(name)
    const asked = [...keys.matchAll(/'((?:[^']|'')*)'/g)].map(([, key = '']) => table.get(key.replaceAll("''", "'")))
    return { columnNames: [], rows: asked.filter(row => row !== undefined) }
  }

  async scan (sql: string) {
    const table = this.#existing(/FROM (\w+);/.exec(sql)?.[1] ?? '')
    return {
      columnNames: [],
      rows: (async function * () {
        for (const [key] of [...table]) yield [key]
      })()
    }
  }
}
