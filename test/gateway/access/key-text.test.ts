import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { newKeyText, readKeyText, sameHash } from '../../../gateway/access/key-text.js'

t.test('a key is read back by its id and the SHA-256 of its whole text', async t => {
  const { id, text, sha256 } = newKeyText(randomBytes)
  t.match(text, /^ll_[1-9A-HJ-NP-Za-km-z]+_[1-9A-HJ-NP-Za-km-z]{40,}$/)
  t.equal(sha256, createHash('sha256').update(text).digest('hex'))
  t.strictSame(readKeyText(text), { id, sha256 })
  t.not(newKeyText(randomBytes).text, text)
})

t.test('the smallest and the largest random bytes give a text that is read again', async t => {
  for (const fill of [0, 1, 255]) {
    const { id, text } = newKeyText(size => Buffer.alloc(size, fill))
    t.equal(readKeyText(text)?.id, id, text)
  }
})

t.test('what is no key is not hashed', async t => {
  const { text } = newKeyText(randomBytes)
  for (const other of ['', 'll_', 'll_abc_def', text.slice(3), `${text}_`, text.replace('ll_', 'lL_'), `${text} `, `ll_${'1'.repeat(500)}_1`, text.replace(/_(.)/, '_0')]) {
    t.equal(readKeyText(other), undefined, other)
  }
})

t.test('hashes are compared whole', async t => {
  const hash = 'a'.repeat(64)
  t.ok(sameHash(hash, 'a'.repeat(64)))
  t.notOk(sameHash(hash, `${'a'.repeat(63)}b`))
  t.notOk(sameHash(hash, 'a'.repeat(63)))
  t.notOk(sameHash(hash, ''))
})
