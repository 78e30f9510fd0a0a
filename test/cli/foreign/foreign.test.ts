// What other shorteners write, in each form that is documented, and the links that come of it. Every fixture is written by hand from the source named above it.
import { Readable } from 'node:stream'
import t from 'tap'
import { bitly } from '../../../gateway/cli/foreign/bitly.js'
import { kutt } from '../../../gateway/cli/foreign/kutt.js'
import { shlink } from '../../../gateway/cli/foreign/shlink.js'
import { foreignMapping, type ForeignSource } from '../../../gateway/cli/foreign/source.js'
import { sqlRows } from '../../../gateway/cli/foreign/sql-dump.js'
import { yourls } from '../../../gateway/cli/foreign/yourls.js'
import { csvRows, documentRows, type Row } from '../../../gateway/cli/rows.js'

type Form = 'csv' | 'json' | 'sql'

const read = async (source: ForeignSource, form: Form, text: string, { keepDomain = false, chunk = text.length } = {}) => {
  const mapping = foreignMapping(source, keepDomain)
  const bytes = Buffer.from(text)
  const file = Readable.from(Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, n) => bytes.subarray(n * chunk, (n + 1) * chunk)))
  const rows: Row[] = []
  const all = form === 'csv'
    ? csvRows(file, mapping)
    : form === 'json' ? documentRows(file, mapping, mapping.find) : sqlRows(file, mapping, table => table.endsWith('url'), yourls.bareColumns ?? [])
  for await (const row of all) rows.push(row)
  return { links: rows.flatMap(({ commands = [] }) => commands), problems: rows.flatMap(({ problem }) => problem ?? []), rows, notes: mapping.notes() }
}

// https://dev.bitly.com/api-reference/#getBitlinksByGroup, and the sample in thedevs-network/kutt issue 382
const bitlyPage = JSON.stringify({
  links: [
    {
      created_at: '2020-10-26T17:20:40+0000', id: 'bit.ly/3aBcDeF', link: 'https://bit.ly/3aBcDeF', custom_bitlinks: ['https://bit.ly/my-custom-url'],
      long_url: 'https://www.example.com/watch?v=1', title: 'A video', archived: false, tags: ['video', 'autumn'], deeplinks: [], references: { group: 'https://…' }
    },
    { created_at: '2021-01-02T03:04:05+0100', id: 'go.example/x', link: 'https://go.example/x', custom_bitlinks: [], long_url: 'https://www.example.com/', archived: true, tags: [] },
    { id: 'bit.ly/none', link: 'https://bit.ly/none', custom_bitlinks: [], tags: [] }
  ],
  pagination: { prev: '', next: '', size: 50, page: 1, total: 3 }
})

t.test('Bitly: a page of its API', async t => {
  const { links, problems, notes } = await read(bitly, 'json', bitlyPage)
  const reason = 'Imported from Bitly, where it was made at 2020-10-26T17:20:40.000Z'
  t.strictSame(links, [
    { url: 'https://www.example.com/watch?v=1', slug: '3aBcDeF', title: 'A video', tags: ['video', 'autumn'], reason },
    { url: 'https://www.example.com/watch?v=1', slug: 'my-custom-url', title: 'A video', tags: ['video', 'autumn'], reason },
    { url: 'https://www.example.com/', slug: 'x', reason: 'Imported from Bitly, where it was made at 2021-01-02T02:04:05.000Z' }
  ])
  t.strictSame(problems, ['The record has no destination.'])
  t.strictSame(notes, ['Not taken over: archived, deeplinks, references'])
  const kept = await read(bitly, 'json', bitlyPage, { keepDomain: true })
  t.strictSame(kept.links.map(({ domain }) => domain), ['bit.ly', 'bit.ly', 'go.example'])
})

