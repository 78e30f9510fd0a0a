import t from 'tap'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { BatchBuilder, BatchView, CorruptBatchError, encodeBatch, iterateBatches, type LogRecord } from '../../../embedded/records/batch.js'
import { encodeMarker, readMarker } from '../../../embedded/records/control.js'

// kafkajs has its own codec of the same format: what one writes the other must read.
const require = createRequire(import.meta.url)
const KafkajsDecoder = require('kafkajs/src/protocol/decoder')
const kafkajsDecode = require('kafkajs/src/protocol/recordBatch/v0/decoder')
const { RecordBatch: kafkajsBatch } = require('kafkajs/src/protocol/recordBatch/v0')
const kafkajsRecord = require('kafkajs/src/protocol/recordBatch/record/v0')

const NOW = 1_760_000_000_000
const RECORDS = [
  { timestamp: NOW, key: Buffer.from('a'), value: Buffer.from('one'), headers: [{ key: 'trace', value: Buffer.from('1') }] },
  { timestamp: NOW + 70, key: null, value: Buffer.alloc(300, 7) },
  { timestamp: NOW - 5, key: Buffer.from('é'), value: null, headers: [{ key: 'none', value: Buffer.alloc(0) }] }
]

interface KafkajsRecord { offset: string, timestamp: string, key: Buffer | null, value: Buffer | null, headers: Record<string, Buffer> }

t.test('kafkajs reads what we write', async t => {
  const batch = encodeBatch(RECORDS, { baseOffset: 40, producerId: 2 ** 40 + 3, producerEpoch: 9, baseSequence: 11, isTransactional: true })
  const decoded = await kafkajsDecode(new KafkajsDecoder(batch))
  t.equal(decoded.producerId, String(2 ** 40 + 3))
  t.equal(decoded.producerEpoch, 9)
  t.equal(decoded.inTransaction, true)
  t.equal(decoded.isControlBatch, false)
  t.equal(decoded.maxTimestamp, String(NOW + 70))
  t.strictSame(decoded.records.map((r: KafkajsRecord) => [r.offset, r.timestamp, r.key?.toString() ?? null, r.value?.length ?? null, Object.keys(r.headers)]), [
    ['40', String(NOW), 'a', 3, ['trace']],
    ['41', String(NOW + 70), null, 300, []],
    ['42', String(NOW - 5), 'é', null, ['none']]
  ])
})

t.test('a batch made record by record is the same as one made of all of them', async t => {
  const options = { producerId: 2 ** 40 + 3, producerEpoch: 9, baseSequence: 11 }
  const builder = new BatchBuilder()
  t.throws(() => builder.encode(options), RangeError)
  const scratch = Buffer.alloc(300)
  for (const record of RECORDS) {
    // The value's memory is used again at once.
    const value = record.value === null ? null : scratch.subarray(0, record.value.length)
    if (value !== null) record.value?.copy(value)
    builder.add({ ...record, value })
    scratch.fill(0)
  }
  t.equal(builder.count, 3)
  t.equal(builder.size, encodeBatch(RECORDS).length)
  t.same(builder.encode(options), encodeBatch(RECORDS, options))
})

t.test('we read what kafkajs writes', async t => {
  const records = RECORDS.map((record, offsetDelta) => kafkajsRecord({
    offsetDelta, timestampDelta: record.timestamp - NOW, key: record.key, value: record.value, headers: {}
  }))
  const encoded = await kafkajsBatch({
    firstTimestamp: NOW, maxTimestamp: NOW + 70, lastOffsetDelta: 2, records, producerId: 5, producerEpoch: 1, firstSequence: 3
  })
  const view = new BatchView(encoded.buffer)
  t.equal(view.crcIsValid(), true)
  t.match(view, { producerId: 5, producerEpoch: 1, baseSequence: 3, recordCount: 3, lastOffset: 2, firstTimestamp: NOW, maxTimestamp: NOW + 70 })
  t.strictSame(view.records().map(r => [r.offset, r.timestamp, r.key?.toString() ?? null, r.value?.length ?? null]), [
    [0, NOW, 'a', 3], [1, NOW + 70, null, 300], [2, NOW - 5, 'é', null]
  ])
})

t.test('batches of other clients, in every codec', async t => {
  const captured = JSON.parse(readFileSync(new URL('batches.json', import.meta.url), 'utf8')) as { client: string, codec: string, batch: string }[]
  t.equal(captured.length, 10)
  for (const { client, codec, batch } of captured) {
    await t.test(`${client}, ${codec}`, async t => {
      const view = new BatchView(Buffer.from(batch, 'base64'))
      t.equal(view.crcIsValid(), true)
      t.equal(view.compression, codec)
      const records = view.records()
      t.strictSame(records.map(({ key, value }) => [key?.toString(), value?.toString()]),
        [1, 2, 3].map(i => [`k${i}`, `a visit of link ${i}; `.repeat(30)]))
      t.strictSame(records.map(({ headers }) => headers.map(({ key, value }) => `${key}=${value?.toString()}`)),
        Array(3).fill(client.startsWith('kcat') ? ['source=kcat'] : []))
    })
  }
})

