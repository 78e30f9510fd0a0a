import t from 'tap'
import { Decimal, castDecimal, castDouble, decimalArithmetic, ensureFit } from '../../../../embedded/ksqldb/plan/decimal.js'
import type { DecimalOperator, RoundingMode } from '../../../../embedded/ksqldb/plan/decimal.js'

const d = (text: string): Decimal => Decimal.parse(text)

t.test('text', async t => {
  for (const [text, plain] of [['1.50', '1.50'], ['-0.05', '-0.05'], ['+7', '7'], ['.5', '0.5'], ['5.', '5'], ['1.5E3', '1500'], ['1.5e-3', '0.0015'], ['-0', '0']] as const) {
    t.equal(d(text).toString(), plain, text)
  }
  for (const wrong of ['', '.', 'x', '1.2.3', '1e', '--1']) t.throws(() => d(wrong), SyntaxError, wrong)
  t.throws(() => d('1E999999999'), 'no memory is filled')
  t.throws(() => d('1E-999999999'))
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
  t.equal(d('9.99').roundToPrecision(2).toString(), '10')
  t.equal(d('123456').roundToPrecision(2).toString(), '120000')
})

t.test('arithmetic is exact or an error', async t => {
  const rows: ReadonlyArray<readonly [left: string, operator: DecimalOperator, right: string, precision: number, scale: number, expected: string | RegExp]> = [
    ['10.10', '+', '5.1', 6, 2, '15.20'], ['10.10', '-', '20', 6, 2, '-9.90'], ['1.5', '*', '-2.25', 6, 3, '-3.375'], ['10.1', '/', '2', 6, 3, '5.050'],
    ['1', '/', '3', 10, 6, /Rounding necessary/], ['1', '/', '0', 10, 6, /Division by zero/], ['-7.5', '%', '2', 4, 1, '-1.5'], ['7', '%', '0', 4, 1, /Division by zero/],
    ['99.9', '+', '0.15', 3, 2, /Rounding necessary/], ['1.25', '*', '1.25', 5, 2, /Rounding necessary/]
  ]
  for (const [left, operator, right, precision, scale, expected] of rows) {
    const run = (): string => decimalArithmetic(operator, d(left), d(right), precision, scale).toString()
    const name = `${left} ${operator} ${right}`
    if (typeof expected === 'string') t.equal(run(), expected, name)
    else t.throws(run, { message: expected }, name)
  }
})

t.test('order and equality', async t => {
  t.equal(d('2.0').compare(d('2.00')), 0)
  t.equal(d('-2').compare(d('1.99')), -1)
  t.equal(d('2.01').compare(d('2')), 1)
  t.notOk(d('2.0').equals(d('2.00')))
  t.ok(d('2.0').equals(new Decimal(20n, 1)))
})

t.test('casts and fits', async t => {
  t.equal(castDecimal(d('1.005'), 4, 2).toString(), '1.01')
  t.equal(castDecimal(d('-1.005'), 4, 2).toString(), '-1.01')
  t.throws(() => castDecimal(d('123.4'), 4, 2), { message: 'Numeric field overflow: A field with precision 4 and scale 2 must round to an absolute value less than 10^2. Got 123.4' })
  t.equal(ensureFit(d('1.5'), 4, 2).toString(), '1.50')
  t.throws(() => ensureFit(d('1.555'), 4, 2), { message: "Cannot fit decimal '1.555' into DECIMAL(4, 2) without rounding. (Requires 4,3)" })
  t.equal(castDouble(0.1, 10, 5).toString(), '0.10000')
  t.equal(Decimal.fromDouble(0.1).toString(), '0.1000000000000000055511151231257827021181583404541015625')
  t.equal(Decimal.fromDouble(-2.5).toString(), '-2.5')
  t.throws(() => castDouble(NaN, 4, 2), { message: 'Infinite or NaN' })
  t.equal(d('-12.75').toBigInt(), -12n)
  t.equal(d('-12.75').toNumber(), -12.75)
})
