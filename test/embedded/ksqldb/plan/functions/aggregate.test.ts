import t from 'tap'
import { Decimal } from '../../../../../embedded/ksqldb/plan/decimal.js'
import type { Row } from '../../../../../embedded/ksqldb/plan/value.js'
import type { Aggregation } from './support.js'
import { aggregation, plain } from './support.js'

const rows = (...values: Row): Row[] => values.map(value => [value])

/** Merging the states of both halves must give what all rows together give. */
function mergedResult (a: Aggregation, left: Row[], right: Row[]): unknown {
  return plain(a.implementation.map(a.implementation.merge(a.state(...left), a.state(...right))))
}

function undone (a: Aggregation, all: Row[], taken: Row[]): unknown {
  const { undo } = a.implementation
  if (undo === undefined) throw new Error('has no undo')
  return plain(a.implementation.map(taken.reduce((state, row) => undo(state, row), a.state(...all))))
}

t.test('COUNT', async t => {
  const count = aggregation('COUNT(v)', { V: 'STRING' })
  t.equal(count.result(), 0n)
  t.equal(count.result(...rows('a', null, 'b')), 2n, 'nulls do not count')
  t.equal(mergedResult(count, rows('a'), rows('b', null)), 2n)
  t.equal(undone(count, rows('a', 'b', null), rows('b', null)), 1n)
  t.equal(aggregation('COUNT(*)', { V: 'STRING' }).result(...rows('a', null)), 2n, 'COUNT(*) counts rows')
})

t.test('SUM', async t => {
  t.equal(aggregation('SUM(v)', { V: 'INT' }).result(...rows(1, null, 2)), 3)
  t.equal(aggregation('SUM(v)', { V: 'INT' }).result(...rows(2147483647, 1)), -2147483648, 'INTEGER wraps around')
  t.equal(aggregation('SUM(v)', { V: 'BIGINT' }).result(...rows(9223372036854775807n, 1n)), -9223372036854775808n, 'BIGINT wraps around')
  const bigs = aggregation('SUM(v)', { V: 'BIGINT' })
  t.equal(bigs.result(...rows(9007199254740991n, 2n, -1n)), 9007199254740992n, 'beyond what a double holds')
  t.equal(undone(bigs, rows(9007199254740993n, 5n), rows(9007199254740993n)), 5n)
  t.equal(bigs.implementation.map(bigs.implementation.add(9007199254740993n, [2n])), 9007199254740995n, 'a state as the store gives it')
  t.equal(mergedResult(bigs, rows(9007199254740993n), rows(2n)), 9007199254740995n)
  t.equal(aggregation('SUM(v)', { V: 'DOUBLE' }).result(...rows(0.5, 0.25)), 0.75)
  t.equal(aggregation('SUM(v)', { V: 'DOUBLE' }).result(...rows(null)), 0, 'of nulls is 0')
  const decimals = aggregation('SUM(v)', { V: 'DECIMAL(4, 2)' })
  const d = (text: string): Decimal => Decimal.parse(text)
  t.equal(decimals.result(...rows(d('10.10'), null, d('0.95'))), '11.05m')
  t.equal(undone(decimals, rows(d('10.10'), d('0.95')), rows(d('10.10'))), '0.95m')
  t.throws(() => decimals.result(...rows(d('99.99'), d('0.01'))), { message: /Numeric field overflow: A field with precision 4 and scale 2 must round to an absolute value less than 10\^2. Got 100.00/ })
  const lists = aggregation('SUM_LIST(v)', { V: 'ARRAY<BIGINT>' })
  t.equal(lists.result(...rows([1n, null, 2n], null, [3n])), 6n)
  t.equal(undone(lists, rows([1n], [3n]), rows([1n])), 3n)
})

t.test('AVG', async t => {
  const avg = aggregation('AVG(v)', { V: 'INT' })
  t.equal(avg.result(), 0)
  t.equal(avg.result(...rows(1, null, 2)), 1.5)
  t.equal(undone(avg, rows(1, 2, 9), rows(9)), 1.5)
  t.equal(mergedResult(avg, rows(1, 2), rows(6)), 3)
  t.equal(aggregation('AVG(v)', { V: 'BIGINT' }).result(...rows(1n, 2n)), 1.5)
})

t.test('MIN and MAX', async t => {
  t.equal(aggregation('MAX(v)', { V: 'INT' }).result(...rows(null, 3, 5, 4)), 5)
  t.equal(aggregation('MIN(v)', { V: 'STRING' }).result(...rows('b', null, 'B', 'a')), 'B')
  t.equal(aggregation('MIN(v)', { V: 'DECIMAL(4, 2)' }).result(...rows(Decimal.parse('10.00'), Decimal.parse('9.00'))), '9.00m')
  t.equal(aggregation('MAX(v)', { V: 'BYTES' }).result(...rows(Buffer.from([0x80]), Buffer.from([1]))), '0x01', 'bytes are signed')
  t.equal(aggregation('MAX(v)', { V: 'TIMESTAMP' }).result(), null)
  t.equal(mergedResult(aggregation('MAX(v)', { V: 'INT' }), rows(1), rows(null)), 1)
  t.equal(aggregation('MAX(v)', { V: 'INT' }).implementation.undo, undefined, 'not over tables')
})

