import t from 'tap'
import { Confirmation } from '../../../gateway/links/confirmation.js'
import { KeyedGate } from '../../../gateway/links/gate.js'
import type { LinkFields } from '../../../gateway/links/document.js'
import { rejectionsOf } from '../../../gateway/links/revisions.js'
import { LinkService, type CommandResult, type Context, type LinkView } from '../../../gateway/links/service.js'
import { codeFor } from '../../../gateway/links/slug.js'
import { AcceptanceLog } from './acceptance-log.js'

const tick = () => new Promise<void>(resolve => setImmediate(resolve))

/** A service over a log of its own. Reads and writes take a turn of the event loop each, so that commands overlap. */
const make = ({ width = 16, confirmTimeoutMs = 1_000, log = new AcceptanceLog() } = {}) => {
  let clock = 1_000
  let ids = 0
  const changes: LinkView[] = []
  const read = async (link: string) => {
    await tick()
    return log.state(link)
  }
  const service = new LinkService({
    read,
    history: async link => log.history(link),
    atVersion: async (link, version) => log.atVersion(link, version),
    asOf: async (link, at) => log.asOf(link, at),
    linkOfEvent: async eventId => log.events.find(({ event }) => event.event_id === eventId)?.link,
    write: async (link, event) => {
      await tick()
      log.append(link, event)
    },
    confirmation: new Confirmation({ read, now: () => clock, wait: async ms => { clock += ms; await tick() }, feedUp: () => false }),
    gate: new KeyedGate(width, 1_000),
    ownHosts: () => new Set(['go.example']),
    prefixOf: domain => domain === 'other.example' ? 'other.example/' : undefined,
    newId: () => `event-${++ids}`,
    now: () => clock,
    confirmTimeoutMs,
    onChange: view => changes.push(view)
  })
  return { service, log, changes }
}

const edit = async (service: LinkService, link: string, seen: readonly number[] | undefined, fields: LinkFields, by: Context) =>
  await service.change(link, { kind: 'edit', fields }, { seen }, by)
const context = { actor: 'anonymous', idempotencyKey: undefined }
const keyed = (idempotencyKey: string) => ({ actor: 'anonymous', idempotencyKey })
const viewIn = (result: CommandResult): LinkView => {
  if (result.kind === 'pending') throw new Error('pending')
  return result.view
}
const outcome = async (promise: Promise<CommandResult>): Promise<string> =>
  await promise.then(({ kind }) => kind, (error: { code?: string }) => error.code ?? String(error))

t.test('a link is made, read and changed', async t => {
  const { service, changes } = make()
  const created = await service.create({ url: 'HTTPS://Example.com', slug: 'a', title: 'T' }, context)
  t.match(created, { kind: 'created', view: { link: 'a', version: 1, doc: { url: 'https://example.com/', title: 'T', enabled: true, redirect_status: 302 } } })
  const edited = await edit(service, 'a', [1], { url: 'https://example.org/', title: null }, context)
  t.match(edited, { kind: 'changed', view: { version: 2, doc: { url: 'https://example.org/', title: null } } })
  t.strictSame(changes.map(({ version }) => version), [1, 2])
  t.match(await edit(service, 'a', [2], { url: 'https://example.org' }, context), { kind: 'unchanged', view: { version: 2 } }, 'the same again is no event')
  t.match(await service.get('a'), { version: 2 })
  t.strictSame((await service.history('a')).revisions.map(({ type }) => type), ['LinkCreated', 'LinkRetargeted'])
})

t.test('of many creates of one slug one wins, and the history is bounded by the gate', async t => {
  const { service, log } = make({ width: 16 })
  const outcomes = await Promise.all(Array.from({ length: 200 }, (_, n) => outcome(service.create({ url: `https://example.com/${n}`, slug: 'race' }, context))))
  t.equal(outcomes.filter(one => one === 'created').length, 1)
  t.equal(outcomes.filter(one => one === 'slug_taken').length, 199)
  t.ok(log.events.length <= 16, `${log.events.length} events on the log`)
  const history = log.history('race')
  t.equal(history?.revisions.length, 1)
  const rejections = history === undefined ? [] : rejectionsOf(history)
  t.equal(rejections.length, log.events.length - 1)
  for (const { lostTo, versionThen } of rejections) t.match({ lostTo, versionThen }, { lostTo: history?.revisions[0]?.eventId, versionThen: 1 })
})

t.test('of many edits with one version one wins', async t => {
  const { service } = make()
  await service.create({ url: 'https://example.com/', slug: 'e' }, context)
  const outcomes = await Promise.all(Array.from({ length: 50 }, (_, n) => outcome(edit(service, 'e', [1], { url: `https://example.com/${n}` }, context))))
  t.equal(outcomes.filter(one => one === 'changed').length, 1)
  t.equal(outcomes.filter(one => one === 'version_stale').length, 49)
})

