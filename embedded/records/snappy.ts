// Snappy as Kafka's clients send it: the Java client frames blocks as snappy-java ("xerial") does, librdkafka may send one bare block.
import { BlockOutput } from './output.js'

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

export function decompressSnappy (data: Buffer, maxBytes: number): Buffer {
  if (data.length < XERIAL_HEADER_BYTES || !data.subarray(0, 8).equals(XERIAL_MAGIC)) {
    return decompressBlock(data, maxBytes)
  }
  const blocks: Buffer[] = []
  let total = 0
  for (let at = XERIAL_HEADER_BYTES; at < data.length;) {
    if (at + 4 > data.length) throw new RangeError('the length of a block is cut')
    const size = data.readInt32BE(at)
    at += 4
    if (size < 0 || at + size > data.length) throw new RangeError('a block ends behind the data')
    const block = decompressBlock(data.subarray(at, at + size), maxBytes - total)
    total += block.length
    blocks.push(block)
    at += size
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks, total)
}

/** One block: the size of what comes out, then literals and copies (google/snappy, format_description.txt). */
function decompressBlock (data: Buffer, maxBytes: number): Buffer {
  let at = 0
  let size = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = data[at++]
    if (byte === undefined || at > 5) throw new RangeError('no size in front of a block')
    size += (byte & 127) * scale
    if (byte < 128) break
  }
  if (size > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`)
  // A copy of 64 bytes takes at least 3 bytes of input, so a small block cannot honestly declare a large size.
  const output = new BlockOutput(Math.min(size, data.length * 32), size)
  while (at < data.length) {
    const tag = data[at++]!
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >> 2) + 1
      if (length > 60) {
        const extra = length - 60
        if (at + extra > data.length) throw new RangeError('the length of a literal is cut')
        length = data.readUIntLE(at, extra) + 1
        at += extra
      }
      output.literal(data, at, at + length)
      at += length
      continue
    }
    const bytes = kind === 3 ? 4 : kind
    if (at + bytes > data.length) throw new RangeError('a copy is cut')
    if (kind === 1) output.copy((tag & 0xe0) << 3 | data[at]!, (tag >> 2 & 7) + 4)
    else output.copy(data.readUIntLE(at, bytes), (tag >> 2) + 1)
    at += bytes
  }
  const out = output.finish()
  if (out.length !== size) throw new RangeError(`a block of ${size} bytes gave ${out.length}`)
  return out
}
