// Sealing and erasing on a real broker: several sealers and erasers at once, and what is on the broker's disk afterwards.
import t from 'tap'
import { daysOf } from '../../../gateway/erasure/eraser.js'
import { dayOf, destroyed, KeyRing, pepperKey, rootKey } from '../../../gateway/erasure/key-ring.js'
import { decodeTree, encodeTree } from '../../../gateway/erasure/key-tree.js'
import { linkPath } from '../../../gateway/erasure/seal.js'
import { dueRecords } from '../../../gateway/erasure/upkeep.js'
import type { LogRecord } from '../../../gateway/log/log-reader.js'
import type { LoggedVisit } from '../../../gateway/visits/log.js'
import { presentVisit } from '../../../gateway/visits/present.js'
import { startBroker } from '../../embedded/broker/start.js'
import { aVisit } from '../visits/memory-visit-log.js'
import { anonymous, appendTo, dayMs, eraserOf, holding, makeTopics, never, recordsOf, ringOf, rootIn, rootsOf, sealerOf, today } from './support.js'

t.setTimeout(120_000)

t.test('gateways seal under roots of their own, and count a visitor by one token', async t => {
  const { kafka } = await startBroker(t)
  await makeTopics(kafka)
  const [a, b] = [await sealerOf(t, kafka), await sealerOf(t, kafka)]
  const [one, other] = await Promise.all([a('one', 'alice'), b('one', 'alice')])
  const [two, bob, tomorrow] = [await a('two', 'alice'), await b('two', 'bob'), await a('one', 'alice', today + dayMs)]
  const visits = [one, other, two, bob, tomorrow]
  t.equal(new Set([one, other, tomorrow].map(rootIn)).size, 3)
  t.equal(rootIn(two), rootIn(one))
  t.same([other.visit.visitor, two.visit.visitor], [one.visit.visitor, one.visit.visitor])
  t.equal(new Set([one, bob, tomorrow].map(({ visit }) => visit.visitor)).size, 3, 'another for another visitor, and another day')
  const ring = ringOf(t, kafka)
  t.match(presentVisit(one, ring), { erased: true }, 'not known yet is not told')
  await ring.refresh()
  t.same(visits.map(visit => ring.open(visit)), ['alice', 'alice', 'alice', 'bob', 'alice'])
  t.match(presentVisit(one, ring), { visitor: 'alice', referrer: 'news.example', browser: 'Firefox', erased: false })
})

t.test('a link\'s visits, or a visitor\'s, of the days that were asked for', async t => {
  const { kafka } = await startBroker(t)
  await makeTopics(kafka)
  const seal = await sealerOf(t, kafka)
  const visits = [
    await seal('one', 'alice'), await seal('one', 'bob'), await seal('two', 'alice'), await seal('one', 'alice', today - dayMs), await seal('two', 'bob', today - dayMs),
    { link: 'one', partition: 0, offset: 0, visit: aVisit({ visited_at: today, visitor: 'alice' }) }
  ]
  const ring = ringOf(t, kafka)
  const opened = async () => {
    await ring.refresh()
    return visits.map(visit => ring.open(visit) ?? '')
  }
  const eraser = eraserOf(t, kafka, visits)
  t.match(await eraser.link('one', daysOf(today + 5, today + 6), anonymous, never), {
    type: 'LinkVisitsErased', visits: 2, links: 1, unsealed: 1, from: today, to: today + dayMs
  })
  t.same(await opened(), ['', '', 'alice', 'alice', 'bob', ''])
  t.match(await eraser.visitor(id => id === 'alice', daysOf(0, today + 1), anonymous, never), { type: 'VisitorErased', visits: 2, links: 2, unsealed: 1 })
  t.same(await opened(), ['', '', '', '', 'bob', ''], 'and nobody who came to the same link')
  t.match(presentVisit(visits[0] as LoggedVisit, ring), { visitor: null, referrer: null, browser: null, os: null, device: null, erased: true, bot: false, outcome: 'redirected' })
  t.match(presentVisit(visits[5] as LoggedVisit, ring), { visitor: 'alice', erased: false }, 'what was never sealed stands')
  visits.push(await seal('one', 'alice'))
  t.equal((await opened()).at(-1), 'alice', 'what comes later has a key of its own')
})

t.test('trees for which there is no room are read again where they lie', async t => {
  const { kafka } = await startBroker(t)
  await makeTopics(kafka)
  const visits: LoggedVisit[] = []
  for (const who of ['alice', 'bob', 'carol']) {
    const seal = await sealerOf(t, kafka) // another gateway for each, with a root of its own
    visits.push(await seal('one', who), await seal('two', who))
  }
  await eraserOf(t, kafka, visits).link('one', daysOf(0, today + 1), anonymous, never)
  const ring = ringOf(t, kafka, 2_000) // one of the three
  await ring.refresh()
  const left = [undefined, 'alice', undefined, 'bob', undefined, 'carol']
  t.same(visits.map(visit => ring.open(visit)).filter(one => one !== undefined).length, 1, 'what is not held is not told')
  for (let round = 0; round < 2; round++) {
    for (const [index, visit] of visits.entries()) {
      await ring.holdFor(visit)
      t.equal(ring.open(visit), left[index])
    }
  }
  await eraserOf(t, kafka, visits, ringOf(t, kafka, 1)).link('two', daysOf(0, today + 1), anonymous, never)
  for (const visit of visits) {
    await ring.holdFor(visit)
    if (visit === visits[0]) await ring.refresh()
    t.equal(ring.open(visit), undefined, 'an erasure by a gateway without room')
  }
})

