// Expected texts: ksqlDB's RecordFormatterTest (record of str1, windows 1234567890123 and 1534567890123/1534567899999), Avro's and Protobuf's own text forms.
import t from 'tap'
import { RecordFormatter } from '../../../../embedded/ksqldb/engine/record-formatter.js'
import { Registry } from '../../../../embedded/registry/index.js'
import { MemoryLog } from '../../../helpers/memory-log.js'

const bytes = (...parts: (string | number[] | Buffer)[]): Buffer => Buffer.concat(parts.map(part => typeof part === 'string' ? Buffer.from(part) : Buffer.from(part)))

function longs (...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 8)
  for (const [i, value] of values.entries()) buffer.writeBigInt64BE(BigInt(value), i * 8)
  return buffer
}

const double = (value: number): Buffer => { const buffer = Buffer.alloc(8); buffer.writeDoubleBE(value); return buffer }
const record = (key: Buffer | null, value: Buffer | null, timestamp = 1588344313111) => ({ timestamp, key, value, partition: 1 })
const TIME = longs(1234567890123)
const SESSION = longs(1534567899999, 1534567890123) // End, then start.

async function open (): Promise<{ registry: Registry, formatter: RecordFormatter }> {
  const registry = await Registry.open({ log: new MemoryLog() })
  return { registry, formatter: new RecordFormatter(registry) }
}

async function header (registry: Registry, schemaType: 'AVRO' | 'JSON' | 'PROTOBUF', schema: string, subject = 's'): Promise<Buffer> {
  const { id } = await registry.register(subject, { schema, schemaType })
  const buffer = Buffer.alloc(5)
  buffer.writeInt32BE(id, 1)
  return buffer
}

/** The key's text of one record, and the first format left. */
async function key (registry: Registry, data: Buffer): Promise<[string, string | undefined]> {
  const formatter = new RecordFormatter(registry)
  const [line = ''] = await formatter.format([record(data, null)])
  return [line.slice(line.indexOf('key: ') + 5, line.indexOf(', value: <null>')), formatter.keyFormats[0]]
}

t.test('nothing seen, nulls, time and partition', async t => {
  const { formatter } = await open()
  t.same(formatter.keyFormats, ['¯\\_(ツ)_/¯ - no data processed'])
  t.same(await formatter.format([record(null, null), record(null, null, -1)]), [
    'rowtime: 2020/05/01 14:45:13.111 Z, key: <null>, value: <null>, partition: 1',
    'rowtime: N/A, key: <null>, value: <null>, partition: 1'
  ])
  t.same(formatter.valueFormats, ['¯\\_(ツ)_/¯ - no data processed'])
})

t.test('Kafka numbers, texts and JSON, plain and in windows', async t => {
  const { registry } = await open()
  const cases: [string, Buffer, string][] = [
    ['KAFKA_INT', bytes([0, 0, 0, 24]), '24'], ['KAFKA_BIGINT', longs(199), '199'], ['KAFKA_STRING', bytes('κόσμε'), 'κόσμε'],
    ['JSON', bytes('{"a":1}'), '{"a":1}'], ['JSON', bytes('[10,22,44]'), '[10,22,44]'], ['JSON', bytes('24.987'), '24.987'], ['JSON', bytes('true'), 'true'],
    ['JSON', bytes('"Yes this is valid json"'), '"Yes this is valid json"']
  ]
  for (const [name, data, text] of cases) {
    const [printed, first] = await key(registry, bytes(data, TIME))
    t.equal(printed, `[${text}@1234567890123/-]`, `${name} ${text} in a time window`)
    t.equal((await key(registry, bytes(data, SESSION)))[0], `[${text}@1534567890123/1534567899999]`, `${name} ${text} in a session`)
    if (name !== 'KAFKA_STRING') t.equal(first, `HOPPING(${name})`)
  }
  const value = async (data: Buffer): Promise<[string, readonly string[]]> => {
    const formatter = new RecordFormatter(registry)
    const [line = ''] = await formatter.format([record(null, data)])
    return [line.slice(line.indexOf('value: ') + 7, line.indexOf(', partition')), formatter.valueFormats]
  }
  for (const [name, data, text] of cases) if (data.length !== 8) t.match(await value(data), [text, name === 'KAFKA_INT' || name === 'JSON' ? [name] : ['KAFKA_STRING']])
  t.same(await value(bytes('2026-01-01')), ['2026-01-01', ['KAFKA_STRING']], 'a number that goes on is no JSON')
  t.same((await value(bytes('{"a":1}')))[1], ['JSON', 'KAFKA_STRING'])
  t.same((await value(double(24.199)))[1], ['KAFKA_BIGINT', 'KAFKA_DOUBLE'], 'eight bytes may be both')
  t.same(await value(bytes([255, 255], 'is', [0x5c, 0])), ['\\xFF\\xFFis\\x5C\\x00', []])
})

t.test('a session that ends before it begins is none; a text of 16 bytes may be one', async t => {
  const { registry } = await open()
  t.equal((await key(registry, bytes('a key', longs(99, 100))))[1], 'HOPPING(KAFKA_STRING)')
  const formatter = new RecordFormatter(registry)
  await formatter.format([record(bytes('a longer key'), null)])
  t.same(formatter.keyFormats, ['HOPPING(KAFKA_INT)', 'TUMBLING(KAFKA_INT)', 'HOPPING(KAFKA_STRING)', 'TUMBLING(KAFKA_STRING)', 'KAFKA_STRING'])
})

