import t from 'tap'
import { crc32c } from '../../../embedded/records/crc32c.js'
import { unsignedVarintSize, VarintCursor, VarintError, varintSize, writeUnsignedVarint, writeVarint } from '../../../embedded/records/varint.js'

// RFC 3720, appendix B.4; "123456789" is the check value of the CRC catalogue.
t.test('CRC-32C', async t => {
  t.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  t.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  t.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e)
  t.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i))), 0x113fdb5c)
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  t.equal(crc32c(Buffer.from('xx123456789y'), 2, 11), 0xe3069283, 'a part of a buffer')
  t.equal(crc32c(Buffer.alloc(0)), 0)
})

// Examples of the Protocol Buffers documentation and the bounds of each length.
const ZIGZAG: [number, string][] = [
  [0, '00'], [-1, '01'], [1, '02'], [-2, '03'], [63, '7e'], [-64, '7f'], [64, '8001'], [-65, '8101'],
  [2147483647, 'feffffff0f'], [-2147483648, 'ffffffff0f'], [2147483648, '8080808010'], [1760000000000, '8080e682b966']
]

t.test('varints', async t => {
  for (const [value, hex] of ZIGZAG) {
    const buffer = Buffer.alloc(10)
    const end = writeVarint(buffer, value, 0)
    t.equal(buffer.toString('hex', 0, end), hex, `writes ${value}`)
    t.equal(varintSize(value), end)
    t.equal(new VarintCursor(buffer).signed(), value)
  }
  for (const value of [0, 127, 128, 300, 16383, 16384, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const buffer = Buffer.alloc(10)
    const end = writeUnsignedVarint(buffer, value, 0)
    t.equal(unsignedVarintSize(value), end)
    t.equal(new VarintCursor(buffer).unsigned(), value)
  }
  t.equal(Buffer.from([0xac, 0x02]).toString('hex'), 'ac02')
  t.equal(new VarintCursor(Buffer.from('ac02', 'hex')).unsigned(), 300)
  t.throws(() => new VarintCursor(Buffer.from('80', 'hex')).unsigned(), VarintError)
  t.throws(() => new VarintCursor(Buffer.alloc(0)).signed(), VarintError)
  t.throws(() => new VarintCursor(Buffer.alloc(11, 0xff)).unsigned(), VarintError)
})
