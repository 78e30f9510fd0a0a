// What is asked of ksqlDB, and how its rows read: values only as literals, structs whatever the case of their fields.
import t from 'tap'
import { parseStatements } from '../../../embedded/ksqldb/sql/parser.js'
import { BatchedPull, type BatchOptions } from '../../../gateway/queries/batch.js'
import { escapeString, toMillis } from '../../../gateway/queries/escape.js'
import { LinkListQueries } from '../../../gateway/queries/link-list.js'
import { LinkQueries } from '../../../gateway/queries/links.js'
import { VisitQueries } from '../../../gateway/queries/visits.js'
import { namesFor } from '../../../gateway/topics.js'

const nasty = "x'; DROP TABLE links; --"

const recorder = (rows: unknown[][] = []) => {
  const asked: string[] = []
  const pull = async (sql: string) => {
    asked.push(sql)
    return { columnNames: [], rows }
  }
  return {
    asked,
    pull,
    lookUp: pull,
    scan: async (sql: string) => {
      asked.push(sql)
      return { columnNames: [], rows: (async function * () { yield * rows })() }
    },
    push: async () => ({ columnNames: [], rows: (async function * () { yield * rows })() })
  }
}

t.test('literals and instants', async t => {
  t.equal(escapeString("it's"), "'it''s'")
  t.equal(escapeString('\\'), "'\\'")
  t.equal(toMillis('2026-01-01T00:30:00.000'), Date.UTC(2026, 0, 1, 0, 30), 'ksqlDB prints UTC without a zone')
  t.equal(toMillis(5), 5)
  t.equal(toMillis(null), null)
})

t.test('every query is one statement of the language, whatever the values', async t => {
  const ksqldb = recorder()
  const links = new LinkQueries(ksqldb, namesFor('e2e-1'))
  const visits = new VisitQueries(ksqldb, namesFor('e2e-1'))
  await links.states([nasty])
  await links.states([nasty, 'b'])
  await links.history(nasty)
  await links.targets(['a', nasty])
  await links.linksOfEvents([nasty])
  await links.atVersion(nasty, 3)
  await links.asOf(nasty, -5)
  await visits.byLink(nasty)
  await visits.byUrl(nasty)
  await visits.sources(nasty)
  await visits.byLinks([nasty, 'b'])
  await visits.countsWithoutBots([nasty])
  const lists = new LinkListQueries(ksqldb, namesFor('e2e-1'))
  const filter = {
    anyTag: [nasty, 'b'], allTags: [nasty], noTag: [nasty], text: nasty, domain: nasty, targetHost: nasty, url: nasty, createdFrom: 0, createdTo: 1,
    states: ['active' as const, 'expired' as const],
    within: { domains: [null, nasty], tags: [nasty] }
  }
  const { signal } = new AbortController()
  const drain = async (rows: AsyncIterable<unknown>) => { for await (const row of rows) t.ok(row) }
  await drain(lists.matching(filter, 5, { column: 'created_at', descending: true, place: { value: 7, link: nasty } }, signal))
  await drain(lists.matching({}, 5, undefined, signal))
  await lists.matchingOf([nasty, 'b'], filter, 5)
  await lists.matchingOf(['b'], {}, 5)
  await drain(lists.visited({ descending: false, value: 3 }, signal))
  await lists.visitsOf([nasty])
  await lists.everOfUrl(nasty)
  await drain(lists.everScheduled(signal))
  t.equal(ksqldb.asked.length, 20)
  for (const sql of ksqldb.asked) {
    t.equal(parseStatements(sql).length, 1, sql)
    t.match(sql, /FROM e2e_1_/)
  }
})