t.test('COLLECT_LIST and COLLECT_SET', async t => {
  const list = aggregation('COLLECT_LIST(v)', { V: 'STRING' })
  t.strictSame(list.result(...rows('a', null, 'a')), ['a', null, 'a'])
  t.strictSame(undone(list, rows('a', 'b', 'a'), rows('a', 'zzz')), ['a', 'b'], 'the last equal value goes')
  const set = aggregation('COLLECT_SET(v)', { V: 'ARRAY<INT>' })
  t.strictSame(set.result(...rows([1], [2], [1], null, null)), [[1], [2], null])
  t.strictSame(mergedResult(set, rows([1], [2]), rows([2], [3])), [[1], [2], [3]])
  const limited = { 'ksql.functions.collect_list.limit': '2', 'ksql.functions.collect_set.limit': '1' }
  t.strictSame(aggregation('COLLECT_LIST(v)', { V: 'INT' }, limited).result(...rows(1, 2, 3)), [1, 2])
  t.strictSame(aggregation('COLLECT_SET(v)', { V: 'INT' }, limited).result(...rows(1, 2, 3)), [1])
  t.strictSame(aggregation('COLLECT_LIST(v)', { V: 'INT' }, { 'ksql.functions.collect_list.limit': '-1' }).result(...rows(1, 2, 3)), [1, 2, 3])
  t.throws(() => aggregation('COLLECT_LIST(v)', { V: 'INT' }, { 'ksql.functions.collect_list.limit': 'x' }), { message: /ksql.functions.collect_list.limit/ })
})

t.test('HISTOGRAM', async t => {
  const histogram = aggregation('HISTOGRAM(v)', { V: 'STRING' })
  t.strictSame(histogram.result(...rows('a', 'b', 'a', null)), new Map([['a', 2n], ['b', 1n]]))
  t.strictSame(undone(histogram, rows('a', 'b', 'a'), rows('a', 'b', 'c')), new Map([['a', 1n]]))
  t.strictSame(mergedResult(histogram, rows('a'), rows('a', 'b')), new Map([['a', 2n], ['b', 1n]]))
  const many = histogram.result(...Array.from({ length: 1100 }, (_, i) => [String(i)]), ['0']) as Map<string, bigint>
  t.equal(many.size, 1000, 'no more than 1000 values')
  t.equal(many.get('0'), 2n)
})

t.test('TOPK and TOPKDISTINCT', async t => {
  t.strictSame(aggregation('TOPK(v, 3)', { V: 'INT' }).result(...rows(5, null, 7, 1, 7, 6)), [7, 7, 6])
  t.strictSame(aggregation('TOPKDISTINCT(v, 3)', { V: 'DOUBLE' }).result(...rows(5, null, 7, 1, 7, 6)), [7, 6, 5])
  t.strictSame(mergedResult(aggregation('TOPK(v, 2)', { V: 'STRING' }), rows('a', 'd'), rows('b', 'c')), ['d', 'c'])
  t.strictSame(mergedResult(aggregation('TOPKDISTINCT(v, 2)', { V: 'BIGINT' }), rows(1n, 4n), rows(4n, 2n)), [4n, 2n])
  const pairs = aggregation('TOPK(v, name, 2)', { V: 'INT', NAME: 'STRING' })
  t.strictSame(pairs.result([1, 'a'], [3, 'b'], [3, 'c'], [2, 'd']), [[3, 'b'], [3, 'c']], 'of equals the earlier comes first')
  t.match(pairs.implementation.stateType, { items: { fields: [{ name: 'sort_col' }, { name: 'col0' }] } })
  t.throws(() => aggregation('TOPK(v, 0)', { V: 'INT' }), { message: /k of 1 or more/ })
  t.throws(() => aggregation('TOPK(v, v)', { V: 'INT' }), { message: /literal constant/ })
})

t.test('ATTR', async t => {
  const attr = aggregation('ATTR(v)', { V: 'STRING' })
  t.equal(attr.result(...rows('a', 'a')), 'a')
  t.equal(attr.result(...rows('a', 'b')), null)
  t.equal(attr.result(...rows('a', null)), null)
  t.equal(undone(attr, rows('a', 'b'), rows('b')), 'a')
  t.equal(mergedResult(attr, rows('a'), rows('a')), 'a')
})

