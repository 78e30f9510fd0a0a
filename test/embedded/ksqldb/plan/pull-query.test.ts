// Pull queries: which keys and windows are read, and what of each row is answered.
import t from 'tap'
import { Plans, messageOf } from './support.js'

const STATEMENTS = `CREATE STREAM clicks (code STRING KEY, url STRING, ms BIGINT) WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON');
  CREATE TABLE by_code AS SELECT code, COUNT(*) AS n, COLLECT_LIST(url) AS urls FROM clicks GROUP BY code;
  CREATE TABLE by_hour AS SELECT code, COUNT(*) AS n FROM clicks WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY code;
  CREATE TABLE by_two WITH (KEY_FORMAT='JSON') AS SELECT code, ms, COUNT(*) AS n FROM clicks GROUP BY code, ms;
  CREATE TABLE by_ms AS SELECT ms, COUNT(*) AS n FROM clicks GROUP BY ms;
  CREATE TABLE plain (id STRING PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='plain', VALUE_FORMAT='JSON');`

function plans (properties: Record<string, string> = {}): Plans {
  const all = new Plans(properties)
  all.run(STATEMENTS)
  return all
}

t.test('lookups by key', async t => {
  const lookup = (sql: string): unknown => plans().pull(sql).lookup
  t.same(lookup("SELECT * FROM by_code WHERE code = 'a';"), { kind: 'keys', keys: [['a']] })
  t.same(lookup("SELECT * FROM by_code WHERE 'a' = code;"), { kind: 'keys', keys: [['a']] })
  t.same(lookup("SELECT * FROM by_code WHERE code IN ('a', 'b', 'a');"), { kind: 'keys', keys: [['a'], ['b']] })
  t.same(lookup("SELECT * FROM by_code WHERE code = 'a' OR code = 'b';"), { kind: 'keys', keys: [['a'], ['b']] })
  t.same(lookup("SELECT * FROM by_code WHERE code = UCASE('a') AND n > 3;"), { kind: 'keys', keys: [['A']] })
  t.same(lookup('SELECT * FROM by_ms WHERE ms = 5;'), { kind: 'keys', keys: [[5n]] })
  t.same(lookup("SELECT * FROM by_two WHERE ms = 5 AND code = 'a';"), { kind: 'keys', keys: [['a', 5n]] })
  t.same(lookup("SELECT * FROM by_two WHERE ms IN (5, 6) AND code = 'a';"), { kind: 'keys', keys: [['a', 5n], ['a', 6n]] })
})

t.test('ranges of keys, scans of everything else', async t => {
  const lookup = (sql: string): unknown => plans().pull(sql).lookup
  const range = (range: object): unknown => ({ kind: 'range', prefix: [], ...range })
  const from = (value: unknown, inclusive = true): object => ({ from: { value, inclusive } })
  const to = (value: unknown, inclusive = false): object => ({ to: { value, inclusive } })
  t.same(lookup("SELECT * FROM by_code WHERE code >= 'a';"), range(from('a')))
  t.same(lookup("SELECT * FROM by_code WHERE 'a' > code;"), range(to('a')))
  t.same(lookup("SELECT * FROM by_code WHERE code >= 'a' AND code < 'b';"), range({ ...from('a'), ...to('b') }))
  t.same(lookup("SELECT * FROM by_code WHERE code < 'x' AND n > 3 AND 'b' < code AND code > 'a' AND code <= 'x';"), range({ ...from('b', false), ...to('x') }))
  t.same(lookup("SELECT * FROM by_code WHERE code BETWEEN 'a' AND 'c';"), range({ ...from('a'), ...to('c', true) }))
  t.same(lookup("SELECT * FROM by_code WHERE code LIKE 'ab%c';"), range({ ...from('ab'), ...to('ac') }))
  t.same(lookup("SELECT * FROM by_code WHERE code LIKE 'a!_b_' ESCAPE '!';"), range({ ...from('a'), ...to('b') }))
  t.same(lookup('SELECT * FROM by_ms WHERE ms > 5;'), range(from(5n, false)))
  t.same(lookup("SELECT * FROM by_two WHERE code = 'a';"), { kind: 'range', prefix: ['a'] })
  t.same(lookup("SELECT * FROM by_two WHERE ms < 9 AND code = 'a' AND ms >= -2;"), { kind: 'range', prefix: ['a'], ...from(-2n), ...to(9n) })
  t.same(lookup('SELECT * FROM by_code WHERE n > 1;'), { kind: 'scan' })
  t.same(lookup("SELECT * FROM by_code WHERE code = 'a' OR n > 1;"), { kind: 'scan' })
  t.same(lookup("SELECT * FROM by_code WHERE code < 'a' OR code > 'b';"), { kind: 'scan' })
  t.same(lookup('SELECT * FROM by_two WHERE ms = 5;'), { kind: 'scan' })
  t.same(lookup('SELECT * FROM by_ms WHERE ms + 1 > 5;'), { kind: 'scan' })
  t.same(lookup("SELECT * FROM by_code WHERE code LIKE '%a';"), { kind: 'scan' })
  t.same(lookup('SELECT * FROM by_code;'), { kind: 'scan' })
})

t.test('the first bound goes to the store as it is, others no further than UTF-8 and UTF-16 agree', async t => {
  const lookup = (sql: string): unknown => plans().pull(sql).lookup
  t.same(lookup("SELECT * FROM by_code WHERE code >= 'a\ue000' AND code < 'b\ue000';"),
    { kind: 'range', prefix: [], from: { value: 'a\ue000', inclusive: true }, to: { value: 'c', inclusive: false } })
  t.same(lookup("SELECT * FROM by_code WHERE code <= 'z' AND code > '\ue000';"), { kind: 'range', prefix: [], to: { value: 'z', inclusive: true } })
})

