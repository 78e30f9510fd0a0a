import t from 'tap'
import { addToSketch, addToSketchInPlace, cardinality, emptySketch, mergeSketches, murmur3 } from '../../../../../embedded/ksqldb/plan/functions/hyperloglog.js'
import { aggregation } from './support.js'

// The verification values that go with the reference implementation's test vectors.
t.test('MurmurHash3', async t => {
  const rows: ReadonlyArray<readonly [text: string, seed: number, hash: number]> = [
    ['', 0, 0], ['', 1, 0x514e28b7], ['', 0xffffffff, 0x81f16f39], ['aaaa', 0x9747b28c, 0x5a97808a], ['aaa', 0x9747b28c, 0x283e0130], ['aa', 0x9747b28c, 0x5d211726],
    ['a', 0x9747b28c, 0x7fa09ea6], ['Hello, world!', 0x9747b28c, 0x24884cba]
  ]
  for (const [text, seed, hash] of rows) t.equal(murmur3(Buffer.from(text), seed), hash, `'${text}' with seed ${seed}`)
})

function sketchOf (from: number, to: number): Buffer {
  let sketch = emptySketch()
  for (let i = from; i < to; i++) sketch = addToSketch(sketch, `visitor ${i}`)
  return sketch
}

t.test('few values are counted all but exactly, many within 3 standard errors', async t => {
  t.equal(cardinality(emptySketch()), 0)
  for (const n of [1, 2, 10, 100]) t.equal(cardinality(sketchOf(0, n)), n, `${n}`)
  for (const n of [1000, 5000, 40_000]) t.ok(Math.abs(cardinality(sketchOf(0, n)) - n) <= n * 0.025, `${n}: ${cardinality(sketchOf(0, n))}`)
})

t.test('what came before changes nothing', async t => {
  const sketch = sketchOf(0, 500)
  t.equal(addToSketch(sketch, 'visitor 7'), sketch)
})

t.test('in place gives the same', async t => {
  let sketch = emptySketch()
  for (let i = 0; i < 6000; i++) sketch = addToSketchInPlace(sketch, `visitor ${i}`)
  t.strictSame(sketch, sketchOf(0, 6000))
})

t.test('sketches that grow in place by turns, read from a store in between, are each their own', async t => {
  const sketches = [0, 1, 2].map(() => emptySketch())
  for (let i = 0; i < 3000; i++) {
    for (let n = 0; n < sketches.length; n++) {
      const sketch = addToSketchInPlace(sketches[n]!, `visitor ${n * 10_000 + i}`)
      sketches[n] = i % 97 === n ? Buffer.from(sketch) : sketch
    }
  }
  sketches.forEach((sketch, n) => t.strictSame(sketch, sketchOf(n * 10_000, n * 10_000 + 3000)))
})

t.test('a merged sketch is that of all values', async t => {
  t.strictSame(mergeSketches(sketchOf(0, 300), sketchOf(200, 600)), sketchOf(0, 600), 'both lists')
  t.strictSame(mergeSketches(sketchOf(0, 6000), sketchOf(5000, 5100)), sketchOf(0, 6000), 'registers and a list')
  t.strictSame(mergeSketches(sketchOf(0, 100), sketchOf(0, 6000)), sketchOf(0, 6000), 'a list and registers')
  t.strictSame(mergeSketches(sketchOf(0, 4000), sketchOf(3000, 8000)), sketchOf(0, 8000), 'registers both')
})

t.test('COUNT_DISTINCT takes any type and passes nulls over', async t => {
  t.equal(aggregation('COUNT_DISTINCT(v)', { V: 'STRING' }).result(['a'], [null], ['b'], ['a']), 2n)
  t.equal(aggregation('COUNT_DISTINCT(v)', { V: 'ARRAY<INT>' }).result([[1, 2]], [[1, 2]], [[12]]), 2n)
  t.equal(aggregation('COUNT_DISTINCT(v)', { V: 'MAP<STRING, INT>' }).result([new Map([['a', 1], ['b', 2]])], [new Map([['b', 2], ['a', 1]])]), 1n)
  t.equal(aggregation('COUNT_DISTINCT(v)', { V: 'BIGINT' }).result(), 0n)
})
