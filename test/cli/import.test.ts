// What a user of `linklog import` sees: links made, the summary, the rejected file, the exit status.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { importCommand } from '../../gateway/cli/import.js'
import { created, fakeService, json, linesOf, linklog, linkStore, outcomes } from './support.js'
import type { Line } from './support.js'
import { testdir } from '../helpers/testdir.js'

const bodies = (lines: readonly Line[]) => lines.map(({ idempotencyKey: _key, ...body }) => body)
const rejections = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
const byUrl = (a: Record<string, unknown>, b: Record<string, unknown>) => String(a.url) < String(b.url) ? -1 : 1

t.test('a URL a line: blank lines, comments, CRLF, a byte order mark and a last line without its end', async (t) => {
  const cwd = testdir(t, { 'urls.txt': '\uFEFFhttps://a.example/\r\n\r\n# a comment\n  https://b.example/x?y=1#z  \nhttps://c.example/' })
  const store = linkStore()
  const service = await fakeService(store.answer)
  t.teardown(service.close)
  const { status, stdout, stderr } = await linklog(['import', 'urls.txt', '--url', service.url], { cwd })
  t.equal(status, 0)
  t.match(stdout, /^3 rows in [\d.]+ s: 3 created, 0 already there, 0 rejected\n$/)
  t.equal(stderr, '', 'no progress bar where no terminal is')
  t.strictSame(bodies(store.lines).sort(byUrl), [{ url: 'https://a.example/' }, { url: 'https://b.example/x?y=1#z' }, { url: 'https://c.example/' }])
  t.match(service.asked, [{ method: 'POST', path: '/api/links/bulk', headers: { 'content-type': 'application/x-ndjson' } }], 'one request')
  t.ok(store.lines.every(({ idempotencyKey }) => idempotencyKey === undefined), 'a URL alone is derived, it needs no key')
  t.notOk(existsSync(join(cwd, 'urls.txt.rejected.ndjson')), 'no file of rejected lines without any')
})

t.test('running it again creates nothing new', async (t) => {
  const cwd = testdir(t, {
    'urls.txt': 'https://a.example/\nhttps://b.example/\nhttps://a.example/\n',
    'links.csv': 'url,slug,title\nhttps://a.example/,one,First\n',
    'moved.csv': 'title,slug,url\nFirst,one,https://a.example/\n'
  })
  const store = linkStore()
  const service = await fakeService(store.answer)
  t.teardown(service.close)
  t.match((await linklog(['import', 'urls.txt', '--url', service.url], { cwd })).stdout, /: 2 created, 1 already there, 0 rejected\n/)
  t.match((await linklog(['import', 'urls.txt', '--url', service.url], { cwd })).stdout, /: 0 created, 3 already there, 0 rejected\n/)
  t.match((await linklog(['import', 'links.csv', '--url', service.url], { cwd })).stdout, /: 1 created, 0 already there/)
  t.match((await linklog(['import', 'moved.csv', '--url', service.url], { cwd })).stdout, /: 0 created, 1 already there/)
  const [first, second] = store.lines.slice(-2).map(({ idempotencyKey }) => idempotencyKey)
  t.match(first, /^import-[0-9a-f]{40}$/)
  t.equal(second, first, 'the key depends on the fields, not on the order of the columns')
})

