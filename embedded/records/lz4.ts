// LZ4 frames (lz4/doc/lz4_Frame_format.md) as Kafka's clients send them since message format 2 (KIP-57). Checksums are left to the batch's CRC.
import { BlockOutput } from './output.js'

const MAGIC = 0x184d2204

export function decompressLz4Frame (data: Buffer, maxBytes: number): Buffer {
  if (data.length < 7 || data.readUInt32LE(0) !== MAGIC) throw new RangeError('no LZ4 frame')
  const flags = data[4]!
  if (flags >> 6 !== 1) throw new RangeError('an unknown version of the LZ4 frame')
  const hasBlockChecksum = (flags & 16) !== 0
  const hasContentSize = (flags & 8) !== 0
  if ((flags & 1) !== 0) throw new RangeError('LZ4 dictionaries are not used by Kafka')
  let at = 7 + (hasContentSize ? 8 : 0)
  const output = new BlockOutput(Math.min(data.length * 4, maxBytes), maxBytes)
  for (;;) {
    if (at + 4 > data.length) throw new RangeError('the size of a block is cut')
    const field = data.readUInt32LE(at)
    at += 4
    if (field === 0) return output.finish()
    const end = at + field % 0x80000000
    if (end > data.length) throw new RangeError('a block ends behind the data')
    if (field >= 0x80000000) output.literal(data, at, end)
    else decompressBlock(data, at, end, output)
    at = end + (hasBlockChecksum ? 4 : 0)
  }
}

/** One block: sequences of literals and a copy, the last without a copy (lz4_Block_format.md). */
function decompressBlock (data: Buffer, start: number, end: number, output: BlockOutput): void {
  let at = start
  const extend = (length: number): number => {
    for (let byte = 255; byte === 255; length += byte) {
      if (at >= end) throw new RangeError('a length is cut')
      byte = data[at++]!
    }
    return length
  }
  while (at < end) {
    const token = data[at++]!
    const literals = token >> 4 === 15 ? extend(15) : token >> 4
    if (at + literals > end) throw new RangeError('a literal ends behind its block')
    output.literal(data, at, at + literals)
    at += literals
    if (at >= end) return
    if (at + 2 > end) throw new RangeError('a copy is cut')
    const distance = data[at]! | data[at + 1]! << 8
    at += 2
    output.copy(distance, ((token & 15) === 15 ? extend(15) : token & 15) + 4)
  }
}
