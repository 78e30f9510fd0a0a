// Redirect rules over HTTP: set, shown, decided, tried, and replayed over visits that were counted. Expected values are by hand.
import t from 'tap'
import { startRoutes } from './support.js'

const iphone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0'
const ios = { url: 'https://ios.example/', conditions: [{ dimension: 'os', operands: ['iOS'] }, { dimension: 'country', operands: ['CH'] }] }
const half = { url: 'https://half.example/', conditions: [{ dimension: 'percent', operands: ['50'] }] }

t.test('set, shown as kept, decided and recorded, taken away', async t => {
  const { call, recorded } = await startRoutes(t)
  const made = await call('POST', '/api/links', { url: 'https://example.com/', slug: 'a', rules: [{ ...ios, conditions: [{ dimension: 'os', operands: ['ios', 'IOS'] }] }], forwardQuery: true })
  t.strictSame(made.body.rules, [{ url: 'https://ios.example/', conditions: [{ dimension: 'os', argument: null, operands: ['iOS'] }] }])
  t.match(await call('GET', '/a?x=1', undefined, { 'user-agent': iphone }), { status: 302, headers: { location: 'https://ios.example/?x=1' } })
  t.match(await call('GET', '/a', undefined, { 'user-agent': firefox }), { headers: { location: 'https://example.com/' } })
  t.strictSame(recorded.map(({ rule, url }) => [rule, url]), [[1, 'https://example.com/'], [null, 'https://example.com/']])
  t.match(await call('PATCH', '/api/links/a', { rules: made.body.rules }, { 'if-match': '"1"' }), { body: { version: 1 } }, 'what is shown can be sent back')
  const wrong = await call('PATCH', '/api/links/a', { rules: [ios, { ...ios, conditions: [{ dimension: 'os', operands: ['iOS', 'Andriod'] }] }] }, { 'if-match': '"1"' })
  t.match(wrong, { status: 422, body: { errors: [{ pointer: '/rules/1/conditions/0/operands/1' }] } })
  t.match(await call('PATCH', '/api/links/a', { rules: [{ ...ios, conditions: [{ dimension: 'weather', operands: [] }] }] }, { 'if-match': '*' }),
    { status: 422, body: { errors: [{ pointer: '/rules/0/conditions/0/dimension' }] } })
  t.match(await call('PATCH', '/api/links/a', { rules: null }, { 'if-match': '"1"' }), { body: { version: 2, rules: [] } })
})

t.test('tried: where a described request would go, and why', async t => {
  const { call, recorded } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'a', rules: [ios], validUntil: '2100-01-01T00:00:00Z' })
  const held = await call('POST', '/api/links/a/rules/try', { userAgent: iphone, country: 'CH' })
  t.match(held, { status: 200, body: { outcome: 'redirected', isDecided: true, rule: 1, url: 'https://ios.example/', shares: [{ rule: 1, share: 1 }] } })
  const failed = await call('POST', '/api/links/a/rules/try', { userAgent: iphone, country: 'DE' })
  t.match(failed.body, { rule: null, url: 'https://example.com/', isDecided: true, shares: [{ rule: null, url: 'https://example.com/', share: 1 }] })
  t.strictSame(failed.body.rules, [{
    url: 'https://ios.example/', holds: false,
    conditions: [{ dimension: 'os', argument: null, operands: ['iOS'], holds: true }, { dimension: 'country', argument: null, operands: ['CH'], holds: false }]
  }])
  const split = await call('POST', '/api/links/a/rules/try', { rules: [half] })
  t.match(split.body, { isDecided: false, rule: null, url: null, shares: [{ rule: 1, share: 0.5 }, { rule: null, share: 0.5 }], rules: [{ holds: null }] })
  const sides = new Set<number | null>()
  for (let n = 0; n < 20; n++) {
    const { body } = await call('POST', '/api/links/a/rules/try', { rules: [half], address: `192.0.2.${n}` })
    t.equal(body.isDecided, true)
    sides.add(body.rule)
  }
  t.strictSame([...sides].sort(), [1, null].sort(), 'twenty visitors are on both sides')
  t.match((await call('POST', '/api/links/a/rules/try', { at: '2100-01-01T00:00:00Z' })).body, { outcome: 'expired', url: null })
  t.match(await call('POST', '/api/links/a/rules/try', { rules: [{ url: 'x', conditions: [] }] }), { status: 422 })
  t.match(await call('POST', '/api/links/none/rules/try', {}), { status: 404, body: { code: 'link_not_found' } })
  t.match(await call('POST', '/api/links/a/rules/try?from=2026-01-01T00:00:00Z', {}), { status: 400, body: { errors: [{ pointer: 'replay' }] } })
  t.match((await call('GET', '/api/links/a')).body, { version: 1 }, 'nothing is changed')
  t.strictSame(recorded, [])
})