t.test('CSV: the fields of a link, empty cells, quotes and commas', async (t) => {
  const cwd = testdir(t, {
    'links.csv': 'url,slug,title,tags,validFrom,validUntil,maxVisits,redirectStatus,forwardQuery,reason\n' +
      'https://a.example/,one,"A ""quoted"", title","x, y ,",2026-01-01T00:00:00Z,,100,301,true,because\n' +
      '"https://b.example/?q=1,2",,,,,,,,false,\n' +
      'https://c.example/,three,,,,,many,,,\n' +
      'https://d.example/,four\n'
  })
  const store = linkStore()
  const service = await fakeService(store.answer)
  t.teardown(service.close)
  const { status, stdout } = await linklog(['import', 'links.csv', '--url', service.url, '--rejected', 'bad.ndjson'], { cwd })
  t.equal(status, 1)
  t.match(stdout, /^4 rows in [\d.]+ s: 3 created, 0 already there, 1 rejected \(see bad.ndjson\)\n$/)
  t.strictSame(bodies(store.lines).sort(byUrl), [
    {
      url: 'https://a.example/', slug: 'one', title: 'A "quoted", title', tags: ['x', 'y'], validFrom: '2026-01-01T00:00:00Z',
      maxVisits: 100, redirectStatus: 301, forwardQuery: true, reason: 'because'
    },
    { url: 'https://b.example/?q=1,2', forwardQuery: false },
    { url: 'https://c.example/', slug: 'three', maxVisits: 'many' }
  ], 'what is no number goes to the service as it stands, which says what is wrong with it')
  t.strictSame(rejections(join(cwd, 'bad.ndjson')), [{ line: 5, reason: 'The row has 2 cells, the header 10.', input: 'https://d.example/,four' }])
})

t.test('NDJSON: objects as they are; a line that is none is rejected with its number', async (t) => {
  const cwd = testdir(t, { 'links.jsonl': '{"url":"https://a.example/","slug":"one","tags":["x"]}\n\n{"url":\n["no"]\n{"url":"https://b.example/"}\n' })
  const store = linkStore()
  const service = await fakeService(store.answer)
  t.teardown(service.close)
  const { status } = await linklog(['import', 'links.jsonl', '--url', service.url], { cwd })
  t.equal(status, 1)
  t.strictSame(bodies(store.lines).sort(byUrl), [{ url: 'https://a.example/', slug: 'one', tags: ['x'] }, { url: 'https://b.example/' }])
  t.match(rejections(join(cwd, 'links.jsonl.rejected.ndjson')), [
    { line: 3, reason: /^The line is not JSON: /, input: '{"url":' },
    { line: 4, reason: 'The line is JSON, but not an object.', input: '["no"]' }
  ])
})

t.test('rejected lines keep number, reason, code and input', async (t) => {
  const cwd = testdir(t, {
    'urls.txt': Buffer.concat([Buffer.from('https://a.example/\nno url\nhttps://b.example/\n'), Buffer.from([0x68, 0xff, 0x0a]), Buffer.from(`${'x'.repeat(70_000)}\nhttps://c.example/\n`)]),
    'taken.csv': 'url,slug\nhttps://a.example/,one\nhttps://b.example/,one\n'
  })
  const store = linkStore()
  const service = await fakeService(store.answer)
  t.teardown(service.close)
  const { status, stdout } = await linklog(['import', 'urls.txt', '--url', `${service.url}/`], { cwd })
  t.equal(status, 1)
  t.match(stdout, /^6 rows .* 3 created, 0 already there, 3 rejected \(see urls\.txt\.rejected\.ndjson\)\n$/)
  const [invalid, notUtf8, tooLong] = rejections(join(cwd, 'urls.txt.rejected.ndjson'))
  t.strictSame(invalid, { line: 2, reason: 'must begin with http:// or https://; /url', code: 'validation_failed', input: 'no url' })
  t.match(notUtf8, { line: 4, reason: 'The line is not valid UTF-8.' })
  t.match(tooLong, { line: 5, reason: 'The line is longer than 65536 bytes.', input: /^x{200}$/ })

  t.equal((await linklog(['import', 'taken.csv', '--url', service.url, '--rejected', 'r.ndjson'], { cwd })).status, 1)
  t.strictSame(rejections(join(cwd, 'r.ndjson')), [{ line: 3, reason: '"one" is taken', code: 'slug_taken', input: 'https://b.example/,one' }])
})