t.test('a state, a history, a target', async t => {
  const event = {
    EVENT_ID: 'e1', TYPE: 'LinkCreated', OCCURRED_AT: '2026-01-01T00:00:00.000', ACTOR: 'a', REASON: null, BASE_VERSION: 0,
    DOC: {
      URL: 'https://example.com/', TITLE: null, TAGS: ['t'], ENABLED: true, DELETED: false, VALID_FROM: null, VALID_UNTIL: '2027-01-01T00:00:00.000', MAX_VISITS: 5,
      REDIRECT_STATUS: 301, FORWARD_QUERY: true, RULES: [{ URL: 'https://r.example/', CONDITIONS: [{ DIMENSION: 'os', ARGUMENT: null, OPERANDS: ['iOS'] }] }]
    },
    VALID_FROM: '2027-01-01T00:00:00.000', SCHEDULED: null, REVERTED_TO: 4
  }
  const ahead = [{
    EVENT_ID: 's1', VALID_FROM: '2027-01-01T00:00:00.000',
    CHANGES: {
      FIELDS: ['url', 'rules', 'valid_until'], URL: 'https://example.org/', TITLE: null, TAGS: null, VALID_FROM: null, VALID_UNTIL: '2028-01-01T00:00:00.000', MAX_VISITS: null,
      REDIRECT_STATUS: null, FORWARD_QUERY: null, RULES: [{ URL: 'https://r.example/', CONDITIONS: [] }]
    }
  }]
  const scheduled = [{
    event_id: 's1', valid_from: Date.UTC(2027, 0),
    changes: {
      fields: ['url', 'rules', 'valid_until'], url: 'https://example.org/', title: null, tags: null, valid_from: null, valid_until: Date.UTC(2028, 0), max_visits: null,
      redirect_status: null, forward_query: null, rules: [{ url: 'https://r.example/', conditions: [] }]
    }
  }]
  const doc = {
    url: 'https://example.com/', title: null, tags: ['t'], enabled: true, deleted: false, valid_from: null, valid_until: Date.UTC(2027, 0), max_visits: 5,
    redirect_status: 301, forward_query: true, rules: [{ url: 'https://r.example/', conditions: [{ dimension: 'os', argument: null, operands: ['iOS'] }] }]
  }
  const revision = { eventId: 'e1', type: 'LinkCreated', occurredAt: Date.UTC(2026, 0), actor: 'a', reason: null, baseVersion: 0, doc, validFrom: Date.UTC(2027, 0), scheduled, revertedTo: 4 }
  const stateRow = ['a', 1, ['e1'], '2026-01-01T00:00:00.000', event, ahead, 3, 900]
  const states = await new LinkQueries(recorder([stateRow]), namesFor('')).states(['a'])
  t.strictSame(states.get('a'), { link: 'a', version: 1, eventIds: ['e1'], createdAt: Date.UTC(2026, 0), latest: revision, attempts: 3, historyBytes: 900 })
  const history = [{ ...event, SCHEDULED: ahead }, event, { ...event, SCHEDULED: [] }]
  t.strictSame((await new LinkQueries(recorder([['a', history, [event]]]), namesFor('')).history('a'))?.revisions,
    [revision, revision, { ...revision, scheduled: [] }], 'an event that says nothing of scheduled edits leaves them as they were')
  const past = new LinkQueries(recorder([['a', 7, '2026-01-01T00:00:00.000', event, ahead]]), namesFor(''))
  t.strictSame(await past.atVersion('a', 3), { link: 'a', versionNow: 7, createdAt: Date.UTC(2026, 0), revision })
  t.match(await new LinkQueries(recorder([['a', 7, '2026-01-01T00:00:00.000', null, null]]), namesFor('')).asOf('a', 5), { versionNow: 7, revision: undefined })
  const nothing = await new LinkQueries(recorder([['a', 0, [], null, null, null, 2, 10]]), namesFor('')).states(['a'])
  t.match(nothing.get('a'), { version: 0, latest: undefined, attempts: 2 }, 'events, but none accepted')
})

const turn = async () => await new Promise<void>(resolve => { setImmediate(resolve) })

/** Queries that answer once they are released: each key but `none` in capitals. */
const heldBack = (options: BatchOptions) => {
  const queries: string[][] = []
  const release: Array<() => void> = []
  const batched = new BatchedPull<string>(async keys => {
    queries.push([...keys])
    await new Promise<void>(resolve => release.push(resolve))
    return new Map(keys.filter(key => key !== 'none').map(key => [key, key.toUpperCase()]))
  }, options)
  return { batched, queries, release }
}

/** What is promised, while each query that waits to be released is. */
const answered = async <T>(promise: Promise<T>, release: Array<() => void>): Promise<T> => {
  const state = { pending: true }
  promise.finally(() => { state.pending = false }).catch(() => {})
  while (state.pending) {
    release.shift()?.()
    await turn()
  }
  return await promise
}

t.test('lookups that wait together are one query; each starts after it was asked for', async t => {
  const { batched, queries, release } = heldBack({ keysMax: 3, queriesMax: 1 })
  const first = Promise.all(['a', 'b', 'a', 'none'].map(async key => await batched.load(key)))
  await turn()
  const second = Promise.all(['a', 'c', 'd', 'e'].map(async key => await batched.load(key)))
  t.strictSame(await answered(first, release), ['A', 'B', 'A', undefined])
  t.strictSame(await answered(second, release), ['A', 'C', 'D', 'E'])
  t.strictSame(queries, [['a', 'b', 'none'], ['a', 'c', 'd'], ['e']])
})

t.test('many keys are shared out among the queries', async t => {
  const { batched, queries, release } = heldBack({ keysMax: 6, queriesMax: 3, shareMin: 2 })
  const load = (keys: string) => Promise.all([...keys].map(async key => await batched.load(key)))
  const few = load('abc')
  await turn()
  t.strictSame(queries.splice(0).map(({ length }) => length), [2, 1], 'no query is for less than the least share while more keys wait')
  const many = load('defghijklmnopqrstuvwxyz')
  await turn()
  t.strictSame(queries.splice(0).map(({ length }) => length), [6], 'a third of 26 would be 9, more than one query may have')
  t.strictSame((await answered(Promise.all([few, many]), release)).flat().join(''), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
})

t.test('what one makes of an answer holds up no other', async t => {
  const batched = new BatchedPull<string>(async keys => new Map(keys.map(key => [key, key])))
  const told: unknown[] = []
  batched.ask('a', { resolve: () => { throw new Error('of its own') }, reject: error => told.push((error as Error).message) })
  t.equal(await batched.load('b'), 'b')
  t.strictSame(told, ['of its own'])
})

t.test('a query that fails fails all who asked', async t => {
  const batched = new BatchedPull<string>(async () => { throw new Error('down') })
  await t.rejects(Promise.all([batched.load('a'), batched.load('b')]), { message: 'down' })
})
