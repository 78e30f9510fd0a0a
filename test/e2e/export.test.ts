// Exports against what was made and visited: every link, revision and visit once, in both forms, for each kind of key; and a stop in the middle, which
// the client sees.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync, existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import t from 'tap'
import { root } from '../helpers/gateway-process.js'
import { readVisits } from '../helpers/recount.js'
import { until } from '../helpers/until.js'
import { produce, skipWithoutBuild, startService, topicName, visit } from './support.js'
import type { Service } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(300_000)

type Row = Record<string, any>

const rowsOf = (text: string): Row[] => text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Row)
const names = (rows: readonly Row[]) => rows.map(({ link }) => String(link)).sort()

/** The built command line, as a user runs it. */
const linklog = async (args: readonly string[]): Promise<{ status: number | null, stdout: string, stderr: string }> => {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, join(root, 'dist/gateway/cli/index.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  const status = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  return { status, stdout, stderr }
}

const bulk = async (gateway: Service, lines: readonly object[]): Promise<Row[]> => {
  const { text } = await gateway.call('POST', '/api/links/bulk', lines.map(line => JSON.stringify(line)).join('\n'), { 'content-type': 'application/x-ndjson' })
  return rowsOf(text)
}

const plain = (row: Row): Row => {
  const { version: _version, createdAt: _createdAt, updatedAt: _updatedAt, scheduled, shortUrl: _shortUrl, ...rest } = row
  return { ...rest, scheduled: scheduled.map(({ eventId: _eventId, ...edit }: Row) => edit) }
}
const byLink = (a: Row, b: Row) => String(a['link']) < String(b['link']) ? -1 : 1

t.test('export', { skip: skipWithoutBuild }, async t => {
  const folder = testdir(t)
  const gateway = await startService(t)
  const topic = topicName(gateway.prefix, 'visits')
  const ahead = '2999-01-01T00:00:00.000Z'
  await gateway.call('PUT', '/api/domains/s.example', {})
  await until('the domain', async () => (await gateway.call('POST', '/api/links', { url: 'https://a.example/', slug: 'there', domain: 's.example' })).status === 201)
  const made = await bulk(gateway, [
    { url: 'https://a.example/', slug: 'plain' },
    {
      url: 'https://b.example/', slug: 'full', title: '=HYPERLINK("https://bad.example")', tags: ['spring', 'a,b', '@all', 'back\\slash'],
      validUntil: ahead, maxVisits: 5, redirectStatus: 301, forwardQuery: true
    },
    {
      url: 'https://c.example/', slug: 'ruled', title: "'=quoted, \"twice\"\nand two lines", tags: ['spring'],
      rules: [{ url: 'https://ios.example/', conditions: [{ dimension: 'os', operands: ['iOS'] }] }]
    },
    { url: 'https://d.example/', slug: 'off', title: '-1' },
    { url: 'https://e.example/', slug: 'later', tags: ['=1+1'] },
    { url: 'https://f.example/', slug: 'gone' }
  ])
  t.ok(made.every(({ outcome }) => outcome === 'created'), JSON.stringify(made))
  await bulk(gateway, [
    { op: 'disable', link: 'off' }, { op: 'update', link: 'later', title: 'Then', effectiveAt: ahead }, { op: 'delete', link: 'gone', reason: '+why' },
    { op: 'update', link: 'plain', title: 'Two' }, { op: 'update', link: 'plain', title: 'Three' }
  ])
  const standing = ['full', 'later', 'off', 'plain', 'ruled', 's.example/there']
  const exported = async (what: string, query = '', headers: Record<string, string> = {}): Promise<Row[]> => {
    const { status, text } = await gateway.call('GET', `/api/export/${what}?${query}`, undefined, headers)
    if (status !== 200) throw new Error(text)
    return rowsOf(text)
  }
  const links = await until('the links as they were left', async () => {
    const rows = await exported('links')
    return rows.length === standing.length && rows.find(({ link }) => link === 'plain')?.['title'] === 'Three' && rows
  }) as Row[]

  await t.test('links are as GET tells them, each once', async t => {
    t.strictSame(names(links), standing)
    for (const row of links) {
      const { body } = await gateway.call('GET', `/api/links/${encodeURIComponent(String(row['link']))}`)
      const { domain, ...rest } = row
      t.strictSame(rest, body)
      t.equal(domain, row['link'] === 's.example/there' ? 's.example' : null)
    }
    t.strictSame(names(await exported('links', 'state=any')), [...standing, 'gone'].sort())
    t.strictSame(names(await exported('links', 'tag=spring')), ['full', 'ruled'])
    t.strictSame(names(await exported('links', 'state=disabled')), ['off'])
    t.strictSame(names(await exported('links', 'domain=s.example')), ['s.example/there'])
    t.strictSame(names(await exported('links', 'url=https://a.example')), ['plain', 's.example/there'])
    t.strictSame(names(await exported('links', 'createdTo=2020-01-01T00:00:00Z')), [])
  })

  await t.test('CSV by Accept or format, with nothing that a spreadsheet runs', async t => {
    const answer = await gateway.call('GET', '/api/export/links', undefined, { accept: 'text/csv' })
    t.match(answer.headers, { 'content-type': /^text\/csv; charset=utf-8/, 'content-disposition': 'attachment; filename="links.csv"', vary: /accept/i })
    t.match((await gateway.call('GET', '/api/export/links')).headers, { 'content-type': 'application/x-ndjson' })
    const cells = parse(answer.text, { columns: true }) as Array<Record<string, string>>
    t.strictSame(names(cells), standing)
    for (const row of cells) for (const [name, cell] of Object.entries(row)) t.notMatch(cell, /^[=+\-@\t\r]/, `${name} of ${row['link']}`)
    t.match(cells.find(({ link }) => link === 'full'), {
      title: "'=HYPERLINK(\"https://bad.example\")", tags: 'spring,a\\,b,@all,back\\\\slash', maxVisits: '5', validFrom: ''
    })
    t.equal((await gateway.call('GET', '/api/export/links?format=csv&createdTo=2020-01-01T00:00:00Z')).text.trim().split('\n').length, 1, 'of nothing the header')
    t.match(await gateway.call('GET', '/api/export/links?format=xml'), { status: 400, body: { errors: [{ pointer: 'format' }] } })
    t.match(await gateway.call('HEAD', '/api/export/links'), { status: 405 })
  })

  await t.test('exported links, imported into another service, stand there as they stood here', async t => {
    for (const format of ['ndjson', 'csv']) {
      const file = join(folder, `links.${format}`)
      const written = await linklog(['export', 'links', '--url', gateway.url, '--output', file])
      t.match(written, { status: 0, stdout: '' })
      t.notOk(existsSync(`${file}.part`))
      const other = await startService(t)
      await other.call('PUT', '/api/domains/s.example', {})
      await until('the domain', async () => (await other.call('GET', '/api/domains/s.example')).status === 200)
      const imported = await linklog(['import', file, '--url', other.url, '--rejected', join(folder, `${format}.rejected`)])
      t.match(imported, { status: 0, stdout: /6 rows .* 6 created/ }, imported.stderr)
      t.match(await linklog(['import', file, '--url', other.url]), { status: 0, stdout: /0 created, 6 already there/ })
      const again = await until('the links there', async () => {
        const { text } = await other.call('GET', '/api/export/links')
        const rows = rowsOf(text)
        return rows.length === standing.length && rows.some(({ enabled }) => enabled === false) && rows.some(({ scheduled }) => scheduled.length === 1) && rows
      }) as Row[]
      t.strictSame(again.sort(byLink).map(plain), links.sort(byLink).map(plain), format)
      await other.stop()
    }
  })

  await t.test('revisions: every accepted one, and those of a link, a tag or a time', async t => {
    const all = await exported('revisions')
    t.strictSame(all.map(({ link, version, type }) => `${link}@${version} ${type}`).sort(), [
      'full@1 LinkCreated', 'gone@1 LinkCreated', 'gone@2 LinkDeleted', 'later@1 LinkCreated', 'later@2 LinkEditScheduled', 'off@1 LinkCreated', 'off@2 LinkDisabled',
      'plain@1 LinkCreated', 'plain@2 LinkEdited', 'plain@3 LinkEdited', 'ruled@1 LinkCreated', 's.example/there@1 LinkCreated'
    ])
    const { body } = await gateway.call('GET', '/api/links/plain/revisions')
    t.strictSame((await exported('revisions', 'link=plain')), body.revisions.map((revision: Row) => ({ link: 'plain', ...revision })))
    t.strictSame(names(await exported('revisions', 'tag=spring')), ['full', 'ruled'])
    t.strictSame(names(await exported('revisions', 'domain=s.example')), ['s.example/there'])
    const [{ occurredAt: from }, { occurredAt: to }] = body.revisions.slice(1)
    // two edits within one millisecond have no time between them
    if (from !== to) t.match(await exported('revisions', `link=plain&from=${from}&to=${to}`), [{ version: 2 }])
    t.strictSame(await exported('revisions', 'link=nobody'), [])
    const csv = parse((await gateway.call('GET', '/api/export/revisions?format=csv&link=gone')).text, { columns: true }) as Row[]
    t.match(csv, [{ version: '1', reason: '' }, { version: '2', reason: '\'+why', type: 'LinkDeleted' }])
    t.match(await gateway.call('GET', '/api/export/revisions?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z'), {
      status: 400, body: { errors: [{ pointer: 'from' }] }
    })
    t.match(await gateway.call('GET', '/api/export/revisions?link=a%20b'), { status: 400 })
  })

  await t.test('visits: what is on the log, between two instants, of some links', async t => {
    await produce(gateway, topic, Array.from({ length: 4_000 }, (_, n) => ({
      key: ['plain', 'full', 's.example/there', 'nobody'][n % 4] as string,
      value: visit(new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(), {
        visit_id: `v${n}`, bot: n % 8 === 0, outcome: n % 4 === 3 ? 'not_found' : 'redirected', referrer: n === 1 ? '=evil' : null
      })
    })))
    const wanted = (is: (n: number) => boolean) => Array.from({ length: 4_000 }, (_, n) => n).filter(is).map(n => `v${n}`).sort()
    const ids = (rows: readonly Row[]) => rows.map(({ id }) => String(id)).sort()
    t.strictSame(ids(await exported('visits')), wanted(() => true))
    t.strictSame(ids(await exported('visits', 'link=plain,s.example/there')), wanted(n => n % 2 === 0))
    t.strictSame(ids(await exported('visits', 'domain=s.example')), wanted(n => n % 4 === 2))
    t.strictSame(ids(await exported('visits', 'tag=spring')), wanted(n => n % 4 === 1))
    t.strictSame(ids(await exported('visits', 'bots=exclude')), wanted(n => n % 8 !== 0))
    t.strictSame(ids(await exported('visits', 'from=2026-01-01T10:00:00Z&to=2026-01-02T00:00:00Z')), wanted(n => n >= 600 && n < 1_440))
    t.strictSame(ids(await exported('visits', 'from=2030-01-01T00:00:00Z')), [])
    const csv = parse((await gateway.call('GET', '/api/export/visits?format=csv&link=full')).text, { columns: true }) as Row[]
    t.strictSame(ids(csv), wanted(n => n % 4 === 1))
    t.equal(csv.find(({ id }) => id === 'v1')?.['referrer'], "'=evil")
    for (let n = 0; n < 5; n++) await gateway.call('GET', '/plain')
    const from = new Date(Date.now() - 600_000).toISOString()
    const told = await until('the five visits of now', async () => {
      const rows = await exported('visits', `from=${from}`)
      return rows.length === 5 && rows
    }) as Row[]
    t.strictSame(names(told), Array.from({ length: 5 }, () => 'plain'))
    t.equal((await exported('visits')).length, (await readVisits(gateway, topic)).length, 'as many as a foreign client counts')
  })

  await t.test('a stop in the middle is no clean end', async t => {
    const other = await startService(t)
    await bulk(other, Array.from({ length: 8_000 }, (_, n) => ({ url: `https://many.example/${n}/${'x'.repeat(1_500)}`, slug: `many-${n}` })))
    await until('the table', async () => (await other.call('GET', '/api/links?text=many-7999')).body.links.length === 1)
    const { hostname, port } = new URL(other.url)
    const received = await new Promise<string>((resolve, reject) => {
      let text = ''
      const socket = connect(Number(port), hostname)
      socket.setEncoding('latin1')
      socket.once('error', reject)
      socket.on('data', (chunk: string) => {
        text += chunk
        // a client that reads no further: the export waits for it, and is not held in memory
        if (text.length < 500_000 || socket.isPaused()) return
        socket.pause()
        other.stop().then(() => socket.resume(), reject)
      })
      socket.on('close', () => resolve(text))
      socket.write(`GET /api/export/links HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
    })
    t.match(received, /^HTTP\/1\.1 200 /)
    t.match(received, /transfer-encoding: chunked/i)
    t.notMatch(received.slice(-10), /\r\n0\r\n\r\n$/, 'the last chunk is missing')
  })

  await t.test('a key gets its own, and needs the scope of the reads', async t => {
    const admin = await gateway.call('POST', '/api/keys', { name: 'root', scopes: ['admin'] })
    const all = { authorization: `Bearer ${admin.body.key}` }
    const key = async (body: object): Promise<Record<string, string>> => {
      const { body: { key } } = await gateway.call('POST', '/api/keys', { name: 'some', ...body }, all)
      return { authorization: `Bearer ${key}` }
    }
    const tagged = await key({ scopes: ['links:read', 'visits:read'], tags: ['spring'] })
    const hosted = await key({ scopes: ['links:read', 'visits:read'], domains: ['s.example'] })
    t.strictSame(names(await exported('links', 'state=any', tagged)), ['full', 'ruled'])
    t.strictSame(names(await exported('revisions', '', tagged)), ['full', 'ruled'])
    t.strictSame([...new Set(names(await exported('visits', '', tagged)))], ['full'])
    t.strictSame(names(await exported('links', 'state=any', hosted)), ['s.example/there'])
    t.strictSame(names(await exported('revisions', '', hosted)), ['s.example/there'])
    t.strictSame([...new Set(names(await exported('visits', '', hosted)))], ['s.example/there'])
    t.strictSame(await exported('visits', 'link=plain', hosted), [])
    const reader = await key({ scopes: ['links:read'] })
    t.match(await gateway.call('GET', '/api/export/visits', undefined, reader), { status: 403, body: { code: 'scope_missing' } })
    t.match(await gateway.call('GET', '/api/export/links'), { status: 401 })
    const file = join(folder, 'refused.csv')
    writeFileSync(file, 'kept')
    t.match(await linklog(['export', 'links', '--url', gateway.url, '--output', file]), { status: 3, stderr: /401/ })
    t.equal(readFileSync(file, 'utf8'), 'kept', 'what was there stays')
    const hostedKey = hosted['authorization']?.slice(7) ?? ''
    const piped = await linklog(['export', 'visits', '--url', gateway.url, '--key', hostedKey, '--from', '2026-01-02T00:00:00Z', '--format', 'csv'])
    t.match(piped, { status: 0, stdout: /^id,link,/ })
    t.match(await linklog(['export', 'links', '--url', gateway.url, '--from', '2026-01-02T00:00:00Z']), { status: 2, stderr: /links have no --from/ })
    t.match(await linklog(['export', 'links', '--url', gateway.url, '--key', all.authorization.slice(7), '--state', 'nonsense']), { status: 2, stderr: /state/ })
  })
})