t.test('Bitly: the CSV of its pages, whatever its columns are called', async t => {
  // Link, Custom Link and Destination URL: URLR/urlr-docs docs/migration/bitly.md; Bitlink and Long URL: an older form of the same file
  const now = 'Link,Custom Link,Destination URL,Title,Date Created,Tags,Engagements\r\n' +
    'bit.ly/3aBcDeF,,https://www.example.com/,"A ""title""",2023-05-01,"one, two",12\r\n' +
    'bit.ly/3xYz,bit.ly/spring,https://www.example.com/2,,,,0\r\n'
  const { links, notes } = await read(bitly, 'csv', now)
  t.strictSame(links, [
    { url: 'https://www.example.com/', slug: '3aBcDeF', title: 'A "title"', tags: ['one', 'two'], reason: 'Imported from Bitly, where it was made at 2023-05-01T00:00:00.000Z' },
    { url: 'https://www.example.com/2', slug: '3xYz', reason: 'Imported from Bitly' },
    { url: 'https://www.example.com/2', slug: 'spring', reason: 'Imported from Bitly' }
  ])
  t.strictSame(notes, ['Not taken over: Engagements'])
  const before = await read(bitly, 'csv', 'Bitlink,Long URL,Created,Total Clicks\nhttp://bit.ly/abc,http://www.example.com/,"May 1, 2014",3\n')
  t.strictSame(before.links, [{ url: 'http://www.example.com/', slug: 'abc', reason: 'Imported from Bitly, where it was made at May 1, 2014' }], 'a date that is only told')
})

// The columns of yourls_url: YOURLS includes/functions-install.php, yourls_create_sql_tables
const yourlsLinks = [
  { url: 'https://example.com/it\'s', slug: 'abc', title: 'It\'s "fine"\nand goes on', reason: 'Imported from YOURLS, where it was made at 2014-03-01T12:00:00.000Z' },
  { url: 'https://example.com/2', slug: 'D2', reason: 'Imported from YOURLS, where it was made at 2020-02-29T23:59:59.000Z' }
]

t.test('YOURLS: its table as CSV, with the names of the columns or without', async t => {
  const rows = '"abc","https://example.com/it\'s","It\'s ""fine""\nand goes on","2014-03-01 12:00:00","127.0.0.1","17"\n"D2","https://example.com/2","","2020-02-29 23:59:59","::1","0"\n'
  for (const head of ['', '"keyword","url","title","timestamp","ip","clicks"\n']) {
    const { links, notes } = await read(yourls, 'csv', head + rows)
    t.strictSame(links, yourlsLinks)
    t.strictSame(notes, ['Not taken over: ip, clicks'])
  }
})

t.test('YOURLS: the answer of its API to action=stats, and the JSON of phpMyAdmin', async t => {
  // YOURLS includes/functions.php, yourls_get_stats
  const stats = {
    links: {
      link_1: { shorturl: 'https://sho.rt/abc', url: 'https://example.com/it\'s', title: 'It\'s "fine"\nand goes on', timestamp: '2014-03-01 12:00:00', ip: '127.0.0.1', clicks: '17' },
      link_2: { shorturl: 'https://sho.rt/D2', url: 'https://example.com/2', title: '', timestamp: '2020-02-29 23:59:59', ip: '::1', clicks: '0' }
    },
    stats: { total_links: '2', total_clicks: '17' },
    statusCode: 200,
    message: 'success'
  }
  t.strictSame((await read(yourls, 'json', JSON.stringify(stats))).links, yourlsLinks)
  t.strictSame((await read(yourls, 'json', JSON.stringify(stats), { keepDomain: true })).links.map(({ domain }) => domain), ['sho.rt', 'sho.rt'])
  // phpMyAdmin libraries/classes/Plugins/Export/ExportJson.php: a head, the database, then each table
  const dump = [
    { type: 'header', version: '5.2.1', comment: 'Export to JSON plugin for phpMyAdmin' }, { type: 'database', name: 'yourls' },
    { type: 'table', name: 'yourls_url', database: 'yourls', data: [{ keyword: 'D2', url: 'https://example.com/2', title: null, timestamp: '2020-02-29 23:59:59', ip: '::1', clicks: '0' }] }
  ]
  t.strictSame((await read(yourls, 'json', JSON.stringify(dump))).links, yourlsLinks.slice(1))
})

t.test('YOURLS: the CSV of its plugin Import Export', async t => {
  // GautamGupta/YOURLS-Import-Export fileio/csv.php
  t.strictSame((await read(yourls, 'csv', 'source,target,hits\r\n/abc/,"https://example.com/?a=1,2",4\r\n')).links, [
    { url: 'https://example.com/?a=1,2', slug: 'abc', reason: 'Imported from YOURLS' }
  ])
})

