import t from 'tap'
import { checkSlug, codeFor, isLinkKey, isReserved, isSlug } from '../../../gateway/links/slug.js'

t.test('the grammar of a slug', async t => {
  for (const slug of ['a', 'Z9', 'a-b_c', 'x'.repeat(64)]) t.ok(isSlug(slug), slug)
  for (const slug of ['', '-a', 'a-', '_a', 'a b', 'ä', 'a/b', 'a.b', '..', 'x'.repeat(65), "a'b"]) t.notOk(isSlug(slug), slug)
})

t.test('the words of the service are kept, whatever their case', async t => {
  for (const slug of ['api', 'API', 'healthz', 'Readyz', 'metrics']) {
    t.ok(isReserved(slug))
    t.throws(() => checkSlug(slug), { code: 'validation_failed', errors: [{ pointer: '/slug' }] })
  }
  t.equal(checkSlug('apis'), 'apis')
})

t.test('a key is a slug, or host/slug', async t => {
  for (const key of ['abc', 'go.example/abc', 'xn--bcher-kva.example:8443/a_b']) t.ok(isLinkKey(key), key)
  for (const key of ['/abc', 'go.example/', 'Go.Example/abc', 'a/b/c', "x' OR '1'='1", 'go..example/a']) t.notOk(isLinkKey(key), key)
})

t.test('the code of a URL: base58 of its SHA-256', async t => {
  // reckoned apart, with Python's hashlib and long division
  const whole = '21pUVc8GeqZwphak7Ffvy5P4Jj7aUYevBdSB585xGgBG'
  t.equal(codeFor('https://example.com/', 64), whole)
  t.equal(codeFor('https://example.com/'), whole.slice(0, 7))
  t.equal(codeFor('https://example.com/', 8), whole.slice(0, 8), 'a longer code begins with the shorter')
})
