// Many commands in one request: order, every kind of outcome, the bounds, a client that goes half way and comes again, and one that sends all before it reads.
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { skipWithoutBuild, startService } from './support.js'
import type { Service } from './support.js'
import { testdir } from '../helpers/testdir.js'
import { until } from '../helpers/until.js'

t.setTimeout(300_000)

const many = Number(process.env['BULK_LINES'] ?? 2_000)

interface Outcome {
  line: number
  status: number
  outcome: string
  code?: string
  link?: string
  version?: number
  errors?: Array<{ pointer: string }>
  replayed?: boolean
}

const toBody = (lines: readonly unknown[]): string => lines.map(line => typeof line === 'string' ? line : JSON.stringify(line)).join('\n')

const bulk = async (gateway: Service, lines: readonly unknown[], headers: Record<string, string> = {}): Promise<Outcome[]> => {
  const answer = await gateway.call('POST', '/api/links/bulk', toBody(lines), { 'content-type': 'application/x-ndjson', ...headers })
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.text.trimEnd().split('\n').map(line => JSON.parse(line) as Outcome)
}

/** Every link with this text in its name, its version and URL, once the table has as many. */
const exported = async (gateway: Service, text: string, count: number): Promise<string[]> => await until(`${count} links in the table`, async () => {
  const answer = await gateway.call('GET', `/api/export/links?text=${text}`)
  const rows = answer.text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as { link: string, version: number, url: string })
  return rows.length >= count && rows.map(({ link, version, url }) => `${link}@${version} ${url}`).sort()
}, 120_000)

const firstVersions = (lines: ReadonlyArray<{ readonly slug: string, readonly url: string }>): string[] => lines.map(({ slug, url }) => `${slug}@1 ${url}`).sort()

