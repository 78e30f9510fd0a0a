// What each format makes of bytes and rows. Bytes are written out by hand from the formats' definitions.
import t from 'tap'
import { Decimal } from '../../../../../embedded/ksqldb/plan/decimal.js'
import type { Column } from '../../../../../embedded/ksqldb/plan/schema.js'
import type { FormatInfo, FormatName } from '../../../../../embedded/ksqldb/plan/steps.js'
import type { Row } from '../../../../../embedded/ksqldb/plan/value.js'
import { CaseRegistry } from '../../../../../embedded/ksqldb/conformance/case-registry.js'
import { avroSchemaFor, createDeserializer, createSerializer, SerdeError, sqlSchemaFromAvro } from '../../../../../embedded/ksqldb/runtime/serde/index.js'
import { parseType } from '../../../../../embedded/ksqldb/sql/parser.js'

const info = (format: FormatName, features: FormatInfo['features'] = [], properties: Record<string, string> = {}): FormatInfo => ({ format, features, properties })
const columns = (...types: readonly string[]): readonly Column[] => types.map((text, i) => ({ name: `C${i}`, type: parseType(text) }))
const registry = new CaseRegistry()
const context = { topic: 'topic', isKey: false, registry }

async function read (format: FormatInfo, of: readonly Column[], data: Buffer): Promise<Row | null> {
  const deserializer = await createDeserializer(of, format, context)
  await deserializer.prepare?.(data)
  return deserializer.deserialize(data)
}

async function write (format: FormatInfo, of: readonly Column[], row: Row): Promise<Buffer | null> {
  return (await createSerializer(of, format, context))(row)
}

/** Why reading failed; undefined where it did not, or not with a SerdeError. */
async function causesOf (reading: Promise<unknown>): Promise<readonly string[] | undefined> {
  try {
    await reading
    return undefined
  } catch (error) {
    return error instanceof SerdeError ? error.causes : undefined
  }
}

t.test('KAFKA', async t => {
  const forms: readonly (readonly [string, Row, string])[] = [
    ['INTEGER', [-2], 'fffffffe'], ['BIGINT', [258n], '0000000000000102'], ['DOUBLE', [1.5], '3ff8000000000000'], ['STRING', ['é'], 'c3a9'],
    ['BYTES', [Buffer.of(0, 255)], '00ff']
  ]
  for (const [type, row, hex] of forms) {
    t.same((await write(info('KAFKA'), columns(type), row))?.toString('hex'), hex, type)
    t.same(await read(info('KAFKA'), columns(type), Buffer.from(hex, 'hex')), row, type)
  }
  t.equal(await write(info('KAFKA'), columns('STRING'), [null]), null)
  t.same(await causesOf(read(info('KAFKA'), columns('INTEGER'), Buffer.alloc(3))), ['Size of data received by IntegerDeserializer is not 4'])
  await t.rejects(createSerializer(columns('BOOLEAN'), info('KAFKA'), context), SerdeError)
})

t.test('JSON', async t => {
  const all = columns('BIGINT', 'DOUBLE', 'DECIMAL(6, 2)', 'STRING', 'MAP<STRING, INTEGER>', 'STRUCT<`X` DATE, `y` BOOLEAN>', 'BYTES')
  const row: Row = [9223372036854775807n, 1, new Decimal(150n, 2), 'q"', new Map([['k', 1]]), [19000, true], Buffer.of(33)]
  const text = '{"C0":9223372036854775807,"C1":1.0,"C2":1.50,"C3":"q\\"","C4":{"k":1},"C5":{"X":19000,"y":true},"C6":"IQ=="}'
  t.equal((await write(info('JSON'), all, row))?.toString(), text)
  t.same(await read(info('JSON'), all, Buffer.from(text)), row)
  t.same(await read(info('JSON'), columns('INTEGER', 'STRING', 'BIGINT'), Buffer.from('{"c0":"7","C1":{"a":[1.50]},"c2":null}')), [7, '{"a":[1.50]}', null],
    'names in any case, text as numbers, objects as text')
  t.same(await read(info('JSON', ['UNWRAP_SINGLES']), columns('INTEGER'), Buffer.from('5')), [5])
  t.equal(await read(info('JSON', ['UNWRAP_SINGLES']), columns('INTEGER'), Buffer.from('null')), null)
  await t.rejects(read(info('JSON'), columns('INTEGER'), Buffer.from('{"C0":[1]}')),
    { message: "Failed to deserialize value from topic: topic. Can't convert type. sourceType: ArrayNode, requiredType: INTEGER, path: $.C0" })
  await t.rejects(read(info('JSON'), columns('DECIMAL(3, 1)'), Buffer.from('{"C0":12.34}')), SerdeError, 'a decimal that would be rounded is refused')
})

