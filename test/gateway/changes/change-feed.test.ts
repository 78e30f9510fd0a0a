// The feed on a log in a few plain lines: pages from anywhere, the shared end, and which events count.
import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { versionOf } from '../../../gateway/changes/acceptance.js'
import { behind, ChangeFeed } from '../../../gateway/changes/change-feed.js'
import { matches } from '../../../gateway/changes/change.js'
import { formatPosition, parsePosition, type Position } from '../../../gateway/changes/position.js'
import { Undecodable } from '../../../gateway/events/decoder.js'
import type { LinkEvent } from '../../../gateway/events/link-event.js'
import type { LogReader, LogRecord } from '../../../gateway/log/log-reader.js'

const partitions = 2

class FakeLog extends EventEmitter {
  readonly records: LogRecord[][] = [[], []]
  fetches = 0
  /** How many records of each link the view has taken in; all, where it is not said. */
  seen = Infinity

  append (partition: number, key: string, id: string, base: number): void {
    const value = Buffer.from(JSON.stringify({ event_id: id, base_version: base, type: 'LinkEdited', doc: { tags: [] } }))
    this.records[partition]?.push({ partition, offset: this.records[partition].length, timestamp: this.#count++, key, value })
    this.emit('appended')
  }

  #count = 0

  reader (waits: boolean): LogReader {
    return {
      partitions: async () => [0, 1],
      fetch: async (positions: ReadonlyMap<number, number>, waitMs: number) => {
        this.fetches++
        const look = () => new Map([...positions].map(([partition, from]) => {
          const all = this.records[partition] as LogRecord[]
          return [partition, { records: all.slice(from), next: all.length, end: all.length }]
        }))
        if (waits && ![...look().values()].some(({ records }) => records.length > 0)) {
          await Promise.race([once(this, 'appended'), new Promise(resolve => setTimeout(resolve, waitMs))])
        }
        return look()
      },
      close: async () => {}
    } as unknown as LogReader
  }

  async decisions (links: readonly string[]) {
    return new Map(links.map(link => {
      const own = this.records.flat().filter(({ key, value }) => key === link && value?.[0] === 123).slice(0, this.seen)
      const events = own.map(({ value }) => JSON.parse(String(value)) as LinkEvent)
      const accepted: string[] = []
      for (const { event_id: id, base_version: base } of events) if (base === accepted.length) accepted.push(id)
      return [link, { accepted, seen: events.map(({ event_id: id }) => id) }]
    }))
  }

  feed (): ChangeFeed {
    return new ChangeFeed({
      reader: this.reader(false),
      follower: this.reader(true),
      decoder: {
        decode: async bytes => {
          if (bytes[0] !== 123) throw new Undecodable('no')
          return JSON.parse(String(bytes)) as LinkEvent
        }
      },
      ends: async () => new Map(this.records.map((records, partition) => [partition, records.length])),
      decisions: async links => await this.decisions(links),
      patienceMs: 200,
      onError: error => { throw error }
    })
  }
}

const signal = new AbortController().signal
const start: Position = Array.from({ length: partitions }, () => 0)

t.test('pages of any size tell the same: accepted events, in the order of the log for each link', async t => {
  const log = new FakeLog()
  for (let n = 0; n < 20; n++) {
    log.append(0, 'a', `a${n}`, n)
    log.append(1, 'b', `b${n}`, n)
    log.append(0, 'a', `late${n}`, n)
  }
  log.records[1]?.splice(3, 0, { ...log.records[1][3] as LogRecord, value: Buffer.from('junk') })
  log.records[1] = (log.records[1] as LogRecord[]).map((record, offset) => ({ ...record, offset }))
  for (const limit of [1, 3, 7, 1_000]) {
    const seen: string[] = []
    for (let position = start, more = true; more;) {
      const page = await log.feed().page(position, limit, signal)
      t.ok(page.entries.length <= limit)
      for (const { change } of page.entries) if (change !== undefined) seen.push(`${change.event.event_id}@${change.version}`)
      position = page.next
      more = page.more
    }
    for (const link of ['a', 'b']) {
      t.strictSame(seen.filter(one => one.startsWith(link)), Array.from({ length: 20 }, (_, n) => `${link}${n}@${n + 1}`), `limit ${limit}`)
    }
    t.equal(seen.length, 40)
  }
})

t.test('those who follow share one reader, and miss nothing that comes while they join', async t => {
  const log = new FakeLog()
  log.append(0, 'a', 'a0', 0)
  const feed = log.feed()
  t.teardown(async () => await feed.close())
  const follow = async (position: Position, wanted: number) => {
    const leave = feed.join()
    const { signal } = new AbortController()
    const seen: string[] = []
    while (seen.length < wanted) {
      const page = await feed.page(position, 10, signal)
      for (const entry of page.entries) seen.push(String(entry.change?.event.event_id))
      position = page.next
      if (page.entries.length === 0) await feed.beyond(position, 5_000, signal)
    }
    leave()
    return seen
  }
  const from = await feed.end()
  const followers = Array.from({ length: 50 }, async () => await follow(from, 30))
  for (let n = 1; n <= 30; n++) {
    log.append(n % 2, n % 2 === 0 ? 'a' : 'b', `e${n}`, n % 2 === 0 ? n / 2 : (n - 1) / 2)
    if (n % 5 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  for (const seen of await Promise.all(followers)) t.strictSame([...seen].sort(), Array.from({ length: 30 }, (_, n) => `e${n + 1}`).sort())
  t.equal(feed.listeners, 0)
})

t.test('an event is not told before the view has decided, and not at all where it does not', async t => {
  const log = new FakeLog()
  log.append(0, 'a', 'a0', 0)
  log.seen = 0
  await t.rejects(log.feed().page(start, 10, signal), { code: 'unavailable' })
  const waiting = log.feed().page(start, 10, signal)
  setImmediate(() => { log.seen = 1 })
  t.match((await waiting).entries, [{ change: { version: 1 } }])
})

t.test('which version an event made', async t => {
  const decisions = { accepted: ['x', 'y'], seen: ['x', 'late', 'y', 'ahead'] }
  const of = (id: string, base: number) => versionOf({ event_id: id, base_version: base }, decisions)
  t.equal(of('x', 0), 1)
  t.equal(of('y', 1), 2)
  t.equal(of('late', 0), 0)
  t.equal(of('ahead', 7), 0)
  t.equal(of('new', 2), undefined, 'the view has not come to it')
  t.equal(versionOf({ event_id: 'x', base_version: 0 }, undefined), undefined)
})

t.test('places are written and read', async t => {
  t.equal(formatPosition([15, 0, 3]), '15-0-3')
  t.strictSame(parsePosition('15-0-3', 3), [15, 0, 3])
  t.strictSame(parsePosition('15-0', 3), [15, 0, 0], 'a partition that was added begins at its start')
  for (const text of ['', '-', '1-', 'a', '1.5', '-1', '1-2-3-4', '9'.repeat(20)]) t.equal(parsePosition(text, 3), undefined, text)
  t.strictSame(behind([1, 2], { partition: 1, offset: 7 }), [1, 8])
})

t.test('what was asked for', async t => {
  const change = (link: string, tags: string[]) => ({ link, event: { type: 'LinkEdited', doc: { tags } } as unknown as LinkEvent })
  const ask = (filter: object, link = 'a', tags = ['spring']) => matches(change(link, tags), filter, 'go.example')
  t.ok(ask({}))
  t.ok(ask({ types: ['LinkEdited'] }))
  t.notOk(ask({ types: ['LinkCreated'] }))
  t.ok(ask({ domains: ['go.example'] }))
  t.notOk(ask({ domains: ['go.example'] }, 'other.example/a'))
  t.ok(ask({ tags: ['x', 'spring'] }))
  t.notOk(ask({ tags: ['x'] }))
  t.notOk(ask({ links: ['b'] }))
  t.notOk(ask({ within: { domains: [], tags: ['x'] } }), 'what the key does not reach')
  t.ok(ask({ within: { domains: ['go.example'], tags: ['spring'] } }))
  t.notOk(ask({ within: { domains: ['other.example'], tags: ['spring'] } }))
})
