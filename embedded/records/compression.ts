// One door to the five codecs of record batches. The broker stores batches as they came; only what reads records comes here.
import { gunzipSync, gzipSync } from 'node:zlib'
import { decompress as decompressZstd } from 'fzstd'
import { decompressLz4Frame } from './lz4.js'
import { decompressSnappy } from './snappy.js'

/** Codecs in the order of their ids in a batch's attributes (KIP-98, KIP-110). */
export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Compression = typeof COMPRESSIONS[number]

/** No batch may unfold to more than this: it bounds what a hostile batch can make its reader allocate. */
export const DECOMPRESSED_BYTES_MAX = 256 * 1024 * 1024

export class CompressionError extends Error {
  constructor (message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CompressionError'
  }
}

/** Unfolds the records section of a batch. Throws CompressionError where the data is not of that codec or would exceed `maxBytes`. */
export function decompress (codec: Compression, data: Buffer, maxBytes = DECOMPRESSED_BYTES_MAX): Buffer {
  try {
    switch (codec) {
      case 'none': return data
      case 'gzip': return gunzipSync(data, { maxOutputLength: maxBytes })
      case 'snappy': return decompressSnappy(data, maxBytes)
      case 'lz4': return decompressLz4Frame(data, maxBytes)
      case 'zstd': return unzstd(data, maxBytes)
    }
  } catch (error) {
    throw new CompressionError(`The batch's ${codec} data cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** What `compress` can write: those that node:zlib has. The other codecs are for reading what clients sent. */
export type WritableCompression = 'none' | 'gzip'

export function compress (codec: WritableCompression, data: Buffer): Buffer {
  return codec === 'gzip' ? gzipSync(data) : data
}

/** A frame that declares its size is refused by that declaration (RFC 8878, 3.1.1.1.4), before anything is allocated for it. */
function unzstd (data: Buffer, maxBytes: number): Buffer {
  if (data.length < 5 || data.readUInt32LE(0) !== 0xfd2fb528) throw new RangeError('no zstd frame')
  const descriptor = data[4]!
  const single = (descriptor & 32) !== 0
  const sizeFlag = descriptor >> 6
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!
  const bytes = sizeFlag === 0 ? (single ? 1 : 0) : 1 << sizeFlag
  if (data.length < at + bytes) throw new RangeError('the zstd frame is cut')
  const declared = bytes === 0 ? undefined : bytes === 8 ? Number(data.readBigUInt64LE(at)) : data.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0)
  if (declared !== undefined && declared > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`)
  const out = decompressZstd(data)
  if (out.length > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`)
  return Buffer.from(out.buffer, out.byteOffset, out.byteLength)
}
