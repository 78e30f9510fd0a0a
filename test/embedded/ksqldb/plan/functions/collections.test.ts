import t from 'tap'
import { evaluate, explode, table } from './support.js'

const NONE = 'CAST(NULL AS ARRAY<INT>)'

table('arrays', [
  ['ARRAY_LENGTH(ARRAY[1, 2, 3])', 3],
  [`ARRAY_LENGTH(${NONE})`, null],
  ['ARRAY_CONTAINS(ARRAY[1, 2], 2)', true],
  ['ARRAY_CONTAINS(ARRAY[1, 2], 3)', false],
  [`ARRAY_CONTAINS(${NONE}, 3)`, false],
  ['ARRAY_CONTAINS(ARRAY[ARRAY[1], ARRAY[2]], ARRAY[2])', true],
  ['ARRAY_CONCAT(ARRAY[1, 2], ARRAY[2, 3])', [1, 2, 2, 3]],
  [`ARRAY_CONCAT(ARRAY[1], ${NONE})`, [1]],
  [`ARRAY_CONCAT(${NONE}, ${NONE})`, null],
  ['ARRAY_DISTINCT(ARRAY[3, 1, 3, NULL, 1, NULL])', [3, 1, null]],
  ['ARRAY_EXCEPT(ARRAY[1, 2, 2, 3, NULL], ARRAY[3, NULL])', [1, 2]],
  ['ARRAY_INTERSECT(ARRAY[1, 2, 2, 3], ARRAY[2, 3, 4])', [2, 3]],
  ['ARRAY_UNION(ARRAY[1, 2], ARRAY[2, 3])', [1, 2, 3]],
  [`ARRAY_UNION(ARRAY[1, 2], ${NONE})`, null],
  ['ARRAY_REMOVE(ARRAY[1, 2, 1, NULL], 1)', [2, null]],
  ['ARRAY_MAX(ARRAY[1, NULL, 3, 2])', 3],
  ["ARRAY_MIN(ARRAY['b', 'B', 'a'])", 'B'],
  ['ARRAY_MAX(ARRAY[CAST(NULL AS INT)])', null],
  ['ARRAY_MAX(ARRAY[ARRAY[1]])', /^error: ARRAY values have no order/],
  ['ARRAY_SORT(ARRAY[3, NULL, 1, 2])', [1, 2, 3, null]],
  ["ARRAY_SORT(ARRAY[3, NULL, 1, 2], 'desc')", [3, 2, 1, null]],
  ["ARRAY_SORT(ARRAY[3, 1], 'sideways')", null],
  ['ARRAY_SORT(ARRAY[CAST(10 AS BIGINT), CAST(9 AS BIGINT)])', [9n, 10n]],
  ['ARRAY_JOIN(ARRAY[1, NULL, 3])', '1,null,3'],
  ["ARRAY_JOIN(ARRAY[1.5e0, 2e0, 1e10], '; ')", '1.5; 2.0; 1.0E10'],
  ['ARRAY_JOIN(ARRAY[1, 2], CAST(NULL AS STRING))', '12'],
  ['ARRAY_JOIN(ARRAY[ARRAY[1]])', /^error: error: hit element of type ARRAY/],
  ['SLICE(ARRAY[1, 2, 3, 4], 2, 3)', [2, 3]],
  ['SLICE(ARRAY[1, 2, 3, 4], CAST(NULL AS INT), 2)', [1, 2]],
  ['SLICE(ARRAY[1, 2, 3, 4], 3, CAST(NULL AS INT))', [3, 4]],
  ['SLICE(ARRAY[1, 2], 0, 1)', null],
  ['SLICE(ARRAY[1, 2], 1, 3)', null],
  ['GENERATE_SERIES(1, 4)', [1, 2, 3, 4]],
  ['GENERATE_SERIES(4, 1)', [4, 3, 2, 1]],
  ['GENERATE_SERIES(1, 10, 4)', [1, 5, 9]],
  ['GENERATE_SERIES(CAST(3 AS BIGINT), CAST(0 AS BIGINT), -2)', [3n, 1n]],
  ['GENERATE_SERIES(1, 4, 0)', 'error: GENERATE_SERIES step cannot be zero'],
  ['GENERATE_SERIES(1, 4, -1)', 'error: GENERATE_SERIES step has wrong sign'],
  ['GENERATE_SERIES(1, 2000000000)', /^error: GENERATE_SERIES gives no more than/]
])

