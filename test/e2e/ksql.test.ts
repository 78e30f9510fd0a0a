// Questions in ksql through the gateway: what an analyst sees, and what stays closed.
import t from 'tap'
import { until } from '../helpers/until.js'
import { skipWithoutBuild, startService, visitsWhen } from './support.js'

t.setTimeout(300_000)

const linesOf = (text: string): any[] => text.trim().split('\n').map(line => JSON.parse(line) as unknown)

t.test('questions in ksql', { skip: skipWithoutBuild }, async t => {
  const service = await startService(t)
  const ask = async (ksql: string, more: object = {}, headers: Record<string, string> = {}) => await service.call('POST', '/api/ksql', { ksql, ...more }, headers)
  for (const slug of ['one', 'two', 'three']) await service.call('POST', '/api/links', { url: `https://example.com/${slug}`, slug })
  for (let n = 0; n < 3; n++) await service.call('GET', '/two')
  await visitsWhen(service, 'two', 3)

  const byKey = await ask("SELECT link, total FROM visits_by_link WHERE link = 'two';")
  t.equal(byKey.status, 200)
  t.match(byKey.headers['content-type'], /^application\/x-ndjson/)
  t.strictSame(linesOf(byKey.text), [{ columnNames: ['LINK', 'TOTAL'], columnTypes: ['STRING', 'BIGINT'] }, ['two', 3], { rows: 1, more: false }])

  const all = await until('all links in the table', async () => {
    const lines = linesOf((await ask('SELECT link FROM links')).text)
    return lines.length === 5 && lines
  })
  t.strictSame(all.slice(1, -1).flat().sort(), ['one', 'three', 'two'])
  t.strictSame(all.at(-1), { rows: 3, more: false })
  t.strictSame(linesOf((await ask('SELECT link FROM links;', { limit: 2 })).text).at(-1), { rows: 2, more: true })

  const live = ask("SELECT link, outcome FROM visits WHERE link = 'three' EMIT CHANGES LIMIT 1;")
  let isOver = false
  live.then(() => { isOver = true }, () => { isOver = true })
  // a push query begins with what comes after it: visits go on until it has seen one
  await until('the push query to end', async () => {
    await service.call('GET', '/three')
    return isOver
  })
  t.strictSame(linesOf((await live).text).slice(1), [['three', 'redirected'], { rows: 1, more: false }])

  for (const ksql of ['SELECT * FROM api_keys;', 'SELECT * FROM webhook_events EMIT CHANGES;', 'DROP TABLE links;', 'SELECT nothing FROM links;', 'SELECT FROM links;']) {
    t.match(await ask(ksql), { status: 422, body: { code: 'validation_failed', errors: [{ pointer: '/ksql' }] } }, ksql)
  }
  t.equal((await ask('SELECT link FROM links;')).status, 200, 'and all is as it was')

  const admin = (await service.call('POST', '/api/keys', { name: 'admin', scopes: ['admin'] })).body
  const as = (key: string) => ({ authorization: `Bearer ${key}` })
  const make = async (body: object) => (await service.call('POST', '/api/keys', body, as(admin.key))).body.key as string
  const analyst = await make({ name: 'analyst', scopes: ['ksql:read'] })
  const reader = await make({ name: 'reader', scopes: ['links:read', 'visits:read'] })
  const restricted = await make({ name: 'part', scopes: ['ksql:read'], tags: ['mine'] })
  t.equal((await ask('SELECT link FROM links;', {}, as(analyst))).status, 200)
  t.match(await ask('SELECT link FROM links;', {}, as(reader)), { status: 403, body: { code: 'scope_missing' } })
  t.match(await ask('SELECT link FROM links;', {}, as(restricted)), { status: 403, body: { code: 'outside_restriction' } })
  t.equal((await ask('SELECT link FROM links;')).status, 401)
})
