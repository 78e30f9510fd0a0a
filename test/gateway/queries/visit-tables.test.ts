// What is asked of the tables of visits: one statement of the language whatever the values, so many keys at a time, and cells read as ksql writes them.
import t from 'tap'
import { parseStatements } from '../../../embedded/ksqldb/sql/parser.js'
import { VisitTables } from '../../../gateway/queries/visit-tables.js'
import { namesFor } from '../../../gateway/topics.js'

const nasty = "x'; DROP TABLE links; --"

const recorder = (rows: unknown[][] = []) => {
  const asked: string[] = []
  return {
    asked,
    pull: async (sql: string) => { asked.push(sql); return { columnNames: [], rows } },
    pullEach: async (sql: string, onRow: (row: readonly unknown[]) => void) => {
      asked.push(sql)
      for (const row of rows) onRow(row)
    },
    push: async (sql: string) => {
      asked.push(sql)
      return { columnNames: [], rows: (async function * () { yield * rows })() }
    }
  }
}

t.test('every query is one statement', async t => {
  const ksqldb = recorder()
  const tables = new VisitTables(ksqldb, namesFor('e2e-1'))
  const nothing = () => {}
  for (const of of ['links', 'domains'] as const) {
    await tables.hours({ of, names: [nasty, 'b'] }, 0, 1, nothing)
    await tables.visitors({ of, names: [nasty] }, 0, 1, nothing)
    await tables.cells({ of, names: [nasty] }, 0, 1, { onCell: nothing, onRest: nothing, onRow: nothing })
  }
  await tables.domains()
  await tables.offsets(nasty, 0, 1)
  await tables.orphans(nothing)
  await tables.tagged(nasty, 5)
  await tables.live(new AbortController().signal)
  await tables.counted(nasty)
  t.equal(ksqldb.asked.length, 15)
  for (const sql of ksqldb.asked) {
    t.equal(parseStatements(sql).length, 1, sql)
    t.match(sql, /FROM e2e_1_/)
  }
})

t.test('many links are asked for some at a time, each with all its shares', async t => {
  const ksqldb = recorder()
  const tables = new VisitTables(ksqldb, namesFor(''))
  const names = Array.from({ length: 1_000 }, (_, n) => `l${n}`)
  await tables.cells({ of: 'links', names }, 0, 1, { onCell: () => {}, onRest: () => {}, onRow: () => {} })
  const keys = ksqldb.asked.flatMap(sql => [...sql.matchAll(/'([^']+)'/g)].map(([, key]) => key))
  t.equal(new Set(keys).size, 16_000)
  t.ok(ksqldb.asked.every(sql => [...sql.matchAll(/'/g)].length <= 2 * 640))
  t.strictSame(keys.slice(0, 2), ['l0|0', 'l0|1'])
  await tables.hours({ of: 'links', names }, 0, 1, () => {})
  t.equal(ksqldb.asked.length, 25 + 2)
})

t.test('cells: what is missing is empty, what was encoded is plain, what was left out is told', async t => {
  const tables = new VisitTables(recorder([
    ['go.example/a|7', 900_000, 9, 6, { '2||www.example.com|Samsung+Internet|Mac%20OS|desktop|CH|de|0': 4, '2|1||a%7Cb%25|iOS|mobile|||0': 1, '1||||||||1': 2 }],
    ['b|0', 0, 3, 3, { '1||||||||0': 3 }]
  ]), namesFor(''))
  const cells: unknown[] = []
  const rests: unknown[] = []
  const rows: number[] = []
  await tables.cells({ of: 'links', names: ['b'] }, 0, 1, { onCell: (...cell) => cells.push(cell), onRest: (...rest) => rests.push(rest), onRow: count => rows.push(count) })
  t.strictSame(cells, [
    ['go.example/a', 900_000, ['2', '', 'www.example.com', 'Samsung Internet', 'Mac OS', 'desktop', 'CH', 'de'], false, 4],
    ['go.example/a', 900_000, ['2', '1', '', 'a|b%', 'iOS', 'mobile', '', ''], false, 1],
    ['go.example/a', 900_000, ['1', '', '', '', '', '', '', ''], true, 2],
    ['b', 0, ['1', '', '', '', '', '', '', ''], false, 3]
  ])
  t.strictSame(rests, [['go.example/a', 900_000, 1, 1]])
  t.strictSame(rows, [3, 1])
})
