// Schema evolution: a service of version 0.1, and after it, on the same log, one of today's. Nothing of the old is lost, what is new is there, and a
// writer that still uses the old schema goes on beside the new.
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import t from 'tap'
import { KsqlClient } from '../../gateway/ksqldb/client.js'
import { MigrationApplier } from '../../gateway/migrations/applier.js'
import { namesFor } from '../../gateway/topics.js'
import { until } from '../helpers/until.js'
import { linkEvent, prefixNow, produce, skipWithoutBuild, startService, stackOf, topicName, visit, visitsWhen } from './support.js'
import type { Service } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(600_000)

const root = fileURLToPath(new URL('../../', import.meta.url))
const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }
const subjects = ['link-events', 'visits']

/** What a start of 0.1 left on a stack: its topics, its schemas and its ten migrations. Today's gateway would want more, so it is made by hand. */
async function install01 ({ kafkaBrokers, registryUrl, ksqldbUrl }: Service, prefix: string, ksqlDir: string): Promise<void> {
  const admin = new Kafka({ clientId: 'e2e', brokers: [...kafkaBrokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: subjects.map((name) => ({ topic: topicName(prefix, name), numPartitions: 4, configEntries: [{ name: 'retention.ms', value: '-1' }] })) })
  await admin.disconnect()
  for (const name of subjects) {
    const schema = readFileSync(join(root, `test/fixtures/schemas/${name}-value.1.avsc`), 'utf8')
    const answer = await fetch(`${registryUrl}/subjects/${topicName(prefix, name)}-value/versions`, {
      method: 'POST', headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify({ schema })
    })
    if (!answer.ok) throw new Error(await answer.text())
  }
  mkdirSync(ksqlDir)
  for (const name of readdirSync(join(root, 'ksql'))) if (name < 'V000011') cpSync(join(root, 'ksql', name), join(ksqlDir, name))
  const ksqldb = new KsqlClient({ url: ksqldbUrl, pullTimeoutMs: 60_000 })
  await new MigrationApplier({
    ksqldb, names: namesFor(prefix), directory: ksqlDir, replicationFactor: 1, timeoutMs: 60_000, log: () => {}, now: Date.now, wait,
    alone: async task => await task(new AbortController().signal)
  }).apply()
  await ksqldb.close()
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
  const folder = testdir(t, { stack: {}, data: {} })
  const prefix = prefixNow()
  const linkEvents = topicName(prefix, 'link-events')
  const stack = await startService(t, { dataDir: join(folder, 'stack') })
  const before = Object.assign(Object.create(stack) as Service, { prefix })
  await install01(stack, prefix, join(folder, 'ksql'))
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

  const after = await startService(t, { env: stackOf(stack), dataDir: join(folder, 'data'), prefix })
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

  await t.test('a writer of the first schema goes on beside the new, and neither loses what the other wrote', async (t) => {
    const ahead = new Date(Date.now() + 3_600_000).toISOString()
    t.match(await after.call('PATCH', '/api/links/old', { url: 'https://example.com/later', effectiveAt: ahead }, { 'if-match': '"2"' }), { status: 200, body: { version: 3 } })
    await produce(after, linkEvents, [
      { key: 'old', value: linkEvent('https://example.com/2', { type: 'LinkEdited', base_version: 3, event_id: 'old-4', doc: { title: 'by 0.1' } }) },
      { key: 'old', value: linkEvent('https://example.com/0', { type: 'LinkEdited', base_version: 3, event_id: 'old-late-2' }) },
      { key: 'born-old', value: linkEvent('https://example.com/born', { type: 'LinkCreated', base_version: 0 }) }
    ], 1)
    const seen = await until('the event of the first schema', async () => {
      const { body } = await after.call('GET', '/api/links/old')
      return body.version === 4 && body
    })
    t.match(seen, { title: 'by 0.1', url: 'https://example.com/2', scheduled: [{ effectiveAt: ahead, changes: { url: 'https://example.com/later' } }] })
    t.match(await after.call('POST', '/api/links', { url: 'https://example.com/other', slug: 'born-old' }), { status: 409, body: { code: 'slug_taken' } })
    t.match(await after.call('POST', '/api/links/old/disable'), { status: 200, body: { version: 5, enabled: false, title: 'by 0.1', scheduled: [{ effectiveAt: ahead }] } })
    const { body } = await after.call('GET', '/api/links/old/revisions?includeRejected=true')
    t.strictSame(body.revisions.map(({ type }: { type: string }) => type), ['LinkCreated', 'LinkRetargeted', 'LinkEditScheduled', 'LinkEdited', 'LinkDisabled'])
    t.strictSame(body.rejected.map(({ eventId }: { eventId: string }) => eventId), ['old-late', 'old-late-2'])
  })
})
