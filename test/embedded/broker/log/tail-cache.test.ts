// The tail cache's budget: what it gives back when a batch is dropped, over one log and over many.
import t from 'tap'
import { CachedTail, TailCache } from '../../../../embedded/broker/log/tail-cache.js'

const BATCH_BYTES = 1000

function add (cache: TailCache, tail: CachedTail, offset: number): void {
  cache.add(tail, { baseOffset: offset, lastOffset: offset, buffer: Buffer.alloc(BATCH_BYTES) })
}

/** Bytes of all batches that the tail still refers to, at any place that was ever filled. */
function heldBytes (tail: CachedTail, places: number): number {
  let sum = 0
  for (let place = 0; place < places; place++) sum += tail.at(place)?.buffer.length ?? 0
  return sum
}

t.test('a log refers to no more bytes than the budget', async t => {
  const cache = new TailCache(50 * BATCH_BYTES)
  const tail = new CachedTail()
  for (let offset = 0; offset < 300; offset++) {
    add(cache, tail, offset)
    t.ok(heldBytes(tail, 300) <= 50 * BATCH_BYTES, `after ${offset + 1} batches`)
  }
})

t.test('many logs together refer to no more bytes than the budget', async t => {
  const cache = new TailCache(50 * BATCH_BYTES)
  const tails = Array.from({ length: 20 }, () => new CachedTail())
  for (let offset = 0; offset < 60; offset++) for (const tail of tails) add(cache, tail, offset)
  t.equal(tails.reduce((sum, tail) => sum + heldBytes(tail, 60), 0), 50 * BATCH_BYTES)
})

t.test('what is still there is found, what was dropped is not', async t => {
  const cache = new TailCache(50 * BATCH_BYTES)
  const tail = new CachedTail()
  for (let offset = 0; offset < 300; offset++) add(cache, tail, offset)
  t.equal(tail.find(249), undefined)
  for (let offset = 250; offset < 300; offset++) t.equal(tail.at(tail.find(offset)!)?.baseOffset, offset)
})

t.test('a tail that was cleared begins anew', async t => {
  const cache = new TailCache(50 * BATCH_BYTES)
  const tail = new CachedTail()
  for (let offset = 0; offset < 10; offset++) add(cache, tail, offset)
  cache.clear(tail)
  t.equal(tail.find(5), undefined)
  for (let offset = 10; offset < 100; offset++) add(cache, tail, offset)
  t.equal(tail.at(tail.find(99)!)?.baseOffset, 99)
})
