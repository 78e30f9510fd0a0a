// What a user of `linklog import` sees: links made, the summary, the rejected file, the exit status.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { importCommand } from '../../gateway/cli/import.js'
import { fakeService, json, linklog, linkStore } from './support.js'
import type { Asked } from './support.js'
import { testdir } from '../helpers/testdir.js'

const bodies = (asked: readonly Asked[]) => asked.map(({ body }) => body)
const rejections = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
const byUrl = (a: Record<string, unknown>, b: Record<string, unknown>) => String(a.url) < String(b.url) ? -1 : 1

t.test('a URL a line: blank lines, comments, CRLF, a byte order mark and a last line without its end', async (t) => {
  const cwd = testdir(t, { 'urls.txt': '\uFEFFhttps://a.example/\r\n\r\n# a comment\n  https://b.example/x?y=1#z  \nhttps://c.example/' })
  const service = await fakeService(linkStore())
  t.teardown(service.close)
  const { status, stdout, stderr } = await linklog(['import', 'urls.txt', '--url', service.url], { cwd })
  t.equal(status, 0)
  t.match(stdout, /^3 rows in [\d.]+ s: 3 created, 0 already there, 0 rejected\n$/)
  t.equal(stderr, '', 'no progress bar where no terminal is')
  t.strictSame(bodies(service.asked).sort(byUrl), [{ url: 'https://a.example/' }, { url: 'https://b.example/x?y=1#z' }, { url: 'https://c.example/' }])
  t.ok(service.asked.every(({ method, path }) => method === 'POST' && path === '/api/links'))
  t.ok(service.asked.every(({ headers }) => headers['idempotency-key'] === undefined), 'a URL alone is derived, it needs no key')
  t.notOk(existsSync(join(cwd, 'urls.txt.rejected.ndjson')), 'no file of rejected lines without any')
})

