import t from 'tap'
import { parseColumnName, parseExpression, parseSchema, parseStatements, parseType, SqlSyntaxError } from '../../../../embedded/ksqldb/sql/parser.js'
import { printExpression, printStatement } from '../../../../embedded/ksqldb/sql/printer.js'
import type { Statement } from '../../../../embedded/ksqldb/sql/ast.js'

function one (text: string): Statement {
  const [parsed] = parseStatements(text)
  if (parsed === undefined) throw new Error('no statement')
  return parsed.statement
}

function refusal (text: string): string {
  try {
    parseStatements(text)
  } catch (error) {
    if (error instanceof SqlSyntaxError) return error.message
    throw error
  }
  return 'accepted'
}

/** The tree without places in the text. */
function tree (statement: unknown): unknown {
  return JSON.parse(JSON.stringify(statement, (key, value: unknown) =>
    key === 'location' ? undefined : typeof value === 'bigint' ? `${value}n` : value instanceof Map ? [...value] : value))
}

t.test('a statement with every kind of clause', async t => {
  const statement = one(`CREATE OR REPLACE TABLE \`t\` WITH (PARTITIONS=3) AS SELECT a.b, c->d AS e, COUNT(*) "n"
    FROM s1 a LEFT OUTER JOIN s2 WITHIN (1 HOUR, 2 MINUTES) GRACE PERIOD 3 DAYS ON a.id = s2.id
    WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 1 MINUTE, RETENTION 2 DAYS, GRACE PERIOD 0 SECONDS)
    WHERE x > 1 GROUP BY a.b, c->d HAVING COUNT(*) > 2 EMIT FINAL;`)
  t.match(statement, {
    node: 'CreateAsSelect', kind: 'TABLE', name: 't', orReplace: true,
    query: {
      select: [
        { expression: { node: 'QualifiedColumnReference', qualifier: 'A', name: 'B' } },
        { expression: { node: 'Dereference', fieldName: 'D' }, alias: 'E' },
        { expression: { node: 'FunctionCall', name: 'COUNT', arguments: [] }, alias: 'n' }
      ],
      from: { relation: 'S1', alias: 'A' },
      joins: [{ joinType: 'LEFT', relation: { relation: 'S2', alias: 'S2' }, within: { before: { value: 1, unit: 'HOURS' }, after: { value: 2, unit: 'MINUTES' } } }],
      window: { windowType: 'HOPPING', advanceBy: { value: 1, unit: 'MINUTES' }, retention: { value: 2, unit: 'DAYS' }, gracePeriod: { value: 0, unit: 'SECONDS' } },
      refinement: 'FINAL'
    }
  })
  t.equal(printStatement(statement), 'CREATE OR REPLACE TABLE `t` WITH (PARTITIONS=3) AS SELECT\n  A.B,\n  C->D E,\n  COUNT(*) `n`\n' +
    'FROM S1 A\nLEFT OUTER JOIN S2 S2 WITHIN (1 HOURS, 2 MINUTES) GRACE PERIOD 3 DAYS ON ((A.ID = S2.ID))\n' +
    'WINDOW HOPPING ( SIZE 1 HOURS , ADVANCE BY 1 MINUTES , RETENTION 2 DAYS , GRACE PERIOD 0 SECONDS ) \n' +
    'WHERE (X > 1)\nGROUP BY A.B, C->D\nHAVING (COUNT(*) > 2)\nEMIT FINAL;')
})

