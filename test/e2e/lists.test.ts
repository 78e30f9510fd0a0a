// Finding and listing links: every filter against the same question asked of a plain array, and pages that stay whole while links are added and changed.
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { linkEvent, produce, randomFrom, skipWithoutBuild, startService, topicName, visit } from './support.js'
import type { Service } from './support.js'
import { until } from '../helpers/until.js'

t.setTimeout(300_000)

const many = Number(process.env['LISTED_LINKS'] ?? 10_000)

interface Made { link: string, at: number, url: string, title: string | null, tags: string[], state: string }

const day = 86_400_000
const begin = Date.parse('2026-01-01T00:00:00Z')

/** A link made at an instant, as an event on the log. */
const created = (link: string, url: string, at: number, doc: object = {}) =>
  ({ key: link, value: { ...linkEvent(url, { type: 'LinkCreated', base_version: 0, event_id: randomUUID(), doc }), occurred_at: at } })

const pages = async (gateway: Service, query: string, between: (page: number) => Promise<void> = async () => {}): Promise<any[]> => {
  const links: any[] = []
  let cursor: string | null = null
  for (let page = 1; ; page++) {
    const { status, body, headers } = await gateway.call('GET', `/api/links?${query}${cursor === null ? '' : `&cursor=${cursor}`}`)
    if (status !== 200) throw new Error(JSON.stringify(body))
    links.push(...body.links)
    if ((body.next === null) !== (headers['link'] === undefined)) throw new Error('the Link header and next do not agree')
    if (body.next === null) return links
    cursor = body.next
    await between(page)
  }
}
const names = (links: any[]): string[] => links.map(({ link }) => link)

/** The links of a query once there are as many as expected. */
const listed = async (gateway: Service, query: string, count: number): Promise<string[]> => {
  let seen: string[] = []
  return await until(() => `${count} links of ${query}; seen: ${seen.join(' ')}`, async () => {
    seen = names(await pages(gateway, query))
    return seen.length === count && seen
  })
}

