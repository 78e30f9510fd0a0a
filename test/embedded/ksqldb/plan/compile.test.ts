// Expressions: types and values as ksqlDB's documentation and its recorded answers have them.
import t from 'tap'
import { parseExpression } from '../../../../embedded/ksqldb/sql/parser.js'
import { BIGINT, BOOLEAN, BYTES, DATE, DOUBLE, INTEGER, STRING, TIME, TIMESTAMP, array, decimal, map, printSqlType, struct } from '../../../../embedded/ksqldb/sql/sql-type.js'
import { compileAggregate, compileExpression, compilePredicate, compileTableFunction } from '../../../../embedded/ksqldb/plan/compile.js'
import { Decimal } from '../../../../embedded/ksqldb/plan/decimal.js'
import { valueToString } from '../../../../embedded/ksqldb/plan/java-text.js'
import type { Value } from '../../../../embedded/ksqldb/plan/value.js'
import { functions, messageOf } from './support.js'

const point = struct([{ name: 'X', type: INTEGER }, { name: 'Y', type: array(BIGINT) }])
const columns = [
  { name: 'I', type: INTEGER }, { name: 'L', type: BIGINT }, { name: 'D', type: DOUBLE }, { name: 'S', type: STRING }, { name: 'B', type: BOOLEAN },
  { name: 'DEC', type: decimal(4, 2) }, { name: 'ARR', type: array(STRING) }, { name: 'M', type: map(STRING, INTEGER) }, { name: 'P', type: point },
  { name: 'TS', type: TIMESTAMP }, { name: 'DT', type: DATE }, { name: 'TM', type: TIME }, { name: 'RAW', type: BYTES }, { name: 'N', type: INTEGER }
]
const row: Value[] = [7, 9007199254740993n, 2.5, 'abc', true, new Decimal(1250n, 2), ['x', 'y', 'z'], new Map([['k', 1]]), [3, [4n, 5n]],
  Date.UTC(2026, 0, 2, 3, 4, 5, 6), 20455, 3_600_000, Buffer.from([1, 0xff]), null]

function evaluate (text: string): { type: string, value: string, errors: number } {
  let errors = 0
  const compiled = compileExpression(parseExpression(text), columns, { functions, onError: () => { errors++ } })
  const value = compiled.evaluate(row)
  return { type: compiled.type === undefined ? 'NULL' : printSqlType(compiled.type, n => n), value: compiled.type === undefined ? 'null' : valueToString(value, compiled.type), errors }
}

function table (name: string, cases: ReadonlyArray<readonly [text: string, type: string, value: string]>): void {
  t.test(name, async t => {
    for (const [text, type, value] of cases) {
      const result = evaluate(text)
      t.equal(result.type, type, `type of ${text}`)
      t.equal(result.value, value, text)
    }
  })
}

table('arithmetic', [
  ['i + 1', 'INTEGER', '8'], ['i / 2', 'INTEGER', '3'], ['-i / 2', 'INTEGER', '-3'], ['i % 4', 'INTEGER', '3'], ['2147483647 + i', 'INTEGER', '-2147483642'],
  ['l + i', 'BIGINT', '9007199254741000'], ['l * 2', 'BIGINT', '18014398509481986'], ['i / 2.0E0', 'DOUBLE', '3.5'], ['d * 2', 'DOUBLE', '5.0'],
  ['dec + 1', 'DECIMAL(13, 2)', '13.50'], ['dec * 1.5', 'DECIMAL(7, 3)', '18.750'], ['dec / 2', 'DECIMAL(15, 13)', '6.2500000000000'], ['dec % 5', 'DECIMAL(4, 2)', '2.50'],
  ['dec - dec', 'DECIMAL(5, 2)', '0.00'], ['dec + d', 'DOUBLE', '15.0'], ['s + s', 'STRING', 'abcabc'], ['l * 1.5', 'DECIMAL(22, 1)', '13510798882111489.5']
])

table('a null operand makes the whole expression null, not only the operator', [
  ['n + 1', 'INTEGER', 'null'], ['coalesce(n + 1, 5)', 'INTEGER', 'null'], ['coalesce(n, 5)', 'INTEGER', '5'], ['i / 0', 'INTEGER', 'null'],
  ['coalesce(cast(\'x\' as int), 5)', 'INTEGER', '5'], ['not (n = 1)', 'BOOLEAN', 'true'], ['array[1, n, 3]', 'ARRAY<INTEGER>', '[1, null, 3]']
])

