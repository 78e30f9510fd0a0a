import t from 'tap'
import { parseJson, writeJson } from '../../../../../embedded/ksqldb/plan/functions/json-tree.js'
import { evaluate, table } from './support.js'

const doc = '\'{"log": {"cloud": "gcp", "tags": ["a", {"b": 1.50}], "n": null}, "10": 1, "2": 123456789012345678901234567890}\''

table('EXTRACTJSONFIELD', [
  [`EXTRACTJSONFIELD(${doc}, '$.log.cloud')`, 'gcp'],
  [`EXTRACTJSONFIELD(${doc}, '$.log.tags[1].b')`, '1.50'],
  [`EXTRACTJSONFIELD(${doc}, '$.log.tags')`, '["a",{"b":1.50}]'],
  [`EXTRACTJSONFIELD(${doc}, '$["log"]["cloud"]')`, 'gcp'],
  [`EXTRACTJSONFIELD(${doc}, '$.2')`, '123456789012345678901234567890'],
  [`EXTRACTJSONFIELD(${doc}, '$.log.n')`, 'null'],
  [`EXTRACTJSONFIELD(${doc}, '$.log.absent')`, null],
  [`EXTRACTJSONFIELD(${doc}, '$.log.tags[9]')`, null],
  [`EXTRACTJSONFIELD(${doc}, 'log')`, "error: Invalid JSON path: 'log'"],
  [`EXTRACTJSONFIELD(${doc}, '$.log.')`, "error: Invalid JSON path: '$.log.'"],
  ["EXTRACTJSONFIELD('{]', '$.a')", 'error: Invalid JSON format:{]']
])

table('objects and arrays', [
  [`JSON_KEYS(${doc})`, ['log', '10', '2']],
  ["JSON_KEYS('[1]')", null],
  ["JSON_KEYS('')", null],
  ["JSON_RECORDS('{\"a\": \"x\", \"b\": {\"c\": true}}')", new Map([['a', 'x'], ['b', '{"c":true}']])],
  ["JSON_ITEMS('[{\"a\": 1}, \"s\", 1e3]')", ['{"a":1}', '"s"', '1000']],
  ["JSON_ITEMS('{}')", 'error: Invalid JSON format:{}'],
  ["JSON_ARRAY_LENGTH('[1, [2, 3], {}]')", 3],
  ["JSON_ARRAY_LENGTH('123')", null],
  ["JSON_ARRAY_LENGTH('[')", 'error: Invalid JSON format:['],
  ["JSON_CONCAT('{\"a\": 1, \"b\": 2}', '{\"b\": 3}')", '{"a":1,"b":3}'],
  ["JSON_CONCAT('[1]', '[2, 3]', '{\"a\": 4}')", '[1,2,3,{"a":4}]'],
  ["JSON_CONCAT('1', '2')", '[1,2]'],
  ["JSON_CONCAT('1', CAST(NULL AS STRING))", null],
  ["IS_JSON_STRING('[1, 2]')", true],
  ["IS_JSON_STRING('abc')", false],
  ["IS_JSON_STRING('')", false],
  ['IS_JSON_STRING(CAST(NULL AS STRING))', false]
])

table('JSON_ARRAY_CONTAINS looks for values of the type', [
  ["JSON_ARRAY_CONTAINS('[1, 2, 3]', 3)", true],
  ["JSON_ARRAY_CONTAINS('[1, 2, 3]', CAST(3 AS BIGINT))", true],
  ["JSON_ARRAY_CONTAINS('[1, 2, 3]', '3')", false],
  ["JSON_ARRAY_CONTAINS('[1.5, 2]', 1.5e0)", true],
  ["JSON_ARRAY_CONTAINS('[1, 2]', 1e0)", false],
  ["JSON_ARRAY_CONTAINS('[\"a\", true]', true)", true],
  ["JSON_ARRAY_CONTAINS('[\"a\", null]', CAST(NULL AS STRING))", true],
  ["JSON_ARRAY_CONTAINS('[[1], {\"a\": 1}]', 1)", false],
  ["JSON_ARRAY_CONTAINS('{\"a\": 1}', 1)", false],
  ["JSON_ARRAY_CONTAINS('[', 1)", false]
])

table('TO_JSON_STRING', [
  ['TO_JSON_STRING(true)', 'true'],
  ['TO_JSON_STRING(12345678901)', '12345678901'],
  ['TO_JSON_STRING(1e0)', '1.0'],
  ['TO_JSON_STRING(CAST(\'1.50\' AS DECIMAL(4, 2)))', '1.50'],
  ["TO_JSON_STRING('say \"hi\"')", '"say \\"hi\\""'],
  ["TO_JSON_STRING(TO_BYTES('Hi', 'utf8'))", '"SGk="'],
  ["TO_JSON_STRING(STRUCT(b := 1, a := ARRAY['x', NULL]))", '{"A":["x",null],"B":1}'],
  ["TO_JSON_STRING(MAP('b' := 1, 'a' := 2))", '{"a":2,"b":1}'],
  ["TO_JSON_STRING(CAST('2022-01-31T10:23:40' AS TIMESTAMP))", '"2022-01-31T10:23:40.000"'],
  ["TO_JSON_STRING(CAST('2022-01-31' AS DATE))", '"2022-01-31"'],
  ["TO_JSON_STRING(CAST('10:01:02' AS TIME))", '"10:01:02"'],
  ['TO_JSON_STRING(CAST(NULL AS INT))', 'null']
])

t.test('JSON is read as it is written', async t => {
  for (const text of ['{"a":[1,2.50,-0.1,true,false,null],"__proto__":{"":"\\u0001 é \\" \\\\"}}', '[]', '{}', '"x"', '[{},[[]]]', '100000000000000000000']) {
    t.equal(writeJson(parseJson(` ${text} `) as never), text)
  }
  for (const [text, plain] of [['1e3', '1000'], ['1.5E-3', '0.0015'], ['-12.50e1', '-125.0'], ['0.5e1', '5'], ['1E+2', '100'], ['123e-2', '1.23']] as const) {
    t.equal(writeJson(parseJson(text) as never), plain, text)
  }
  for (const wrong of ['{', '[1,]', '{"a"}', '{a:1}', '01', '1.', '.5', 'nul', '"\\x"', '"a\nb"', "'a'", '[1 2]', '-', '1e99999']) {
    t.throws(() => parseJson(wrong), wrong)
  }
  t.equal(parseJson('  '), undefined)
  t.throws(() => parseJson('['.repeat(100_000)), { message: /nested deeper/ })
})

t.test('deep JSON is an error, not a crash', async t => {
  t.match(evaluate(`JSON_ITEMS('${'['.repeat(5000)}')`), /^error: Invalid JSON format/)
})