t.test('lists', { skip: skipWithoutBuild }, async t => {
  const gateway = await startService(t)
  const events = topicName(gateway.prefix, 'link-events')
  const visits = topicName(gateway.prefix, 'visits')
  const far = Date.now() + 30 * day

  const made: Made[] = [
    { link: 'apple', at: begin, url: 'https://fruit.example/apple', title: 'An APPLE a day', tags: ['fruit', 'red'], state: 'active' },
    { link: 'pear', at: begin + day, url: 'https://fruit.example:8443/pear?x=1', title: null, tags: ['fruit', 'green'], state: 'active' },
    { link: 'brick', at: begin + 2 * day, url: 'http://stone.example/', title: "O'Brien's 100% wall_", tags: ['red', 'a,b'], state: 'active' },
    { link: 'off', at: begin + 3 * day, url: 'https://stone.example/off', title: null, tags: [], state: 'disabled' },
    { link: 'gone', at: begin + 4 * day, url: 'https://stone.example/gone', title: null, tags: ['red'], state: 'deleted' },
    { link: 'over', at: begin + 5 * day, url: 'https://stone.example/over', title: null, tags: ['red'], state: 'expired' },
    { link: 'soon', at: begin + 6 * day, url: 'https://stone.example/soon', title: null, tags: ['green'], state: 'scheduled' },
    { link: 'used', at: begin + 7 * day, url: 'https://stone.example/used', title: null, tags: ['green'], state: 'exhausted' },
    { link: 'left', at: begin + 8 * day, url: 'https://stone.example/used', title: null, tags: ['green'], state: 'active' },
    { link: 'go.example/apple', at: begin + 8 * day, url: 'https://fruit.example/apple', title: null, tags: ['fruit'], state: 'active' }
  ]
  const documents: Record<string, object> = {
    disabled: { enabled: false },
    deleted: { deleted: true, enabled: false },
    expired: { valid_until: begin + 10 * day },
    scheduled: { valid_from: far },
    exhausted: { max_visits: 2 }
  }
  await produce(gateway, events, made.map(({ link, at, url, title, tags, state }) =>
    created(link, url, at, { title, tags, ...documents[state], ...(link === 'left' && { max_visits: 3 }) })))
  await produce(gateway, visits, [
    ...['used', 'used', 'left', 'left', 'apple', 'apple', 'apple', 'brick'].map(link => ({ key: link, value: visit('2026-02-01T00:00:00Z') })),
    { key: 'pear', value: visit('2026-02-01T00:00:00Z', { bot: true }) }
  ])
  const inOrder = (which: (one: Made) => boolean) =>
    made.filter(which).sort((a, b) => b.at - a.at || (a.link < b.link ? -1 : 1)).map(({ link }) => link)
  await listed(gateway, 'state=any', made.length)
  await until('the visits are counted', async () => (await gateway.call('GET', '/api/links?state=exhausted')).body.links.length === 1)

  await t.test('filters', async t => {
    const cases: Array<[query: string, which: (one: Made) => boolean]> = [
      ['', ({ state }) => state !== 'deleted'],
      ['state=any', () => true],
      ...['active', 'disabled', 'deleted', 'expired', 'scheduled', 'exhausted'].map((state): [string, (one: Made) => boolean] => [`state=${state}`, one => one.state === state]),
      ['state=active,exhausted,deleted', ({ state }) => ['active', 'exhausted', 'deleted'].includes(state)],
      ['tag=red', ({ tags, state }) => tags.includes('red') && state !== 'deleted'],
      ['tag=red,green', ({ tags, state }) => (tags.includes('red') || tags.includes('green')) && state !== 'deleted'],
      ['tag=red&tag=fruit&tagMode=all', ({ tags }) => tags.includes('red') && tags.includes('fruit')],
      ['tag=a%5C,b', ({ tags }) => tags.includes('a,b')],
      ['excludeTag=red,green&state=any', ({ tags }) => !tags.includes('red') && !tags.includes('green')],
      ['tag=fruit&excludeTag=red', ({ tags }) => tags.includes('fruit') && !tags.includes('red')],
      ['text=APPLE', ({ link, title, url }) => /apple/i.test(`${link} ${title ?? ''} ${url}`)],
      [`text=${encodeURIComponent("o'brien")}`, ({ link }) => link === 'brick'],
      [`text=${encodeURIComponent('100% wall_')}`, ({ link }) => link === 'brick'],
      ['text=%25', ({ link }) => link === 'brick'],
      ['domain=go.example', ({ link }) => link.startsWith('go.example/')],
      ['domain=default&text=apple', ({ link }) => link === 'apple'],
      ['targetHost=FRUIT.example', ({ url }) => new URL(url).hostname === 'fruit.example'],
      ['targetHost=ruit.example', () => false],
      [`createdFrom=${new Date(begin + day).toISOString()}&createdTo=${new Date(begin + 3 * day).toISOString()}`, ({ at }) => at >= begin + day && at < begin + 3 * day],
      ['url=HTTPS://stone.example/used', ({ url }) => url === 'https://stone.example/used'],
      ['url=https://stone.example/used&state=active', ({ link }) => link === 'left'],
      ['url=https://fruit.example/apple&domain=default', ({ link }) => link === 'apple'],
      ['url=https://nobody.example/', () => false]
    ]
    for (const [query, which] of cases) t.strictSame(names(await pages(gateway, query)), inOrder(which), query === '' ? '(none)' : query)
    const upwards = made.filter(({ state }) => state !== 'deleted').sort((a, b) => a.at - b.at || (a.link < b.link ? -1 : 1)).map(({ link }) => link)
    t.strictSame(names(await pages(gateway, 'order=asc&limit=3')), upwards)
  })

  await t.test('a link in a list is the link that is read', async t => {
    const [one] = (await gateway.call('GET', '/api/links?text=brien')).body.links
    t.strictSame(one, (await gateway.call('GET', '/api/links/brick')).body)
  })

  await t.test('by visits without bots, those without any by name', async t => {
    const counts = async (query: string) => (await pages(gateway, query)).map(({ link, visits }) => [link, visits])
    const down = [['apple', 3], ['left', 2], ['used', 2], ['brick', 1], ['go.example/apple', 0], ['off', 0], ['over', 0], ['pear', 0], ['soon', 0]]
    t.strictSame(await counts('sort=visits'), down)
    t.strictSame(await counts('sort=visits&limit=2'), down)
    t.strictSame(await counts('sort=visits&order=asc&limit=2'), [...down].sort((a, b) => Number(a[1]) - Number(b[1])), 'equal ones by name still')
    t.strictSame(await counts('sort=visits&tag=green'), [['left', 2], ['used', 2], ['pear', 0], ['soon', 0]])
    t.strictSame(await counts('sort=visits&state=active&limit=1'), [['apple', 3], ['left', 2], ['brick', 1], ['go.example/apple', 0], ['pear', 0]])
    t.strictSame(await counts('sort=visits&url=https://stone.example/used'), [['left', 2], ['used', 2]])
  })

  await t.test('a link that leads elsewhere now is found where it leads', async t => {
    await gateway.call('POST', '/api/links', { url: 'https://moved.example/from', slug: 'moved' })
    t.strictSame(await listed(gateway, 'url=https://moved.example/from', 1), ['moved'])
    t.equal((await gateway.call('PATCH', '/api/links/moved', { url: 'https://moved.example/to' }, { 'if-match': '*' })).status, 200)
    t.strictSame(await listed(gateway, 'url=https://moved.example/to', 1), ['moved'])
    t.strictSame(await listed(gateway, 'url=https://moved.example/from', 0), [])
    t.equal(names(await pages(gateway, 'sort=updated'))[0], 'moved')
  })

  await t.test('a scheduled edit holds once it is due', async t => {
    const names = ['url', 'title', 'tags', 'valid_from', 'valid_until', 'max_visits', 'redirect_status', 'forward_query', 'rules']
    const nothing = Object.fromEntries(names.map(name => [name, null]))
    const edit = (fields: string[], changes: object, from: number) =>
      ({ event_id: randomUUID(), valid_from: from, changes: { ...nothing, fields, ...changes } })
    const scheduled = [
      edit(['url', 'tags', 'title'], { url: 'https://due.example/first', tags: ['blue'] }, begin + day),
      edit(['url'], { url: 'https://due.example/second' }, begin + 2 * day),
      edit(['tags', 'valid_until'], { valid_until: begin + 3 * day }, far)
    ]
    const at = begin + 20 * day
    const doc = { title: 'A dated title', tags: ['yellow'] }
    await produce(gateway, events, [
      created('due', 'https://due.example/before', at, doc),
      { key: 'due', value: { ...linkEvent('https://due.example/before', { type: 'LinkEditScheduled', base_version: 1, doc }), scheduled } }
    ])
    for (const query of ['tag=blue', 'url=https://due.example/second', 'text=due.example/second', 'tag=blue&state=active', 'excludeTag=yellow&text=due.ex']) {
      t.strictSame(await listed(gateway, query, 1), ['due'], query)
    }
    for (const query of ['tag=yellow', 'url=https://due.example/before', 'url=https://due.example/first', 'text=dated']) {
      t.strictSame(await listed(gateway, query, 0), [], query)
    }
  })

  await t.test('more links to one URL than its row keeps', async t => {
    const url = 'https://popular.example/'
    await produce(gateway, events, Array.from({ length: 130 }, (_, index) => created(`popular-${String(index).padStart(3, '0')}`, url, begin + index)))
    const found = await listed(gateway, `url=${url}&order=asc`, 130)
    t.strictSame(found, Array.from({ length: 130 }, (_, index) => `popular-${String(index).padStart(3, '0')}`))
  })

  await t.test('what is no filter, or no cursor of this list', async t => {
    const first = (await gateway.call('GET', '/api/links?limit=1')).body.next
    const refused: Array<[query: string, pointer: string]> = [
      ['state=lost', 'state'], ['limit=0', 'limit'], ['limit=501', 'limit'], ['sort=name', 'sort'], ['tag=,', 'tag'], ['nope=1', 'nope'], ['createdFrom=yesterday', 'createdFrom'],
      [`cursor=${first}&limit=1&tag=red`, 'cursor'], [`cursor=${first}&order=asc`, 'cursor'], ['cursor=aGVsbG8', 'cursor'], ['cursor=%00', 'cursor'], ['targetHost=a%20b', 'targetHost']
    ]
    for (const [query, pointer] of refused) {
      t.match(await gateway.call('GET', `/api/links?${query}`), { status: 400, body: { code: 'invalid_request', errors: [{ pointer }] } }, query)
    }
    t.match(await gateway.call('GET', '/api/links?url=nonsense'), { status: 422, body: { code: 'validation_failed', errors: [{ pointer: 'url' }] } })
  })

  await t.test(`${many} links page by page, while links are added and changed`, async t => {
    const random = randomFrom(7)
    const stood = Array.from({ length: many }, (_, index) => ({ link: `many-${index}`, at: begin + 100 * day + Math.floor(random() * many / 2) }))
    for (let start = 0; start < many; start += 2_000) {
      await produce(gateway, events, stood.slice(start, start + 2_000).map(({ link, at }) => created(link, `https://many.example/${link}`, at, { tags: ['many'] })))
    }
    await until('they all stand', async () => (await gateway.call('GET', `/api/links/${stood[many - 1]?.link ?? ''}`)).status === 200, 120_000)
    await listed(gateway, 'tag=many&limit=500', many)
    const byAge = (a: { link: string, at: number }, b: { link: string, at: number }) => a.at - b.at || (a.link < b.link ? -1 : 1)
    let added = 0
    const add = async (page: number) => {
      await gateway.call('POST', '/api/links', { url: `https://many.example/added-${page}`, slug: `added-${added++}`, tags: ['many'] })
      await gateway.call('PATCH', `/api/links/many-${page}`, { title: `changed on page ${page}` }, { 'if-match': '*' })
    }
    const down = names(await pages(gateway, 'tag=many&limit=500', add))
    t.strictSame(down, [...stood].sort((a, b) => b.at - a.at || (a.link < b.link ? -1 : 1)).map(({ link }) => link), 'newest first: exactly those that stood, in order')
    t.ok(added >= many / 500 - 1)
    const up = names(await pages(gateway, 'tag=many&text=0&limit=500&order=asc', add))
    const old = stood.filter(({ link }) => link.includes('0')).sort(byAge).map(({ link }) => link)
    t.strictSame(up.filter(link => link.startsWith('many-')), old, 'oldest first: those that stood, then those that came')
    t.equal(new Set(up).size, up.length, 'nothing twice')
    t.ok(up.slice(old.length).every(link => link.startsWith('added-')))
    const updated = names(await pages(gateway, 'tag=many&text=0&limit=500&sort=updated', add))
    t.equal(new Set(updated).size, updated.length, 'last changed first: nothing twice')
    const upwards = new Set(names(await pages(gateway, 'tag=many&text=0&limit=500&sort=updated&order=asc', add)))
    t.strictSame(old.filter(link => !upwards.has(link)), [], 'last changed last: nothing left out')
  })
})
