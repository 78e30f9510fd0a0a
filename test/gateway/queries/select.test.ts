import t from 'tap'
import { selectOf } from '../../../gateway/queries/select.js'
import { namesFor } from '../../../gateway/topics.js'

const known = new Set(['links', 'visits', 'visits_by_link', 'api_keys', 'api_key_events', 'webhooks', 'webhook_events'])
const plain = namesFor('')
const put = (ksql: string, names = plain) => selectOf(ksql, known, names)

t.test('one SELECT over the views goes on as it is', async t => {
  for (const ksql of [
    "SELECT * FROM links WHERE link = 'a''b';",
    'select l.link from Links l JOIN visits_by_link v ON l.link = v.link EMIT CHANGES LIMIT 3;',
    'SELECT total IS DISTINCT FROM api_keys AS other FROM links;',
    'SELECT total IS NOT DISTINCT FROM 3 FROM links;',
    "SELECT ';' AS semicolon FROM links;"
  ]) t.equal(put(ksql), ksql)
  t.equal(put('SELECT * FROM links'), 'SELECT * FROM links;')
})

t.test('comments are left out, so that nothing hides in one', async t => {
  t.equal(put('SELECT * -- what\nFROM links;'), 'SELECT *  \nFROM links;')
  // to ksqlDB a carriage return ends a comment, too
  t.notMatch(put('SELECT * FROM links -- \r, api_keys\n;'), /api_keys/)
  t.notMatch(put('SELECT * FROM links /* JOIN api_keys */;'), /api_keys/)
})

t.test('names are those that are read by now', async t => {
  t.equal(put("SELECT links.link FROM links WHERE title = 'links';", namesFor('my-run')), "SELECT my_run_links.link FROM my_run_links WHERE title = 'links';")
})

t.test('anything else is refused at /ksql', async t => {
  for (const ksql of [
    '', ';', 'DROP TABLE links;', 'SELECT * FROM links; DROP TABLE links;', 'SELECT * FROM api_keys;', 'SELECT * FROM API_KEY_EVENTS;', 'SELECT * FROM `API_KEYS`;',
    'SELECT * FROM "API_KEYS";', 'SELECT * FROM links JOIN webhooks ON links.link = webhooks.webhook_id EMIT CHANGES;', 'SELECT * FROM webhook_events;',
    'SELECT * FROM/**/api_keys;', `SELECT * FROM ${'$'}{source};`, `SELECT '${'$'}{x}' FROM links;`, 'SELECT * FROM KSQL_PROCESSING_LOG;', "SELECT 'open FROM links;",
    'PRINT links;', 'SHOW STREAMS;', 'CREATE TABLE x AS SELECT * FROM links;', 'INSERT INTO links SELECT * FROM visits;', 'SELECT DISTINCT FROM api_keys;', 'SELECT * FROM'
  ]) {
    t.throws(() => put(ksql), { code: 'validation_failed', errors: [{ pointer: '/ksql' }] }, ksql)
  }
})
