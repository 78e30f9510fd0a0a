import t from 'tap'
import { decide, withQuery, type RequestFacts } from '../../../gateway/redirect/decision.js'
import type { Target } from '../../../gateway/queries/links.js'

const plain: Target = {
  link: 'a', version: 1, url: 'https://e.example/', enabled: true, deleted: false, validFrom: null, validUntil: null, maxVisits: null, redirectStatus: 302,
  forwardQuery: false
}
const asked = (query = ''): RequestFacts => ({ query, userAgent: undefined, language: undefined, country: undefined, visitor: () => 'somebody' })

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
