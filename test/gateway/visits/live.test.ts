// Visits as they happen: over real HTTP with a thousand listeners on one push query; from any place of the log on; past a break of the query;
// and slow listeners.
import Fastify from 'fastify'
import { once } from 'node:events'
import { get } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { actorPlugin } from '../../../gateway/plugins/actor.js'
import { problemDetailsPlugin } from '../../../gateway/plugins/problem-details.js'
import { validationPlugin } from '../../../gateway/plugins/validation.js'
import { visitLogRoutes } from '../../../gateway/routes/visit-log.js'
import type { LinkService } from '../../../gateway/links/service.js'
import { EventStream } from '../../../gateway/visits/event-stream.js'
import { LiveVisits, type LiveOptions } from '../../../gateway/visits/live.js'
import { VisitLog } from '../../../gateway/visits/log.js'
import { VisitScopes } from '../../../gateway/visits/scopes.js'
import type { Verifier } from '../../../gateway/visits/verification.js'
import { until } from '../../helpers/until.js'
import { aVisit, MemoryVisitLog } from './memory-visit-log.js'

interface Told { readonly id: string, readonly event: string | undefined, readonly data: any }

const toldBy = (text: string): Told[] => text.split('\n\n').flatMap(block => {
  const field = (name: string) => block.split('\n').find(line => line.startsWith(`${name}: `))?.slice(name.length + 2)
  const data = field('data')
  return data === undefined ? [] : [{ id: field('id') ?? '', event: field('event'), data: JSON.parse(data) }]
})

/** Nothing here is sealed. */
const noKeys = { holdFor: async () => {}, open: () => undefined, refresh: async () => {} }

const liveOf = (log: MemoryVisitLog, more: Partial<LiveOptions> = {}): LiveVisits => new LiveVisits({
  open: log.live,
  log: new VisitLog({ reader: log, decoder: log, tables: { offsets: async () => [] }, now: Date.now }),
  ends: async () => await log.ends(),
  keys: noKeys,
  onError: () => {},
  lingerMs: 20,
  settleMs: 5,
  ...more
})

const partitionOf = async (log: MemoryVisitLog, link: string): Promise<number> =>
  await new VisitLog({ reader: log, decoder: log, tables: { offsets: async () => [] }, now: Date.now }).partitionOf(link)

/** Reads a stream whole; what it was told so far is in `text`. */
const reading = (stream: EventStream) => {
  const state = { text: '', ended: false }
  stream.setEncoding('utf8').on('data', chunk => { state.text += String(chunk) }).on('end', () => { state.ended = true })
  return state
}

const start = async (t: Test, log: MemoryVisitLog, live: LiveVisits) => {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(problemDetailsPlugin)
  await app.register(validationPlugin)
  await app.register(actorPlugin)
  app.decorate('links', { get: async () => ({}) } as unknown as LinkService)
  const visitLog = new VisitLog({ reader: log, decoder: log, tables: { offsets: async () => [] }, now: Date.now })
  const scopes = new VisitScopes({ queries: { byLinks: async () => [] }, questions: { tagged: async () => ['a', 'b'], domains: async () => [] }, publicUrl: () => 'https://go.example' })
  await app.register(visitLogRoutes, { log: visitLog, keys: noKeys, live, verifier: {} as Verifier, scopes, ends: async () => await log.ends() })
  app.addHook('preClose', async () => await live.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => await app.close())
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    listen: async (path: string, headers: Record<string, string> = {}) => {
      const request = get({ host: '127.0.0.1', port, path, headers, agent: false })
      const [response] = await once(request, 'response')
      const state = { text: '', ended: false, status: response.statusCode as number, headers: response.headers, leave: () => request.destroy() }
      response.setEncoding('utf8').on('data', (chunk: string) => { state.text += chunk }).on('end', () => { state.ended = true }).on('error', () => {})
      request.on('error', () => {})
      await until('the first block', async () => state.text !== '' || state.ended)
      return state
    }
  }
}

