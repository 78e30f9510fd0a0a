import t from 'tap'
import { evaluate, table } from './support.js'

const decimal = (text: string): string => `CAST('${text}' AS DECIMAL(6, 2))`

table('ROUND: halves go up', [
  ['ROUND(1.5e0)', 2n], ['ROUND(-1.5e0)', -1n], ['ROUND(-1.6e0)', -2n], ['ROUND(2147483647)', 2147483647n], ['ROUND(12345678901)', 12345678901n],
  ['ROUND(1.125e0, 2)', 1.13], ['ROUND(-1.125e0, 2)', -1.12], ['ROUND(1234.5e0, -2)', 1200], ['ROUND(0.1e0, 400000)', 0.1],
  [`ROUND(${decimal('1.50')})`, '2m'], [`ROUND(${decimal('-1.50')})`, '-1m'], [`ROUND(${decimal('12.55')}, 1)`, '12.60m'], [`ROUND(${decimal('-12.55')}, 1)`, '-12.50m'],
  [`ROUND(${decimal('1255.00')}, -1)`, '1260.00m'], ['ROUND(CAST(NULL AS DOUBLE))', null]
])

table('TRUNC cuts', [
  ['TRUNC(1.9e0)', 1n], ['TRUNC(-1.9e0)', -1n], ['TRUNC(1e30)', 9223372036854775807n], ['TRUNC(1.19e0, 1)', 1.1], ['TRUNC(-1.19e0, 1)', -1.1], ['TRUNC(5)', 5n],
  [`TRUNC(${decimal('-1.99')})`, '-1m'], [`TRUNC(${decimal('12.59')}, 1)`, '12.50m']
])

table('CEIL, FLOOR, ABS, SIGN', [
  ['CEIL(1.1e0)', 2], ['CEIL(3)', 3], [`CEIL(${decimal('-1.50')})`, '-1.00m'], [`CEIL(${decimal('1.01')})`, '2.00m'],
  ['FLOOR(-1.1e0)', -2], [`FLOOR(${decimal('-1.50')})`, '-2.00m'], ['FLOOR(12345678901)', 12345678901n],
  ['ABS(-3)', 3], ['ABS(CAST(-9223372036854775807 AS BIGINT))', 9223372036854775807n], [`ABS(${decimal('-1.50')})`, '1.50m'], ['ABS(-1.5e0)', 1.5],
  ['SIGN(-12)', -1], ['SIGN(0)', 0], ['SIGN(12345678901)', 1], ['SIGN(-0.5e0)', -1]
])

table('GREATEST and LEAST pass nulls over', [
  ['GREATEST(1, CAST(NULL AS INT), 3, 2)', 3], ['LEAST(CAST(NULL AS INT), 3, 2)', 2], ['GREATEST(CAST(NULL AS INT), CAST(NULL AS INT))', null],
  ["GREATEST('a', 'B', 'b')", 'b'], ["LEAST('a', 'B', 'b')", 'B'], ['GREATEST(CAST(1 AS BIGINT), 12345678901)', 12345678901n], ['LEAST(1e0, 2e0)', 1],
  [`GREATEST(${decimal('1.50')}, CAST('1.505' AS DECIMAL(4, 3)))`, '1.505m'], [`LEAST(${decimal('1.50')}, CAST('1.505' AS DECIMAL(4, 3)))`, '1.500m'],
  ["GREATEST(TO_BYTES('00', 'hex'), TO_BYTES('80', 'hex'))", '0x00'], ["GREATEST(CAST('2021-01-01' AS DATE), CAST('2022-01-01' AS DATE))", 18993]
])

// Expected values are Python's.
t.test('functions of real numbers', async t => {
  const rows: ReadonlyArray<readonly [sql: string, expected: number]> = [
    ['SIN(0.43e0)', 0.41687080242921076], ['COS(0.43e0)', 0.9089657496748851], ['TAN(0.43e0)', 0.45862102348555517], ['COT(0.43e0)', 2.1804495406685085],
    ['ASIN(0.43e0)', 0.444492776935819], ['ACOS(0.43e0)', 1.1263035498590777], ['ATAN(0.43e0)', 0.40609805831761564], ['ATAN2(1.1e0, 0.24e0)', 1.355980926393238],
    ['SINH(0.43e0)', 0.4433742144124824], ['COSH(0.43e0)', 1.0938833091357991], ['TANH(0.43e0)', 0.4053213086894629], ['DEGREES(1)', 57.29577951308232], ['RADIANS(180)', Math.PI],
    ['SQRT(2)', Math.SQRT2], ['CBRT(8)', 2], ['EXP(1)', Math.E], ['LN(10)', Math.LN10], ['POWER(15, 2)', 225], ['POWER(CAST(2 AS BIGINT), CAST(-1 AS BIGINT))', 0.5],
    ['LOG(3, 9)', 2], ['LOG(9)', 2.1972245773362196], ['PI()', Math.PI]
  ]
  for (const [sql, expected] of rows) {
    const actual = evaluate(sql) as number
    t.ok(Math.abs(actual - expected) < 1e-13, `${sql} is ${actual}`)
  }
  for (const sql of ['SQRT(-1)', 'LOG(1, 5)', 'LOG(-2, 5)', 'ACOS(2)', 'LN(-1)']) t.ok(Number.isNaN(evaluate(sql)), sql)
  t.equal(evaluate('LN(0)'), -Infinity)
  t.equal(evaluate('SQRT(CAST(NULL AS DOUBLE))'), null)
  t.equal(evaluate('RANDOM()'), 0.25)
})

t.test('GEO_DISTANCE along a great circle', async t => {
  const near = (sql: string, expected: number): void => {
    const actual = evaluate(sql) as number
    t.ok(Math.abs(actual - expected) < 0.5, `${sql} is ${actual}`)
  }
  near('GEO_DISTANCE(37.4439, -122.1663, 51.5257, -0.1122)', 8634.6)
  near("GEO_DISTANCE(37.4439, -122.1663, 51.5257, -0.1122, 'Miles')", 5365.66)
  t.match(evaluate('GEO_DISTANCE(91, 0, 0, 0)'), /^error: GEO_DISTANCE takes latitudes/)
  t.match(evaluate("GEO_DISTANCE(1, 0, 0, 0, 'parsec')"), /^error: GEO_DISTANCE gives distances/)
})
