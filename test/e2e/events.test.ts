// The feed of changes against the topic itself, which is read here by a foreign client: pages, the stream, and going on where one stopped.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { request } from 'undici'
import { linkEvent, produce, skipWithoutBuild, startService, topicName } from './support.js'
import { until } from '../helpers/until.js'

t.setTimeout(300_000)

interface Told { readonly id: string, readonly link: string, readonly version: number, readonly type: string }

/** Reads the stream until `enough`; gives the events and the last id. */
const listen = async (url: string, headers: Record<string, string>, enough: (events: Told[]) => boolean): Promise<{ events: Told[], lastId: string }> => {
  const stop = new AbortController()
  const response = await request(url, { headers: { accept: 'text/event-stream', ...headers }, signal: stop.signal, bodyTimeout: 60_000 })
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${await response.body.text()}`)
  const events: Told[] = []
  let [lastId, rest] = ['', '']
  try {
    for await (const chunk of response.body) {
      rest += String(chunk)
      const blocks = rest.split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
        lastId = field('id') ?? lastId
        const data = field('data')
        if (data !== undefined) events.push(JSON.parse(data) as Told)
        if (enough(events)) return { events, lastId }
      }
    }
  } finally {
    stop.abort()
  }
  throw new Error('the stream ended')
}

const pages = async (gateway: { call: any }, query: string): Promise<{ events: Told[], next: string }> => {
  const events: Told[] = []
  for (let after = 'start'; ;) {
    const { status, body } = await gateway.call('GET', `/api/events?after=${after}&${query}`)
    if (status !== 200) throw new Error(JSON.stringify(body))
    events.push(...body.events)
    after = body.next
    if (body.more === false) return { events, next: after }
  }
}

t.test('the feed of changes', { skip: skipWithoutBuild }, async t => {
  const gateway = await startService(t, { env: { STOP_TIMEOUT_MS: '600000' } }) // whoever it waited for, it would wait for beyond the end of this test
  const topic = topicName(gateway.prefix, 'link-events')
  for (let n = 0; n < 30; n++) await gateway.call('POST', '/api/links', { url: `https://example.com/${n}`, slug: `feed-${n}`, tags: [n % 3 === 0 ? 'third' : 'other'] })
  for (let n = 0; n < 10; n++) await gateway.call('PATCH', `/api/links/feed-${n}`, { title: 'again' }, { 'if-match': '"1"' })
  await produce(gateway, topic, [
    { key: 'feed-0', value: linkEvent('https://example.com/late', { type: 'LinkRetargeted', base_version: 1, event_id: 'late' }) },
    { key: 'feed-0', value: linkEvent('https://example.com/third', { type: 'LinkRetargeted', base_version: 2, event_id: 'third' }) }
  ])
  const expected = [
    ...Array.from({ length: 30 }, (_, n) => `feed-${n}@1`), ...Array.from({ length: 10 }, (_, n) => `feed-${n}@2`), 'feed-0@3'
  ].sort()
  const names = (events: readonly Told[]) => events.map(({ link, version }) => `${link}@${version}`)

  await t.test('pages tell every accepted event once, in order, and no loser', async t => {
    for (const limit of [7, 1000]) {
      const { events } = await pages(gateway, `limit=${limit}`)
      t.strictSame(names(events).sort(), expected)
      t.strictSame(names(events.filter(({ link }) => link === 'feed-0')), ['feed-0@1', 'feed-0@2', 'feed-0@3'])
      t.notOk(events.some(({ id }) => id === 'late'))
    }
    t.equal((await pages(gateway, 'tag=third&type=LinkCreated')).events.length, 10)
    t.strictSame(names((await pages(gateway, 'link=feed-3')).events), ['feed-3@1', 'feed-3@2'])
    t.match(await gateway.call('GET', '/api/events?type=Nonsense'), { status: 400 })
    t.match(await gateway.call('GET', '/api/events?after=999999'), { status: 400, body: { errors: [{ pointer: 'after' }] } })
  })

  await t.test('a stream begins where it is told to, and goes on behind Last-Event-ID', async t => {
    const first = await listen(`${gateway.url}/api/events?after=start`, {}, events => events.length === 15)
    const second = await listen(`${gateway.url}/api/events`, { 'last-event-id': first.lastId }, events => events.length === expected.length - 15)
    t.strictSame(names([...first.events, ...second.events]).sort(), expected)
  })

  await t.test('changes come as they happen, to many listeners and to another gateway', async t => {
    const two = await startService(t, {
      prefix: gateway.prefix,
      env: { KAFKA_BROKERS: gateway.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: gateway.registryUrl, KSQLDB_URL: gateway.ksqldbUrl }
    })
    const { next } = await pages(gateway, 'limit=1000')
    const tag = randomUUID().slice(0, 8)
    const listening = Array.from({ length: 100 }, async (_, n) =>
      await listen(`${(n % 2 === 0 ? gateway : two).url}/api/events?after=${next}&tag=${tag}`, {}, events => events.length === 5))
    for (let n = 0; n < 5; n++) await gateway.call('POST', '/api/links', { url: `https://example.com/live/${n}`, slug: `live-${n}`, tags: [tag] })
    for (const { events } of await Promise.all(listening)) t.strictSame(names(events).sort(), Array.from({ length: 5 }, (_, n) => `live-${n}@1`))
  })

  await t.test('a service that stops does not wait for its listeners, nor for one that has connected and asked nothing yet', async t => {
    const early = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    early.on('error', () => {})
    t.teardown(() => { early.destroy() })
    await once(early, 'connect')
    const listening = listen(`${gateway.url}/api/events`, {}, () => false).catch(() => 'ended')
    await until('the listener', async () => (await gateway.call('GET', '/healthz')).status === 200)
    t.equal(await gateway.stop(), 0)
    t.equal(await listening, 'ended')
  })
})
