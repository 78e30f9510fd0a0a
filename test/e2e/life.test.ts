// A link's whole life: switched off and on, deleted and restored, taken back to a version, edited ahead of time; and every state it ever had.
import t from 'tap'
import { linkEvent, produce, skipWithoutBuild, startService, topicName } from './support.js'
import { until } from '../helpers/until.js'

t.setTimeout(300_000)

t.test('a link\'s life', { skip: skipWithoutBuild }, async (t) => {
  const gateway = await startService(t)
  const at = async (link: string, query = '') => await gateway.call('GET', `/api/links/${link}${query}`)
  const location = async (link: string) => {
    const { status, headers, body } = await gateway.call('GET', `/${link}`)
    return headers.location ?? `${status} ${body.code}`
  }

  await t.test('off, on, deleted, restored, reverted, each with its reason; and each state can be seen again', async (t) => {
    const created = await gateway.call('POST', '/api/links', { url: 'https://example.com/1', slug: 'life', title: 'one', tags: ['a'] })
    t.equal(created.status, 201, created.text)
    t.equal(await location('life'), 'https://example.com/1')
    t.match(await gateway.call('POST', '/api/links/life/disable', { reason: 'abuse' }), { status: 200, headers: { etag: '"2"' }, body: { version: 2, enabled: false } })
    t.equal(await location('life'), '410 link_disabled')
    t.match(await gateway.call('POST', '/api/links/life/disable'), { status: 200, headers: { etag: '"2"' } }, 'off already: no event')
    t.match(await gateway.call('POST', '/api/links/life/enable', undefined, { 'if-match': '"1"' }), { status: 412, body: { code: 'version_stale' } })
    t.match(await gateway.call('POST', '/api/links/life/enable', undefined, { 'if-match': '"2"' }), { status: 200, body: { version: 3, enabled: true } })
    t.equal(await location('life'), 'https://example.com/1')
    t.match(await gateway.call('PATCH', '/api/links/life', { url: 'https://example.com/2', tags: null, rules: [{ url: 'https://example.com/ios', conditions: [{ dimension: 'os', operands: ['iOS'] }] }] },
      { 'if-match': '"3"' }), { status: 200, body: { version: 4, rules: [{ url: 'https://example.com/ios', conditions: [{ dimension: 'os', argument: null, operands: ['iOS'] }] }] } })
    t.match(await gateway.call('DELETE', '/api/links/life?reason=over', undefined, { 'idempotency-key': 'gone' }), { status: 200, body: { version: 5, deleted: true } })
    t.match(await gateway.call('DELETE', '/api/links/life?reason=over', undefined, { 'idempotency-key': 'gone' }), { status: 200, headers: { 'idempotent-replayed': 'true' }, body: { version: 5 } })
    t.match(await gateway.call('DELETE', '/api/links/life?reason=other', undefined, { 'idempotency-key': 'gone' }), { status: 422, body: { code: 'idempotency_key_reused' } })
    t.equal(await location('life'), '410 link_deleted')
    t.match(await gateway.call('POST', '/api/links', { url: 'https://example.com/new', slug: 'life' }), { status: 409, body: { code: 'slug_taken' } }, 'the slug is not given again')
    for (const [method, path] of [['PATCH', ''], ['POST', '/disable'], ['POST', '/enable'], ['POST', '/revert']] as const) {
      t.match(await gateway.call(method, `/api/links/life${path}`, path === '/revert' ? { version: 1 } : {}, { 'if-match': '"5"' }), { status: 410, body: { code: 'link_deleted' } }, path)
    }
    t.match(await gateway.call('POST', '/api/links/life/restore', { reason: 'back' }), { status: 200, body: { version: 6, deleted: false, url: 'https://example.com/2' } })
    t.match(await gateway.call('POST', '/api/links/life/restore'), { status: 200, body: { version: 6 } }, 'there already: no event')
    t.match(await gateway.call('POST', '/api/links/life/revert', { version: 99 }), { status: 422, body: { errors: [{ pointer: '/version' }] } })
    t.match(await gateway.call('POST', '/api/links/life/revert', { version: 1, reason: 'as it was' }),
      { status: 200, body: { version: 7, url: 'https://example.com/1', tags: ['a'], enabled: true, rules: [] } })
    t.equal(await location('life'), 'https://example.com/1')

    const { body } = await gateway.call('GET', '/api/links/life/revisions')
    t.strictSame(body.revisions.map(({ type, reason }: any) => [type, reason]), [
      ['LinkCreated', null], ['LinkDisabled', 'abuse'], ['LinkEnabled', null], ['LinkRetargeted', null], ['LinkDeleted', 'over'], ['LinkRestored', 'back'], ['LinkReverted', 'as it was']
    ])
    t.equal(body.revisions[0].difference, null)
    t.strictSame(body.revisions[1].difference, [{ field: 'enabled', from: true, to: false }])
    t.strictSame(body.revisions[3].difference, [
      { field: 'url', from: 'https://example.com/1', to: 'https://example.com/2' }, { field: 'tags', from: ['a'], to: [] },
      { field: 'rules', from: [], to: [{ url: 'https://example.com/ios', conditions: [{ dimension: 'os', argument: null, operands: ['iOS'] }] }] }
    ])
    t.equal(body.revisions[6].revertedTo, 1)
    t.match((await gateway.call('GET', '/api/links/life/revisions?from=3&limit=2')).body, { revisions: [{ version: 3 }, { version: 4 }], next: 5 })

    for (const revision of body.revisions) {
      const { version, occurredAt, url, tags, enabled, deleted, rules } = revision
      t.match(await at('life', `?version=${version}`), { status: 200, headers: { etag: `"${version}"` }, body: { version, url, tags, enabled, deleted, rules, updatedAt: occurredAt } })
      // events of one millisecond: the last of them stands
      const last = body.revisions.filter((one: any) => one.occurredAt <= occurredAt).at(-1)
      t.match(await at('life', `?asOf=${occurredAt}`), { status: 200, body: { version: last.version, url: last.url, enabled: last.enabled } })
    }
    const before = new Date(Date.parse(body.revisions[0].occurredAt) - 1).toISOString()
    t.match(await at('life', `?asOf=${before}`), { status: 404, body: { code: 'version_not_found' } })
    t.match(await at('life', '?version=8'), { status: 404, body: { code: 'version_not_found' } })
    t.match(await at('life', `?version=1&asOf=${before}`), { status: 400, body: { code: 'invalid_request' } })
    t.match(await at('nothing', '?version=1'), { status: 404, body: { code: 'link_not_found' } })
  })

  await t.test('an edit ahead of time takes effect by itself, on every gateway, and can be seen and cancelled before', async (t) => {
    await gateway.call('POST', '/api/links', { url: 'https://example.com/now', slug: 'ahead' })
    t.equal(await location('ahead'), 'https://example.com/now')
    const far = new Date(Date.now() + 3_600_000).toISOString()
    const edit = { url: 'https://example.com/far', title: 'later', effectiveAt: far, reason: 'sale' }
    const planned = await gateway.call('PATCH', '/api/links/ahead', edit, { 'if-match': '"1"', 'idempotency-key': 'plan' })
    t.match(planned, { status: 200, body: { version: 2, url: 'https://example.com/now', scheduled: [{ effectiveAt: far, changes: { url: 'https://example.com/far', title: 'later' } }] } })
    t.match(await gateway.call('PATCH', '/api/links/ahead', edit, { 'if-match': '"1"', 'idempotency-key': 'plan' }), { status: 200, headers: { 'idempotent-replayed': 'true' } })
    t.match((await gateway.call('GET', '/api/links/ahead/scheduled')).body, { version: 2, scheduled: [{ reason: 'sale', actor: 'anonymous', eventId: planned.body.scheduled[0].eventId }] })
    t.match((await at('ahead', `?asOf=${new Date(Date.now() + 7_200_000).toISOString()}`)).body, { url: 'https://example.com/far', title: 'later', scheduled: [] }, 'as it will stand')
    t.match(await gateway.call('PATCH', '/api/links/ahead', { title: 'x', effectiveAt: '2020-01-01T00:00:00Z' }, { 'if-match': '"2"' }), { status: 422, body: { errors: [{ pointer: '/effectiveAt' }] } })

    const soon = Date.now() + 1_500
    t.match(await gateway.call('PATCH', '/api/links/ahead', { url: 'https://example.com/soon', effectiveAt: new Date(soon).toISOString() }, { 'if-match': '"2"' }), { status: 200, body: { version: 3 } })
    t.match(await gateway.call('PATCH', '/api/links/ahead', { tags: ['x'] }, { 'if-match': '"3"' }), { status: 200, body: { version: 4, scheduled: [{}, {}] } }, 'an edit between keeps both')
    await until('the redirect to change by itself', async () => {
      const [seen, seenAt] = [await location('ahead'), Date.now()]
      if (seen === 'https://example.com/soon') t.ok(seenAt >= soon, 'not before its time')
      return seen === 'https://example.com/soon'
    })
    t.match((await at('ahead')).body, { version: 4, url: 'https://example.com/soon', tags: ['x'], scheduled: [{ effectiveAt: far }] })
    t.match((await at('ahead', `?asOf=${new Date(soon - 1).toISOString()}`)).body, { url: 'https://example.com/now' })
    t.match((await gateway.call('PATCH', '/api/links/ahead', { title: 'baked' }, { 'if-match': '"4"' })).body, { version: 5, url: 'https://example.com/soon', title: 'baked' })
    const { revisions } = (await gateway.call('GET', '/api/links/ahead/revisions')).body
    t.strictSame(revisions[4].difference, [{ field: 'title', from: null, to: 'baked' }], 'what came due is not put down to the next edit')
    t.match(revisions[1], { type: 'LinkEditScheduled', effectiveAt: far, difference: [{ field: 'scheduled', from: [] }] })

    const { eventId } = planned.body.scheduled[0]
    t.match(await gateway.call('DELETE', `/api/links/ahead/scheduled/${eventId}?reason=off`), { status: 200, body: { version: 6, scheduled: [] } })
    t.match(await gateway.call('DELETE', `/api/links/ahead/scheduled/${eventId}`), { status: 404, body: { code: 'scheduled_edit_not_found' } })
  })

  await t.test('a writer that knows nothing of scheduled edits does not undo them', async (t) => {
    await gateway.call('POST', '/api/links', { url: 'https://example.com/a', slug: 'mixed' })
    const far = new Date(Date.now() + 3_600_000).toISOString()
    await gateway.call('PATCH', '/api/links/mixed', { url: 'https://example.com/b', effectiveAt: far }, { 'if-match': '"1"' })
    await produce(gateway, topicName(gateway.prefix, 'link-events'), [
      { key: 'mixed', value: { ...linkEvent('https://example.com/a', { type: 'LinkEdited', base_version: 2, doc: { title: 'foreign' } }), scheduled: null } }
    ])
    const seen = await until('the foreign edit', async () => {
      const { body } = await at('mixed')
      return body.version === 3 && body
    })
    t.match(seen, { title: 'foreign', scheduled: [{ effectiveAt: far, changes: { url: 'https://example.com/b' } }] })
    t.match((await at('mixed', '?version=3')).body, { scheduled: [{ effectiveAt: far }] })
    t.match((await gateway.call('GET', '/api/links/mixed/revisions')).body.revisions[2], { difference: [{ field: 'title' }], scheduled: [{ effectiveAt: far }] })
  })

  await t.test('many at once: unconditional changes all come through, and bounds hold', async (t) => {
    await gateway.call('POST', '/api/links', { url: 'https://example.com/m', slug: 'many' })
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, n) => await gateway.call('POST', `/api/links/many/${n % 2 === 0 ? 'disable' : 'enable'}`)))
    t.ok(answers.every(({ status }) => status === 200), answers.map(({ status }) => status).join())
    let version = (await at('many')).body.version as number
    for (let n = 0; n < 20; n++) {
      const effectiveAt = new Date(Date.now() + 3_600_000 + n).toISOString()
      t.equal((await gateway.call('PATCH', '/api/links/many', { title: `t${n}`, effectiveAt }, { 'if-match': `"${version++}"` })).status, 200)
    }
    t.match(await gateway.call('PATCH', '/api/links/many', { title: 'x', effectiveAt: '2120-01-01T00:00:00Z' }, { 'if-match': '*' }), { status: 409, body: { code: 'schedule_full' } })
    t.match(await gateway.call('PATCH', '/api/links/many', { validFrom: '2030-01-01T00:00:00Z', effectiveAt: '2120-01-01T00:00:00Z', validUntil: '2029-01-01T00:00:00Z' }, { 'if-match': '*' }),
      { status: 409 })
  })
})
