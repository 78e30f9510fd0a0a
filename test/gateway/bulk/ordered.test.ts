// Many in hand, results in order, never more taken than there is room for.
import t from 'tap'
import { ordered } from '../../../gateway/bulk/ordered.js'
import { randomFrom } from '../../helpers/random.js'

interface Item { readonly bytes: number, readonly n: number }

const turn = async () => await new Promise<void>(resolve => { setImmediate(resolve) })
const source = (count: number, bytes = 1) => {
  const taken = { count: 0, closed: false }
  const items = async function * (): AsyncGenerator<Item> {
    try {
      for (let n = 0; n < count; n++) {
        taken.count++
        yield { bytes, n }
      }
    } finally {
      taken.closed = true
    }
  }
  return { taken, items: items() }
}
const bounds = { itemsMax: 5, bytesMax: 1_000, pieceChars: 1_000 }

t.test('tasks that end in any order', async t => {
  const random = randomFrom(2)
  const { items } = source(300)
  let inHand = 0
  let most = 0
  let text = ''
  const task = async ({ n }: Item) => {
    most = Math.max(most, ++inHand)
    for (let wait = Math.floor(random() * 10); wait > 0; wait--) await turn()
    inHand--
    return `${n} `
  }
  for await (const piece of ordered(items, task, bounds)) text += piece
  t.equal(text, `${Array.from({ length: 300 }, (_, n) => n).join(' ')} `)
  t.equal(most, 5)
})

t.test('who does not read is not worked for', async t => {
  const { items, taken } = source(100)
  const pieces = ordered(items, async ({ n }) => `${n} `, bounds)
  t.equal((await pieces.next()).value?.startsWith('0 '), true)
  for (let round = 0; round < 50; round++) await turn()
  t.ok(taken.count <= 11, `${taken.count} taken`)
  await pieces.return(undefined)
  await turn()
  t.ok(taken.closed, 'and what gives the items is told of the end')
})

t.test('bytes in hand are bounded too, but one item always goes', async t => {
  const { items } = source(20, 600)
  let inHand = 0
  let most = 0
  const task = async () => {
    most = Math.max(most, ++inHand)
    await turn()
    inHand--
    return 'x'
  }
  let text = ''
  for await (const piece of ordered(items, task, bounds)) text += piece
  t.equal(text.length, 20)
  t.equal(most, 2)
})

t.test('results are given while the next item is waited for; a broken source is told after them', async t => {
  let give: (item: IteratorResult<Item>) => void = () => {}
  let fail: (error: Error) => void = () => {}
  const items: AsyncIterator<Item> = { next: async () => await new Promise((resolve, reject) => { give = resolve; fail = reject }) }
  const pieces = ordered(items, async ({ n }) => `${n}`, bounds)
  const first = pieces.next()
  give({ value: { bytes: 1, n: 7 }, done: false })
  t.equal((await first).value, '7')
  const second = pieces.next()
  await turn()
  fail(new Error('cut off'))
  await t.rejects(second, { message: 'cut off' })
})
