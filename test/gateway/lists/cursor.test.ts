// Cursors: taken back for the list that they came from, refused by any other and for anything else.
import t from 'tap'
import { decodeCursor, encodeCursor } from '../../../gateway/lists/cursor.js'

const cursor = { place: { value: 1_770_000_000_123, link: 'go.example/Ä-b' }, at: 5 }
const listing = { sort: 'created' as const, order: 'desc' as const, filter: { text: 'a' } }

t.test('a cursor and its list', async t => {
  const text = encodeCursor(cursor, listing)
  t.match(text, /^[\w-]+$/, 'needs no escaping')
  t.strictSame(decodeCursor(text, listing), cursor)
  for (const other of [{ ...listing, sort: 'updated' as const }, { ...listing, order: 'asc' as const }, { ...listing, filter: { text: 'b' } }]) {
    t.throws(() => decodeCursor(text, other), { code: 'invalid_request', errors: [{ pointer: 'cursor' }] })
  }
})

t.test('no cursor', async t => {
  const forged = (parts: unknown) => Buffer.from(JSON.stringify(parts)).toString('base64url')
  for (const text of ['', 'x', '!!', forged(null), forged({}), forged([1]), forged([2, 'a', 1, 'a', 1]), forged([1, 'a', '1', 'a', 1]), forged([1, 'a', 1, 1, 1]), forged([1, 'a', 1e300, 'a', 1])]) {
    t.throws(() => decodeCursor(text, listing), { code: 'invalid_request' }, text)
  }
})
