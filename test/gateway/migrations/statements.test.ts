import t from 'tap'
import { createdNames, splitStatements, underPrefix } from '../../../gateway/migrations/statements.js'
import { namesFor } from '../../../gateway/topics.js'

t.test('statements are cut at semicolons that are not in strings or comments', async t => {
  const text = `-- it's; a comment
    SET 'a' = 'x;y''z'; /* another; ' */ UNSET 'a';
    CREATE STREAM s (a VARCHAR KEY) WITH (KAFKA_TOPIC = 'it''s;', VALUE_FORMAT = 'JSON'); -- the end`
  t.strictSame(splitStatements(text, 'f'), [
    { kind: 'set', property: 'a', value: "x;y'z" },
    { kind: 'unset', property: 'a' },
    { kind: 'statement', text: "CREATE STREAM s (a VARCHAR KEY) WITH (KAFKA_TOPIC = 'it''s;', VALUE_FORMAT = 'JSON');" }
  ])
})

t.test('what is no migration is refused', async t => {
  for (const text of ['CREATE STREAM s', "SET 'a'='b;", 'SELECT 1;', 'SHOW STREAMS;']) t.throws(() => splitStatements(text, 'f.sql'), { code: 'LINKLOG_MIGRATION', message: /^f\.sql: / }, text)
})

t.test('a prefix reaches names and topics, and nothing else', async t => {
  const text = 'CREATE TABLE IF NOT EXISTS visits_by_link WITH (KAFKA_TOPIC = \'visits-by-link\', VALUE_FORMAT = \'AVRO\') AS ' +
    'SELECT v.link AS links, \'visits\' AS x FROM visits v GROUP BY v.link;'
  const own = createdNames(['CREATE STREAM visits (link VARCHAR KEY);', '-- CREATE TABLE commented\n', text])
  t.strictSame([...own], ['visits', 'visits_by_link'])
  t.equal(underPrefix(text, own, namesFor('e2e-1')),
    'CREATE TABLE IF NOT EXISTS e2e_1_visits_by_link WITH (KAFKA_TOPIC = \'e2e-1-visits-by-link\', VALUE_FORMAT = \'AVRO\') AS ' +
    'SELECT v.link AS links, \'visits\' AS x FROM e2e_1_visits v GROUP BY v.link;')
  t.equal(underPrefix(text, own, namesFor('')), text)
})

t.test('a column that is called like a table keeps its name; a table before a dot does not', t => {
  const own = new Set(['links', 'visits'])
  t.equal(
    underPrefix('CREATE TABLE x AS SELECT visits.link, COUNT(*) AS links, links AS y FROM visits JOIN links ON visits.link = links.link;', own, namesFor('p')),
    'CREATE TABLE x AS SELECT p_visits.link, COUNT(*) AS links, links AS y FROM p_visits JOIN p_links ON p_visits.link = p_links.link;')
  t.equal(underPrefix('DROP TABLE IF EXISTS links;', own, namesFor('p')), 'DROP TABLE IF EXISTS p_links;')
  t.equal(underPrefix('CREATE OR REPLACE STREAM visits (links VARCHAR) WITH (KAFKA_TOPIC = \'visits\');', own, namesFor('p')),
    'CREATE OR REPLACE STREAM p_visits (links VARCHAR) WITH (KAFKA_TOPIC = \'p-visits\');')
  t.end()
})
