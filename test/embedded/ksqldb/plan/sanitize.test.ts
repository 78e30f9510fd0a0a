// What becomes of a query before it is planned and printed; expected texts from recorded answers of ksqlDB.
import t from 'tap'
import { parseStatements } from '../../../../embedded/ksqldb/sql/parser.js'
import { printStatement } from '../../../../embedded/ksqldb/sql/printer.js'
import { sanitizeStatement } from '../../../../embedded/ksqldb/plan/planner.js'
import { Plans, messageOf } from './support.js'

function sanitize (sql: string): string {
  const plans = new Plans()
  plans.run(`CREATE STREAM clicks (code STRING KEY, url STRING, ms BIGINT, geo STRUCT<city STRING>, ksql_col_0 INT) WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON');
    CREATE STREAM views (code STRING KEY, page STRING) WITH (KAFKA_TOPIC='views', VALUE_FORMAT='JSON');`)
  const [parsed] = parseStatements(sql)
  if (parsed === undefined) throw new Error('no statement')
  return printStatement(sanitizeStatement(parsed.statement, plans)).replaceAll(/\s+/g, ' ')
}

t.test('columns are qualified, expressions named', async t => {
  t.match(sanitize('CREATE STREAM o AS SELECT code, ms + 1, UCASE(url), geo->city, geo->city FROM clicks EMIT CHANGES;'),
    'SELECT CLICKS.CODE CODE, (CLICKS.MS + 1) KSQL_COL_1, UCASE(CLICKS.URL) KSQL_COL_2, CLICKS.GEO->CITY CITY, CLICKS.GEO->CITY CITY_1 FROM CLICKS CLICKS')
  t.match(sanitize('CREATE TABLE o AS SELECT nope FROM clicks GROUP BY code;'), 'SELECT NOPE NOPE FROM CLICKS CLICKS GROUP BY CLICKS.CODE')
})

t.test('over a join a column of both sides is named after its source', async t => {
  t.match(sanitize('CREATE STREAM o AS SELECT c.code, v.code, page FROM clicks c JOIN views v WITHIN 1 HOUR ON c.code = v.code;'),
    'SELECT C.CODE C_CODE, V.CODE V_CODE, V.PAGE PAGE')
})

t.test('doing it twice changes nothing', async t => {
  const once = sanitize('CREATE STREAM o AS SELECT code, TRANSFORM(ARRAY[url], u => u + url) FROM clicks WHERE ms > 3;')
  t.equal(sanitize(once), once)
})

t.test('refused', async t => {
  t.equal(messageOf(() => sanitize('CREATE STREAM o AS SELECT * FROM nope;')), 'Exception while preparing statement: NOPE does not exist.')
  t.equal(messageOf(() => sanitize('CREATE STREAM o AS SELECT * FROM "clicks";')),
    'Exception while preparing statement: clicks does not exist.\nDid you mean CLICKS? Hint: try removing double quotes from the source name.')
  t.match(messageOf(() => sanitize('CREATE STREAM o AS SELECT code FROM clicks c JOIN views v WITHIN 1 HOUR ON c.code = v.code;')),
    "Line: 1, Col: 27: Column 'CODE' is ambiguous. Could be C.CODE or V.CODE.")
  t.match(messageOf(() => sanitize('CREATE STREAM o AS SELECT TRANSFORM(ARRAY[1], ms => ms) FROM clicks;')), "Lambda function argument can't be a column name: MS")
  t.match(messageOf(() => sanitize('INSERT INTO nope SELECT * FROM clicks;')), 'Source `NOPE` does not exist.')
})