t.test('bulk', { skip: skipWithoutBuild }, async t => {
  const gateway = await startService(t)

  await t.test('each line its outcome, in the order of the lines; a bad one does not stop the rest', async t => {
    await gateway.call('POST', '/api/links', { url: 'https://taken.example/', slug: 'taken' })
    const outcomes = await bulk(gateway, [
      { url: 'https://a.example/', slug: 'one', tags: ['x'] },
      '{"url": ',
      { url: 'ftp://a.example/' },
      { url: 'https://a.example/', slug: 'taken' },
      '',
      { url: 'https://b.example/' },
      { url: 'https://b.example/' },
      { url: 'https://c.example/', colour: 'red' },
      { op: 'paint', url: 'https://c.example/' },
      '[1]',
      { url: `https://long.example/${'x'.repeat(70_000)}` },
      { op: 'update', link: 'taken', title: 'New' },
      { op: 'update', link: 'nothere', title: 'New' },
      { op: 'update', link: 'one', version: 7, title: 'New' },
      { op: 'create', url: 'https://a.example/', slug: 'two', idempotencyKey: '' },
      { op: 'restore', link: 'nothere' },
      { op: 'delete', link: 'one', url: 'https://a.example/' }
    ])
    t.strictSame(outcomes.map(({ line, status, outcome, code, errors }) => [line, status, outcome, code, errors?.[0]?.pointer]), [
      [1, 201, 'created', undefined, undefined],
      [2, 400, 'rejected', 'invalid_json', undefined],
      [3, 422, 'rejected', 'validation_failed', '/url'],
      [4, 409, 'rejected', 'slug_taken', undefined],
      [6, outcomes[4]?.status, outcomes[4]?.outcome, undefined, undefined],
      [7, outcomes[5]?.status, outcomes[5]?.outcome, undefined, undefined],
      [8, 422, 'rejected', 'validation_failed', '/colour'],
      [9, 422, 'rejected', 'validation_failed', '/op'],
      [10, 422, 'rejected', 'validation_failed', ''],
      [11, 413, 'rejected', 'body_too_large', undefined],
      [12, 200, 'changed', undefined, undefined],
      [13, 404, 'rejected', 'link_not_found', undefined],
      [14, 412, 'rejected', 'version_stale', undefined],
      [15, 422, 'rejected', 'validation_failed', '/idempotencyKey'],
      [16, 404, 'rejected', 'link_not_found', undefined],
      [17, 422, 'rejected', 'validation_failed', '/url']
    ])
    t.strictSame([outcomes[4]?.outcome, outcomes[5]?.outcome].sort(), ['created', 'existing'], 'one URL twice is one link')
    t.equal(outcomes[4]?.link, outcomes[5]?.link)
    t.match((await gateway.call('GET', '/api/links/one')).body, { url: 'https://a.example/', tags: ['x'], version: 1 })
    t.match((await gateway.call('GET', '/api/links/taken')).body, { title: 'New', version: 2 })
  })

  await t.test('every command', async t => {
    await gateway.call('POST', '/api/links', { url: 'https://all.example/', slug: 'all' })
    const commands = [['disable', { enabled: false }], ['enable', { enabled: true }], ['delete', { deleted: true }], ['restore', { deleted: false }]] as const
    for (const [op, expected] of commands) {
      t.match(await bulk(gateway, [{ op, link: 'all', reason: 'spring' }]), [{ status: 200, outcome: 'changed', link: 'all' }], op)
      t.match((await gateway.call('GET', '/api/links/all')).body, expected)
    }
    t.match(await bulk(gateway, [{ op: 'enable', link: 'all' }]), [{ status: 200, outcome: 'unchanged', version: 5 }])
    const { body } = await gateway.call('GET', '/api/links/all/revisions')
    t.ok(JSON.stringify(body).includes('spring'))
  })

  await t.test('what is no bulk request', async t => {
    for (const type of ['application/json', 'text/plain']) {
      t.match(await gateway.call('POST', '/api/links/bulk', '{}', { 'content-type': type }), { status: 415, body: { code: 'unsupported_media_type' } })
    }
    t.strictSame((await gateway.call('POST', '/api/links/bulk', '\n\n', { 'content-type': 'application/x-ndjson' })).text, '', 'no line, no outcome')
  })

  await t.test(`${many} lines under one Idempotency-Key, cut off half way and sent again: none lost, none twice`, async t => {
    const lines = Array.from({ length: many }, (_, index) => ({ url: `https://many.example/${index}`, slug: `many-${index}` }))
    const body = toBody(lines)
    const headers = { 'content-type': 'application/x-ndjson', 'idempotency-key': 'the-whole' }
    await new Promise<void>(resolve => {
      const { hostname, port } = new URL(gateway.url)
      const socket = connect(Number(port), hostname)
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.once('data', () => socket.destroy()) // at the first outcomes
      socket.write(`POST /api/links/bulk HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: ${headers['content-type']}\r\nIdempotency-Key: the-whole\r\nContent-Length: ${body.length}\r\n\r\n`)
      socket.write(body.slice(0, body.length / 2))
    })
    const again = await bulk(gateway, lines, headers)
    t.equal(again.length, many)
    t.ok(again.every(({ outcome, line }, index) => outcome === 'created' && line === index + 1), 'all are told as created: some are replays')
    const third = await bulk(gateway, lines.slice(0, 50), headers)
    t.ok(third.every(({ outcome, replayed }) => outcome === 'created' && replayed === true))
    t.strictSame(await exported(gateway, 'many-', many), firstVersions(lines))
    const other = await bulk(gateway, [{ url: 'https://else.example/', slug: 'many-0' }], headers)
    t.match(other, [{ outcome: 'rejected', code: 'slug_taken' }], 'other content is another key')
  })

  await t.test(`${many} lines, gateway and stack killed half way, started again and sent again: none lost, none twice`, async t => {
    const dataDir = testdir(t)
    const lines = Array.from({ length: many }, (_, index) => ({ url: `https://killed.example/${index}`, slug: `killed-${index}` }))
    const headers = { 'content-type': 'application/x-ndjson', 'idempotency-key': 'through-a-kill' }
    const first = await startService(t, { dataDir })
    const { hostname, port } = new URL(first.url)
    const told = await new Promise<number>((resolve, reject) => {
      let count = 0
      let killing: Promise<void> | undefined
      const request = httpRequest({ hostname, port, path: '/api/links/bulk', method: 'POST', headers }, response => {
        response.on('data', (chunk: Buffer) => {
          for (const byte of chunk) if (byte === 0x0a) count++
          if (count >= many / 2) killing ??= first.kill()
        })
        response.on('error', () => {}) // the kill
        response.on('close', () => { (killing ?? Promise.reject(new Error(`only ${count} outcomes came`))).then(() => resolve(count), reject) })
      })
      request.on('error', error => { if (killing === undefined) reject(error) })
      // the last quarter is never sent: the request is not over when it dies, however slowly the outcomes are read
      request.write(`${toBody(lines.slice(0, many * 3 / 4))}\n`)
    })
    t.ok(told >= many / 2 && told < many, `${told} of ${many} were told when it died`)
    const second = await startService(t, { dataDir, prefix: first.prefix })
    const again = await bulk(second, lines, headers)
    t.equal(again.length, many)
    t.strictSame(again.filter(({ outcome, line }, index) => outcome !== 'created' || line !== index + 1), [])
    t.ok(again.filter(({ replayed }) => replayed === true).length >= told, 'what was told is told again')
    t.strictSame(await exported(second, 'killed-', many), firstVersions(lines))
    await second.stop()
  })

  await t.test('outcomes come while lines are still being sent', async t => {
    const outcomes: string[] = []
    const { hostname, port } = new URL(gateway.url)
    await new Promise<void>((resolve, reject) => {
      const request = httpRequest({ hostname, port, path: '/api/links/bulk', method: 'POST', headers: { 'content-type': 'application/x-ndjson' } }, response => {
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          outcomes.push(...text.trimEnd().split('\n'))
          // the next line is sent when the outcome of the one before is there
          if (outcomes.length < 5) request.write(`${JSON.stringify({ url: `https://talk.example/${outcomes.length}` })}\n`)
          else request.end()
        })
        response.on('end', resolve)
        response.on('error', reject)
      })
      request.on('error', reject)
      request.write(`${JSON.stringify({ url: 'https://talk.example/0' })}\n`)
    })
    t.strictSame(outcomes.map(line => (JSON.parse(line) as Outcome).outcome), Array.from({ length: 5 }, () => 'created'))
  })

  await t.test('a key that reaches some links, line by line', async t => {
    const made = await gateway.call('POST', '/api/keys', { name: 'root', scopes: ['admin'] })
    const root = { authorization: `Bearer ${made.body.key}` }
    const few = await gateway.call('POST', '/api/keys', { name: 'few', scopes: ['links:write', 'links:read'], tags: ['x'] }, root)
    const own = { authorization: `Bearer ${few.body.key}` }
    const outcomes = await bulk(gateway, [
      { url: 'https://own.example/', slug: 'own', tags: ['x'] }, { url: 'https://own.example/2', slug: 'not-own', tags: ['y'] },
      { op: 'update', link: 'taken', title: 'mine now' }, { op: 'update', link: 'one', title: 'mine' }, { op: 'update', link: 'one', tags: ['y'] }
    ], own)
    t.strictSame(outcomes.map(({ outcome, code }) => code ?? outcome), ['created', 'outside_restriction', 'outside_restriction', 'changed', 'outside_restriction'])
    const listed = await until('its links', async () => {
      const { body } = await gateway.call('GET', '/api/links', undefined, own)
      return body.links.length === 2 && body.links
    })
    t.strictSame((listed as Array<{ link: string }>).map(({ link }) => link).sort(), ['one', 'own'], 'and it lists those alone')
    t.equal((await gateway.call('POST', '/api/links/bulk', '', { 'content-type': 'application/x-ndjson' })).status, 401)
  })
})