t.test('operators bind as in the grammar', async t => {
  const cases: [string, string][] = [
    ['1 + 2 * 3', '(1 + (2 * 3))'],
    ['a - b - c', '((A - B) - C)'],
    ['NOT a = b AND c OR d', '(((NOT (A = B)) AND C) OR D)'],
    ['a || b || c', 'CONCAT(CONCAT(A, B), C)'],
    ['a + b || c', 'CONCAT((A + B), C)'],
    ['-a * b', '(-A * B)'],
    ['- -1', '- -1'],
    ['a -1', '(A - 1)'],
    ['a NOT IN (1, 2) AND b NOT LIKE \'x%\' ESCAPE \'!\'', '((NOT (A IN (1, 2))) AND (NOT (B LIKE \'x%\' ESCAPE \'!\')))'],
    ['a BETWEEN 1 AND 2 AND b IS NOT NULL', '((A BETWEEN 1 AND 2) AND (B IS NOT NULL))'],
    ['a IS NOT DISTINCT FROM b', '(NOT (A IS DISTINCT FROM B))'],
    ['CASE a WHEN 1 THEN \'x\' ELSE \'it\'\'s\' END', '(CASE A WHEN 1 THEN \'x\' ELSE \'it\'\'s\' END)'],
    ['reduce(m, 0, (k, v, s) => k + s)', 'REDUCE(M, 0, (K, V, S) => (K + S))'],
    ['filter(a, x => x->b[1] > 2)', 'FILTER(A, (X) => (X->B[1] > 2))'],
    ['TIMESTAMPADD(MINUTES, 5, ts)', 'TIMESTAMPADD(MINUTES, 5, TS)'],
    ['STRUCT(`a` := 1, b := MAP(\'k\' := ARRAY[1, 2]))', 'STRUCT(`a`:=1, B:=MAP(\'k\':=ARRAY[1, 2]))'],
    ['CAST(x AS STRUCT<a INT, `b` ARRAY<DECIMAL(4, 2)>>)', 'CAST(X AS STRUCT<A INTEGER, `b` ARRAY<DECIMAL(4, 2)>>)'],
    ['1.5E2', '1.5E2'],
    ['.5', '0.5']
  ]
  for (const [text, printed] of cases) {
    t.equal(printExpression(parseExpression(text)), printed, text)
    t.same(tree(parseExpression(printed)), tree(parseExpression(text)), `${printed} reads back`)
  }
})

t.test('literals have the type their size asks for', async t => {
  t.match(parseExpression('2147483647'), { node: 'IntegerLiteral', value: 2147483647 })
  t.match(parseExpression('2147483648'), { node: 'LongLiteral', value: 2147483648n })
  t.match(parseExpression('-9223372036854775808'), { node: 'LongLiteral', value: -9223372036854775808n })
  t.match(parseExpression('1.10'), { node: 'DecimalLiteral', value: '1.10' })
  t.match(parseExpression('1e3'), { node: 'DoubleLiteral', value: 1000 })
})

t.test('lambda parameters are told from columns', async t => {
  t.match(parseExpression('transform(a, x => x + y)'), {
    arguments: [{ node: 'UnqualifiedColumnReference' }, { body: { left: { node: 'LambdaVariable', name: 'X' }, right: { node: 'UnqualifiedColumnReference', name: 'Y' } } }]
  })
})

t.test('types, schemas and column names', async t => {
  t.same(parseType('map<varchar, struct<a int>>'), {
    base: 'MAP', keys: { base: 'STRING' }, values: { base: 'STRUCT', fields: [{ name: 'A', type: { base: 'INTEGER' } }] }
  })
  t.match(parseSchema('`K` STRING KEY, `V` BIGINT'), [{ name: 'K', constraint: 'KEY' }, { name: 'V', constraint: 'NONE' }])
  t.same(parseSchema(' '), [])
  t.equal(parseColumnName('clicked_at'), 'CLICKED_AT')
  t.equal(parseColumnName('`clickedAt`'), 'clickedAt')
})

