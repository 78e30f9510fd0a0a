// Persistent and push queries: schemas, formats and steps, and what is refused. Expected values from ksqlDB's recorded plans and answers.
import t from 'tap'
import type { ExecutionStep } from '../../../../embedded/ksqldb/plan/steps.js'
import { Plans, messageOf, print, steps } from './support.js'

const CLICKS = `CREATE STREAM clicks (code STRING KEY, url STRING, ms BIGINT, tags ARRAY<STRING>, geo STRUCT<lat DOUBLE, place STRUCT<city STRING>>)
  WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON');`
const USERS = "CREATE TABLE users (id STRING PRIMARY KEY, name STRING, team INT) WITH (KAFKA_TOPIC='users', VALUE_FORMAT='JSON');"
const TEAMS = "CREATE TABLE teams (id INT PRIMARY KEY, title STRING) WITH (KAFKA_TOPIC='teams', VALUE_FORMAT='JSON');"
const VIEWS = "CREATE STREAM views (page STRING KEY, code STRING, at2 BIGINT) WITH (KAFKA_TOPIC='views', VALUE_FORMAT='AVRO');"

function plans (): Plans {
  const all = new Plans()
  all.run(CLICKS + USERS + TEAMS + VIEWS)
  return all
}

type StepOf<S> = ExecutionStep extends infer T ? (T extends { readonly step: infer K } ? (S extends K ? T : never) : never) : never

function find<S extends ExecutionStep['step']> (step: ExecutionStep, name: S): StepOf<S> {
  if (step.step === name) return step as unknown as StepOf<S>
  if ('source' in step) return find(step.source, name)
  if ('left' in step) return find(step.left, name)
  throw new Error(`no ${name}`)
}

t.test('a projection: names, the key, no key among the values', async t => {
  const { plan, sink, topic } = plans().plan('CREATE STREAM out AS SELECT code AS k, url, ms + 1, geo->place->city, UCASE(url) FROM clicks WHERE ms > 5 EMIT CHANGES;')
  t.equal(print(sink.schema), '`K` STRING KEY, `URL` STRING, `KSQL_COL_0` BIGINT, `CITY` STRING, `KSQL_COL_1` STRING')
  t.same(steps(plan.physical), ['StreamSelect Project', 'StreamFilter WhereFilter', 'StreamSource KsqlTopic/Source'])
  t.match(sink, { kind: 'STREAM', topic: 'OUT', isCasTarget: true, formats: { key: { format: 'KAFKA' }, value: { format: 'JSON' } } })
  t.same(topic, { name: 'OUT', cleanupPolicy: 'delete', inheritFrom: 'clicks' })
  const source = find(plan.physical, 'StreamSource')
  t.equal(print(source.schema), '`CODE` STRING KEY, `URL` STRING, `MS` BIGINT, `TAGS` ARRAY<STRING>, `GEO` STRUCT<`LAT` DOUBLE, `PLACE` STRUCT<`CITY` STRING>>, ' +
    '`ROWTIME` BIGINT, `ROWPARTITION` INTEGER, `ROWOFFSET` BIGINT, `CODE` STRING')
})

t.test('stars: all columns, a struct\'s fields', async t => {
  const all = plans()
  all.plan('CREATE STREAM a AS SELECT * FROM clicks;')
  t.equal(all.schema('A'), all.schema('CLICKS'))
  all.plan('CREATE STREAM b AS SELECT code, geo->* FROM clicks;')
  t.equal(all.schema('B'), '`CODE` STRING KEY, `LAT` DOUBLE, `PLACE` STRUCT<`CITY` STRING>')
})

t.test('WITH clause: formats, the topic, its size', async t => {
  const { sink, topic } = plans().plan('CREATE STREAM out WITH (KAFKA_TOPIC=\'o\', KEY_FORMAT=\'JSON\', VALUE_FORMAT=\'AVRO\', PARTITIONS=7, TIMESTAMP=\'ms\') AS SELECT code, ms FROM clicks;')
  t.same(sink.formats, { key: { format: 'JSON', properties: {}, features: ['UNWRAP_SINGLES'] }, value: { format: 'AVRO', properties: {}, features: [] } })
  t.same(sink.timestampColumn, { column: 'MS' })
  t.match(topic, { name: 'o', partitions: 7 })
})