t.test('windows', async t => {
  const plan = plans().pull("SELECT * FROM by_hour WHERE code = 'a' AND WINDOWSTART >= '2026-01-01T01' AND WINDOWSTART < 1767229200001 AND WINDOWEND = 5;")
  t.same(plan.windowStart, { from: { value: Date.UTC(2026, 0, 1, 1), inclusive: true }, to: { value: 1767229200001, inclusive: false } })
  t.same(plan.windowEnd, { equal: [5] })
  t.same(plan.columns.map(c => [c.name, c.isKey]), [['CODE', true], ['WINDOWSTART', true], ['WINDOWEND', true], ['N', false]])
  t.same(plan.rowColumns.map(c => c.name), ['N', 'ROWTIME', 'WINDOWSTART', 'WINDOWEND', 'CODE'])
  t.same(plans().pull("SELECT * FROM by_hour WHERE code > 'a';").lookup, { kind: 'range', prefix: [], from: { value: 'a', inclusive: false } })
})

t.test('rows are filtered and projected; by key alone there is nothing to filter', async t => {
  const plan = plans().pull("SELECT ARRAY_LENGTH(urls) AS l, code, urls[-1] FROM by_code WHERE code = 'a' AND n > 1 LIMIT 4;")
  const row = [2n, ['x', 'y'], 0, 'a']
  t.same(plan.rowColumns.map(c => c.name), ['N', 'URLS', 'ROWTIME', 'CODE'])
  t.equal(plan.filter?.(row), true)
  t.equal(plan.filter?.([1n, ['x'], 0, 'a']), false)
  t.same(plan.selects.map(select => select(row)), [2, 'a', 'y'])
  t.same(plan.columns.map(c => c.name), ['L', 'CODE', 'KSQL_COL_0'])
  t.equal(plan.limit, 4)
  t.equal(plans().pull("SELECT * FROM by_code WHERE code = 'a';").filter, undefined)
  t.type(plans().pull("SELECT * FROM by_code WHERE code = 'a' AND code = 'b';").filter, 'function')
})

t.test('over a table a null operand makes its operator null, over a stream the expression', async t => {
  const [sum] = plans().pull('SELECT COALESCE(n + 1, CAST(-1 AS BIGINT)) FROM by_code;').selects
  t.equal(sum?.([null, null, 0, 'a']), -1n)
  const [streamed] = plans().pull('SELECT COALESCE(ms + 1, CAST(-1 AS BIGINT)) FROM clicks;').selects
  t.equal(streamed?.([null, null, 0, 0, 0n, 'a']), null)
})

t.test('a stream is scanned with any condition', async t => {
  const plan = plans().pull('SELECT code, UCASE(url) FROM clicks WHERE url IS NOT NULL;')
  t.same(plan.lookup, { kind: 'scan' })
  t.same(plan.rowColumns.map(c => c.name), ['URL', 'MS', 'ROWTIME', 'ROWPARTITION', 'ROWOFFSET', 'CODE'])
  t.same(plan.columns.map(c => c.isKey), [false, false])
})

t.test('refused', async t => {
  const cases: ReadonlyArray<readonly [sql: string, message: string]> = [
    ['SELECT COUNT(*) FROM by_code;', "Pull queries don't support GROUP BY clauses. See https://cnfl.io/queries for more info.\nAdd EMIT CHANGES if you intended to issue a push query."],
    ['SELECT * FROM by_code PARTITION BY n;', "Pull queries don't support PARTITION BY clauses."],
    ["SELECT code, ROWPARTITION, ROWOFFSET FROM clicks WHERE code = 'a';", "Pull queries don't support the following columns in SELECT clauses: `ROWPARTITION`, `ROWOFFSET`\n See"],
    ['SELECT nope FROM by_code;', "Line: 1, Col: 8: SELECT column 'NOPE' cannot be resolved."],
    ['SELECT * FROM by_code WHERE code = 1;', 'Error in WHERE expression: Cannot compare CODE (STRING) to 1 (INTEGER) with EQUAL.\nStatement: (CODE = 1)\nStatement: (CODE = 1)'],
    ['SELECT * FROM by_code WHERE n IS NULL;', 'Unsupported expression in WHERE clause: (N IS NULL).'],
    ['SELECT *, n FROM by_code;', 'Pull queries only support wildcards in the projects if they are the only expression'],
    ['SELECT * FROM plain;', "The `PLAIN` table isn't queryable. To derive a queryable table, you can do 'CREATE TABLE QUERYABLE_PLAIN AS SELECT * FROM PLAIN'."],
    ["SELECT * FROM by_hour WHERE code = 'a' AND WINDOWSTART <> 5;", 'Unsupported `WINDOWSTART` bounds: NOT_EQUAL.'],
    ["SELECT * FROM by_hour WHERE code = 'a' AND WINDOWSTART > 5 AND WINDOWSTART > 6;", 'Duplicate `WINDOWSTART` bounds on: GREATER_THAN.']
  ]
  for (const [sql, message] of cases) t.ok(messageOf(() => plans().pull(sql)).includes(message), `${sql} → ${messageOf(() => plans().pull(sql))}`)
})

t.test('scans can be forbidden', async t => {
  const strict = plans({ 'ksql.query.pull.table.scan.enabled': 'false' })
  t.match(messageOf(() => strict.pull('SELECT * FROM by_code WHERE n = 100;')), 'WHERE clause missing key column for disjunct: (N = 100)')
  t.match(messageOf(() => strict.pull('SELECT * FROM by_code;')), 'Missing WHERE clause')
  t.equal(messageOf(() => strict.pull("SELECT * FROM by_code WHERE code = 'a';")), '')
})
