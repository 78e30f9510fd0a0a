// The block list: when a link is made, when it is changed, and again at each redirect; and the file that it comes from.
import Fastify from 'fastify'
import { appendFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { parseBlocklist } from '../../../gateway/links/blocklist.js'
import { SettledFile } from '../../../gateway/links/settled-file.js'
import { blocklistPlugin } from '../../../gateway/plugins/blocklist.js'
import { until } from '../../helpers/until.js'
import { startRoutes } from './support.js'
import { testdir } from '../../helpers/testdir.js'

const rule = (url: string) => ({ url, conditions: [{ dimension: 'country', operands: ['CH'] }] })

t.test('not made, not changed to, and not led to', async t => {
  const { blocklist, call, recorded } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://a.bad.example/', slug: 'a' })
  await call('POST', '/api/links', { url: 'https://ok.example/', slug: 'b', rules: [rule('https://bad.example/x')] })
  await call('POST', '/api/links', { url: 'https://ok.example/', slug: 'Word' })
  t.equal((await call('GET', '/a')).status, 302)
  blocklist.replace(parseBlocklist('bad.example\n/word'))
  t.match(await call('GET', '/a'), { status: 410, body: { code: 'link_blocked' } })
  t.match(await call('HEAD', '/a'), { status: 410 })
  t.match(await call('GET', '/b'), { status: 302, headers: { location: 'https://ok.example/' } }, 'where it leads decides')
  t.match(await call('GET', '/b', undefined, { 'x-country': 'CH' }), { status: 410, body: { code: 'link_blocked' } })
  t.match(await call('GET', '/Word'), { status: 410, body: { code: 'link_blocked' } })
  t.strictSame(recorded.map(({ outcome }) => outcome), ['redirected', 'blocked', 'redirected', 'blocked', 'blocked'])
  t.match(await call('GET', '/a/qr'), { status: 410, body: { code: 'link_blocked' } })
  t.match(await call('POST', '/api/links', { url: 'https://BAD.example/' }), { status: 422, body: { errors: [{ pointer: '/url' }] } })
  t.match(await call('POST', '/api/links', { url: 'https://ok.example/', rules: [rule('https://ok.example/'), rule('https://bad.example/')] }),
    { status: 422, body: { errors: [{ pointer: '/rules/1/url' }] } })
  t.match(await call('POST', '/api/links', { url: 'https://ok.example/', slug: 'WORD' }), { status: 422, body: { errors: [{ pointer: '/slug' }] } })
  t.match(await call('PATCH', '/api/links/Word', { url: 'https://bad.example/' }, { 'if-match': '*' }), { status: 422, body: { errors: [{ pointer: '/url' }] } })
  const effectiveAt = new Date(Date.now() + 3_600_000).toISOString()
  t.match(await call('PATCH', '/api/links/Word', { url: 'https://bad.example/', effectiveAt }, { 'if-match': '*' }), { status: 422, body: { errors: [{ pointer: '/url' }] } },
    'nor scheduled')
  t.match(await call('PATCH', '/api/links/a', { title: 'later', effectiveAt }, { 'if-match': '*' }), { status: 200 })
  t.match(await call('PATCH', '/api/links/a', { title: 'still its own' }, { 'if-match': '*' }), { status: 200 }, 'what stood before may stand')
})

t.test('the file is read again when it changes; a bad one stops the start, and later changes nothing', async t => {
  const file = path.join(testdir(t), 'blocked.txt')
  const start = async () => {
    const app = Fastify()
    t.teardown(async () => await app.close())
    await app.register(blocklistPlugin, { file, everyMs: 5 })
    return app
  }
  await t.rejects(start(), { code: 'LINKLOG_BLOCKLIST', message: /BLOCKLIST_FILE=.*blocked\.txt.*ENOENT/ })
  await writeFile(file, 'not a host')
  await t.rejects(start(), { code: 'LINKLOG_BLOCKLIST', message: /line 1/ })
  await writeFile(file, 'one.example')
  const { blocklist } = await start()
  const replace = async (text: string) => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  t.ok(blocklist.blocksUrl('https://one.example/'))
  await replace('one.example\ntwo.example')
  await until('the new list', async () => blocklist.blocksUrl('https://two.example/'))
  await replace('this is broken\n'.repeat(3))
  t.ok(blocklist.blocksUrl('https://two.example/'))
  await replace('four.example\nfive.example\nsix.example')
  await until('the list after the broken one', async () => blocklist.blocksUrl('https://six.example/') && !blocklist.blocksUrl('https://two.example/'))
})

t.test('a file that is being written over is not taken until it lies still', async t => {
  const file = path.join(testdir(t), 'blocked.txt')
  await writeFile(file, 'one.example')
  const settled = new SettledFile(file, 50)
  t.equal(await settled.read(), 'one.example')
  t.equal(await settled.changed(), undefined, 'nothing has changed')
  await writeFile(file, '')
  t.equal(await settled.changed(), undefined, 'emptied: seen for the first time')
  await appendFile(file, 'one.exam')
  t.equal(await settled.changed(), undefined, 'half of it: another state')
  await appendFile(file, 'ple\ntwo.example')
  t.equal(await settled.changed(), undefined)
  t.equal(await settled.changed(), 'one.example\ntwo.example', 'the same twice')
  t.equal(await settled.changed(), undefined, 'given once')
  await writeFile(file, 'x'.repeat(51))
  await t.rejects(settled.changed(), { message: 'has 51 bytes, more than 50' })
  await rm(file)
  await t.rejects(settled.changed(), { code: 'ENOENT' })
  await writeFile(file, 'one.example')
  t.equal(await settled.changed(), undefined)
  t.equal(await settled.changed(), 'one.example', 'there again')
})
