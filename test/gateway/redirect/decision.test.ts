import t from 'tap'
import { decide, withQuery, type RequestFacts } from '../../../gateway/redirect/decision.js'
import type { Target } from '../../../gateway/queries/links.js'

const plain: Target = {
  link: 'a', version: 1, url: 'https://e.example/', enabled: true, deleted: false, validFrom: null, validUntil: null, maxVisits: null, redirectStatus: 302,
  forwardQuery: false, rules: [], scheduled: []
}
const asked = (query = '', country?: string): RequestFacts =>
  ({ query, userAgent: undefined, language: undefined, country, address: '192.0.2.1', draw: (link, draw, address, agent) => { throw new Error([link, draw, address, agent].join()) } })

t.test('a link leads to its URL with its own status', async t => {
  for (const redirectStatus of [301, 302, 307, 308]) {
    t.strictSame(decide({ ...plain, redirectStatus }, asked('x=1'), 0), { outcome: 'redirected', status: redirectStatus, location: 'https://e.example/', rule: null })
  }
})

t.test('why not: what is deleted stays so whatever else holds, and the window is open from its start up to its end', async t => {
  const nowhere = (outcome: string, status: number) => ({ outcome, status, location: null, rule: null })
  t.strictSame(decide(null, asked(), 0), nowhere('not_found', 404))
  t.strictSame(decide({ ...plain, deleted: true, enabled: false, validUntil: -1 }, asked(), 0), nowhere('deleted', 410))
  t.strictSame(decide({ ...plain, enabled: false, validUntil: -1 }, asked(), 0), nowhere('disabled', 410))
  const windowed = { ...plain, validFrom: 100, validUntil: 200 }
  t.strictSame([99, 100, 199, 200].map(now => decide(windowed, asked(), now).outcome), ['expired', 'redirected', 'redirected', 'expired'])
  t.strictSame(decide(windowed, asked(), 99), nowhere('expired', 410))
})

t.test('the query goes along where the link says so', async t => {
  const forwarding = { ...plain, url: 'https://e.example/p?k=v#f', forwardQuery: true }
  t.equal(decide(forwarding, asked(), 0).location, 'https://e.example/p?k=v#f')
  t.equal(decide(forwarding, asked('x=1'), 0).location, 'https://e.example/p?k=v&x=1#f')
  t.equal(withQuery('https://e.example/p#f', 'x=1&y=%20'), 'https://e.example/p?x=1&y=%20#f')
  t.equal(withQuery('https://e.example/?k=v', 'x=1'), 'https://e.example/?k=v&x=1')
})

t.test('the first rule that holds leads elsewhere, with the link\'s own status and query; a dead link has no rules', async t => {
  const rules = ['DE', 'AT'].map(country => ({ url: `https://${country.toLowerCase()}.example/`, conditions: [{ dimension: 'country', argument: null, operands: [country] }] }))
  const ruled = { ...plain, rules, forwardQuery: true, redirectStatus: 307 }
  t.strictSame(decide(ruled, asked('x=1', 'AT'), 0), { outcome: 'redirected', status: 307, location: 'https://at.example/?x=1', rule: 2 })
  t.match(decide(ruled, asked('', 'DE'), 0), { location: 'https://de.example/', rule: 1 })
  t.match(decide(ruled, asked('', 'FR'), 0), { location: 'https://e.example/', rule: null })
  t.match(decide({ ...ruled, enabled: false }, asked('', 'DE'), 0), { outcome: 'disabled', location: null, rule: null })
})

t.test('a split asks where the visitor stands', async t => {
  const split = { ...plain, rules: [{ url: 'https://b.example/', conditions: [{ dimension: 'percent', argument: null, operands: ['30'] }] }] }
  const standing = (place: number) => ({ ...asked(), draw: () => place })
  t.strictSame([0, 2_999, 3_000, 9_999].map(place => decide(split, standing(place), 0).rule), [1, 1, null, null])
})