// mysqldump (MySQL Reference Manual 6.5.4) and phpMyAdmin: all rows of a table in few statements, with the columns or without
const dump = (insert: string): string => `-- MySQL dump 10.13; it's not for you
/*!40101 SET NAMES utf8mb4 */;
CREATE TABLE \`yourls_log\` (
  \`click_id\` int(11) NOT NULL, \`shorturl\` varchar(100) DEFAULT 'a;b'
);
INSERT INTO \`yourls_log\` VALUES (1,'abc');
LOCK TABLES \`yourls_url\` WRITE;
${insert} ('abc','https://example.com/it''s','It\\'s \\"fine\\"\\nand goes on','2014-03-01 12:00:00','127.0.0.1',17),
('D2','https://example.com/2',NULL,'2020-02-29 23:59:59','::1',0);
INSERT INTO \`yourls_options\` VALUES (1,'version','1.9');
UNLOCK TABLES;
`

t.test('YOURLS: an SQL dump, wherever its chunks end', async t => {
  for (const insert of ['INSERT INTO `yourls_url` VALUES', 'INSERT INTO `yourls_url` (`keyword`, `url`, `title`, `timestamp`, `ip`, `clicks`) VALUES\n']) {
    for (const chunk of [1, 7, 10_000]) t.strictSame((await read(yourls, 'sql', dump(insert), { chunk })).links, yourlsLinks, `${insert} by ${chunk}`)
  }
  t.match((await read(yourls, 'sql', "INSERT INTO yourls_url VALUES ('abc','https://example.com/');")).problems, ['The row has 2 values, the table 6 columns.'])
  await t.rejects(read(yourls, 'sql', "INSERT INTO yourls_url VALUES ('abc"), { name: 'UsageError', message: /a text on line 1 that does not end/ })
})

t.test('YOURLS: many rows of a dump, more than are read at once', async t => {
  const rows = Array.from({ length: 20_000 }, (_, n) => `('k${n}','https://example.com/${n}','Title \\'${n}\\'','2020-02-29 23:59:59','::1',0)`)
  const { links } = await read(yourls, 'sql', `INSERT INTO yourls_url VALUES ${rows.join(',')};`, { chunk: 60_000 })
  t.equal(links.length, 20_000)
  t.match(links.at(-1), { slug: 'k19999', url: 'https://example.com/19999', title: "Title '19999'" })
})

t.test('Shlink: a page of its API', async t => {
  // shlinkio/shlink docs/swagger/definitions/ShortUrl.json and ShortUrlMeta.json, and the example of docs/swagger/paths/v1_short-urls.json
  const page = {
    shortUrls: {
      data: [
        {
          shortCode: '12C18', shortUrl: 'https://s.test/12C18', longUrl: 'https://store.steampowered.com', dateCreated: '2016-08-21T20:34:16+02:00',
          visitsSummary: { total: 328, nonBots: 328, bots: 0 }, tags: ['games', 'tech'],
          meta: { validSince: '2017-01-21T00:00:00+02:00', validUntil: null, maxVisits: 100 }, domain: null, title: 'Welcome to Steam', crawlable: false, forwardQuery: true, hasRedirectRules: true
        },
        {
          shortCode: '123bA', shortUrl: 'https://example.com/123bA', longUrl: 'https://www.google.com', dateCreated: '2015-10-01T20:34:16+02:00', visitsSummary: { total: 25 }, tags: [],
          meta: { validSince: null, validUntil: '2030-01-01T00:00:00+00:00', maxVisits: null }, domain: 'example.com', title: null, crawlable: false, forwardQuery: false, hasRedirectRules: false
        }
      ],
      pagination: { currentPage: 1, pagesCount: 1, itemsPerPage: 10, itemsInCurrentPage: 2, totalItems: 2 }
    }
  }
  const first = {
    url: 'https://store.steampowered.com', slug: '12C18', title: 'Welcome to Steam', tags: ['games', 'tech'], validFrom: '2017-01-20T22:00:00.000Z', maxVisits: 100,
    forwardQuery: true, reason: 'Imported from Shlink, where it was made at 2016-08-21T18:34:16.000Z'
  }
  const { links, notes } = await read(shlink, 'json', JSON.stringify(page))
  t.strictSame(links, [first, {
    url: 'https://www.google.com', slug: '123bA', validUntil: '2030-01-01T00:00:00.000Z', forwardQuery: false,
    reason: 'Imported from Shlink, where it was made at 2015-10-01T18:34:16.000Z'
  }])
  t.strictSame(notes, ['Not taken over: visitsSummary, crawlable', 'Links whose redirect rules are not in the file, to be added by hand: 1'])
  const pages = await read(shlink, 'json', `${JSON.stringify(page)}\n${JSON.stringify(page)}\n`, { keepDomain: true })
  t.strictSame(pages.links.map(({ domain }) => domain), ['s.test', 'example.com', 's.test', 'example.com'], 'a page a line')
})