t.test('every listing, and what it prints as', async t => {
  for (const text of ['SHOW STREAMS', 'SHOW TABLES EXTENDED', 'SHOW ALL TOPICS EXTENDED', 'SHOW QUERIES', 'SHOW FUNCTIONS', 'SHOW PROPERTIES', 'SHOW TYPES',
    'SHOW VARIABLES', 'SHOW SOURCE CONNECTORS', 'SHOW CONNECTOR PLUGINS', 'DESCRIBE X EXTENDED', 'DESCRIBE STREAMS', 'DESCRIBE TABLES EXTENDED',
    'DESCRIBE FUNCTION ucase', 'TERMINATE ALL', 'PAUSE Q_1', 'RESUME ALL', "SET 'a'='b'", "UNSET 'a'", "DEFINE x='1'", 'UNDEFINE x',
    'DROP TABLE IF EXISTS X DELETE TOPIC', 'DROP TYPE IF EXISTS X', 'CREATE TYPE IF NOT EXISTS X AS STRUCT<A INTEGER>', "ALTER SYSTEM 'a'='b'",
    "ASSERT NOT EXISTS TOPIC 'x' WITH (PARTITIONS=2) TIMEOUT 3 SECONDS", "ASSERT SCHEMA SUBJECT 'x' ID 3", "PRINT 'x' FROM BEGINNING INTERVAL 2 LIMIT 3",
    'ALTER STREAM X\nADD COLUMN A INTEGER,\nADD COLUMN B STRING', "INSERT INTO X (A, B) VALUES ('1', 2)"]) {
    t.equal(printStatement(one(`${text};`)), `${text};`)
  }
  t.match(one('EXPLAIN SELECT * FROM x;'), { node: 'Explain', statement: { node: 'Query' } })
  t.match(one('explain ctas_x_1;'), { node: 'Explain', queryId: 'CTAS_X_1' })
})

t.test('keywords that are not reserved stand as names', async t => {
  t.match(one('SELECT source, key, date, partition FROM emit EMIT CHANGES;'), { from: { relation: 'EMIT', alias: 'EMIT' }, refinement: 'CHANGES' })
  t.match(one('SELECT * FROM s PARTITION BY a EMIT CHANGES;'), { from: { alias: 'S' }, partitionBy: { expressions: [{ name: 'A' }] } })
})

t.test('several statements keep their own text', async t => {
  t.same(parseStatements("-- first\nSHOW STREAMS; /* ; */ SELECT ';' FROM x;\n").map(s => s.text), ['SHOW STREAMS;', "SELECT ';' FROM x;"])
  t.same(parseStatements('  -- nothing here'), [])
})

// The texts are those that ksqlDB 7.9.1 answered, or that ksqlDB's own tests of its parser expect.
t.test('syntax errors in the words of ksqlDB', async t => {
  const cases: [string, string][] = [
    ['SELEC 1;', "line 1:1: Syntax Error\nUnknown statement 'SELEC'\nDid you mean 'SELECT'?"],
    ['sho streams;', "line 1:1: Syntax Error\nUnknown statement 'sho'\nDid you mean 'SHOW'?"],
    ['SELECT FROM x;', 'line 1:8: Syntax Error\n"FROM" is a reserved keyword and it can\'t be used as an identifier. You can use it as an identifier by escaping it as \'FROM\' '],
    ["CREATE STREAM e11 (at VARCHAR KEY) WITH (KAFKA_TOPIC='rec-clicks', VALUE_FORMAT='JSON');",
      'line 1:20: Syntax Error\n"at" is a reserved keyword and it can\'t be used as an identifier. You can use it as an identifier by escaping it as \'at\' '],
    ["SELECT * FROM rec_by_code WHERE code='a'; SELECT 1;", "line 1:51: Syntax Error\nExpecting {',', 'FROM'}"],
    ['SELECT code FROM rec_by_code ORDER BY n;', 'line 1:36: Syntax Error\n'],
    ['SELECT ONLY, COLUMNS;', "line 1:21: Syntax Error\nExpecting {',', 'FROM'}"],
    ['CREATE TABLE AS SELECT x, count(*) FROM TEST_TOPIC GROUP BY x;', "line 1:14: Syntax Error\nSyntax error at or near 'AS' at line 1:14"],
    ["create stream if not exist s1(id int) with (kafka_topic='s1');", "line 1:22: Syntax Error\nSyntax error at or near 'exist' at line 1:22"],
    ['SELECT TRANSFORM_ARRAY(X => X + 5, Col4) FROM TEST1;', "line 1:26: Syntax Error\nSyntax error at or near '=>' at line 1:26"],
    ["SELECT * FROM artist WHERE (last_name = 'Monet' or last_name = 'Da Vinci'",
      'line 1:74: Syntax Error\nSyntax error at or near ";"\n\'}\', \']\', or \')\' is missing'],
    ['SELECT 9223372036854775808 FROM x;', 'Failed to prepare statement: line 1:9: Invalid numeric literal: 9223372036854775808'],
    ['SELECT y.a FROM x;', "Failed to prepare statement: 'Y' is not a valid stream/table name or alias."],
    ['INSERT INTO x (a, b) VALUES (1);', 'Failed to prepare statement: Expected number columns and values to match: 2, 1']
  ]
  for (const [text, message] of cases) t.equal(refusal(text), message, text)
})