t.test('what may pass is repeated: 429 with Retry-After, 503, a connection that breaks; of an answer only the lines without an outcome', async (t) => {
  const cwd = testdir(t, { 'urls.txt': 'https://a.example/\nhttps://b.example/\nhttps://c.example/\n' })
  const seen: number[] = []
  const service = await fakeService((asked, response, count) => {
    seen.push(performance.now())
    if (count === 1) json(response, 503, { detail: 'starting' })
    else if (count === 2) response.destroy()
    else if (count === 3) outcomes(response, [created, { status: 202, outcome: 'pending' }, { status: 503, outcome: 'rejected', code: 'unavailable', detail: 'later' }])
    else if (count === 4) json(response, 429, { detail: 'slowly' }, { 'retry-after': '1' })
    else if (count === 5) {
      // cut off behind the first of two
      response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write(`${JSON.stringify({ line: 1, ...created })}\n{"line":2,"out`, () => response.destroy())
    } else outcomes(response, linesOf(asked).map(() => created))
  })
  t.teardown(service.close)
  const { status, stdout, stderr } = await linklog(['import', 'urls.txt', '--url', service.url], { cwd })
  t.equal(status, 0, stderr)
  t.match(stdout, /3 created/)
  t.strictSame(service.asked.map((asked) => linesOf(asked).map(({ url }) => String(url).charAt(8))), [['a', 'b', 'c'], ['a', 'b', 'c'], ['a', 'b', 'c'], ['b', 'c'], ['b', 'c'], ['c']])
  t.ok((seen[4] ?? 0) - (seen[3] ?? 0) >= 990, 'it waits as long as Retry-After says')
})

t.test('a service that refuses everybody ends the import at once, with its reason', async (t) => {
  const cwd = testdir(t, { 'urls.txt': 'https://a.example/\n'.repeat(10_000) })
  const service = await fakeService((_asked, response) => json(response, 401, { title: 'Unauthorized', detail: 'A key is needed.' }))
  t.teardown(service.close)
  const { status, stderr, stdout } = await linklog(['import', 'urls.txt', '--url', service.url, '--key', 'secret'], { cwd })
  t.equal(status, 3)
  t.equal(stderr, 'linklog: The service answered 401 A key is needed.\n')
  t.match(stdout, /^0 rows /)
  t.ok(service.asked.length <= 2, 'not once a batch')
  t.equal(service.asked[0]?.headers.authorization, 'Bearer secret')
})

t.test('a thousand lines in a request, two requests at once', async (t) => {
  const cwd = testdir(t, { 'urls.txt': Array.from({ length: 5_500 }, (_, n) => `https://a.example/${n}\n`).join('') })
  const waiting: Array<() => void> = []
  const service = await fakeService((asked, response) => {
    waiting.push(() => outcomes(response, linesOf(asked).map(() => created)))
    // nobody is answered before two wait: six requests are three pairs
    if (waiting.length === 2) for (const answer of waiting.splice(0)) answer()
  })
  t.teardown(service.close)
  const { status, stdout, stderr } = await linklog(['import', 'urls.txt', '--url', service.url], { cwd })
  t.equal(status, 0, stderr)
  t.match(stdout, /^5500 rows .* 5500 created/)
  t.equal(service.inHandMax(), 2)
  t.strictSame(service.asked.map((asked) => linesOf(asked).length).sort(), [1_000, 1_000, 1_000, 1_000, 1_000, 500])
})