t.test('Shlink: the CSV of its web client, and that which its own import reads', async t => {
  // shlinkio/shlink-web-component src/short-urls/helpers/ExportShortUrlsBtn.tsx
  const client = '"createdAt","domain","shortCode","shortUrl","longUrl","title","tags","visits"\n' +
    '"2016-08-21T20:34:16+02:00","s.test","12C18","https://s.test/12C18","https://store.steampowered.com","Welcome, all","games|tech",328\n'
  t.strictSame((await read(shlink, 'csv', client)).links, [{
    url: 'https://store.steampowered.com', slug: '12C18', title: 'Welcome, all', tags: ['games', 'tech'],
    reason: 'Imported from Shlink, where it was made at 2016-08-21T18:34:16.000Z'
  }])
  // shlinkio/shlink-importer README, Standard CSV; shlinkio/shlink module/CLI/src/Command/ShortUrl/ListShortUrlsCommand.php
  const list = 'Short Code,Title,Short URL,Long URL,Date created,Visits count,Tags,Domain\n' +
    '123bA,,https://example.com/123bA,https://www.google.com,2015-10-01T20:34:16+02:00,25,"foo, bar",DEFAULT\n'
  t.match((await read(shlink, 'csv', list)).links, [{ url: 'https://www.google.com', slug: '123bA', tags: ['foo', 'bar'] }])
})

t.test('Kutt: a page of its API', async t => {
  // thedevs-network/kutt docs/api/api.js (Link), server/utils/utils.js (sanitize.link), server/handlers/links.handler.js (get)
  const link = {
    address: 'AbCd', banned: false, created_at: '2021-05-06T07:08:09.000Z', id: '5a3fa1c6-0000-4000-8000-000000000000', link: 'https://kutt.it/AbCd', password: false,
    target: 'https://example.com/', description: 'x'.repeat(250), updated_at: '2021-05-06T07:08:09.000Z', visit_count: 3, domain: null, expire_in: '2030-05-06T07:08:09.000Z'
  }
  const page = { total: 4, limit: 10, skip: 0, data: [link, { ...link, address: 'shut', password: true }, { ...link, address: 'bad', banned: true }, { ...link, address: 'odd', expire_in: 'soon' }] }
  const { links, problems, notes } = await read(kutt, 'json', JSON.stringify(page))
  t.strictSame(links, [{
    url: 'https://example.com/', slug: 'AbCd', title: 'x'.repeat(200), validUntil: '2030-05-06T07:08:09.000Z',
    reason: 'Imported from Kutt, where it was made at 2021-05-06T07:08:09.000Z'
  }])
  t.strictSame(problems, ['The link asks for a password, which links here cannot.', 'The link is banned.', "expire_in is 'soon', which is no date."])
  t.strictSame(notes, ['Not taken over: id, updated_at, visit_count', 'Titles were cut to 200 characters: 1'])
})

t.test('Kutt: its table links as CSV', async t => {
  // thedevs-network/kutt server/models/link.model.js
  const text = 'id,address,description,banned,password,expire_in,target,visit_count,uuid,created_at\n' +
    '1,AbCd,,f,,,https://example.com/,3,u,2021-05-06 07:08:09\n2,shut,,f,$2b$12$hash,,https://example.com/,3,u,2021-05-06 07:08:09\n'
  const { links, problems } = await read(kutt, 'csv', text)
  t.strictSame(links, [{ url: 'https://example.com/', slug: 'AbCd', reason: 'Imported from Kutt, where it was made at 2021-05-06T07:08:09.000Z' }])
  t.equal(problems.length, 1)
  t.match((await read(kutt, 'csv', text, { keepDomain: true })).problems[0], /does not say the host/)
})

t.test('what is none of it is refused', async t => {
  await t.rejects(read(kutt, 'csv', 'a,b\n1,2\n'), { name: 'UsageError', message: 'This is no CSV of Kutt: its first line must name target and address.' })
  await t.rejects(read(bitly, 'json', 'hello'), { name: 'UsageError', message: /The file is not JSON/ })
  t.strictSame((await read(bitly, 'json', '[1, {"long_url": "https://example.com/", "link": "https://bit.ly/"}]')).problems, ['The record is not an object.', "'https://bit.ly/' is no short link."])
})