t.test('GROUP BY the key needs no topic between, by another column it does', async t => {
  const same = plans().plan('CREATE TABLE out AS SELECT code, COUNT(*) AS n, MAX(ms) + 1 AS m FROM clicks GROUP BY code HAVING COUNT(*) > 1;')
  t.equal(print(same.sink.schema), '`CODE` STRING KEY, `N` BIGINT, `M` BIGINT')
  t.same(steps(same.plan.physical), ['TableSelect Aggregate/Project', 'TableFilter Aggregate/HavingFilter', 'StreamAggregate Aggregate/Aggregate',
    'StreamGroupBy Aggregate/GroupBy', 'StreamSelect Aggregate/Prepare', 'StreamSource KsqlTopic/Source'])
  t.equal(find(same.plan.physical, 'StreamGroupBy').repartition, false)
  t.equal(same.topic.cleanupPolicy, 'compact')
  t.equal(same.plan.resultType, 'TABLE')
  const aggregate = find(same.plan.physical, 'StreamAggregate')
  t.equal(aggregate.aggregates.length, 2, 'COUNT(*) of the SELECT and of HAVING is kept once')
  t.same(aggregate.nonAggregateColumns, [], 'no column is kept that is not read')
  const other = plans().plan('CREATE TABLE out AS SELECT url, COUNT(*) AS n FROM clicks GROUP BY url;')
  t.equal(find(other.plan.physical, 'StreamGroupBy').repartition, true)
})

t.test('GROUP BY several expressions: a key of several columns, in JSON where KAFKA cannot hold it', async t => {
  const all = plans()
  const { plan, sink } = all.plan("CREATE TABLE out WITH (KEY_FORMAT='JSON') AS SELECT url, ms % 2 AS odd, COUNT(*) AS n FROM clicks GROUP BY url, ms % 2;")
  t.equal(print(sink.schema), '`URL` STRING KEY, `ODD` BIGINT KEY, `N` BIGINT')
  t.same(find(plan.physical, 'StreamGroupBy').formats.key, { format: 'JSON', properties: {}, features: [] })
  t.match(messageOf(() => all.plan('CREATE TABLE out2 AS SELECT url, ms, COUNT(*) AS n FROM clicks GROUP BY url, ms;')),
    "reason: The 'KAFKA' format only supports a single field. Got: [`URL` STRING KEY, `MS` BIGINT KEY]")
})

t.test('windows: bounds in the projection, EMIT FINAL, a windowed sink', async t => {
  const all = plans()
  const { plan, sink, topic } = all.plan('CREATE TABLE out AS SELECT code, WINDOWSTART AS ws, COUNT(*) AS n FROM clicks WINDOW TUMBLING (SIZE 1 HOUR, GRACE PERIOD 0 SECONDS) GROUP BY code EMIT FINAL;')
  t.equal(print(sink.schema), '`CODE` STRING KEY, `WS` BIGINT, `N` BIGINT')
  t.same(sink.window, { type: 'TUMBLING', sizeMs: 3_600_000 })
  t.equal(plan.resultType, 'WINDOWED_TABLE')
  t.equal(find(plan.physical, 'StreamWindowedAggregate').emitFinal, true)
  t.equal(topic.cleanupPolicy, 'compact,delete')
  t.equal(messageOf(() => all.plan('CREATE STREAM o2 AS SELECT * FROM clicks EMIT FINAL;')), 'EMIT FINAL is only supported for windowed aggregations.')
  t.match(messageOf(() => all.plan('CREATE STREAM o3 AS SELECT * FROM clicks WINDOW TUMBLING (SIZE 1 HOUR);')), 'WINDOW clause requires a GROUP BY clause.')
})

