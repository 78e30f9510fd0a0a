// What a user of `linklog export` sees: the file, or standard output; what is asked again; and an export that was cut off told from a whole one.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { exportCommand, exportParameters } from '../../gateway/cli/export.js'
import { exportQueries } from '../../gateway/routes/export.js'
import { fakeService, json } from './support.js'
import { testdir } from '../helpers/testdir.js'

/** Runs it in this process; gives the exit status and what it printed. */
const run = async (args: readonly string[]): Promise<{ status: number, stdout: string, stderr: string }> => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const printed = { stdout: '', stderr: '' }
  stdout.on('data', (text: Buffer) => { printed.stdout += text.toString() })
  stderr.on('data', (text: Buffer) => { printed.stderr += text.toString() })
  const status = await exportCommand(args, { stdin: new PassThrough(), stdout, stderr: stderr as unknown as NodeJS.WriteStream })
  return { status, ...printed }
}

t.test('every parameter of the routes is an option', async t => {
  for (const [what, query] of Object.entries(exportQueries)) {
    t.strictSame([...exportParameters[what as keyof typeof exportParameters], 'format'].sort(), Object.keys(query.properties).sort(), what)
  }
})

t.test('what is asked for, and where it goes', async t => {
  const folder = testdir(t, { 'links.csv': 'what was there before' })
  const service = await fakeService((_asked, response) => { response.end('a row\n') })
  t.teardown(service.close)
  const piped = await run(['revisions', '--url', `${service.url}/short/`, '--key', 'secret', '--link', 'a,b', '--from', '2026-01-01T00:00:00+01:00'])
  t.strictSame(piped, { status: 0, stdout: 'a row\n', stderr: '' })
  const file = join(folder, 'links.csv')
  t.match(await run(['links', '--url', service.url, '--output', file, '--target-url', 'https://a.example/', '--tag-mode', 'all']), { status: 0, stdout: '', stderr: /6 bytes in .*links\.csv/ })
  t.equal(readFileSync(file, 'utf8'), 'a row\n')
  t.strictSame(service.asked.map(({ method, path }) => `${method} ${path}`), [
    'GET /short/api/export/revisions?format=ndjson&link=a%2Cb&from=2026-01-01T00%3A00%3A00%2B01%3A00',
    'GET /api/export/links?format=csv&url=https%3A%2F%2Fa.example%2F&tagMode=all'
  ])
  t.equal(service.asked[0]?.headers.authorization, 'Bearer secret')
})

t.test('a service that is overloaded is asked again; one that refuses is not', async t => {
  const service = await fakeService((_asked, response, count) => {
    if (count === 1) json(response, 503, { detail: 'Too many' })
    else if (count === 2) response.destroy()
    else if (count === 3) response.end('whole\n')
    else json(response, count === 4 ? 400 : 403, { detail: 'No' })
  })
  t.teardown(service.close)
  t.match(await run(['visits', '--url', service.url]), { status: 0, stdout: 'whole\n' })
  await t.rejects(run(['visits', '--url', service.url, '--from', 'x']), { name: 'UsageError', message: 'The service answered 400 No' })
  await t.rejects(run(['visits', '--url', service.url]), { name: 'ServiceError', message: 'The service answered 403 No' })
  t.equal(service.asked.length, 5)
})

t.test('an export that is cut off is an error, and leaves no file', async t => {
  const folder = testdir(t, {})
  const service = await fakeService(({ path }, response) => { response.write('half a row', () => path.includes('visits') ? response.end() : response.destroy()) })
  t.teardown(service.close)
  const file = join(folder, 'links.ndjson')
  await t.rejects(run(['links', '--url', service.url, '--output', file]), { name: 'ServiceError', message: /The export was cut off after 10 bytes/ })
  t.notOk(existsSync(file) || existsSync(`${file}.part`))
  await t.rejects(run(['links', '--url', service.url]), { name: 'ServiceError', message: /The export was cut off/ })
  await t.rejects(run(['visits', '--url', service.url, '--output', join(folder, 'nowhere', 'links.csv')]), { name: 'UsageError', message: /cannot be written: ENOENT/ })
})

t.test('wrong use', async t => {
  for (const [args, message] of [
    [[], /It is 'linklog export links', 'revisions' or 'visits'/], [['keys'], /It is 'linklog export links'/], [['links', 'more'], /What is 'more'\?/],
    [['links', '--bots', 'only'], /links have no --bots/], [['visits', '--colour', 'red'], /--colour/], [['links', '--url', 'ftp://x'], /is not an http or https address/]
  ] as Array<[string[], RegExp]>) await t.rejects(run(args), { name: 'UsageError', message })
})
