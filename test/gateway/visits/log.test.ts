// Pages of a link's visits against a plain sort of the log, and the recount against tables that are right, late, and wrong.
import { Partitioners } from 'kafkajs'
import t from 'tap'
import type { HourOffsets, LinkCounts } from '../../../gateway/queries/visit-tables.js'
import { VisitLog, type EventsCursor } from '../../../gateway/visits/log.js'
import { Verifier } from '../../../gateway/visits/verification.js'
import { randomFrom } from '../../helpers/random.js'
import { aVisit, MemoryVisitLog } from './memory-visit-log.js'

const hour = 3_600_000
const now = Date.UTC(2026, 5, 1)
const all = { from: 0, to: Date.UTC(9999, 0) }
const signal = new AbortController().signal

/** visits_by_link_hour, as ksql/ defines it. */
const tableOf = (log: MemoryVisitLog, partition: number) => ({
  asked: 0,
  async offsets (link: string, from: number, to: number): Promise<HourOffsets[]> {
    this.asked++
    const hours = new Map<number, number[]>()
    for (const [offset, record] of (log.records[partition] ?? []).entries()) {
      if (record?.key !== link || record.visit.outcome === 'not_found') continue
      const start = record.visit.visited_at - record.visit.visited_at % hour
      if (start >= from && start < to) hours.set(start, [...hours.get(start) ?? [], offset])
    }
    return [...hours]
      .map(([start, offsets]) => ({ start, records: offsets.length, first: offsets[0] as number, latest: offsets.slice(-64) }))
      .sort((a, b) => b.start - a.start)
  }
})

const partitionOf = (link: string, partitions: number): number => Partitioners.DefaultPartitioner()({
  topic: 'visits',
  partitionMetadata: Array.from({ length: partitions }, (_, partitionId) => ({ partitionErrorCode: 0, partitionId, leader: 0, replicas: [], isr: [] })),
  message: { key: link, value: null }
})

t.test('pages of any size hold every visit once, newest first', async t => {
  const random = randomFrom(3)
  const log = new MemoryVisitLog(3)
  log.fetchMax = 500
  const partition = partitionOf('a', 3)
  // one hour with 200 visits among 3,000 of others, some late, and sparse ones years back
  for (let n = 0; n < 3_200; n++) {
    const own = n % 16 === 0
    const at = now - (own && n % 5 === 0 ? 400 * 24 * hour * Math.floor(random() * 5) : 0) - Math.floor(random() * hour)
    log.append(partition, own ? 'a' : `other${n % 50}`, aVisit({ visit_id: `v${n}`, visited_at: at, outcome: n % 48 === 0 ? 'expired' : own && n % 112 === 0 ? 'not_found' : 'redirected' }))
    if (n % 10 === 0) log.control(partition)
  }
  const expected = (log.records[partition] ?? []).flatMap((record, offset) => record?.key === 'a' && record.visit.outcome !== 'not_found' ? [{ offset, ...record }] : [])
    .sort((a, b) => Math.floor(b.visit.visited_at / hour) - Math.floor(a.visit.visited_at / hour) || b.offset - a.offset)
    .map(({ visit }) => visit.visit_id)
  const visitLog = new VisitLog({ reader: log, decoder: log, tables: tableOf(log, partition), now: () => now })
  for (const limit of [1, 7, 64, 65, 1_000]) {
    const found: string[] = []
    let cursor: EventsCursor | undefined
    let pages = 0
    do {
      const page = await visitLog.page('a', all, limit, cursor, signal)
      t.ok(page.visits.length <= limit)
      found.push(...page.visits.map(({ visit }) => visit.visit_id))
      cursor = page.next
    } while (cursor !== undefined && ++pages < 1_000)
    t.strictSame(found, expected, `${limit} a page`)
  }
  const from = now - 900 * 24 * hour
  const within = await visitLog.page('a', { from, to: now - hour }, 1_000, undefined, signal)
  t.strictSame(new Set(within.visits.map(({ visit }) => visit.visit_id)), new Set((log.records[partition] ?? [])
    .flatMap(record => record?.key === 'a' && record.visit.outcome !== 'not_found' && record.visit.visited_at >= from && record.visit.visited_at < now - hour ? [record.visit.visit_id] : [])))
  t.strictSame(await visitLog.page('nobody', all, 10, undefined, signal), { visits: [], next: undefined })
})