t.test('windows that cannot be are refused', async t => {
  const refuse = (window: string): string => messageOf(() => plans().plan(`CREATE TABLE o AS SELECT code, COUNT(*) AS n FROM clicks WINDOW ${window} GROUP BY code;`))
  t.equal(refuse('HOPPING (SIZE 10 SECONDS, ADVANCE BY 11 SECONDS)'),
    'Window advancement interval should be more than zero and less than window duration which is 10000 ms, but given advancement interval is: 11000 ms')
  t.equal(refuse('HOPPING (SIZE 10 SECONDS, ADVANCE BY 10 SECONDS)'), '')
  t.equal(refuse('SESSION (30 MINUTES)'), '')
})

t.test('PARTITION BY: a new key, also of an expression, or none', async t => {
  const all = plans()
  const by = all.plan('CREATE STREAM a AS SELECT url, code, ms FROM clicks PARTITION BY url;')
  t.equal(print(by.sink.schema), '`URL` STRING KEY, `CODE` STRING, `MS` BIGINT')
  t.same(steps(by.plan.physical), ['StreamSelect Project', 'StreamSelectKey PartitionBy', 'StreamSource KsqlTopic/Source'])
  const expression = all.plan('CREATE STREAM b AS SELECT LEN(url) AS l, ms FROM clicks PARTITION BY LEN(url);')
  t.equal(print(expression.sink.schema), '`L` INTEGER KEY, `MS` BIGINT')
  const none = all.plan('CREATE STREAM c AS SELECT url FROM clicks PARTITION BY NULL;')
  t.equal(print(none.sink.schema), '`URL` STRING')
  t.equal(none.sink.formats.key.format, 'NONE')
})

t.test('a stream-table join: columns prefixed below, plain in the result', async t => {
  const { plan, sink } = plans().plan('CREATE STREAM out AS SELECT c.code, c.url, u.name, u.id FROM clicks c LEFT JOIN users u ON c.code = u.id;')
  t.equal(print(sink.schema), '`CODE` STRING KEY, `URL` STRING, `NAME` STRING, `ID` STRING')
  t.same(steps(plan.physical), ['StreamSelect Project', 'StreamTableJoin Join', 'StreamSelect PrependAliasLeft', 'StreamSource KafkaTopic_Left/Source',
    'TableSelect PrependAliasRight', 'TableSource KafkaTopic_Right/Source'])
  t.match(print(find(plan.physical, 'StreamTableJoin').schema), /^`C_CODE` STRING KEY, `C_URL` STRING.*`U_NAME` STRING/)
})

t.test('a stream-stream join rekeys what is not keyed by it', async t => {
  const { plan } = plans().plan('CREATE STREAM out AS SELECT c.code, c.url, v.page FROM clicks c JOIN views v WITHIN (1 HOUR, 2 HOURS) GRACE PERIOD 5 MINUTES ON c.code = v.code;')
  const join = find(plan.physical, 'StreamStreamJoin')
  t.match(join, { beforeMs: 3_600_000, afterMs: 7_200_000, graceMs: 300_000, joinType: 'INNER' })
  t.ok(steps(plan.physical).includes('StreamSelectKey RightSourceKeyed'))
})

t.test('a table-table join, a full outer join with a key of its own', async t => {
  const all = plans()
  all.run("CREATE TABLE emails (id STRING PRIMARY KEY, email STRING) WITH (KAFKA_TOPIC='emails', VALUE_FORMAT='JSON');")
  const { plan, sink } = all.plan('CREATE TABLE out AS SELECT ROWKEY, u.name, e.email FROM users u FULL OUTER JOIN emails e ON u.id = e.id;')
  t.equal(print(sink.schema), '`ROWKEY` STRING KEY, `NAME` STRING, `EMAIL` STRING')
  t.equal(find(plan.physical, 'TableTableJoin').joinType, 'OUTER')
})

t.test('a foreign-key join', async t => {
  const all = plans()
  const { plan, sink } = all.plan('CREATE TABLE out AS SELECT u.id, u.name, t.title FROM users u JOIN teams t ON u.team = t.id;')
  t.equal(print(sink.schema), '`U_ID` STRING KEY, `NAME` STRING, `TITLE` STRING')
  t.match(find(plan.physical, 'ForeignKeyTableTableJoin').leftJoinExpression, { node: 'UnqualifiedColumnReference', name: 'U_TEAM' })
})

