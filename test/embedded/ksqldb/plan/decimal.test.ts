import t from 'tap'
import { Decimal } from '../../../../embedded/ksqldb/plan/decimal.js'
import type { RoundingMode } from '../../../../embedded/ksqldb/plan/decimal.js'

const d = (text: string): Decimal => Decimal.parse(text)

t.test('text', async t => {
  for (const [text, plain] of [['1.50', '1.50'], ['-0.05', '-0.05'], ['+7', '7'], ['.5', '0.5'], ['5.', '5'], ['1.5E3', '1500'], ['1.5e-3', '0.0015'], ['-0', '0']] as const) {
    t.equal(d(text).toString(), plain, text)
  }
  for (const wrong of ['', '.', 'x', '1.2.3', '1e', '--1']) t.throws(() => d(wrong), SyntaxError, wrong)
  t.throws(() => d('1E999999999'), SyntaxError, 'no memory is filled')
  t.throws(() => d('1E-999999999'), SyntaxError)
})

// The table of java.math.RoundingMode's documentation.
t.test('rounding', async t => {
  const rows: ReadonlyArray<readonly [value: string, ...results: Record<Exclude<RoundingMode, 'UNNECESSARY'>, string>[]]> = [
    ['5.5', { DOWN: '5', CEILING: '6', FLOOR: '5', HALF_UP: '6', HALF_DOWN: '5' }], ['2.5', { DOWN: '2', CEILING: '3', FLOOR: '2', HALF_UP: '3', HALF_DOWN: '2' }],
    ['1.6', { DOWN: '1', CEILING: '2', FLOOR: '1', HALF_UP: '2', HALF_DOWN: '2' }], ['1.1', { DOWN: '1', CEILING: '2', FLOOR: '1', HALF_UP: '1', HALF_DOWN: '1' }],
    ['1.0', { DOWN: '1', CEILING: '1', FLOOR: '1', HALF_UP: '1', HALF_DOWN: '1' }], ['-1.1', { DOWN: '-1', CEILING: '-1', FLOOR: '-2', HALF_UP: '-1', HALF_DOWN: '-1' }],
    ['-1.6', { DOWN: '-1', CEILING: '-1', FLOOR: '-2', HALF_UP: '-2', HALF_DOWN: '-2' }], ['-2.5', { DOWN: '-2', CEILING: '-2', FLOOR: '-3', HALF_UP: '-3', HALF_DOWN: '-2' }],
    ['-5.5', { DOWN: '-5', CEILING: '-5', FLOOR: '-6', HALF_UP: '-6', HALF_DOWN: '-5' }]
  ]
  for (const [value, results] of rows) {
    for (const [mode, expected] of Object.entries(results ?? {})) t.equal(d(value).setScale(0, mode as RoundingMode).toString(), expected, `${value} ${mode}`)
  }
  t.equal(d('1.00').setScale(0).toString(), '1')
  t.throws(() => d('1.10').setScale(0), { message: 'Rounding necessary' })
})

t.test('arithmetic is exact', async t => {
  t.equal(d('10.10').add(d('5.1')).toString(), '15.20')
  t.equal(d('10.10').subtract(d('20')).toString(), '-9.90')
  t.equal(d('1.5').multiply(d('-2.25')).toString(), '-3.375')
  t.equal(d('10.1').divide(d('2'), 3).toString(), '5.050')
  t.equal(d('2').divide(d('3'), 4, 'HALF_UP').toString(), '0.6667')
  t.equal(d('1255').divide(d('10'), 0, 'HALF_DOWN').toString(), '125')
  t.equal(d('0.001').divide(d('0.5'), 1, 'DOWN').toString(), '0.0')
  t.throws(() => d('1').divide(d('3'), 6), { message: 'Rounding necessary' })
  t.throws(() => d('1').divide(d('0.0'), 6), { message: 'Division by zero' })
  t.equal(d('-1.50').abs().toString(), '1.50')
})

t.test('order', async t => {
  t.equal(d('2.0').compare(d('2.00')), 0)
  t.equal(d('-2').compare(d('1.99')), -1)
  t.equal(d('2.01').compare(d('2')), 1)
})

t.test('doubles', async t => {
  t.equal(Decimal.fromDoubleText(0.1).toString(), '0.1')
  t.equal(Decimal.fromDoubleText(1.5e21).toString(), '1500000000000000000000')
  t.throws(() => Decimal.fromDoubleText(NaN), { message: 'Infinite or NaN' })
  t.equal(d('-12.75').toNumber(), -12.75)
})