t.test('running it again creates nothing new', async (t) => {
  const cwd = testdir(t, {
    'urls.txt': 'https://a.example/\nhttps://b.example/\nhttps://a.example/\n',
    'links.csv': 'url,slug,title\nhttps://a.example/,one,First\n',
    'moved.csv': 'title,slug,url\nFirst,one,https://a.example/\n'
  })
  const service = await fakeService(linkStore())
  t.teardown(service.close)
  // One at a time: whether the first or the second of two equal lines creates is then not a matter of luck.
  t.match((await linklog(['import', 'urls.txt', '--url', service.url], { cwd })).stdout, /: 2 created, 1 already there, 0 rejected\n/)
  t.match((await linklog(['import', 'urls.txt', '--url', service.url], { cwd })).stdout, /: 0 created, 3 already there, 0 rejected\n/)
  t.match((await linklog(['import', 'links.csv', '--url', service.url], { cwd })).stdout, /: 1 created, 0 already there/)
  t.match((await linklog(['import', 'moved.csv', '--url', service.url], { cwd })).stdout, /: 0 created, 1 already there/)
  const [first, second] = service.asked.slice(-2).map(({ headers }) => headers['idempotency-key'])
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
  const service = await fakeService(linkStore())
  t.teardown(service.close)
  const { status, stdout } = await linklog(['import', 'links.csv', '--url', service.url, '--rejected', 'bad.ndjson'], { cwd })
  t.equal(status, 1)
  t.match(stdout, /^4 rows in [\d.]+ s: 3 created, 0 already there, 1 rejected \(see bad.ndjson\)\n$/)
  t.strictSame(bodies(service.asked).sort(byUrl), [
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
  const service = await fakeService(linkStore())
  t.teardown(service.close)
  const { status } = await linklog(['import', 'links.jsonl', '--url', service.url], { cwd })
  t.equal(status, 1)
  t.strictSame(bodies(service.asked).sort(byUrl), [{ url: 'https://a.example/', slug: 'one', tags: ['x'] }, { url: 'https://b.example/' }])
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
  const service = await fakeService(linkStore())
  t.teardown(service.close)
  const { status, stdout } = await linklog(['import', 'urls.txt', '--url', `${service.url}/`, '--concurrency', '1'], { cwd })
  t.equal(status, 1)
  t.match(stdout, /^6 rows .* 3 created, 0 already there, 3 rejected \(see urls\.txt\.rejected\.ndjson\)\n$/)
  const [invalid, notUtf8, tooLong] = rejections(join(cwd, 'urls.txt.rejected.ndjson'))
  t.strictSame(invalid, { line: 2, reason: 'The body is not valid.; /url: is not an http or https URL', code: 'LINK_INVALID', input: 'no url' })
  t.match(notUtf8, { line: 4, reason: 'The line is not valid UTF-8.' })
  t.match(tooLong, { line: 5, reason: 'The line is longer than 65536 bytes.', input: /^x{200}$/ })

  t.equal((await linklog(['import', 'taken.csv', '--url', service.url, '--concurrency', '1', '--rejected', 'r.ndjson'], { cwd })).status, 1)
  t.strictSame(rejections(join(cwd, 'r.ndjson')), [{ line: 3, reason: 'The slug one is taken.', code: 'SLUG_TAKEN', input: 'https://b.example/,one' }])
})

t.test('what may pass is repeated: 429 with Retry-After, 503, 202, a connection that breaks', async (t) => {
  const cwd = testdir(t, { 'urls.txt': 'https://a.example/\n' })
  const seen: number[] = []
  const service = await fakeService((_asked, response, count) => {
    seen.push(performance.now())
    if (count === 1) json(response, 503, { detail: 'starting' })
    else if (count === 2) response.destroy()
    else if (count === 3) json(response, 202, { status: 'pending' })
    else if (count === 4) json(response, 429, { detail: 'slowly' }, { 'retry-after': '1' })
    else json(response, 201, {})
  })
  t.teardown(service.close)
  const { status, stdout } = await linklog(['import', 'urls.txt', '--url', service.url], { cwd })
  t.equal(status, 0)
  t.match(stdout, /1 created/)
  t.equal(service.asked.length, 5)
  t.ok((seen[4] ?? 0) - (seen[3] ?? 0) >= 990, 'it waits as long as Retry-After says')
})

t.test('a service that refuses everybody ends the import at once, with its reason', async (t) => {
  const cwd = testdir(t, { 'urls.txt': 'https://a.example/\n'.repeat(1000) })
  const service = await fakeService((_asked, response) => json(response, 401, { title: 'Unauthorized', detail: 'A key is needed.' }))
  t.teardown(service.close)
  const { status, stderr, stdout } = await linklog(['import', 'urls.txt', '--url', service.url, '--concurrency', '2', '--key', 'secret'], { cwd })
  t.equal(status, 3)
  t.equal(stderr, 'linklog: The service answered 401 A key is needed.\n')
  t.match(stdout, /^0 rows /)
  t.ok(service.asked.length <= 4, 'not once a line')
  t.equal(service.asked[0]?.headers.authorization, 'Bearer secret')
})

t.test('as many requests at once as told, and no more', async (t) => {
  const cwd = testdir(t, { 'urls.txt': Array.from({ length: 100 }, (_, n) => `https://a.example/${n}\n`).join('') })
  const waiting: Array<() => void> = []
  const service = await fakeService((_asked, response) => {
    waiting.push(() => json(response, 201, {}))
    // Nobody is answered before seven wait, the last two (100 = 14 × 7 + 2) excepted.
    if (waiting.length === 7 || service.asked.length === 100) for (const answer of waiting.splice(0)) answer()
  })
  t.teardown(service.close)
  const { status, stdout, stderr } = await linklog(['import', 'urls.txt', '--url', service.url, '--concurrency', '7'], { cwd })
  t.equal(status, 0, stderr)
  t.match(stdout, /^100 rows .* 100 created/)
  t.equal(service.inHandMax(), 7)
})

t.test('standard input, and a prefix in the address', async (t) => {
  const cwd = testdir(t, {})
  const service = await fakeService(linkStore())
  t.teardown(service.close)
  const { status, stdout } = await linklog(['import', '-', '--format', 'csv', '--url', `${service.url}/short/`], { cwd, stdin: 'url\nhttps://a.example/\nbad\n' })
  t.equal(status, 1)
  t.match(stdout, /1 created, 0 already there, 1 rejected \(see stdin\.rejected\.ndjson\)/)
  t.equal(service.asked[0]?.path, '/short/api/links')
})

t.test('Ctrl-C stops it: in the middle of a request, and while it waits for more input', async (t) => {
  const cwd = testdir(t, { 'urls.txt': 'https://a.example/\nhttps://b.example/\n' })
  let interrupt = () => {}
  const service = await fakeService(({ body }, response) => {
    if (body.url === 'https://last.example/') json(response, 201, {})
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
  const service = await fakeService(linkStore())
  t.teardown(service.close)
  const file = (name: string) => join(folder, name)
  const cases: Array<[string[], RegExp]> = [
    [[], /^Which file\?/],
    [[file('urls.txt'), 'b.txt'], /One file at a time; what is 'b\.txt'\?/],
    [[file('missing.txt')], /Cannot read .*missing\.txt: .*ENOENT/],
    [[file('folder')], /Cannot read .*folder: it is a folder/],
    [[file('urls.txt'), '--concurrency', '0'], /--concurrency must be a whole number from 1 to 256, not '0'/],
    [[file('urls.txt'), '--concurrency', 'many'], /not 'many'/],
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
  const unknown = await linklog(['export'], { cwd })
  t.equal(unknown.status, 2)
  t.equal(unknown.stderr, "linklog: There is no command 'export'. See 'linklog --help'.\n")
  const nothing = await linklog([], { cwd })
  t.equal(nothing.status, 2)
  t.match(nothing.stderr, /^Usage: linklog/)
})

t.test('help', async (t) => {
  const cwd = testdir(t, {})
  const help = await linklog(['--help'], { cwd })
  t.equal(help.status, 0)
  t.match(help.stdout, /^Usage: linklog <command>/)
  for (const args of [['import', '--help'], ['help', 'import']]) {
    const { status, stdout } = await linklog(args, { cwd })
    t.equal(status, 0)
    t.match(stdout, /^Usage: linklog import FILE/)
    t.ok(stdout.split('\n').every((line) => line.length <= 100), 'fits a terminal')
  }
})