t.test('replayed: the visits of a period under other rules, and what they cannot tell', async t => {
  const { call, counted } = await startRoutes(t, { now: () => Date.parse('2026-03-01T00:00:00Z') })
  await call('POST', '/api/links', { url: 'https://example.com/', slug: 'a' })
  const visit = (at: string, more: object = {}) => ({ link: 'a', at: Date.parse(at), bot: false, visitor: 'v', os: 'Linux', country: 'DE', language: 'de', ...more })
  counted.visits.push(
    ...Array.from({ length: 6 }, () => visit('2026-02-10T10:07:00Z', { os: 'iOS', country: 'CH' })),
    ...Array.from({ length: 3 }, () => visit('2026-02-10T11:00:00Z')),
    visit('2026-02-20T00:00:00Z', { language: 'fr' }), visit('2026-02-20T00:00:00Z', { os: 'iOS', country: '' }),
    visit('2026-02-20T00:00:00Z', { bot: true }), visit('2025-12-01T00:00:00Z'), { ...visit('2026-02-10T10:07:00Z'), link: 'other' }
  )
  const replay = async (rules: object[], query = '') => (await call('POST', `/api/links/a/rules/try?replay=true${query}`, { rules })).body.replay
  interface Part { rule: number | null, visits: number, undecided: number }
  const spread = ({ targets }: { targets: Part[] }) => targets.map(({ rule, visits, undecided }) => [rule, visits, undecided])
  const plain = await replay([ios, { url: 'https://fr.example/', conditions: [{ dimension: 'language', operands: ['fr'] }] }])
  t.match(plain, { from: '2026-01-30T00:00:00.000Z', to: '2026-03-01T00:15:00.000Z', visits: 11, unclassified: 0, caveats: [] })
  t.strictSame(spread(plain), [[1, 6, 0], [2, 1, 0], [null, 4, 0]])
  const split = await replay([ios, half])
  t.strictSame(spread(split), [[1, 6, 0], [2, 2.5, 0], [null, 2.5, 0]], 'five are left to split')
  t.match(split.caveats, [{ pointer: '/rules/1/conditions/0', detail: /expected/ }])
  const asked = await replay([{ url: 'https://q.example/', conditions: [{ dimension: 'query', argument: 'src' }, { dimension: 'os', operands: ['iOS'] }] }, ios])
  t.strictSame(spread(asked), [[1, 0, 7], [2, 6, 0], [null, 5, 0]])
  t.match(asked.caveats, [{ pointer: '/rules/0/conditions/0', detail: /query/ }])
  const swiss = await replay([{ url: 'https://at.example/', conditions: [{ dimension: 'language', operands: ['de-AT'] }] }])
  t.strictSame(spread(swiss), [[1, 0, 10], [null, 11, 0]], 'whether de was de-AT is not known; fr was not')
  const dated = await replay([{ url: 'https://d.example/', conditions: [{ dimension: 'date', operands: ['2026-02-10T11:00:00Z', '2026-02-11T00:00:00Z'] }] }])
  t.strictSame(spread(dated), [[1, 3, 0], [null, 8, 0]])
  t.match(await replay([ios], '&from=2026-02-15T00:00:00Z&to=2026-02-21T00:00:00Z&bots=include'), { visits: 3 })
  t.match(await call('POST', '/api/links/a/rules/try?replay=true&from=2026-02-15T00:00:00Z&to=2026-02-14T00:00:00Z', {}), { status: 400, body: { errors: [{ pointer: 'from' }] } })
})