table('comparisons are two-valued', [
  ['n = 1', 'BOOLEAN', 'false'], ['n <> 1', 'BOOLEAN', 'false'], ['n is distinct from 1', 'BOOLEAN', 'true'], ['n is not distinct from n', 'BOOLEAN', 'true'],
  ['l > i', 'BOOLEAN', 'true'], ['l = 9007199254740993', 'BOOLEAN', 'true'], ['dec = 12.5', 'BOOLEAN', 'true'], ['dec > d', 'BOOLEAN', 'true'],
  ["s < 'abd'", 'BOOLEAN', 'true'], ['b = true', 'BOOLEAN', 'true'], ["arr = array['x', 'y', 'z']", 'BOOLEAN', 'true'], ["m = map('k' := 1)", 'BOOLEAN', 'true'],
  ["ts > '2026-01-02'", 'BOOLEAN', 'true'], ["ts < '2026-01-02T03:04:05.007'", 'BOOLEAN', 'true'], ["ts = '2026-01-02T04:04:05.006+0100'", 'BOOLEAN', 'true'],
  ["dt = '2026-01-02'", 'BOOLEAN', 'true'], ['dt < ts', 'BOOLEAN', 'true'], ["tm = '01:00'", 'BOOLEAN', 'true'], ['i between 7 and 8', 'BOOLEAN', 'true'], ['n is null', 'BOOLEAN', 'true']
])

table('IN and LIKE', [
  ['i in (1, 7)', 'BOOLEAN', 'true'], ["i in ('7')", 'BOOLEAN', 'true'], ['n in (1, null)', 'BOOLEAN', 'false'], ["s in ('a', 'b')", 'BOOLEAN', 'false'], ['i not in (1, 7)', 'BOOLEAN', 'false'],
  ['l in (1, i)', 'BOOLEAN', 'false'], ['l in (1, 9007199254740993)', 'BOOLEAN', 'true'], ['d in (1, 2.5)', 'BOOLEAN', 'true'], ['dec in (12.5)', 'BOOLEAN', 'true'], ["s like 'a%'", 'BOOLEAN', 'true'], ["s like '_b_'", 'BOOLEAN', 'true'], ["s like 'b%'", 'BOOLEAN', 'false'],
  ["'10%' like '10!%' escape '!'", 'BOOLEAN', 'true'], ["'100' like '10!%' escape '!'", 'BOOLEAN', 'false'], ["'a.c' like 'a.c'", 'BOOLEAN', 'true'], ["'abc' like 'a.c'", 'BOOLEAN', 'false']
])

table('CASE', [
  ["case when i > 3 then 'many' else 'few' end", 'STRING', 'many'], ["case when i > 10 then 'many' when i > 5 then 'some' end", 'STRING', 'some'],
  ["case when n = 1 then 'x' end", 'STRING', 'null'], ["case i when 7 then 'seven' else 'other' end", 'STRING', 'seven']
])

table('structs, arrays, maps', [
  ['p->x', 'INTEGER', '3'], ['p->y[2]', 'BIGINT', '5'], ['arr[1]', 'STRING', 'x'], ['arr[-1]', 'STRING', 'z'], ['arr[0]', 'STRING', 'null'], ['arr[9]', 'STRING', 'null'],
  ["m['k']", 'INTEGER', '1'], ["m['none']", 'INTEGER', 'null'], ['struct(a := 1, b := s)->b', 'STRING', 'abc'], ["array[1, 2.5, '3']", 'ARRAY<DECIMAL(11, 1)>', '[1.0, 2.5, 3.0]'],
  ['array[1, l]', 'ARRAY<BIGINT>', '[1, 9007199254740993]'], ["map('a' := 1, 'b' := l)", 'MAP<STRING, BIGINT>', '{a=1, b=9007199254740993}'], ['array[null, 1]', 'ARRAY<INTEGER>', '[null, 1]']
])

table('casts', [
  ['cast(d as int)', 'INTEGER', '2'], ['cast(l as int)', 'INTEGER', '1'], ['cast(dec as int)', 'INTEGER', '12'], ["cast('1.255' as decimal(3, 2))", 'DECIMAL(3, 2)', '1.26'],
  ["cast(' 42 ' as bigint)", 'BIGINT', '42'], ["cast('yes' as boolean)", 'BOOLEAN', 'true'], ['cast(d as string)', 'STRING', '2.5'], ['cast(1e10 as string)', 'STRING', '1.0E10'],
  ['cast(ts as string)', 'STRING', '2026-01-02T03:04:05.006'], ['cast(ts as date)', 'DATE', '2026-01-02'], ['cast(dt as timestamp)', 'TIMESTAMP', '2026-01-02T00:00:00.000'],
  ["cast('2020' as timestamp)", 'TIMESTAMP', '2020-01-01T00:00:00.000'], ["cast(array['1', '2'] as array<int>)", 'ARRAY<INTEGER>', '[1, 2]'], ["cast('999' as decimal(3, 2))", 'DECIMAL(3, 2)', 'null'],
  ['cast(p as struct<y array<string>, z int>)', 'STRUCT<Y ARRAY<STRING>, Z INTEGER>', 'Struct{Y=[4, 5]}'], ['cast(null as int)', 'INTEGER', 'null']
])

