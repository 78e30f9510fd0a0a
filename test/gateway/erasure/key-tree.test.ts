import { createHmac } from 'node:crypto'
import t from 'tap'
import { decodeTree, encodeTree, keyAt, puncture, type KeyTree } from '../../../gateway/erasure/key-tree.js'
import { randomFrom } from '../../helpers/random.js'

const root = Buffer.from(Array.from({ length: 32 }, (_, n) => n))
const whole: KeyTree = new Map([['', root]])

/** Every path of so many digits. */
const paths = (length: number): string[] => Array.from({ length: 4 ** length }, (_, n) => n.toString(4).padStart(length, '0'))

t.test('a key is HMAC-SHA256 of each digit under the one above', async t => {
  const byHand = ['3', '1', '0'].reduce((key, digit) => createHmac('sha256', key).update(digit).digest(), root)
  t.same(keyAt(whole, '310'), byHand)
})

t.test('what was taken out cannot be made again, and all else is as before', async t => {
  const random = randomFrom(7)
  const all = paths(5)
  const before = new Map(all.map(path => [path, keyAt(whole, path)]))
  for (let round = 0; round < 20; round++) {
    const someOut = () => (all[Math.floor(random() * all.length)] as string).slice(0, 1 + Math.floor(random() * 5))
    const out = Array.from({ length: 1 + Math.floor(random() * 12) }, someOut)
    // on its way through the topic at each step, as in life
    const left = out.reduce<KeyTree>((tree, path) => decodeTree(encodeTree(puncture(tree, [path]))), whole)
    const isOut = (path: string) => out.some(one => path.startsWith(one))
    const wrong = all.filter(path => isOut(path) ? keyAt(left, path) !== undefined : keyAt(left, path)?.equals(before.get(path) as Buffer) !== true)
    t.strictSame(wrong, [], out.join(' '))
    const nodes = [...left.keys()]
    t.notOk(nodes.some(path => out.some(one => one.startsWith(path))), 'no node is left from which one of them could be made')
    t.notOk(nodes.some(path => nodes.some(other => other !== path && other.startsWith(path))), 'and none stands below another')
  }
})

t.test('the order does not matter, nor does a second time', async t => {
  const [a, b] = [puncture(whole, ['321', '320']), puncture(puncture(puncture(whole, ['320']), ['321']), ['320'])]
  t.same([...a].sort(), [...b].sort())
  t.equal(puncture(a, ['32']).has('322'), false)
  t.equal(puncture(a, ['']).size, 0)
})

t.test('a tree stays within its bound, at the cost of more than was asked for', async t => {
  const random = randomFrom(3)
  const digit = () => String(Math.floor(random() * 4))
  let tree = whole
  for (let n = 0; n < 300; n++) {
    const path = Array.from({ length: 12 }, digit).join('')
    const before = tree
    tree = puncture(tree, [path], 500)
    t.equal(keyAt(tree, path), undefined)
    if (tree.size > 500) t.fail(`${tree.size} nodes`)
    // where there is room, no more goes than was asked for
    if (before.size < 400) t.ok(keyAt(tree, path.replace(/.$/, last => last === '0' ? '1' : '0')))
  }
  t.ok(tree.size > 0)
})

t.test('what is no tree is refused', async t => {
  const bytes = encodeTree(puncture(whole, ['1']))
  for (const wrong of [Buffer.alloc(0), Buffer.of(9), bytes.subarray(0, bytes.length - 1), Buffer.concat([Buffer.of(1, 1), Buffer.from('x'), root])]) {
    t.throws(() => decodeTree(wrong), RangeError)
  }
  t.equal(decodeTree(encodeTree(new Map())).size, 0)
})
