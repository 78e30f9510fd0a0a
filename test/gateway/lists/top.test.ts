// The first k of many: the same as sorting all of them and taking k.
import t from 'tap'
import { Top } from '../../../gateway/lists/top.js'
import { randomFrom } from '../../helpers/random.js'

t.test('any order of offers, any k', async t => {
  const random = randomFrom(11)
  for (let round = 0; round < 200; round++) {
    const items = [...new Set(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 1_000)))]
    const k = 1 + Math.floor(random() * 20)
    const top = new Top<number>(k, (a, b) => a > b)
    for (const item of items) top.offer(item)
    const expected = [...items].sort((a, b) => b - a).slice(0, k)
    if (JSON.stringify(top.sorted()) !== JSON.stringify(expected)) t.strictSame(top.sorted(), expected)
    if (top.full !== (items.length >= k)) t.fail('full')
  }
  t.pass('200 rounds')
})

t.test('what would be taken', async t => {
  const top = new Top<number>(2, (a, b) => a < b)
  t.ok(top.takes(5))
  top.offer(5)
  top.offer(3)
  t.notOk(top.takes(6))
  t.ok(top.takes(4))
  top.offer(4)
  t.strictSame(top.sorted(), [3, 4])
})
