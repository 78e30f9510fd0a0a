// Bytes of keys sort as the keys do, and come back as they were.
import t from 'tap'
import { Decimal } from '../../../../../embedded/ksqldb/plan/decimal.js'
import type { Row, Value } from '../../../../../embedded/ksqldb/plan/value.js'
import { ByteReader, ByteWriter } from '../../../../../embedded/ksqldb/runtime/bytes.js'
import { KEY_BYTES_MAX, KeyCodec } from '../../../../../embedded/ksqldb/runtime/state/key-codec.js'
import { parseType } from '../../../../../embedded/ksqldb/sql/parser.js'

function bytesOf (codec: KeyCodec, row: Row): Buffer {
  const to = new ByteWriter()
  codec.write(to, row)
  return to.take()
}

const ascending: Readonly<Record<string, readonly Value[]>> = {
  INTEGER: [null, -2147483648, -1, 0, 1, 2147483647],
  BIGINT: [null, -(2n ** 63n), -1n, 0n, 1n, 2n ** 63n - 1n],
  DOUBLE: [null, -Infinity, -1.5, -1e-300, 0, 1e-300, 2, Infinity],
  STRING: [null, '', '\u0000', 'a', 'a\u0000', 'a\u0000b', 'aa', 'b', 'é'],
  BYTES: [null, Buffer.alloc(0), Buffer.of(0), Buffer.of(0, 0), Buffer.of(1), Buffer.of(255)],
  'DECIMAL(10, 2)': [null, new Decimal(-100n, 2), new Decimal(-1n, 2), new Decimal(0n, 2), new Decimal(5n, 2)],
  'ARRAY<INTEGER>': [null, [], [-1], [1], [1, 0], [2]]
}

for (const [type, values] of Object.entries(ascending)) {
  const codec = new KeyCodec([parseType(type)])
  const encoded = values.map(value => bytesOf(codec, [value]))
  for (let i = 1; i < encoded.length; i++) t.ok(Buffer.compare(encoded[i - 1]!, encoded[i]!) < 0, `${type}: ${String(values[i - 1])} before ${String(values[i])}`)
  values.forEach((value, i) => t.same(codec.read(new ByteReader(encoded[i]!)), [value], `${type} ${String(value)}`))
}

t.test('several columns sort one after another', async t => {
  const codec = new KeyCodec([parseType('STRING'), parseType('INTEGER')])
  t.ok(Buffer.compare(bytesOf(codec, ['a', 5]), bytesOf(codec, ['aa', 1])) < 0)
  t.ok(Buffer.compare(bytesOf(codec, ['a', 1]), bytesOf(codec, ['a', 5])) < 0)
  t.not(codec.identity(['a', 1]), codec.identity(['a', 2]))
})

t.test('a long key is cut, and stays its own', async t => {
  const codec = new KeyCodec([parseType('STRING')])
  const [one, two] = ['1', '2'].map(end => 'x'.repeat(5000) + end)
  t.equal(bytesOf(codec, [one!]).length, KEY_BYTES_MAX)
  t.notSame(bytesOf(codec, [one!]), bytesOf(codec, [two!]))
})
