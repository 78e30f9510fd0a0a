// Schema evolution: a service of version 0.1, and after it, on the same log, one of today's. Nothing of the old is lost, what is new is there, and a
// writer that still uses the old schema goes on beside the new.
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { newPrefix } from '../helpers/gateway-process.js'
import { until } from '../helpers/until.js'
import { linkEvent, produce, skipWithoutBuild, startService, topicName, visit, visitsWhen } from './support.js'
import type { Service } from './support.js'

t.setTimeout(600_000)

const root = fileURLToPath(new URL('../../', import.meta.url))
const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }

/** This package with the schemas and the ten migrations of 0.1. Its routes are today's, so only the log and ksqlDB can be asked. */
function packageOf01 (folder: string): string {
  mkdirSync(folder)
  for (const name of ['dist', 'ksql', 'schemas', 'package.json']) cpSync(join(root, name), join(folder, name), { recursive: true, dereference: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const name of readdirSync(join(folder, 'ksql'))) if (name > 'V000011') rmSync(join(folder, 'ksql', name))
  for (const name of ['link-events-value', 'visits-value']) cpSync(join(root, `test/fixtures/schemas/${name}.1.avsc`), join(folder, `schemas/${name}.avsc`))
  return folder
}

/** The rows of a pull query; `<name>` stands for what the stream or table is called under the service's prefix. */
async function pull (service: Service, sql: string): Promise<unknown[][]> {
  const prefix = service.prefix === '' ? '' : `${service.prefix.replaceAll('-', '_')}_`
  const response = await fetch(`${service.ksqldbUrl}/query-stream`, {
    method: 'POST', headers: { accept: 'application/json', 'content-type': 'application/json' }, body: JSON.stringify({ sql: sql.replace(/<(\w+)>/, `${prefix}$1`) })
  })
  if (!response.ok) throw new Error(await response.text())
  const [, ...rows] = await response.json() as [object, ...unknown[][]]
  return rows
}

t.test('an installation of 0.1', { skip: skipWithoutBuild }, async (t) => {
  const folder = t.testdir({ data: {} })
  const [dataDir, prefix] = [join(folder, 'data'), newPrefix()]
  const linkEvents = topicName(prefix, 'link-events')
  const before = await startService(t, { dataDir, prefix, root: packageOf01(join(folder, 'package')) })
  await produce(before, linkEvents, [
    { key: 'old', value: linkEvent('https://example.com/1', { type: 'LinkCreated', base_version: 0, event_id: 'old-1' }) },
    { key: 'old', value: linkEvent('https://example.com/2', { type: 'LinkRetargeted', base_version: 1, event_id: 'old-2', doc: { tags: ['kept'] } }) },
    { key: 'old', value: linkEvent('https://example.com/late', { type: 'LinkRetargeted', base_version: 1, event_id: 'old-late' }) },
    ...Array.from({ length: 100 }, (_, n) => ({ key: `many-${n}`, value: linkEvent(`https://example.com/many/${n}`, { type: 'LinkCreated', base_version: 0 }) }))
  ])
  await produce(before, topicName(prefix, 'visits'), Array.from({ length: 3 }, () => ({ key: 'old', value: visit(new Date().toISOString()) })))
  await until('the tables of 0.1', async () => (await pull(before, "SELECT link FROM <links> WHERE link = 'many-99';")).length === 1 &&
    (await pull(before, "SELECT total FROM <visits_by_link> WHERE link = 'old';"))[0]?.[0] === 3)
  await t.rejects(pull(before, "SELECT rule FROM <visits> WHERE link = 'old';"), { message: /RULE/ }, 'the earlier version has no such column')
  t.equal(await before.stop(), 0)

  const after = await startService(t, { dataDir, prefix })
  await t.test('its links stand, with their history', async (t) => {
    const read = await until('the history made again', async () => {
      const answer = await after.call('GET', '/api/links/old')
      return answer.body.version === 2 && answer
    })
    t.match(read.body, { version: 2, url: 'https://example.com/2', tags: ['kept'] })
    const { body } = await after.call('GET', '/api/links/old/revisions?includeRejected=true')
    t.match(body, { revisions: [{ version: 1, eventId: 'old-1' }, { version: 2, eventId: 'old-2' }], rejected: [{ eventId: 'old-late', versionThen: 2 }] })
    for (let n = 0; n < 100; n++) {
      const found = await until(`many-${n}`, async () => {
        const answer = await after.call('GET', `/many-${n}`)
        return answer.status === 302 && answer
      })
      t.equal(found.headers.location, `https://example.com/many/${n}`)
    }
  })

  await t.test('its visits stand, and visits gain a column while the tables count them', async (t) => {
    t.equal((await after.call('GET', '/old', undefined, agent)).status, 302)
    await produce(after, topicName(prefix, 'visits'), [{ key: 'old', value: visit(new Date().toISOString(), { rule: 2 }) }])
    await visitsWhen(after, 'old', 5)
    const rules = await until('the visits in the stream', async () => {
      const seen = await pull(after, "SELECT rule FROM <visits> WHERE link = 'old';")
      return seen.length >= 5 && seen.flat()
    })
    t.strictSame(rules.filter((rule) => rule !== null), [2])
    t.equal(rules.length, 5)
  })
})