t.test('an n-way join keeps the key through the tree', async t => {
  const { plan, sink } = plans().plan('CREATE STREAM out AS SELECT c.code, u.name, v.page FROM clicks c JOIN users u ON c.code = u.id JOIN views v WITHIN 1 HOUR ON c.code = v.code;')
  t.equal(print(sink.schema), '`C_CODE` STRING KEY, `NAME` STRING, `PAGE` STRING')
  t.ok(steps(plan.physical).includes('StreamTableJoin L_Join'))
})

t.test('table functions', async t => {
  const { plan, sink } = plans().plan('CREATE STREAM out AS SELECT code, EXPLODE(tags) AS tag, LEN(EXPLODE(tags)) AS l FROM clicks;')
  t.equal(print(sink.schema), '`CODE` STRING KEY, `TAG` STRING, `L` INTEGER')
  t.match(print(find(plan.physical, 'StreamFlatMap').schema), /`KSQL_SYNTH_0` STRING, `KSQL_SYNTH_1` STRING$/)
})

t.test('aggregation of a table takes back what it added', async t => {
  const all = plans()
  const { plan } = all.plan('CREATE TABLE out AS SELECT team, COUNT(*) AS n FROM users GROUP BY team;')
  t.same(steps(plan.physical).slice(1, 3), ['TableAggregate Aggregate/Aggregate', 'TableGroupBy Aggregate/GroupBy'])
  t.match(messageOf(() => all.plan('CREATE TABLE o2 AS SELECT team, MAX(LEN(name)) AS n FROM users GROUP BY team;')), /cannot be applied to a table source/)
})

t.test('INSERT INTO fits the target', async t => {
  const all = plans()
  all.run("CREATE STREAM target (code STRING KEY, ms DOUBLE) WITH (KAFKA_TOPIC='target', VALUE_FORMAT='JSON');")
  const { plan, sink } = all.plan('INSERT INTO target SELECT code, ms FROM clicks;')
  t.equal(sink.name, 'TARGET')
  t.equal(print(plan.physical.schema), '`CODE` STRING KEY, `MS` DOUBLE')
  t.equal(messageOf(() => all.plan('INSERT INTO target SELECT code, url FROM clicks;')),
    'Incompatible schema between results and sink.\nResult schema is `CODE` STRING KEY, `URL` STRING\nSink schema is `CODE` STRING KEY, `MS` DOUBLE')
})

t.test('a push query gives all columns as values, in their order', async t => {
  const { plan, schema } = plans().push('SELECT url, code, ROWTIME FROM clicks EMIT CHANGES LIMIT 3;')
  t.equal(schema.value.map(c => c.name).join(), 'URL,CODE,ROWTIME')
  t.equal(plan.limit, 3)
  t.equal(plan.sink, undefined)
  const count = plans().push('SELECT COUNT(*) FROM clicks EMIT CHANGES;')
  t.equal(count.plan.resultType, 'TABLE')
})