table('maps', [
  ["AS_MAP(ARRAY['a', 'b'], ARRAY[1])", new Map([['a', 1], ['b', null]])],
  ["MAP_KEYS(MAP('a' := 1, 'b' := 2))", ['a', 'b']],
  ["MAP_VALUES(MAP('a' := 1, 'b' := 2))", [1, 2]],
  ["MAP_UNION(MAP('a' := 1, 'b' := 2), MAP('b' := 3))", new Map([['a', 1], ['b', 3]])],
  ["MAP_UNION(MAP('a' := 1), CAST(NULL AS MAP<STRING, INT>))", new Map([['a', 1]])],
  ["ENTRIES(MAP('b' := 1, 'a' := 2), true)", [['a', 2], ['b', 1]]]
])

table('lambdas', [
  ['TRANSFORM(ARRAY[1, 2, 3], x => x * 2)', [2, 4, 6]],
  [`TRANSFORM(${NONE}, x => x * 2)`, null],
  ["TRANSFORM(MAP('a' := 1), (k, v) => UCASE(k), (k, v) => v + 1)", new Map([['A', 2]])],
  ["TRANSFORM(MAP('a' := 1, 'A' := 2), (k, v) => UCASE(k), (k, v) => v)", /^error: Duplicate key/],
  ['REDUCE(ARRAY[1, 2, 3], 10, (s, x) => s + x)', 16],
  [`REDUCE(${NONE}, 10, (s, x) => s + x)`, 10],
  ['REDUCE(ARRAY[1, 2, 3], CAST(NULL AS INT), (s, x) => s + x)', null],
  ["REDUCE(MAP('a' := 1, 'b' := 2), 0, (s, k, v) => s + LEN(k) + v)", 5],
  ['FILTER(ARRAY[1, 2, 3], x => x > 1)', [2, 3]],
  ["FILTER(MAP('a' := 1, 'b' := 2), (k, v) => k = 'a')", new Map([['a', 1]])]
])

t.test('EXPLODE gives a row an item', async t => {
  t.strictSame(explode('EXPLODE(a)', { A: 'ARRAY<INT>' }, [[1, null, 3]]), [1, null, 3])
  t.strictSame(explode('EXPLODE(a)', { A: 'ARRAY<INT>' }, [null]), [])
  t.strictSame(explode('EXPLODE(a)', { A: 'ARRAY<INT>' }, [[]]), [])
})

t.test('CUBE_EXPLODE gives every combination, columns that are null once', async t => {
  t.strictSame(explode('CUBE_EXPLODE(a)', { A: 'ARRAY<INT>' }, [[1, 2]]), [[null, null], [null, 2], [1, null], [1, 2]])
  t.strictSame(explode('CUBE_EXPLODE(a)', { A: 'ARRAY<INT>' }, [[null, 2]]), [[null, null], [null, 2]])
  t.strictSame(explode('CUBE_EXPLODE(a)', { A: 'ARRAY<INT>' }, [null]), [])
})

t.test('structs are equal by their fields', async t => {
  t.equal(evaluate("ARRAY_CONTAINS(ARRAY[STRUCT(a := 1, b := 'x')], STRUCT(a := 1, b := 'x'))"), true)
  t.equal(evaluate("ARRAY_CONTAINS(ARRAY[STRUCT(a := 1, b := 'x')], STRUCT(a := 1, b := 'y'))"), false)
})

// "Aa" and "BB" have the same hash in Java; the hashes of a, b, c follow each other from 97 on.
t.test('maps come in the order of Java\'s HashMap', async t => {
  t.strictSame(evaluate("MAP_KEYS(MAP('c' := 1, 'b' := 2, 'a' := 3))"), ['a', 'b', 'c'])
  t.strictSame(evaluate("MAP_VALUES(MAP('BB' := 1, 'Aa' := 2))"), [1, 2], 'those of one place as they came')
  t.strictSame(evaluate("MAP_KEYS(MAP('d' := 1, 'a' := 2))"), ['d', 'a'], 'a table of four places: 100 is in the first, 97 in the second')
  t.strictSame(evaluate("ENTRIES(MAP('c' := 1, 'b' := 2), false)"), [['b', 2], ['c', 1]])
})
