// Which views stand when all migrations have run, and how their statements read under the names of the twins.
import t from 'tap'
import type { MigrationFile } from '../../../gateway/migrations/files.js'
import { namesFor } from '../../../gateway/topics.js'
import { sideNames, statementOf, viewsOf } from '../../../gateway/views/definitions.js'

const file = (version: number, text: string): MigrationFile => ({ version, name: 'x', file: `V${version}__x.sql`, text, checksum: '' })

const files = [
  file(1, "CREATE STREAM IF NOT EXISTS clicks (k VARCHAR KEY) WITH (KAFKA_TOPIC = 'clicks', VALUE_FORMAT = 'AVRO');"),
  file(2, "SET 'auto.offset.reset' = 'earliest';\nCREATE TABLE IF NOT EXISTS counts WITH (KAFKA_TOPIC = 'counts') AS SELECT k, COUNT(*) AS n FROM clicks GROUP BY k;"),
  file(3, "CREATE TABLE totals WITH (KAFKA_TOPIC = 'totals') AS SELECT k, n FROM counts WHERE k <> 'counts';"),
  file(4, 'DROP TABLE IF EXISTS totals;\nDROP TABLE IF EXISTS counts;'),
  file(5, "SET 'cache.max.bytes.buffering' = '0';\nCREATE TABLE counts WITH (KAFKA_TOPIC = 'counts') AS SELECT k, COUNT(*) AS n, MAX(1) AS one FROM clicks GROUP BY k;"),
  file(6, "CREATE TABLE view_reads WITH (KAFKA_TOPIC = 'view-reads') AS SELECT k, COUNT(*) AS n FROM clicks GROUP BY k;"),
  file(7, "CREATE TABLE holds WITH (KAFKA_TOPIC = 'holds') AS SELECT k, COUNT(*) AS n FROM clicks GROUP BY k;")
]

t.test('the last definition of each view, with the settings of its own file', async t => {
  const views = viewsOf(files)
  t.strictSame(views.map(({ name, kind, properties }) => ({ name, kind, properties })), [
    { name: 'counts', kind: 'table', properties: { 'cache.max.bytes.buffering': '0' } }
  ])
  t.match(views[0]?.text, /MAX\(1\)/)
})

t.test('a view made again comes after what it reads', async t => {
  const again = [...files.slice(0, 3), file(8, "CREATE OR REPLACE TABLE counts WITH (KAFKA_TOPIC = 'counts') AS SELECT k, COUNT(*) AS n FROM clicks GROUP BY k;")]
  t.strictSame(viewsOf(again).map(({ name }) => name), ['totals', 'counts'])
})

t.test('twins have names and topics of their own, and read the same log', async t => {
  const views = viewsOf(files.slice(0, 3))
  const names = sideNames(namesFor('shop'), new Set(views.map(({ name }) => name)), 'twin')
  const [counts, totals] = views.map(view => statementOf(view, files, names))
  t.match(counts, "CREATE TABLE IF NOT EXISTS shop_counts_twin WITH (KAFKA_TOPIC = 'shop-counts-twin') AS SELECT k, COUNT(*) AS n FROM shop_clicks GROUP BY k;")
  t.match(totals, "FROM shop_counts_twin WHERE k <> 'counts';")
  t.equal(names.visits, 'shop-visits')
})

t.test('the migrations of this version make views that can be made in the order given', async t => {
  const { readMigrations } = await import('../../../gateway/migrations/files.js')
  const views = viewsOf(await readMigrations(new URL('../../../ksql', import.meta.url).pathname))
  const made = new Set<string>()
  const all = new Set(views.map(({ name }) => name))
  for (const { name, text } of views) {
    const read = [...text.matchAll(/\b(?:FROM|JOIN)\s+([a-z_]+)/gi)].map(match => (match[1] as string).toLowerCase())
    for (const source of read) t.ok(!all.has(source) || made.has(source), `${name} reads ${source}`)
    made.add(name)
  }
  t.ok(made.has('link_revisions') && made.has('links') && made.has('visits_by_link'))
  t.notOk(made.has('view_reads') || made.has('holds'))
})
