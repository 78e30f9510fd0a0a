import t from 'tap'
import { jsonSchemaFor, sqlSchemaFromJson } from '../../../../../embedded/ksqldb/runtime/serde/json-schema.js'
import { parseSchema } from '../../../../../embedded/ksqldb/sql/parser.js'

const columns = (text: string) => parseSchema(text).map(({ name, type }) => ({ name, type }))

// The form of Kafka Connect's JsonSchemaData, which ksqlDB registers.
t.test('the schema of columns', async t => {
  t.equal(jsonSchemaFor(columns('`A` INTEGER, `D` DECIMAL(6, 4)')), JSON.stringify({
    type: 'object',
    properties: {
      A: { 'connect.index': 0, oneOf: [{ type: 'null' }, { type: 'integer', 'connect.type': 'int32' }] },
      D: {
        'connect.index': 1,
        oneOf: [{ type: 'null' }, {
          type: 'number', title: 'org.apache.kafka.connect.data.Decimal', 'connect.version': 1, 'connect.type': 'bytes',
          'connect.parameters': { scale: '4', 'connect.decimal.precision': '6' }
        }]
      }
    }
  }))
  t.equal(jsonSchemaFor(columns('`A` BIGINT'), { unwrapped: true }), '{"oneOf":[{"type":"null"},{"type":"integer","connect.type":"int64"}]}')
})

t.test('columns of every type come back from their schema', async t => {
  const all = columns('`A` BOOLEAN, `B` INTEGER, `C` BIGINT, `D` DOUBLE, `E` STRING, `F` BYTES, `G` DATE, `H` TIME, `I` TIMESTAMP, `J` DECIMAL(4, 2), ' +
    '`K` ARRAY<STRUCT<`X` INTEGER>>, `L` MAP<STRING, ARRAY<INTEGER>>, `M` MAP<INTEGER, STRING>, `N` STRUCT<`Y` STRUCT<`Z` STRING>>')
  t.same(sqlSchemaFromJson(jsonSchemaFor(all)), all)
})

t.test('schemas that others wrote', async t => {
  const schema = { type: 'object', properties: { b: { type: 'integer' }, a: { type: ['null', 'string'] }, m: { type: 'object', additionalProperties: { type: 'number' } }, u: { type: 'null' } } }
  t.same(sqlSchemaFromJson(JSON.stringify(schema)), columns('`B` BIGINT, `A` STRING, `M` MAP<STRING, DOUBLE>'))
  t.same(sqlSchemaFromJson(JSON.stringify(schema), { keepCase: true }).map(column => column.name), ['b', 'a', 'm'])
  t.throws(() => sqlSchemaFromJson('{'), { name: 'SerdeError' })
  t.throws(() => sqlSchemaFromJson('{"type":"string"}'), { message: 'KSQL stream/table schema must be structured' })
})