table('lambdas see their parameters, the columns and outer lambdas', [
  ["transform(arr, e => e + '!')", 'ARRAY<STRING>', '[x!, y!, z!]'], ['filter(arr, e => e <> s)', 'ARRAY<STRING>', '[x, y, z]'],
  ["reduce(arr, '', (acc, e) => acc + e)", 'STRING', 'xyz'], ['transform(array[array[1, 2], array[3]], o => transform(o, e => e + array_length(o)))', 'ARRAY<ARRAY<INTEGER>>', '[[3, 4], [4]]'],
  ['transform(m, (k, v) => ucase(k), (k, v) => v + i)', 'MAP<STRING, INTEGER>', '{K=8}']
])

t.test('what does not type is refused with ksqlDB\'s message', async t => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ['s > 1', 'Cannot compare S (STRING) to 1 (INTEGER) with GREATER_THAN.\nStatement: (S > 1)'],
    ['n = null', "Comparison with NULL not supported: INTEGER = NULL\nUse 'IS NULL' or 'IS NOT NULL' instead."],
    ['arr < arr', 'Cannot compare ARR (ARRAY<STRING>) to ARR (ARRAY<STRING>) with LESS_THAN.\nStatement: (ARR < ARR)'],
    ['nope', 'Unknown column NOPE.'],
    ['nope(1)', "Can't find any functions with the name 'NOPE'"],
    ['cast(i as array<int>)', 'Cast of INTEGER to ARRAY<INTEGER> is not supported'],
    ['array[]', 'Array constructor cannot be empty. Please supply at least one element (see https://github.com/confluentinc/ksql/issues/4239).'],
    ["case when i then 'x' end", "WHEN operand type should be boolean.\nType for 'I' is INTEGER"],
    ['p->nope', "Could not find field 'NOPE' in 'P'."],
    ["i in (1, 'x')", 'invalid input syntax for type INTEGER: "x".']
  ]
  for (const [text, message] of cases) t.equal(messageOf(() => evaluate(text)), message, text)
})

t.test('a failure is told once and gives null', async t => {
  t.same(evaluate('i / 0'), { type: 'INTEGER', value: 'null', errors: 1 })
  t.equal(evaluate('i / 2').errors, 0)
})

t.test('a predicate drops rows on null and on failure', async t => {
  const test = (text: string): boolean => compilePredicate(parseExpression(text), columns, { functions })(row)
  t.equal(test('i = 7'), true)
  t.equal(test('n = 7'), false)
  t.equal(test('i / 0 = 1'), false)
  t.match(messageOf(() => test('i')), /Should evaluate to boolean but is I \(INTEGER\) instead/)
})

t.test('aggregates: arguments from the row, constants in the implementation', async t => {
  const call = parseExpression('topk(i, 2)')
  if (call.node !== 'FunctionCall') throw new Error('not a call')
  const aggregate = compileAggregate(call, columns, { functions })
  t.equal(aggregate.arguments.length, 1)
  let state = aggregate.implementation.initialize()
  for (const value of [3, 9, 5]) state = aggregate.implementation.add(state, [value])
  t.same(aggregate.implementation.map(state), [9, 5])
  t.equal(printSqlType(aggregate.type), 'ARRAY<INTEGER>')
  const variable = parseExpression('topk(i, i)')
  t.match(messageOf(() => compileAggregate(variable as typeof call, columns, { functions })), /must be a literal constant, but was expression: 'I'/)
  const count = parseExpression('count(*)')
  const counted = compileAggregate(count as typeof call, columns, { functions })
  t.equal(counted.implementation.map(counted.implementation.add(counted.implementation.initialize(), counted.arguments.map(a => a(row)))), 1n)
})

t.test('table functions give rows', async t => {
  const call = parseExpression('explode(arr)')
  if (call.node !== 'FunctionCall') throw new Error('not a call')
  const compiled = compileTableFunction(call, columns, { functions })
  t.same([...compiled.evaluate(row)], ['x', 'y', 'z'])
  t.equal(printSqlType(compiled.type), 'STRING')
})
