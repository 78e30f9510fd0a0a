import t from 'tap'
import { TargetCache, type TargetCacheOptions } from '../../../gateway/links/target-cache.js'
import type { Target } from '../../../gateway/queries/links.js'
import { until } from '../../helpers/until.js'

const target = (link: string, version: number): Target => ({
  link, version, url: `https://example.com/${version}`, enabled: true, deleted: false, validFrom: null, validUntil: null, maxVisits: null, redirectStatus: 302,
  forwardQuery: false, rules: [], scheduled: []
})

/** A load by a promise, as the cache takes it. */
const told = (load: (link: string) => Promise<Target | undefined>): TargetCacheOptions['load'] => (link, { resolve, reject }) => {
  load(link).then(resolve, reject)
}

const make = ({ max = 10, staleMs = 100, patienceMs = 1_000 } = {}) => {
  const stored = new Map<string, Target>()
  const clock = { now: 0 }
  const loads: string[] = []
  let hold: Promise<void> | undefined
  const cache = new TargetCache({
    load: told(async link => {
      loads.push(link)
      const seen = stored.get(link)
      await hold
      return seen
    }),
    max,
    staleMs,
    patienceMs,
    now: () => clock.now,
    date: () => clock.now
  })
  return { cache, stored, clock, loads, hold: (until: Promise<void> | undefined) => { hold = until } }
}

t.test('requests for one link share one load; unknown links are remembered too', async t => {
  const { cache, stored, loads } = make()
  stored.set('a', target('a', 1))
  const got = await Promise.all([cache.get('a'), cache.get('a'), cache.get('none'), cache.get('none')])
  t.strictSame(got.map(one => one?.version ?? null), [1, 1, null, null])
  t.equal((await cache.get('a'))?.version, 1)
  t.equal(cache.peek('none'), null)
  t.strictSame(loads, ['a', 'none'])
})

t.test('a redirect counts as one hit or one miss, though it then waits for the link', async t => {
  const { cache, stored } = make()
  stored.set('a', target('a', 1))
  t.equal(cache.peek('a'), undefined)
  await cache.get('a')
  t.ok(cache.peek('a'))
  await cache.get('a')
  t.strictSame([cache.hits, cache.misses], [1, 1])
})

t.test('without the feed an entry is believed briefly; with it, as long as changes would be seen', async t => {
  const { cache, stored, clock, loads } = make()
  stored.set('a', target('a', 1))
  await cache.get('a')
  clock.now = 99
  t.ok(cache.peek('a'))
  clock.now = 100
  t.equal(cache.peek('a'), undefined)
  cache.setFeed(true)
  clock.now = 6_000 // the feed has settled
  await cache.get('a')
  clock.now = 200_000
  t.ok(cache.peek('a'))
  cache.setFeed(false)
  t.equal(cache.peek('a'), undefined, 'the feed is down: what is old is not believed')
  clock.now = 200_001
  cache.setFeed(true)
  t.equal(cache.peek('a'), undefined, 'nor what was read before it came back')
  clock.now = 210_000
  await cache.get('a')
  clock.now = 510_001
  t.equal(cache.peek('a'), undefined, 'and nothing for ever')
  t.equal(loads.length, 3)
})

t.test('a change replaces what is held, unknown ones too, and an older one does not', async t => {
  const { cache, stored } = make()
  stored.set('a', target('a', 2))
  await cache.get('a')
  await cache.get('new')
  cache.changed(target('a', 3))
  cache.changed(target('a', 1))
  cache.changed(target('new', 1))
  t.equal(cache.peek('a')?.version, 3)
  t.equal(cache.peek('new')?.version, 1)
  cache.changed(target('not held', 1))
  t.equal(cache.size, 2, 'a change of what nobody asked for is not kept')
})

t.test('a change that arrives while the link is read is not overwritten by what was read', async t => {
  const { cache, hold } = make()
  let go = () => {}
  hold(new Promise<void>(resolve => { go = resolve }))
  const reading = cache.get('a') // it reads: unknown
  cache.changed(target('a', 1))
  go()
  t.equal((await reading)?.version, 1)
  t.equal(cache.peek('a')?.version, 1)
})

t.test('a link that is held is answered though a restoring table does not have it yet; one that is not held is soon asked for again', async t => {
  const { cache, stored, clock } = make()
  stored.set('a', target('a', 1))
  await cache.get('a')
  stored.clear() // ksqlDB was started anew, and answers before its tables are restored
  clock.now = 200
  t.equal((await cache.get('a'))?.version, 1)
  cache.setFeed(true)
  clock.now = 20_000
  t.equal(await cache.get('b'), null)
  stored.set('b', target('b', 1))
  clock.now = 20_100
  t.equal((await cache.get('b'))?.version, 1)
})

t.test('memory is bounded, and what was not asked for longest goes first', async t => {
  const { cache, stored } = make({ max: 3, staleMs: 1_000 })
  for (const link of ['a', 'b', 'c', 'd']) stored.set(link, target(link, 1))
  for (const link of ['a', 'b', 'c']) await cache.get(link)
  cache.peek('a')
  await cache.get('d')
  t.equal(cache.size, 3)
  t.equal(cache.peek('b'), undefined)
  t.ok(cache.peek('a'))
})

t.test('a failed load is not remembered', async t => {
  let fail = true
  const cache = new TargetCache({
    load: told(async link => {
      if (fail) throw new Error('down')
      return target(link, 1)
    }),
    max: 3, staleMs: 1_000, patienceMs: 1_000, now: () => 0, date: Date.now
  })
  await t.rejects(cache.get('a'), { message: 'down' })
  fail = false
  t.equal((await cache.get('a'))?.version, 1)
})

t.test('while the views are away, what is held is taken: at once where they refuse, soon where they do not answer', async t => {
  let answer: () => Promise<Target | undefined> = async () => target('a', 1)
  const clock = { now: 0 }
  const cache = new TargetCache({ load: told(async () => await answer()), max: 3, staleMs: 100, patienceMs: 20, now: () => clock.now, date: Date.now })
  await cache.get('a')
  clock.now = 1_000
  answer = async () => { throw new Error('refused') }
  t.equal((await cache.get('a'))?.version, 1)
  let late: (target: Target) => void = () => {}
  answer = async () => await new Promise(resolve => { late = resolve })
  t.equal((await cache.get('a'))?.version, 1, 'after the patience')
  clock.now = 1_020
  t.equal((await cache.get('a'))?.version, 1, 'a second one does not wait again')
  late(target('a', 2))
  await until('the late answer', async () => cache.peek('a') !== undefined && cache.peek('a')?.version === 2)
  answer = async () => { throw new Error('refused') }
  await t.rejects(cache.get('unknown'), { message: 'refused' }, 'what is not held cannot be taken')
})