t.test('Avro, by the schema whose id the bytes name', async t => {
  const { registry } = await open()
  const id = await header(registry, 'AVRO', '{"type":"record","name":"myrecord","fields":[{"name":"str1","type":"string"}]}')
  const data = bytes(id, [30], 'My first string')
  t.same(await key(registry, bytes(data, TIME)), ['[{"str1": "My first string"}@1234567890123/-]', 'HOPPING(AVRO)'])
  t.same(await key(registry, bytes(data, SESSION)), ['[{"str1": "My first string"}@1534567890123/1534567899999]', 'SESSION(AVRO)'])
  t.same(await key(registry, bytes([0, 0, 0, 99, 99], [30], 'x')), ['\0\0\0cc\x1ex', 'KAFKA_STRING'],
    'no such schema')
  const all = await header(registry, 'AVRO', JSON.stringify({
    type: 'record',
    name: 'r',
    fields: [
      { name: 'l', type: ['null', 'long'] }, { name: 'n', type: ['null', 'long'] }, { name: 'd', type: 'double' }, { name: 'f', type: 'float' },
      { name: 'a', type: { type: 'array', items: 'int' } }, { name: 'm', type: { type: 'map', values: 'string' } }, { name: 'y', type: 'bytes' },
      { name: 'e', type: { type: 'enum', name: 'en', symbols: ['A', 'B'] } }
    ]
  }), 'all')
  const float = Buffer.alloc(4)
  float.writeFloatLE(0.1)
  t.equal((await key(registry, bytes(all, [2, 5], [0], double(1).reverse(), float, [4, 2, 4, 0], [2, 2], 'k', [4], '"\n', [0], [4, 0xff, 0x41], [2])))[0],
    '{"l": -3, "n": null, "d": 1.0, "f": 0.1, "a": [1, 2], "m": {"k": "\\"\\n"}, "y": "ÿA", "e": "B"}')
  t.equal((await key(registry, bytes(await header(registry, 'AVRO', '["null","string"]', 'text'), [2, 4], 'hi')))[0], 'hi', 'a string alone')
})

t.test('Protobuf', async t => {
  const { registry } = await open()
  const id = await header(registry, 'PROTOBUF', 'syntax = "proto3"; message MyRecord {string str1 = 1; string str2 = 2;}')
  const data = bytes(id, [0], [10, 15], 'My first string', [18, 16], 'My second string')
  const text = 'str1: "My first string" str2: "My second string"'
  t.same(await key(registry, bytes(data, TIME)), [`[${text}@1234567890123/-]`, 'HOPPING(PROTOBUF)'])
  t.same(await key(registry, bytes(data, SESSION)), [`[${text}@1534567890123/1534567899999]`, 'SESSION(PROTOBUF)'])
  const all = await header(registry, 'PROTOBUF', `syntax = "proto3"; import "google/protobuf/timestamp.proto"; message R {
    repeated int32 ns = 1; map<string, int64> m = 2; google.protobuf.Timestamp ts = 3; double d = 4; bool b = 5; E e = 6; I i = 7; optional int32 o = 8; int32 z = 9;
    enum E { A = 0; B = 1; } message I { sint32 s = 1; bytes y = 2; } }`, 'all')
  const formatter = new RecordFormatter(registry)
  const lines = await formatter.format([record(null, bytes(all, [0], [58, 5, 8, 3, 18, 1, 0xff], [10, 2, 1, 2], [18, 3, 10, 1], 'k', [18, 5, 10, 1], 'a', [16, 7], [26, 2, 8, 5], [33], double(1.5).reverse(),
    [40, 1], [48, 1], [64, 0], [72, 0], [80, 9]))])
  t.same([lines[0], formatter.valueFormats[0]], [
    'rowtime: 2020/05/01 14:45:13.111 Z, key: <null>, value: ns: 1 ns: 2 m { key: "a" value: 7 } m { key: "k" value: 0 } ts { seconds: 5 } d: 1.5 b: true e: B i { s: -2 y: "\\377" } o: 0 10: 9, partition: 1', 'PROTOBUF'])
})

t.test('JSON with a schema', async t => {
  const { registry } = await open()
  const id = await header(registry, 'JSON', '{"type":"object"}')
  const data = bytes(id, '{"str1": "My first string", "n": 1.50}')
  t.same(await key(registry, bytes(data, TIME)), ['[{"str1":"My first string","n":1.50}@1234567890123/-]', 'HOPPING(JSON_SR)'])
})

t.test('a batch is printed again where its first format turns out wrong', async t => {
  const { formatter } = await open()
  await formatter.format([record(bytes('Die Hard'), bytes('Die Hard'))])
  t.equal(formatter.valueFormats[0], 'KAFKA_BIGINT')
  const lines = await formatter.format([record(bytes('Die Hard'), bytes('Die Hard')), record(bytes('a string'), bytes("Value that's clearly a string"))])
  t.match(lines[0], /value: Die Hard/)
  t.same(formatter.valueFormats, ['KAFKA_STRING'])
})