t.test('what was exported is made again as it stood: switched off, with the edits that lay ahead', async (t) => {
  const link = {
    link: 'one', slug: 'one', domain: null, shortUrl: 'https://go.example/one', version: 3, url: 'https://a.example/', title: 'One', tags: ['x', 'y'], enabled: false,
    deleted: false, validFrom: null, validUntil: null, maxVisits: 9, redirectStatus: 302, forwardQuery: false, rules: [], createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-02T00:00:00.000Z',
    scheduled: [
      { eventId: 'past', effectiveAt: '2026-01-03T00:00:00.000Z', changes: { title: 'Due' } },
      { eventId: 'ahead', effectiveAt: '2999-01-01T00:00:00.000Z', changes: { url: 'https://b.example/' } }
    ]
  }
  const cwd = testdir(t, {
    'links.ndjson': `${JSON.stringify(link)}\n${JSON.stringify({ ...link, link: 'two', slug: 'two', deleted: true })}\n`,
    'links.csv': 'link,slug,domain,shortUrl,version,url,title,tags,enabled,deleted,scheduled,createdAt,updatedAt\r\n' +
      "s.example/cell,cell,s.example,https://s.example/cell,1,https://a.example/,'=1+1,\"a\\,b,c\",false,false,[],2026-01-01T00:00:00.000Z,2026-01-01T00:00:00.000Z\r\n",
    'taken.ndjson': JSON.stringify({ ...link, url: 'https://else.example/' })
  })
  const store = linkStore()
  store.urls.set('s.example/cell', 'as the follow-up names it')
  const service = await fakeService(store.answer)
  t.teardown(service.close)
  const first = await linklog(['import', 'links.ndjson', '--url', service.url], { cwd })
  t.match(first, { status: 1, stdout: /1 created, 0 already there, 1 rejected/ })
  const { url, title, tags, maxVisits, validFrom, validUntil, redirectStatus, forwardQuery, rules, slug, domain } = { ...link, title: 'Due' }
  const reason = 'Imported from an export, where it was made at 2026-01-01T00:00:00.000Z'
  t.strictSame(bodies(store.lines), [
    { slug, domain, url, title, tags, validFrom, validUntil, maxVisits, redirectStatus, forwardQuery, rules, reason },
    { op: 'disable', link: 'one' },
    { op: 'update', link: 'one', url: 'https://b.example/', effectiveAt: '2999-01-01T00:00:00.000Z' }
  ])
  t.match(await linklog(['import', 'links.ndjson', '--url', service.url], { cwd }), { stdout: /0 created, 1 already there, 1 rejected/ })
  store.lines.splice(0)
  t.match(await linklog(['import', 'links.csv', '--url', service.url], { cwd }), { status: 0, stderr: '' })
  t.strictSame(bodies(store.lines), [
    { slug: 'cell', domain: 's.example', url: 'https://a.example/', title: '=1+1', tags: ['a,b', 'c'], reason }, { op: 'disable', link: 's.example/cell' }
  ])
  store.lines.splice(0)
  t.match(await linklog(['import', 'taken.ndjson', '--url', service.url], { cwd }), { status: 1, stdout: /1 rejected/ })
  t.equal(store.lines.length, 1, 'the link of somebody else is not switched off')
})

t.test('standard input, and a prefix in the address', async (t) => {
  const cwd = testdir(t, {})
  const store = linkStore()
  const service = await fakeService(store.answer)
  t.teardown(service.close)
  const { status, stdout } = await linklog(['import', '-', '--format', 'csv', '--url', `${service.url}/short/`], { cwd, stdin: 'url\nhttps://a.example/\nbad\n' })
  t.equal(status, 1)
  t.match(stdout, /1 created, 0 already there, 1 rejected \(see stdin\.rejected\.ndjson\)/)
  t.equal(service.asked[0]?.path, '/short/api/links/bulk')
})

t.test('Ctrl-C stops it: in the middle of a request, and while it waits for more input', async (t) => {
  const cwd = testdir(t, { 'urls.txt': 'https://a.example/\nhttps://b.example/\n' })
  let interrupt = () => {}
  const service = await fakeService((asked, response) => {
    if (linesOf(asked)[0]?.['url'] === 'https://last.example/') outcomes(response, [created])
    interrupt()
    interrupt = () => {}
  })
  t.teardown(service.close)
  const running = { onStart: (kill: (signal: NodeJS.Signals) => void) => { interrupt = () => kill('SIGINT') } }
  const unanswered = await linklog(['import', 'urls.txt', '--url', service.url], { cwd, ...running })
  t.equal(unanswered.status, 130)
  t.match(unanswered.stdout, /^0 rows /)
  const waiting = await linklog(['import', '-', '--url', service.url], { cwd, ...running, stdin: 'https://last.example/\n', keepStdinOpen: true })
  t.equal(waiting.status, 130)
  t.equal(waiting.stderr, '')
})