t.test('DELIMITED', async t => {
  const three = columns('INTEGER', 'STRING', 'DOUBLE')
  t.same(await read(info('DELIMITED'), three, Buffer.from('1,"a ""b"", c",2.5\n')), [1, 'a "b", c', 2.5])
  t.same(await read(info('DELIMITED', [], { delimiter: 'TAB' }), three, Buffer.from('1\t\t')), [1, null, null])
  t.equal((await write(info('DELIMITED'), three, [-1, 'x,y', 1e10]))?.toString(), '"-1","x,y",1.0E10', 'a record that begins with no letter or digit is quoted')
  t.same(await causesOf(read(info('DELIMITED'), three, Buffer.from('1,2'))), ['Column count mismatch on deserialization. topic: topic, expected: 3, got: 2'])
})

t.test('AVRO', async t => {
  const all = columns('STRING', 'BIGINT', 'DECIMAL(4, 1)', 'ARRAY<INTEGER>', 'MAP<STRING, DOUBLE>', 'STRUCT<`A` TIMESTAMP>')
  const row: Row = ['x', -(2n ** 63n), new Decimal(-125n, 1), [1, null], new Map([['k', 0.5]]), [1700000000000]]
  const data = await write(info('AVRO'), all, row)
  t.same(await read(info('AVRO'), all, data!), row)
  const registered = await registry.latest('topic-value')
  t.equal(data!.readInt32BE(1), registered!.id)
  t.equal(registered!.schema, avroSchemaFor(all))
  t.same(sqlSchemaFromAvro(registered!.schema), all, 'the columns come back from the schema')
  t.same(await causesOf(read(info('AVRO'), all, Buffer.from('no avro'))), ['Unknown magic byte!'])
  await t.rejects(read(info('AVRO'), all, Buffer.concat([data!.subarray(0, 20)])), SerdeError, 'cut short')
})

t.test('AVRO of another writer', async t => {
  // enum, float, fixed and a field that no column asks for; bytes by hand: id 77, enum 1, float 1.5, fixed 00ff, string "skip", long 3
  registry.put('other-value', 77, {
    schema: JSON.stringify({
      type: 'record', name: 'R', fields: [
        { name: 'kind', type: { type: 'enum', name: 'K', symbols: ['A', 'B'] } }, { name: 'f', type: 'float' },
        { name: 'x', type: { type: 'fixed', name: 'F', size: 2 } }, { name: 'skipped', type: 'string' }, { name: 'n', type: 'long' }
      ]
    })
  })
  const of: readonly Column[] = [
    { name: 'N', type: { base: 'BIGINT' } }, { name: 'KIND', type: { base: 'STRING' } }, { name: 'F', type: { base: 'DOUBLE' } }, { name: 'X', type: { base: 'BYTES' } }
  ]
  const data = Buffer.from('000000004d' + '02' + '0000c03f' + '00ff' + '08' + '736b6970' + '06', 'hex')
  t.same(await read(info('AVRO'), of, data), [3n, 'B', 1.5, Buffer.of(0, 255)])
})
