// The partition of a key must be Kafka's: the values are those of org.apache.kafka.common.utils.UtilsTest.testMurmur2.
import t from 'tap'
import { murmur2, partitionOfKey } from '../../../../embedded/ksqldb/runtime/partitioner.js'

const cases: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107]
]

for (const [text, hash] of cases) t.equal(murmur2(Buffer.from(text)), hash, text)

t.equal(partitionOfKey(Buffer.from('foobar'), 4), (-790332482 & 0x7fffffff) % 4, 'the sign bit is dropped, not taken as a sign')
t.equal(partitionOfKey(Buffer.from('anything'), 1), 0, 'one partition takes all')