t.test('gzip round trip', async t => {
  const view = new BatchView(encodeBatch(RECORDS, { compression: 'gzip' }))
  t.equal(view.compression, 'gzip')
  t.equal(view.crcIsValid(), true)
  const plain = ({ key, value, timestamp }: typeof RECORDS[number] | LogRecord) => ({ key, value, timestamp })
  t.strictSame(view.records().map(plain), RECORDS.map(plain))
})

t.test('a changed byte under the CRC is seen; offset and leader epoch are outside of it', async t => {
  const batch = encodeBatch(RECORDS)
  const view = new BatchView(batch)
  view.assign(123456789012, 4)
  t.match(view, { baseOffset: 123456789012, lastOffset: 123456789014, partitionLeaderEpoch: 4 })
  t.equal(view.crcIsValid(), true)
  for (const at of [21, 40, 61, batch.length - 1]) {
    const broken = Buffer.from(batch)
    broken[at]! ^= 1
    t.equal(new BatchView(broken).crcIsValid(), false, `byte ${at}`)
  }
})

t.test('append time replaces every timestamp and renews the CRC', async t => {
  const view = new BatchView(encodeBatch(RECORDS))
  view.assignAppendTime(NOW + 999)
  t.equal(view.crcIsValid(), true)
  t.strictSame(view.records().map(({ timestamp }) => timestamp), [NOW + 999, NOW + 999, NOW + 999])
})

t.test('a compacted batch keeps offsets, and its delete horizon in the base timestamp', async t => {
  const kept = [{ ...RECORDS[0]!, offsetDelta: 2 }, { ...RECORDS[2]!, offsetDelta: 7 }]
  const view = new BatchView(encodeBatch(kept, { baseOffset: 100, lastOffsetDelta: 9, deleteHorizon: NOW + 5000 }))
  t.match(view, { lastOffset: 109, recordCount: 2, deleteHorizon: NOW + 5000 })
  t.strictSame(view.records().map(({ offset, timestamp }) => [offset, timestamp]), [[102, NOW], [107, NOW - 5]])
})

t.test('batches back to back; a cut last one is left out', async t => {
  const batches = [encodeBatch(RECORDS), encodeBatch(RECORDS, { baseOffset: 3 }), encodeBatch(RECORDS, { baseOffset: 6 })]
  const whole = Buffer.concat(batches)
  t.strictSame([...iterateBatches(whole)].map(({ baseOffset }) => baseOffset), [0, 3, 6])
  t.strictSame([...iterateBatches(whole.subarray(0, whole.length - 1))].map(({ baseOffset }) => baseOffset), [0, 3])
  t.strictSame([...iterateBatches(whole.subarray(0, 30))], [])
})

t.test('lies are refused, not believed', async t => {
  const batch = encodeBatch(RECORDS)
  const changed = (change: (copy: Buffer) => void): Buffer => {
    const copy = Buffer.from(batch)
    change(copy)
    return copy
  }
  t.throws(() => new BatchView(batch.subarray(0, 60)), CorruptBatchError, 'short header')
  t.throws(() => new BatchView(changed(b => b.writeInt8(1, 16))), { message: /magic 1/ })
  t.throws(() => new BatchView(changed(b => b.writeInt32BE(batch.length, 8))), CorruptBatchError, 'longer than the buffer')
  t.throws(() => new BatchView(changed(b => b.writeInt32BE(-5, 8))), CorruptBatchError, 'negative size')
  t.throws(() => new BatchView(changed(b => b.writeInt32BE(0x7fffffff, 57))).records(), CorruptBatchError, 'record count')
  t.throws(() => new BatchView(changed(b => b.writeInt16BE(6, 21))).records(), CorruptBatchError, 'codec')
  t.throws(() => new BatchView(changed(b => { b[61] = 0x7e })).records(), CorruptBatchError, 'record length')
  t.throws(() => encodeBatch([]), RangeError)
})

t.test('markers', async t => {
  const marker = encodeMarker({ type: 'abort', producerId: 8, producerEpoch: 2, coordinatorEpoch: 3, timestamp: NOW })
  const view = new BatchView(marker)
  t.match(view, { isControl: true, isTransactional: true, producerId: 8, producerEpoch: 2, baseSequence: -1 })
  t.strictSame(readMarker(view), { type: 'abort', coordinatorEpoch: 3 })
  // EndTransactionMarker: key is version 0 and type, 1 for commit.
  const commit = new BatchView(encodeMarker({ type: 'commit', producerId: 8, producerEpoch: 2, coordinatorEpoch: 0, timestamp: NOW }))
  t.equal(commit.records()[0]!.key!.toString('hex'), '00000001')
  t.equal(readMarker(new BatchView(encodeBatch(RECORDS))), undefined)
})
