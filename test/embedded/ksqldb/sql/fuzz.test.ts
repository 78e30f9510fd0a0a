import t from 'tap'
import { parseStatements, SqlSyntaxError } from '../../../../embedded/ksqldb/sql/parser.js'
import { printStatement } from '../../../../embedded/ksqldb/sql/printer.js'
import { randomFrom } from '../../../helpers/random.js'

const COUNT = Number(process.env['FUZZ_INPUTS'] ?? 20_000)
const MS_MAX = 1000

/* eslint-disable no-template-curly-in-string -- that is how ksql writes variables */
const SEEDS = [
  "CREATE OR REPLACE TABLE t WITH (KAFKA_TOPIC='t', PARTITIONS=3) AS SELECT a.b, c->d[1] AS e, COUNT(*) n FROM s1 a LEFT JOIN s2 WITHIN (1 HOUR, 2 MINUTES) GRACE PERIOD 3 DAYS ON a.id = s2.id WINDOW TUMBLING (SIZE 1 HOUR, RETENTION 2 DAYS) WHERE x > 1 AND NOT y LIKE '%z' ESCAPE '!' GROUP BY a.b HAVING COUNT(*) > 2 EMIT FINAL;",
  "CREATE STREAM s (k STRING KEY, v ARRAY<STRUCT<a INT, `b` MAP<STRING, DECIMAL(4, 2)>>>, h BYTES HEADER('x')) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='AVRO');",
  "INSERT INTO s (k, v) VALUES ('it''s', ARRAY[STRUCT(a := 1, `b` := MAP('x' := 1.5))], CAST(NULL AS BYTES), -9223372036854775808, 1e-3);",
  "SELECT REDUCE(m, 0, (k, v, s) => CASE WHEN k IS NOT NULL THEN s + v ELSE s END), CASE x WHEN 1 THEN 'a' END, -x, a IN (1, 2), b BETWEEN 1 AND 2 FROM t WHERE k='a' LIMIT 3;",
  "SET 'auto.offset.reset'='earliest'; DEFINE x = '1'; SHOW ALL TOPICS EXTENDED; DESCRIBE FUNCTION ucase; PRINT 'x' FROM BEGINNING INTERVAL 2; TERMINATE ALL;",
  "ALTER STREAM s ADD COLUMN a INT, ADD b STRING; DROP TABLE IF EXISTS t DELETE TOPIC; ASSERT NOT EXISTS SCHEMA SUBJECT 'x' ID 3 TIMEOUT 3 SECONDS; EXPLAIN SELECT * FROM ${x};"
]
const PIECES = [...new Set(SEEDS.join(' ').match(/\w+|'[^']*'|[^\s\w]+/g)), "'", '`', '"', '/*', '--', '--@', '\n', '\u0000', '\ud800', 'é', '${', '}', '.', '..', '1.', '1e', '1e400', '=>', '->', ':=']

function mutate (next: () => number): string {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  let text = next() < 0.2 ? '' : pick(SEEDS)
  for (let edits = 1 + Math.floor(next() * 8); edits > 0; edits--) {
    const at = Math.floor(next() * (text.length + 1))
    const kind = next()
    if (kind < 0.4) text = `${text.slice(0, at)} ${pick(PIECES)} ${text.slice(at)}`
    else if (kind < 0.7) text = text.slice(0, at) + text.slice(at + Math.floor(next() * 20))
    else if (kind < 0.9) text = text.slice(0, at) + pick(SEEDS).slice(Math.floor(next() * 200))
    else text = text.slice(0, at) + pick(PIECES).repeat(Math.floor(next() * 50)) + text.slice(at)
  }
  return text
}

t.test(`${COUNT} broken texts: statements or a SqlSyntaxError, and what parses prints and parses again`, async t => {
  const next = randomFrom(1)
  let parsed = 0
  let slowest = 0
  for (let i = 0; i < COUNT; i++) {
    const text = mutate(next)
    const start = performance.now()
    try {
      for (const { statement } of parseStatements(text, { types: () => undefined })) {
        const printed = printStatement(statement)
        if (printStatement((parseStatements(printed)[0] as { statement: typeof statement }).statement) !== printed) t.fail(`does not read back: ${printed}`)
        parsed++
      }
    } catch (error) {
      if (!(error instanceof SqlSyntaxError) || typeof error.sqlText !== 'string') t.fail(`${String(error)} for ${JSON.stringify(text)}`)
    }
    slowest = Math.max(slowest, performance.now() - start)
  }
  t.ok(parsed > COUNT / 100, `${parsed} statements parsed`)
  t.ok(slowest < MS_MAX, `the slowest took ${slowest.toFixed(1)} ms`)
})