/* eslint-disable no-template-curly-in-string -- that is how ksql writes variables */
t.test('variables', async t => {
  const variables = new Map([['name', 'links'], ['text', "it's"], ['n', '3'], ['evil', 'x; DROP TABLE y']])
  const text = (sql: string): string | undefined => parseStatements(sql, { variables })[0]?.text
  t.equal(text("SELECT '${text} ${other}' FROM ${name};"), "SELECT 'it''s ${other}' FROM links;")
  t.equal(text('CREATE STREAM s (a INT) WITH (PARTITIONS=${n});'), 'CREATE STREAM s (a INT) WITH (PARTITIONS=3);')
  t.throws(() => text('SELECT * FROM ${evil};'), { message: /Identifier names cannot start with '@'/ })
  t.throws(() => text('SELECT * FROM ${missing};'), { message: /Got: '\$\{missing\}'/ })
  t.same(parseStatements("DEFINE x='1'; SELECT '${x}' FROM y;").map(s => s.text), ["DEFINE x='1';", "SELECT '1' FROM y;"])
})

t.test('types made in the same text are known behind their statement', async t => {
  t.match(parseStatements("CREATE TYPE addr AS STRUCT<a INT>; CREATE STREAM s (x addr) WITH (KAFKA_TOPIC='s');")[1], { statement: { elements: [{ type: { base: 'STRUCT' } }] } })
  t.equal(refusal("CREATE STREAM s (x addr) WITH (KAFKA_TOPIC='s');"), 'Failed to prepare statement: Cannot resolve unknown type: ADDR')
})

t.test('nesting is bounded, length is not', async t => {
  const deep = [`SELECT ${'('.repeat(50_000)} FROM x;`, `SELECT ${'NOT '.repeat(50_000)}a FROM x;`, `SELECT ${'- '.repeat(50_000)}a FROM x;`,
    `SELECT a${'[1'.repeat(50_000)} FROM x;`, `SELECT a${' + 1'.repeat(50_000)} FROM x;`, `SELECT CAST(a AS ${'ARRAY<'.repeat(50_000)}) FROM x;`,
    `SELECT f(a, ${'x => f(a, '.repeat(20_000)}1) FROM x;`, `${'EXPLAIN '.repeat(20_000)} SHOW STREAMS;`]
  for (const text of deep) t.match(refusal(text), /too many nested expressions/, text.slice(0, 20))
  t.match(one(`SELECT * FROM x WHERE a IN (${Array.from({ length: 100_000 }, (_, i) => i).join(',')});`), { node: 'Query' })
  for (const text of ["'".repeat(100_001), '/*'.repeat(100_000), '`a'.repeat(50_001), '\n'.repeat(100_000) + '$', '1.'.repeat(100_000)]) {
    t.match(refusal(text), /Syntax Error/)
  }
})