t.test('wrong use is refused with a message that says what to change', async (t) => {
  const folder = testdir(t, {
    'urls.txt': 'https://a.example/\n', 'unknown.csv': 'url,colour\nhttps://a.example/,red\n', 'nourl.csv': 'slug\none\n',
    'twice.csv': 'url,url\na,b\n', 'empty.csv': '', 'quote.csv': 'url\n"https://a.example/\n', folder: {}
  })
  const store = linkStore()
  const service = await fakeService(store.answer)
  t.teardown(service.close)
  const file = (name: string) => join(folder, name)
  const cases: Array<[string[], RegExp]> = [
    [[], /^Which file\?/],
    [[file('urls.txt'), 'b.txt'], /One file at a time; what is 'b\.txt'\?/],
    [[file('missing.txt')], /Cannot read .*missing\.txt: .*ENOENT/],
    [[file('folder')], /Cannot read .*folder: it is a folder/],
    [[file('urls.txt'), '--from', 'tinyurl'], /--from must be one of bitly, yourls, shlink, kutt, not 'tinyurl'/],
    [[file('urls.txt'), '--from', 'kutt', '--format', 'sql'], /Of kutt csv and json can be read, not sql/],
    [[file('urls.txt'), '--from', 'kutt', '--format', 'urls'], /--format must be one of csv, json, sql, not 'urls'/],
    [[file('nourl.csv'), '--from', 'bitly'], /This is no CSV of Bitly/],
    [[file('urls.txt'), '--keep-domain'], /--keep-domain goes with --from/],
    [[file('urls.txt'), '--format', 'xml'], /--format must be one of urls, csv, ndjson, not 'xml'/],
    [[file('urls.txt'), '--colour'], /--colour/],
    [[file('unknown.csv')], /The CSV has a column 'colour'\. Columns are url, slug, /],
    [[file('nourl.csv')], /The CSV has no column 'url'/],
    [[file('twice.csv')], /The CSV has the column 'url' twice/],
    [[file('empty.csv')], /The CSV is empty/],
    [[file('quote.csv')], /The CSV cannot be read: Quote Not Closed/]
  ]
  const streams = { stdin: new PassThrough(), stdout: new PassThrough().resume(), stderr: process.stderr }
  for (const [args, message] of cases) {
    await t.rejects(importCommand(['--url', service.url, ...args], streams), { name: 'UsageError', message }, String(message))
  }
  await t.rejects(importCommand([file('urls.txt'), '--url', 'ftp://x'], streams), { name: 'UsageError', message: /'ftp:\/\/x' is not an http or https address/ })
  t.equal(service.asked.length, 0, 'nothing was created')
})

t.test('wrong use is exit status 2', async (t) => {
  const cwd = testdir(t, {})
  const unknown = await linklog(['transport'], { cwd })
  t.equal(unknown.status, 2)
  t.equal(unknown.stderr, "linklog: There is no command 'transport'. See 'linklog --help'.\n")
  const nothing = await linklog([], { cwd })
  t.equal(nothing.status, 2)
  t.match(nothing.stderr, /^Usage: linklog/)
})

t.test('help', async (t) => {
  const cwd = testdir(t, {})
  const help = await linklog(['--help'], { cwd })
  t.equal(help.status, 0)
  t.match(help.stdout, /^Usage: linklog <command>/)
  for (const args of [['import', '--help'], ['help', 'import'], ['export', '--help']]) {
    const { status, stdout } = await linklog(args, { cwd })
    t.equal(status, 0)
    t.match(stdout, /^Usage: linklog (?:import FILE|export links)/)
    t.ok(stdout.split('\n').every((line) => line.length <= 100), 'fits a terminal')
  }
})
