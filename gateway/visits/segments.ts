// How the spool lies on disk, for the two that share it: the writer on the event loop and the reader in the shipper's thread.
//
// Segment files are named by the position of their first byte, 20 digits and .spool. A record in them:
//   length u32 | crc32 of payload u32 | payload
import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { crc32 } from 'node:zlib'

export interface Segment { readonly base: number, readonly file: string, size: number }

export const headerBytes = 8
export const payloadBytesMax = 65_536

export const segmentFile = (directory: string, base: number): string => path.join(directory, `${String(base).padStart(20, '0')}.spool`)

/** The segments of a folder in order, with the sizes that they have now. */
export const segmentsIn = (directory: string): Segment[] =>
  readdirSync(directory).filter(name => /^\d{20}\.spool$/.test(name)).sort().map(name => {
    const file = path.join(directory, name)
    return { base: Number(name.slice(0, 20)), file, size: statSync(file).size }
  })

/** The payload of a whole record at an offset, or undefined where there is none. */
export const recordAt = (bytes: Buffer, offset: number): Buffer | undefined => {
  if (offset + headerBytes > bytes.length) return undefined
  const length = bytes.readUInt32BE(offset)
  if (length === 0 || length > payloadBytesMax || offset + headerBytes + length > bytes.length) return undefined
  const payload = bytes.subarray(offset + headerBytes, offset + headerBytes + length)
  return crc32(payload) === bytes.readUInt32BE(offset + 4) ? payload : undefined
}

/** Where the whole records of a segment end: what lies behind is a torn write. */
export const wholeBytes = (bytes: Buffer): number => {
  let end = 0
  for (let offset = 0; offset + headerBytes <= bytes.length;) {
    const payload = recordAt(bytes, offset)
    if (payload === undefined) offset++
    else end = offset += headerBytes + payload.length
  }
  return end
}