t.test('without a slug the URL gives the code; two URLs with one code get longer ones', async t => {
  const { service } = make()
  const url = 'https://example.com/x'
  const results = await Promise.all(Array.from({ length: 20 }, () => service.create({ url }, context)))
  t.strictSame(results.map(({ kind }) => kind).sort(), ['created', ...Array<string>(19).fill('existing')])
  for (const result of results) t.equal(viewIn(result).link, codeFor(url))

  const other = 'https://example.com/y'
  await service.create({ url: 'https://example.com/squatter', slug: codeFor(other) }, context)
  t.equal(viewIn(await service.create({ url: other }, context)).link, codeFor(other, 8))
  t.match(await service.create({ url: other }, context), { kind: 'existing', view: { link: codeFor(other, 8) } })

  await edit(service, codeFor(url), [1], { url: 'https://example.com/elsewhere' }, context)
  t.equal(viewIn(await service.create({ url }, context)).link, codeFor(url, 8), 'a link that leads elsewhere by now will not do')
})

t.test('an Idempotency-Key gives the same answer again, and serves one request', async t => {
  const { service, log } = make()
  const fields = { url: 'https://example.com/', slug: 'i', title: 'one' }
  const first = await service.create(fields, keyed('k'))
  t.strictSame(await service.create(fields, keyed('k')), { ...first, isReplay: true })
  t.equal(log.events.length, 1)
  t.equal(await outcome(service.create({ ...fields, title: 'two' }, keyed('k'))), 'idempotency_key_reused')
  t.equal(await outcome(service.create({ ...fields, slug: 'j' }, keyed('k'))), 'idempotency_key_reused')
  t.equal(await outcome(service.create({ ...fields, url: 'https://example.com/z' }, keyed('k'))), 'idempotency_key_reused')
  t.equal(await outcome(service.create(fields, context)), 'slug_taken')
  t.equal(await outcome(service.create({ url: 'https://example.com/other' }, keyed('k'))), 'idempotency_key_reused', 'nor for another without a slug')

  const derived = await service.create({ url: 'https://example.com/d' }, keyed('d'))
  t.strictSame(await service.create({ url: 'https://example.com/d' }, keyed('d')), { ...derived, isReplay: true })

  const changed = await edit(service, 'i', [1], { title: 'three' }, keyed('e'))
  await edit(service, 'i', [2], { title: 'four' }, context)
  t.strictSame(await edit(service, 'i', [1], { title: 'three' }, keyed('e')), { ...changed, isReplay: true }, 'though the link has moved on')
  t.equal(await outcome(edit(service, 'i', [1], { title: 'five' }, keyed('e'))), 'idempotency_key_reused')
})

t.test('a key whose create lost its race is refused as it was', async t => {
  const { service, log } = make()
  const outcomes = await Promise.all(['x', 'y'].map(async key => await outcome(service.create({ url: `https://example.com/${key}`, slug: 's' }, keyed(key)))))
  t.strictSame(outcomes.sort(), ['created', 'slug_taken'])
  const loser = log.events.find(({ event }) => event.event_id !== log.state('s')?.eventIds[0])?.event.doc.url.endsWith('x') === true ? 'x' : 'y'
  t.equal(await outcome(service.create({ url: `https://example.com/${loser}`, slug: 's' }, keyed(loser))), 'slug_taken')
})

t.test('where the views do not answer in time the command is pending, and can be asked for again', async t => {
  const log = new AcceptanceLog()
  const { service } = make({ log, confirmTimeoutMs: 50 })
  log.lag = 1
  t.match(await service.create({ url: 'https://example.com/', slug: 'p' }, keyed('p')), { kind: 'pending', link: 'p', eventId: String })
  log.lag = 0
  t.match(await service.create({ url: 'https://example.com/', slug: 'p' }, keyed('p')), { kind: 'created', view: { version: 1 } })
  t.equal(log.events.length, 1)
})

t.test('a history near the size of a record takes no more', async t => {
  const { service } = make()
  await service.create({ url: 'https://example.com/', slug: 'long' }, context)
  const long = 'x'.repeat(2_000)
  let last = ''
  let version = 1
  for (; version < 1_000 && last !== 'history_full'; version++) last = await outcome(edit(service, 'long', [version], { url: `https://example.com/${long}${version}` }, context))
  t.equal(last, 'history_full')
  t.ok(version > 50 && version < 300, `after ${version} versions of 2 KB`)
})

t.test('unknown links', async t => {
  const { service } = make()
  await t.rejects(service.get('nothing'), { code: 'link_not_found', status: 404 })
  await t.rejects(service.history('nothing'), { code: 'link_not_found' })
  await t.rejects(edit(service, 'nothing', [1], { title: 'x' }, context), { code: 'link_not_found' })
})