t.test('EARLIEST_BY_OFFSET and LATEST_BY_OFFSET', async t => {
  const values = rows(null, 'a', 'b', null)
  t.equal(aggregation('EARLIEST_BY_OFFSET(v)', { V: 'STRING' }).result(...values), 'a')
  t.equal(aggregation('EARLIEST_BY_OFFSET(v, false)', { V: 'STRING' }).result(...values), null)
  t.equal(aggregation('LATEST_BY_OFFSET(v)', { V: 'STRING' }).result(...values), 'b')
  t.equal(aggregation('LATEST_BY_OFFSET(v, false)', { V: 'STRING' }).result(...values), null)
  t.strictSame(aggregation('EARLIEST_BY_OFFSET(v, 2)', { V: 'STRING' }).result(...values, ['c']), ['a', 'b'])
  t.strictSame(aggregation('LATEST_BY_OFFSET(v, 2)', { V: 'STRING' }).result(...values, ['c']), ['b', 'c'])
  t.strictSame(aggregation('LATEST_BY_OFFSET(v, 2, false)', { V: 'STRING' }).result(...values), ['b', null])
  t.throws(() => aggregation('LATEST_BY_OFFSET(v, 0)', { V: 'STRING' }), { message: 'latestN must be 1 or greater' })
  const latest = aggregation('LATEST_BY_OFFSET(v)', { V: 'STRING' })
  const [first, second] = [latest.state(['old']), latest.state(['new'])]
  t.equal(latest.implementation.map(latest.implementation.merge(second, first)), 'new', 'whichever side it is on')
  t.equal(latest.implementation.map(latest.implementation.merge(latest.implementation.initialize(), first)), 'old')
  const earliest = aggregation('EARLIEST_BY_OFFSET(v, 3)', { V: 'STRING' })
  const [early, late] = [earliest.state(['1'], ['2']), earliest.state(['3'], ['4'])]
  t.strictSame(earliest.implementation.map(earliest.implementation.merge(late, early)), ['1', '2', '3'])
})

t.test('statistics', async t => {
  const near = (actual: unknown, expected: number, name: string): boolean => t.ok(Math.abs((actual as number) - expected) < 1e-9, `${name}: ${String(actual)}`)
  // The variance of 10, 13, 19 is 21; STDDEV_SAMP of ksqlDB does not take its root.
  const samp = aggregation('STDDEV_SAMP(v)', { V: 'INT' })
  near(samp.result(...rows(10, null, 13, 19)), 21, 'STDDEV_SAMP')
  near(undone(samp, rows(10, 13, 19, 500), rows(500)), 21, 'undone')
  near(mergedResult(samp, rows(10, 13), rows(19)), 21, 'merged')
  near(aggregation('STDDEV_SAMPLE(v)', { V: 'BIGINT' }).result(...rows(10n, 13n, 19n)), Math.sqrt(21), 'STDDEV_SAMPLE')
  t.equal(samp.result([1]), 0)
  const correlation = aggregation('CORRELATION(x, y)', { X: 'DOUBLE', Y: 'DOUBLE' })
  near(correlation.result([1, 2], [2, 4], [3, 6], [null, 1]), 1, 'in step')
  near(correlation.result([1, 3], [2, 2], [3, 1]), -1, 'against')
  near(undone(correlation, [[1, 2], [2, 4], [3, 6], [9, 1]], [[9, 1]]), 1, 'undone')
  near(mergedResult(correlation, [[1, 2], [2, 4]], [[3, 6]]), 1, 'merged')
  t.ok(Number.isNaN(correlation.result([1, 2], [1, 4])))
})

t.test('states are left as they are', async t => {
  const cases: ReadonlyArray<readonly [sql: string, type: string, values: Row]> = [
    ['COLLECT_LIST(v)', 'STRING', ['a', 'b']], ['COLLECT_SET(v)', 'STRING', ['a', 'b']], ['HISTOGRAM(v)', 'STRING', ['a', 'b']], ['TOPK(v, 2)', 'STRING', ['a', 'b']],
    ['ATTR(v)', 'STRING', ['a', 'a']], ['COUNT_DISTINCT(v)', 'STRING', ['a', 'b']], ['AVG(v)', 'INT', [1, 2]], ['LATEST_BY_OFFSET(v, 3)', 'STRING', ['a', 'b']]
  ]
  for (const [sql, type, values] of cases) {
    const a = aggregation(sql, { V: type })
    const state = a.state([values[0] ?? null])
    const before = plain(state)
    a.implementation.add(state, [values[1] ?? null])
    a.implementation.merge(state, a.state([values[1] ?? null]))
    a.implementation.undo?.(state, [values[0] ?? null])
    t.strictSame(plain(state), before, sql)
  }
})

t.test('in place gives the same', async t => {
  for (const sql of ['COLLECT_LIST(v)', 'COLLECT_SET(v)', 'HISTOGRAM(v)']) {
    const a = aggregation(sql, { V: 'STRING' })
    const { addInPlace } = a.implementation
    if (addInPlace === undefined) throw new Error(`${sql} has no addInPlace`)
    const values = rows('a', 'b', 'a', null)
    t.strictSame(plain(values.reduce((state, row) => addInPlace(state, row), a.implementation.initialize())), plain(a.state(...values)), sql)
  }
})