t.test('a thousand listeners share one push query, and each hears what it asked for', async t => {
  const log = new MemoryVisitLog(2)
  const live = liveOf(log)
  const { app, listen } = await start(t, log, live)
  const paths = ['/api/links/a/visits/live', '/api/visits/live?links=a,b', '/api/visits/live?tag=spring', '/api/visits/live?domain=default&bots=exclude', '/api/visits/live',
    '/api/links/x.example%2Fc/visits/live', '/api/visits/live?domain=x.example', '/api/visits/live?bots=only']
  const heard = [['a1'], ['a1', 'b1'], ['a1', 'b1'], ['a1'], ['a1', 'b1', 'c1'], ['c1'], ['c1'], ['b1']]
  const listeners = await Promise.all(Array.from({ length: 1_000 }, async (_, n) => await listen(paths[n % paths.length] ?? '')))
  t.equal(live.listeners, 1_000)
  t.match(listeners[0]?.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  await until('the push query', async () => log.pushes === 1)
  const place = { a: await partitionOf(log, 'a'), b: await partitionOf(log, 'b'), c: await partitionOf(log, 'x.example/c') }
  log.append(place.a, 'a', aVisit({ visit_id: 'a1' }))
  log.append(place.b, 'b', aVisit({ visit_id: 'b1', bot: true }))
  log.append(place.c, 'x.example/c', aVisit({ visit_id: 'c1' }))
  await until('all to have heard', async () => listeners.every(({ text }, n) => toldBy(text).length === heard[n % heard.length]?.length))
  const wrong = listeners.filter(({ text }, n) => JSON.stringify(toldBy(text).map(({ data }) => data.id)) !== JSON.stringify(heard[n % heard.length]))
  t.equal(wrong.length, 0)
  t.match(toldBy(listeners[0]?.text ?? ''), [{ event: 'visit', id: /^\d+-\d+$/, data: { link: 'a', outcome: 'redirected', partition: place.a, offset: 0, bot: false } }])
  t.equal(log.pushes, 1, 'one push query for all')
  t.equal(live.queries, 1)
  for (const { leave } of listeners.slice(1)) leave()
  await until('one to be left', async () => live.listeners === 1)
  await app.close()
  await until('the last to end', async () => listeners[0]?.ended)
  t.match(listeners[0]?.text, /: the service stops/)
})

t.test('Last-Event-ID goes on from any place, without a gap or a repeat', async t => {
  const log = new MemoryVisitLog(2)
  const live = liveOf(log)
  const { listen } = await start(t, log, live)
  const links = Array.from({ length: 12 }, (_, n) => `l${n}`)
  let count = 0
  const more = async (n: number) => {
    for (let i = 0; i < n; i++) {
      const link = links[count % links.length] as string
      const partition = await partitionOf(log, link)
      log.append(partition, link, aVisit({ visit_id: `v${count++}` }))
      if (count % 5 === 0) log.control(partition)
    }
  }
  await more(40)
  const first = await listen('/api/visits/live')
  await until('the push query', async () => log.pushes === 1)
  await more(20)
  await until('what is new', async () => toldBy(first.text).length === 20)
  const seen = toldBy(first.text)
  t.strictSame(seen.map(({ data }) => Number(data.id.slice(1))).sort((a, b) => a - b), Array.from({ length: 20 }, (_, n) => 40 + n))
  for (const at of [0, 7, 19]) {
    const resumed = await listen('/api/visits/live', { 'last-event-id': seen[at]?.id ?? '' })
    await until('what was missed', async () => toldBy(resumed.text).length === 19 - at)
    t.strictSame(new Set(toldBy(resumed.text).map(({ data }) => data.id)), new Set(seen.slice(at + 1).map(({ data }) => data.id)), `behind the event ${at}`)
  }
  const whole = await listen('/api/links/l3/visits/live', { 'last-event-id': '0-0' })
  const own = ['v3', 'v15', 'v27', 'v39', 'v51']
  await until('the log of one link', async () => toldBy(whole.text).length === own.length)
  t.strictSame(toldBy(whole.text).map(({ data }) => data.id), own)
  const last = toldBy(whole.text)[2]?.id ?? ''
  const again = await listen('/api/links/l3/visits/live', { 'last-event-id': last })
  await more(4)
  await until('the rest and what is new', async () => toldBy(again.text).length === 3)
  t.strictSame(toldBy(again.text).map(({ data }) => data.id), ['v39', 'v51', 'v63'])
  for (const id of ['nonsense', '1-2-3', '999-0']) t.match(await listen('/api/visits/live', { 'last-event-id': id }), { status: 400, text: /invalid_request/ }, id)
})

t.test('what happens while the push query is broken is read from the log', async t => {
  const log = new MemoryVisitLog(2)
  let fail: ((reason: Error) => void) | undefined
  let opened = 0
  const live = liveOf(log, {
    open: async signal => {
      opened++
      if (opened === 2) throw new Error('down')
      const broken = new AbortController()
      fail = reason => broken.abort(reason)
      return await log.live(AbortSignal.any([signal, broken.signal]))
    }
  })
  const stream = new EventStream()
  const heard = reading(stream)
  await live.join(stream, undefined, 'include', undefined)
  await until('the push query', async () => opened === 1)
  log.append(0, 'a', aVisit({ visit_id: 'v0' }))
  await until('the first', async () => toldBy(heard.text).length === 1)
  fail?.(new Error('broken'))
  for (let n = 1; n <= 30; n++) log.append(n % 2, 'a', aVisit({ visit_id: `v${n}` }))
  await until('the third query', async () => opened === 3)
  for (let n = 31; n <= 40; n++) log.append(n % 2, 'a', aVisit({ visit_id: `v${n}` }))
  await until('all', async () => toldBy(heard.text).length === 41)
  t.strictSame(toldBy(heard.text).map(({ data }) => data.id).sort(), Array.from({ length: 41 }, (_, n) => `v${n}`).sort(), 'each once')
  const offsets = toldBy(heard.text).filter(({ data }) => data.partition === 0).map(({ data }) => data.offset)
  t.strictSame(offsets, [...offsets].sort((a, b) => a - b), 'in the order of the log')
  await live.close()
})

t.test('the push query ends with the last listener, and comes back with the next', async t => {
  const log = new MemoryVisitLog(1)
  const ended: boolean[] = []
  const live = liveOf(log, {
    open: async signal => {
      signal.addEventListener('abort', () => ended.push(true))
      return await log.live(signal)
    }
  })
  const join = async () => {
    const stream = new EventStream()
    const heard = reading(stream)
    await live.join(stream, undefined, 'include', undefined)
    return { stream, heard }
  }
  const one = await join()
  await until('the query', async () => live.queries === 1)
  one.stream.destroy()
  await until('its end', async () => ended.length === 1)
  log.append(0, 'a', aVisit({ visit_id: 'unheard' }))
  const two = await join()
  await until('the second query', async () => live.queries === 2)
  log.append(0, 'a', aVisit({ visit_id: 'heard' }))
  await until('a visit', async () => toldBy(two.heard.text).length > 0)
  t.strictSame(toldBy(two.heard.text).map(({ data }) => data.id), ['heard'])
  await live.close()
  await until('the end', async () => two.heard.ended)
  await t.rejects(live.join(new EventStream(), undefined, 'include', undefined), { code: 'overloaded' }, 'a service that stops takes no more')
})

t.test('whoever does not read is let go with a last word; the others go on', async t => {
  const log = new MemoryVisitLog(1)
  const live = liveOf(log, { listenersMax: 2 })
  const slow = new EventStream({ bytesMax: 20_000, lingerMs: 5_000 })
  const quick = new EventStream()
  const heard = reading(quick)
  await live.join(slow, undefined, 'include', undefined)
  await live.join(quick, undefined, 'include', undefined)
  await t.rejects(live.join(new EventStream(), undefined, 'include', undefined), { code: 'overloaded' })
  await until('the query', async () => log.pushes === 1)
  for (let n = 0; n < 200; n++) log.append(0, 'a', aVisit({ visit_id: `v${n}` }))
  await until('all to be heard', async () => toldBy(heard.text).length === 200)
  t.ok(slow.over)
  t.ok(slow.readableLength <= 21_000, 'the buffer is bounded')
  const late = reading(slow)
  await until('its end', async () => late.ended)
  const told = toldBy(late.text)
  t.match(told.at(-1), { event: 'dropped' })
  t.strictSame(told.slice(0, -1).map(({ data }) => data.id), Array.from({ length: told.length - 1 }, (_, n) => `v${n}`), 'what came before is whole')
  await live.close()
})

t.test('a listener that reads slowly while it catches up holds nothing up, and misses nothing', async t => {
  const log = new MemoryVisitLog(1)
  log.fetchMax = 500
  for (let n = 0; n < 5_000; n++) log.append(0, 'a', aVisit({ visit_id: `v${n}` }))
  const live = liveOf(log)
  const stream = new EventStream()
  await live.join(stream, undefined, 'include', [0])
  await until('the query', async () => log.pushes === 1)
  for (let n = 5_000; n < 5_100; n++) log.append(0, 'a', aVisit({ visit_id: `v${n}` }))
  t.ok(stream.readableLength < 200_000, 'the log is not read ahead of the listener')
  const heard = reading(stream)
  await until('all', async () => heard.text.includes('"v5099"'))
  t.strictSame(toldBy(heard.text).map(({ data }) => data.id), Array.from({ length: 5_100 }, (_, n) => `v${n}`))
  await live.close()
})

t.test('a comment now and then, with the place to go on from', async t => {
  const log = new MemoryVisitLog(1)
  log.append(0, 'a', aVisit())
  const live = liveOf(log, { heartbeatMs: 10 })
  const stream = new EventStream()
  const heard = reading(stream)
  await live.join(stream, undefined, 'include', undefined)
  await until('a comment', async () => heard.text.includes(': still here\nid: 1\n\n'))
  t.match(heard.text, /^retry: 2000\nid: 1\n\n/)
  await live.close()
})
