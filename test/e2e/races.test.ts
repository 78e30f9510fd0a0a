// Races: the order of the log decides, one wins, and the history says why the others did not.
import t from 'tap'
import { topicName, skipWithoutBuild, startService, linkEvent, produce } from './support.js'
import { readTopic } from '../helpers/recount.js'
import { until } from '../helpers/until.js'

t.setTimeout(300_000)

const countBy = <T>(items: readonly T[]): Map<T, number> => {
  const counts = new Map<T, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}

t.test('races', { skip: skipWithoutBuild }, async (t) => {
  const gateway = await startService(t)

  await t.test('200 creates of one slug at once: one 201, 199 times 409', async (t) => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => gateway.call('POST', '/api/links', { url: `https://example.com/race/${n}`, slug: 'race' })))
    const statuses = countBy(answers.map(({ status }) => status))
    t.equal(statuses.get(201), 1)
    t.equal(statuses.get(409), 199)
    t.ok(answers.every(({ status, body }) => status === 201 || body.code === 'slug_taken'))
    const winner = answers.find(({ status }) => status === 201)
    t.equal((await gateway.call('GET', '/race')).headers.location, winner?.body.url)
    const { revisions } = (await gateway.call('GET', '/api/links/race/revisions')).body
    t.match(revisions, [{ version: 1, url: winner?.body.url }])
    t.equal(revisions.length, 1)
  })

  await t.test('50 edits with one ETag at once: one 200, 49 times 412', async (t) => {
    await gateway.call('POST', '/api/links', { url: 'https://example.com/edit', slug: 'edit-race' })
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) =>
      gateway.call('PATCH', '/api/links/edit-race', { url: `https://example.com/edit/${n}` }, { 'if-match': '"1"' })))
    const statuses = countBy(answers.map(({ status }) => status))
    t.equal(statuses.get(200), 1)
    t.equal(statuses.get(412), 49)
    const winner = answers.find(({ status }) => status === 200)
    t.match((await gateway.call('GET', '/api/links/edit-race')).body, { version: 2, url: winner?.body.url })
  })

  await t.test('losers on the log: the history keeps them and says why they lost', async (t) => {
    // The gateway asks before it writes, so most losers never reach the log. A foreign writer does not ask.
    const url = 'https://example.com/foreign'
    await produce(gateway, topicName(gateway.prefix, 'link-events'), [
      { key: 'foreign', value: linkEvent(url, { type: 'LinkCreated', base_version: 0, event_id: 'winner' }) },
      { key: 'foreign', value: linkEvent('https://example.com/late', { type: 'LinkCreated', base_version: 0, event_id: 'late' }) },
      { key: 'foreign', value: linkEvent('https://example.com/ahead', { type: 'LinkRetargeted', base_version: 5, event_id: 'ahead' }) },
      { key: 'foreign', value: linkEvent('https://example.com/second', { type: 'LinkRetargeted', base_version: 1, event_id: 'second' }) }
    ])
    const history = await until('the second revision', async () => {
      const { body } = await gateway.call('GET', '/api/links/foreign/revisions?includeRejected=true')
      return body.revisions?.length === 2 && body
    })
    t.match(history.revisions, [{ version: 1, eventId: 'winner', url }, { version: 2, eventId: 'second', url: 'https://example.com/second' }])
    t.match(history.rejected, [{ eventId: 'late' }, { eventId: 'ahead' }], 'in the order of the log')
    t.match(JSON.stringify(history.rejected[0]), /winner/, 'it names the event that came first')
    t.match((await gateway.call('GET', '/api/links/foreign')).body, { version: 2, url: 'https://example.com/second' })
    const redirected = await until('the redirect to follow', async () => {
      const { headers } = await gateway.call('GET', '/foreign')
      return headers.location === 'https://example.com/second'
    })
    t.ok(redirected)
  })

  await t.test('different links at once do not wait for each other, and each stands', async (t) => {
    const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => gateway.call('POST', '/api/links', { url: 'https://example.com/many', slug: `many-${n}` })))
    t.strictSame(countBy(answers.map(({ status }) => status)), new Map([[201, 300]]))
    const events = await readTopic<{ type: string }>(gateway, topicName(gateway.prefix, 'link-events'))
    const keys = countBy(events.map(({ key }) => key).filter((key) => key?.startsWith('many-')))
    t.equal(keys.size, 300)
    t.ok([...keys.values()].every((count) => count === 1), 'one event each on the log')
  })
})
