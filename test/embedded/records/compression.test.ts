import t from 'tap'
import { gzipSync } from 'node:zlib'
import { CompressionError, decompress } from '../../../embedded/records/compression.js'

// The lz4 and zstd frames were made by the lz4 1.9 and zstd 1.5 command line tools; the snappy blocks are written out by hand after its format description.
const LZ4 = '04224d186440a717000000326162630300122d07000f0a00ffffffc350636162632d000000001f4252a7'
const ZSTD = '28b52ffd04586d0000206162632d0200db5baa7070434435feb4'
const TEXT = 'abcabcabc-'.repeat(100)

t.test('frames of the tools themselves', async t => {
  t.equal(decompress('lz4', Buffer.from(LZ4, 'hex')).toString(), TEXT)
  t.equal(decompress('zstd', Buffer.from(ZSTD, 'hex')).toString(), TEXT)
  t.equal(decompress('gzip', gzipSync(TEXT)).toString(), TEXT)
  t.equal(decompress('none', Buffer.from(TEXT)).toString(), TEXT)
})

t.test('snappy blocks', async t => {
  // size 12, literal of 3 "abc", copy of 9 from 3 back (1-byte offset form: length 4..11)
  const block = Buffer.from([12, 2 << 2, 0x61, 0x62, 0x63, (9 - 4) << 2 | 1, 3])
  t.equal(decompress('snappy', block).toString(), 'abcabcabcabc')
  // copy with a 2-byte and with a 4-byte offset
  t.equal(decompress('snappy', Buffer.from([6, 2 << 2, 0x61, 0x62, 0x63, 2 << 2 | 2, 3, 0])).toString(), 'abcabc')
  t.equal(decompress('snappy', Buffer.from([6, 2 << 2, 0x61, 0x62, 0x63, 2 << 2 | 3, 3, 0, 0, 0])).toString(), 'abcabc')
  // a literal whose length takes a byte of its own
  t.equal(decompress('snappy', Buffer.concat([Buffer.from([70, 60 << 2, 69]), Buffer.alloc(70, 0x7a)])).toString(), 'z'.repeat(70))
  const xerial = Buffer.concat([Buffer.from('82534e41505059000000000100000001', 'hex'), Buffer.from([0, 0, 0, 7]), block, Buffer.from([0, 0, 0, 7]), block])
  t.equal(decompress('snappy', xerial).toString(), 'abcabcabcabc'.repeat(2))
})

t.test('what is cut, wrong or too large is an error', async t => {
  const good: [Parameters<typeof decompress>[0], Buffer][] = [
    ['lz4', Buffer.from(LZ4, 'hex')], ['zstd', Buffer.from(ZSTD, 'hex')], ['gzip', gzipSync(TEXT)],
    ['snappy', Buffer.from([12, 2 << 2, 0x61, 0x62, 0x63, (9 - 4) << 2 | 1, 3])]
  ]
  for (const [codec, data] of good) {
    t.throws(() => decompress(codec, data.subarray(0, data.length >> 1)), CompressionError, `${codec} cut`)
    t.throws(() => decompress(codec, Buffer.alloc(0)), CompressionError, `${codec} empty`)
    t.throws(() => decompress(codec, Buffer.from('no such thing as a frame')), CompressionError, `${codec} garbage`)
    t.throws(() => decompress(codec, data, 10), CompressionError, `${codec} above the limit`)
  }
  t.throws(() => decompress('snappy', Buffer.from([12, 1 << 2 | 1, 9])), CompressionError, 'a copy from before the start')
})