t.test('refused', async t => {
  const cases: ReadonlyArray<readonly [sql: string, message: string]> = [
    ['CREATE STREAM o AS SELECT url FROM clicks;', 'Key missing from projection (ie, SELECT). \nThe query used to build `O` must include the key column CODE in its projection (eg, SELECT CODE...).'],
    ['CREATE STREAM o AS SELECT code FROM clicks;', 'The projection contains no value columns.'],
    ['CREATE STREAM o AS SELECT code, code AS c2, url FROM clicks;', 'The projection contains a key column (`CODE`) more than once, aliased as: C2 and CODE.'],
    ['CREATE STREAM o AS SELECT code, nope FROM clicks;', "Line: 1, Col: 33: SELECT column 'NOPE' cannot be resolved."],
    ['CREATE STREAM o AS SELECT * FROM nope;', 'NOPE does not exist.'],
    ['CREATE STREAM o AS SELECT * FROM clicks WHERE url;', 'Type error in WHERE expression: Should evaluate to boolean but is URL (STRING) instead.'],
    ['CREATE STREAM o AS SELECT code, ROWTIME FROM clicks;', 'Reserved column name in select: `ROWTIME`. Please remove or alias the column.'],
    ['CREATE STREAM o AS SELECT code, COUNT(*) AS n FROM clicks GROUP BY code;', 'Your SELECT query produces a TABLE. Please use CREATE TABLE AS SELECT statement instead.'],
    ['CREATE TABLE o AS SELECT * FROM clicks;', 'Your SELECT query produces a STREAM. Please use CREATE STREAM AS SELECT statement instead.'],
    ['CREATE TABLE o AS SELECT code, url, COUNT(*) AS n FROM clicks GROUP BY code;', 'Non-aggregate SELECT expression(s) not part of GROUP BY: URL'],
    ['CREATE TABLE o AS SELECT code, url FROM clicks GROUP BY code, url;', 'GROUP BY requires aggregate functions in either the SELECT or HAVING clause.'],
    ['CREATE TABLE o AS SELECT code, SUM(COUNT(*)) AS n FROM clicks GROUP BY code;', 'Aggregate functions can not be nested: SUM(COUNT())'],
    ['CREATE TABLE o AS SELECT COUNT(*) AS n FROM clicks;', 'does not support aggregate function [COUNT(ROWTIME)] without a GROUP BY clause.'],
    ['CREATE TABLE o AS SELECT COUNT(*) AS n FROM clicks GROUP BY code;', 'must include the grouping expression CODE in its projection (eg, SELECT CODE...).'],
    ['CREATE STREAM o AS SELECT * FROM clicks a JOIN clicks b WITHIN 1 HOUR ON a.code = b.code;', "Can not join 'CLICKS' to 'CLICKS': self joins are not yet supported."],
    ['CREATE STREAM o AS SELECT * FROM clicks c JOIN views v ON c.code = v.page;', 'Stream-Stream joins must have a WITHIN clause specified.'],
    ['CREATE STREAM o AS SELECT * FROM clicks c JOIN users u ON c.code = u.name;', "stream-table joins require to join on the table's primary key. Got C.CODE = U.NAME."],
    ['CREATE STREAM o AS SELECT * FROM users u JOIN clicks c ON c.code = u.id;', 'table-stream joins are not supported; only stream-table joins.'],
    ['CREATE TABLE o AS SELECT u.id, u.name, t.id FROM users u JOIN teams t ON u.id = t.id;', "types don't match. Got U.ID{STRING} = T.ID{INTEGER}."],
    ['CREATE STREAM o AS SELECT * FROM clicks c JOIN views v WITHIN 1 HOUR ON c.code = v.page AND c.url = v.code;', 'joins on multiple conditions are not yet supported.'],
    ['CREATE STREAM o AS SELECT code FROM clicks c JOIN views v WITHIN 1 HOUR ON c.code = v.code;', "Column 'CODE' is ambiguous. Could be C.CODE or V.CODE."]
  ]
  for (const [sql, message] of cases) t.ok(messageOf(() => plans().plan(sql)).includes(message), `${sql} → ${messageOf(() => plans().plan(sql))}`)
})

t.test('topics of different sizes are not joined', async t => {
  const { planPersistentQuery } = await import('../../../../embedded/ksqldb/plan/planner.js')
  const { parseStatements } = await import('../../../../embedded/ksqldb/sql/parser.js')
  const { functions } = await import('./support.js')
  const [parsed] = parseStatements('CREATE STREAM o AS SELECT c.code, u.name FROM clicks c JOIN users u ON c.code = u.id;')
  if (parsed?.statement.node !== 'CreateAsSelect') throw new Error('not CREATE AS')
  const { statement } = parsed
  const message = messageOf(() => planPersistentQuery(statement, plans(), { functions, properties: {}, sqlText: '', partitions: topic => topic === 'users' ? 3 : 1 }))
  t.match(message, "Can't join `C` with `U` since the number of partitions don't match. `C` partitions = 1; `U` partitions = 3.")
})
