import t from 'tap'
import { keyAt, type KeyTree } from '../../../gateway/erasure/key-tree.js'
import { linkPath, rootOf, seal, tokenOf, unseal, visitorPath } from '../../../gateway/erasure/seal.js'

const tree: KeyTree = new Map([['', Buffer.from(Array.from({ length: 32 }, (_, n) => n))]])
const rootId = Buffer.alloc(8, 0xa1)
const pepper = Buffer.alloc(32, 7)
const visitor = 'abcdefghijklmnopqrstuv'
const link = 'go.example/a'
const visitId = '01936f00-0000-7000-8000-000000000001'

// Worked out by Python's hmac and hashlib, and AESGCM of the package cryptography 48.
const known = {
  token: 'tVFt5Gox7AGoOE3nU4N27E',
  linkPath: '010233112122',
  visitorPath: '231111',
  sealed: '01a1a1a1a1a1a1a1a1ce8edf68eeca237e07aeca2d99b1eea3447c57fee4a39ad18f71ddb94348ecd8f93af8e58e41'
}

t.test('a seal is what another program makes of the same', async t => {
  t.equal(tokenOf(pepper, visitor), known.token)
  t.equal(linkPath(link), known.linkPath)
  t.equal(visitorPath(known.token), known.visitorPath)
  const sealed = seal(rootId, keyAt(tree, known.linkPath + known.visitorPath) as Buffer, { link, visitId, token: known.token }, visitor)
  t.equal(sealed.toString('hex'), known.sealed)
})

t.test('it opens with its key and its visit, and with no other', async t => {
  const sealed = Buffer.from(known.sealed, 'hex')
  const key = keyAt(tree, known.linkPath + known.visitorPath) as Buffer
  const visit = { link, visitId, token: known.token }
  t.equal(rootOf(sealed), 'a1'.repeat(8))
  t.equal(unseal(sealed, key, visit), visitor)
  t.equal(unseal(sealed, keyAt(tree, `${known.linkPath}000000`) as Buffer, visit), undefined)
  for (const other of [{ link: 'b' }, { visitId: visitId.replace('1', '2') }, { token: tokenOf(pepper, 'other') }]) {
    t.equal(unseal(sealed, key, { ...visit, ...other }), undefined, JSON.stringify(other))
  }
  for (let at = 9; at < sealed.length; at++) {
    const bent = Buffer.from(sealed)
    bent[at] = (bent[at] as number) ^ 1
    if (unseal(bent, key, visit) !== undefined) t.fail(`byte ${at} is not covered`)
  }
  t.equal(rootOf(sealed.subarray(0, 20)), undefined)
  t.equal(rootOf(Buffer.alloc(40, 2)), undefined)
})
