// HMAC-SHA256 (RFC 2104) of what is short, under keys of 32 bytes: what sealing makes a dozen of for each visit, each under another key. Of node:crypto the
// one-shot hash, whose digest comes as a string: an Hmac, and a buffer with memory of its own for each digest, cost twice as much in all, and the garbage
// collector most of that.
import { createHmac, hash } from 'node:crypto'

const blockBytes = 64
/** Of keys, and of digests. */
export const keyBytes = 32
const messageCharsMax = 128

// the key, XOR ipad or opad, padded to a block; and behind it the message, or its inner digest
const inner = Buffer.alloc(blockBytes + 3 * messageCharsMax, 0x36)
const outer = Buffer.alloc(blockBytes + keyBytes, 0x5c)

/** @returns 32 bytes */
export const hmacSha256 = (key: Buffer, message: string): Buffer => {
  if (key.length !== keyBytes || message.length > messageCharsMax) return createHmac('sha256', key).update(message, 'utf8').digest()
  for (let n = 0; n < keyBytes; n++) {
    const byte = key[n] as number
    inner[n] = byte ^ 0x36
    outer[n] = byte ^ 0x5c
  }
  const length = inner.write(message, blockBytes, 'utf8')
  outer.write(hash('sha256', inner.subarray(0, blockBytes + length), 'binary'), blockBytes, 'latin1')
  return Buffer.from(hash('sha256', outer, 'binary'), 'latin1')
}
