import t from 'tap'
import { Decimal } from '../../../../../embedded/ksqldb/plan/decimal.js'
import type { Row } from '../../../../../embedded/ksqldb/plan/value.js'
import { messageReader, messageWriter } from '../../../../../embedded/ksqldb/runtime/serde/proto-codec.js'
import { columnsOfMessage, messageFor, printProto } from '../../../../../embedded/ksqldb/runtime/serde/proto-columns.js'
import { parseProto, type ProtoMessage } from '../../../../../embedded/ksqldb/runtime/serde/proto-schema.js'
import { parseSchema } from '../../../../../embedded/ksqldb/sql/parser.js'

const columns = (text: string) => parseSchema(text).map(({ name, type }) => ({ name, type }))
const only = (text: string): ProtoMessage => parseProto(text)[0] as ProtoMessage

// The bytes of the examples in Protocol Buffers' own description of its encoding.
t.test('the wire form', async t => {
  const message = only('syntax = "proto3"; message Test { optional int32 a = 1; string b = 2; Inner c = 3; repeated int32 d = 6; sint32 z = 7; message Inner { int32 a = 1; } }')
  const own = columns('`A` INTEGER, `B` STRING, `C` STRUCT<`A` INTEGER>, `D` ARRAY<INTEGER>, `Z` INTEGER')
  const cases: [Row, string][] = [
    [[150, '', null, [], 0], '089601'],
    [[null, 'testing', null, [], 0], '120774657374696e67'],
    [[null, '', [150], [], 0], '1a03089601'],
    [[null, '', null, [3, 270, 86942], 0], '3206038e029ea705'],
    [[null, '', null, [], -2], '3803']
  ]
  for (const [row, hex] of cases) {
    t.equal(messageWriter(message, own)(row).toString('hex'), hex)
    t.same(messageReader(message, own)(Buffer.from(hex, 'hex')), row)
  }
  t.same(messageReader(message, own)(Buffer.from('30033004', 'hex')), [null, '', null, [3, 4], 0], 'a list that is not packed')
  t.same(messageReader(message, own)(Buffer.from('089601f80101', 'hex')), [150, '', null, [], 0], 'an unknown field')
})

t.test('every type there and back', async t => {
  const all = columns('`A` BOOLEAN, `B` INTEGER, `C` BIGINT, `D` DOUBLE, `E` STRING, `F` BYTES, `G` DATE, `H` TIME, `I` TIMESTAMP, `J` DECIMAL(6, 2), ' +
    '`K` ARRAY<STRUCT<`X` INTEGER>>, `L` MAP<STRING, BIGINT>, `M` STRUCT<`Y` STRUCT<`Z` STRING>>')
  const row: Row = [true, -5, -9007199254740993n, 1.5, 'é', Buffer.from([0, 255]), 20454, 86_399_999, -1, new Decimal(-1250n, 2), [[1], [0]],
    new Map([['a', 1n], ['', 0n]]), [['z']]]
  const message = messageFor(all)
  t.same(messageReader(message, all)(messageWriter(message, all)(row)), row)
  const text = printProto(message)
  t.same(columnsOfMessage(only(text), false), all, 'the schema reads back as the columns')
  t.same(messageReader(only(text), all)(messageWriter(message, all)(row)), row)
})

t.test('NULL is a default, unless the schema tells it apart', async t => {
  const own = columns('`A` INTEGER, `B` STRING')
  for (const [nullable, expected] of [[undefined, [0, '']], ['OPTIONAL', [null, null]], ['WRAPPER', [null, null]]] as const) {
    const message = messageFor(own, nullable === undefined ? {} : { nullable })
    t.same(messageReader(message, own)(messageWriter(message, own)([null, null])), expected)
    t.same(messageReader(message, own)(messageWriter(message, own)([0, ''])), [0, ''])
  }
})

t.test('the schema that is registered', async t => {
  t.equal(printProto(messageFor(columns('`I` BIGINT, `S` ARRAY<STRUCT<`A` STRING>>, `M` MAP<STRING, DATE>'))), `syntax = "proto3";

import "google/type/date.proto";

message ConnectDefault1 {
  int64 I = 1;
  repeated ConnectDefault2 S = 2;
  repeated ConnectDefault3Entry M = 3;

  message ConnectDefault2 {
    string A = 1;
  }
  message ConnectDefault3Entry {
    string key = 1;
    google.type.Date value = 2;
  }
}
`)
})

t.test('schemas that others wrote', async t => {
  const text = `// a comment
    syntax = "proto3"; package a.b; import "x.proto"; option java_package = "x";
    enum Suit { option allow_alias = true; SPADES = 0; HEARTS = 1; }
    message M { reserved 4, 9 to 11; Suit suit = 1; map<string, .a.b.M.In> by = 2; oneof which { int32 one = 3; google.protobuf.StringValue two = 5 [deprecated = true]; }
      message In { uint32 u = 1; M self = 2; } /* more */ repeated In list = 6; }
    service S { rpc Do (M) returns (M) {} }`
  t.same(columnsOfMessage(only(text), false), columns('`SUIT` STRING, `BY` MAP<STRING, STRUCT<`U` BIGINT>>, `ONE` INTEGER, `TWO` STRING, `LIST` ARRAY<STRUCT<`U` BIGINT>>'))
  for (const broken of ['', 'message', 'message M {', 'message M { Nope n = 1; }', `${'message M {'.repeat(100)}`, 'syntax = "proto3";']) {
    t.throws(() => parseProto(broken), { name: 'SerdeError' }, broken.slice(0, 30))
  }
})

t.test('broken data is refused', async t => {
  const own = columns('`A` INTEGER, `B` STRING, `C` ARRAY<INTEGER>')
  const read = messageReader(messageFor(own), own)
  for (const hex of ['08', '12ff', '1205', '0f', 'ffffffffffffffffffffff', '1a028080']) t.throws(() => read(Buffer.from(hex, 'hex')), { name: 'SerdeError' }, hex)
})
