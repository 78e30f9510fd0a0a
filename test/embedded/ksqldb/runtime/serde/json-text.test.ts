// JSON without loss, and doubles as Java writes them.
import t from 'tap'
import { javaDouble, JsonNumber, JsonSyntaxError, parseJson, writeJson } from '../../../../../embedded/ksqldb/runtime/serde/json-text.js'

t.test('numbers keep what JavaScript would lose', async t => {
  for (const text of ['9223372036854775807', '1.10', '1e400', '-0', '12345678901234567890.123456789']) {
    const value = parseJson(text)
    t.ok(value instanceof JsonNumber, text)
    t.equal(writeJson(value!), text)
  }
  t.equal(parseJson('123456789012345'), 123456789012345, 'a short integer is a number')
})

t.test('a text is read as Jackson reads it', async t => {
  t.same(parseJson(' {"a":[1,true,null,"\\u00e9\\n"],"a":2} trailing'), new Map([['a', 2]]), 'the last member of a name stands, what follows is left')
  t.equal(parseJson('  '), undefined)
  for (const wrong of ['{"a" 1}', '[1,]', '"open', '{"a":1', '\u0001', '"\t"', '01x}'.slice(2), 'nul']) {
    t.throws(() => parseJson(wrong), JsonSyntaxError, wrong)
  }
  t.throws(() => parseJson('['.repeat(100_000)), JsonSyntaxError, 'deep nesting is refused, not a stack overflow')
})

// Double.toString of a JDK 19 or later.
const doubles: readonly (readonly [number, string])[] = [
  [0, '0.0'], [-0, '-0.0'], [1, '1.0'], [-1.5, '-1.5'], [100, '100.0'], [9999999, '9999999.0'], [1e7, '1.0E7'], [123456789, '1.23456789E8'], [0.001, '0.001'],
  [0.00099, '9.9E-4'], [1e-5, '1.0E-5'], [Number.MAX_VALUE, '1.7976931348623157E308'], [Number.MIN_VALUE, '4.9E-324'], [NaN, 'NaN'], [-Infinity, '-Infinity']
]
for (const [value, text] of doubles) t.equal(javaDouble(value), text)
