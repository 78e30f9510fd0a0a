// Between bytes and their text forms: what TO_BYTES, FROM_BYTES and ENCODE know as hex, utf8, ascii and base64.

export type Encoding = 'hex' | 'utf8' | 'ascii' | 'base64'

const ENCODINGS: readonly string[] = ['hex', 'utf8', 'ascii', 'base64']

/** The encoding of that name in any case; undefined where there is none. */
export function encodingOf (name: string): Encoding | undefined {
  const lower = name.toLowerCase()
  return ENCODINGS.includes(lower) ? lower as Encoding : undefined
}

/** Characters that ASCII lacks become `?`, as Java writes them. */
export const toAscii = (text: string): Buffer => Buffer.from(text.replace(/[\ud800-\udbff][\udc00-\udfff]|[^\0-\x7f]/g, '?'), 'latin1')

/** Bytes beyond ASCII become the replacement character, as Java reads them. */
export const fromAscii = (bytes: Buffer): string => bytes.toString('latin1').replace(/[\x80-\xff]/g, '\ufffd')

/** Throws on an odd count or other characters. */
export function fromHex (text: string): Buffer {
  if (text.length % 2 !== 0) throw new Error(`Odd number of hexadecimal digits in '${text}'`)
  if (!/^[0-9a-fA-F]*$/.test(text)) throw new Error(`Illegal hexadecimal character in '${text}'`)
  return Buffer.from(text, 'hex')
}

/** RFC 4648 with optional padding; throws on anything else, as java.util.Base64. */
export function fromBase64 (text: string): Buffer {
  const digits = text.replace(/={1,2}$/, '')
  const padded = digits.length !== text.length
  if (!/^[A-Za-z0-9+/]*$/.test(digits) || digits.length % 4 === 1 || (padded && text.length % 4 !== 0)) throw new Error(`Illegal base64 text '${text}'`)
  return Buffer.from(digits, 'base64')
}

export function decode (text: string, encoding: Encoding): Buffer {
  switch (encoding) {
    case 'hex': return fromHex(text)
    case 'utf8': return Buffer.from(text, 'utf8')
    case 'ascii': return toAscii(text)
    case 'base64': return fromBase64(text)
  }
}

/** Hexadecimal digits are lower case. */
export function encode (bytes: Buffer, encoding: Encoding): string {
  return encoding === 'ascii' ? fromAscii(bytes) : bytes.toString(encoding)
}