t.test('a few visits among a million of others cost a few fetches', async t => {
  const log = new MemoryVisitLog(1)
  log.fetchMax = 1_000
  const others = { key: 'busy', visit: aVisit({ visited_at: now - 1_000 }) }
  for (let n = 0; n < 1_000_000; n++) log.records[0]?.push(n % 100_000 === 0 ? { key: 'a', visit: aVisit({ visited_at: now - 1_000, visit_id: `v${n}` }) } : others)
  const latest = Array.from({ length: 10 }, (_, n) => n * 100_000)
  const tables = { offsets: async () => [{ start: now - hour, records: 10, first: 0, latest }] }
  const visitLog = new VisitLog({ reader: log, decoder: log, tables, now: () => now })
  const { visits } = await visitLog.page('a', all, 10, undefined, signal)
  t.strictSame(visits.map(({ offset }) => offset), Array.from({ length: 10 }, (_, n) => (9 - n) * 100_000))
  t.equal(log.fetches, 10)
})

t.test('a page looks through so many records at most, and its cursor goes on', async t => {
  const log = new MemoryVisitLog(1)
  log.fetchMax = 5_000
  const others = { key: 'busy', visit: aVisit({ visited_at: now - 1_000 }) }
  for (let n = 0; n < 160_000; n++) log.records[0]?.push(n % 2_000 === 0 ? { key: 'a', visit: aVisit({ visited_at: now - 1_000 }) } : others)
  const visitLog = new VisitLog({ reader: log, decoder: log, tables: tableOf(log, 0), now: () => now })
  const sizes: number[] = []
  let cursor: EventsCursor | undefined
  do {
    const page = await visitLog.page('a', all, 1_000, cursor, signal)
    sizes.push(page.visits.length)
    cursor = page.next
  } while (cursor !== undefined && sizes.length < 10)
  t.equal(sizes.reduce((sum, size) => sum + size, 0), 80)
  t.ok((sizes[0] ?? 80) <= 64 + 25, 'the first page ends before the log does')
})

t.test('the recount', async t => {
  const log = new MemoryVisitLog(2)
  const partition = partitionOf('a', 2)
  const times = [5, 3, 9, 7].map(minutes => now - minutes * 60_000)
  for (const [n, at] of times.entries()) {
    log.append(partition, 'a', aVisit({ visited_at: at, bot: n === 1 }))
    log.append(partition, 'b', aVisit())
  }
  log.append(partition, 'a', aVisit({ outcome: 'expired' }))
  log.append(partition, 'a', aVisit({ outcome: 'not_found' }))
  const right: Record<string, LinkCounts> = {
    visits_by_link: { total: 4, withoutBots: 3, firstVisit: times[2] ?? 0, lastVisit: times[1] ?? 0 },
    visits_by_link_hour: { total: 4, withoutBots: 3, records: 5 }
  }
  const verify = async (answers: Array<Record<string, LinkCounts>>, timeoutMs = 5_000) => {
    const tables = { counted: async () => (answers.length > 1 ? answers.shift() : answers[0]) as Record<string, LinkCounts> }
    const visits = new VisitLog({ reader: log, decoder: log, tables: tableOf(log, partition), now: () => now })
    return await new Verifier({ log: visits, tables, ends: async () => await log.ends(), now: () => performance.now(), timeoutMs }).verify('a', signal)
  }
  t.match(await verify([right]), {
    complete: true,
    equal: true,
    differences: [],
    log: { partition, offset: 10, records: 5, total: 4, withoutBots: 3, firstVisit: times[2], lastVisit: times[1] }
  })
  t.match(await verify([{ ...right, visits_by_link_hour: { total: 3, withoutBots: 2, records: 4 } }, right]), { equal: true }, 'a table that is late is waited for')
  t.match(await verify([{ ...right, visits_by_link_hour: { total: 5, withoutBots: 3, records: 5 } }], 400), {
    complete: true, equal: false, differences: [{ table: 'visits_by_link_hour', field: 'total', log: 4, found: 5 }]
  })
  log.fetch = async () => await new Promise(resolve => { setTimeout(resolve, 50, new Map([[partition, { records: [], next: 1, end: 10 }]])) })
  t.match(await verify([right], 20), { complete: false, equal: null, tables: null })
})