t.test('two who erase at once take nothing back from each other', async t => {
  const { kafka } = await startBroker(t)
  await makeTopics(kafka)
  const seal = await sealerOf(t, kafka)
  const links = Array.from({ length: 12 }, (_, n) => `link-${n}`)
  const visits: LoggedVisit[] = []
  for (const link of [...links, 'kept']) visits.push(await seal(link, 'alice'))
  t.equal(new Set(visits.map(rootIn)).size, 1)
  const erasers = Array.from({ length: 4 }, () => eraserOf(t, kafka, visits))
  await Promise.all(erasers.map(async (eraser, n) => {
    for (const link of links.filter((_, index) => index % 4 === n)) {
      for (let done = false; !done;) {
        // who was overtaken too often is refused, and asks again as a client would
        done = await eraser.link(link, daysOf(0, today + 1), anonymous, never).then(() => true, (error: { code?: string }) => {
          if (error.code !== 'unavailable') throw error
          return false
        })
      }
    }
  }))
  const ring = ringOf(t, kafka)
  await ring.refresh()
  t.same(visits.flatMap(visit => ring.open(visit) === undefined ? [] : [visit.link]), ['kept'])
})

t.test('the bytes of a destroyed key are in no file of the broker once its log is compacted', async t => {
  let clock = Date.now()
  const { broker, dataDir, kafka } = await startBroker(t, { clock: () => clock })
  await makeTopics(kafka)
  const seal = await sealerOf(t, kafka)
  const visits = [await seal('one', 'alice'), await seal('two', 'alice')]
  const first = await rootsOf(kafka, rootIn(visits[0] as LoggedVisit))
  const secret = decodeTree(first.at(-1)?.value as Buffer).get('') as Buffer
  const pepperRecord = (await recordsOf(kafka)).find(({ key }) => key.startsWith('pepper/')) as LogRecord
  t.equal((await holding(dataDir, secret)).length, 1, 'it is there, as long as it is needed')

  const append = await appendTo(t, kafka)
  await eraserOf(t, kafka, visits).link('one', daysOf(0, today + 1), anonymous, never)
  await append(pepperRecord.key, destroyed)
  await broker.cleanUp()
  t.equal((await holding(dataDir, secret)).length, 1, 'the active segment is left alone until its time')
  clock += 61_000
  await broker.cleanUp()
  t.same(await holding(dataDir, secret), [])
  t.same(await holding(dataDir, pepperRecord.value as Buffer), [])
  const left = (await rootsOf(kafka, rootIn(visits[0] as LoggedVisit)))
  t.equal(left.length, 1)
  t.notOk([...decodeTree(left[0]?.value as Buffer).keys()].some(path => linkPath('one').startsWith(path)))
  const ring = ringOf(t, kafka)
  await ring.refresh()
  t.same(visits.map(visit => ring.open(visit)), [undefined, 'alice'], 'who reads it from the beginning opens what is left')
})

t.test('of several peppers of a day the first counts, until it is destroyed', async t => {
  const ring = (records: ReadonlyArray<readonly [string, Buffer]>) => new KeyRing({
    reader: {
      ends: async () => new Map([[0, records.length + 3]]),
      fetch: async positions => {
        const at = positions.get(0) as number
        const found = records.slice(at).map(([key, value], n) => ({ partition: 0, offset: at + n, timestamp: 1_000 + n, key, value }))
        return new Map([[0, { records: found, next: Math.max(at, records.length), end: records.length + 3 }]])
      }
    },
    treeBytesMax: 1_000,
    onUnreadable: ({ key }) => unreadable.push(key)
  })
  const unreadable: string[] = []
  const [a, b] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const day = dayOf(today)
  const both = ring([[pepperKey(day, 'b'), b], [pepperKey(day, 'a'), a], ['tick', Buffer.from('1')]])
  await both.refresh()
  t.same(both.pepper(day), b)
  t.same(both.peppersBefore(day + 1), [pepperKey(day, 'b'), pepperKey(day, 'a')])
  t.same(both.peppersBefore(day), [])
  const one = ring([[pepperKey(day, 'b'), b], [pepperKey(day, 'a'), a], [pepperKey(day, 'b'), destroyed]])
  await one.refresh()
  t.same(one.pepper(day), a)
  t.equal(one.overwrittenAt, 1_002)
  const wrong = ring([['root/nonsense/1', b], [rootKey(day, '1'), Buffer.of(9)], [rootKey(day, '2'), encodeTree(new Map([['', a]]))]])
  await wrong.refresh()
  t.same(unreadable, ['root/nonsense/1', rootKey(day, '1')], 'what is no key is told of, and passed over')
  t.ok(wrong.root('2')?.isWhole)
})

t.test('by the clock: peppers go a day after their day, and a tick comes where what was written over waits', async t => {
  const noon = today + dayMs / 2
  const ringAt = (overwrittenAt: number, writtenAt: number) => ({ overwrittenAt, writtenAt, peppersBefore: (day: number) => [`before ${day}`] })
  const due = (overwrittenAt: number, writtenAt: number) => dueRecords(ringAt(overwrittenAt, writtenAt), noon).map(({ key, value }) => [key, value.length > 0])
  const pepper = [`before ${noon / dayMs - 0.5 - 1}`, false]
  t.same(due(0, noon - 90_000), [pepper], 'nothing was written over')
  t.same(due(noon - 59_000, noon - 59_000), [pepper], 'its segment may still be written to')
  t.same(due(noon - 61_000, noon - 61_000), [pepper, ['tick', true]])
  t.same(due(noon - 90_000, noon - 10_000), [pepper], 'something came behind it')
})
