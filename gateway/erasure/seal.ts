// What of a visit is sealed, and how: the visitor's id, under a key that no other visit has and that goes when the link's, or the visitor's, keys of that
// day go. In clear beside it stands the token that visitors are counted by, made with a pepper of the day that is destroyed when the day is over.
//
//   sealed: layout u8 | id of the root, 8 bytes | ciphertext | tag, 16 bytes (AES-256-GCM; NIST SP 800-38D)
import { createCipheriv, createDecipheriv, hash } from 'node:crypto'
import { hmacSha256 } from './hmac.js'

export const rootIdBytes = 8
const layout = 1
const tagBytes = 16
const headBytes = 1 + rootIdBytes
const tokenChars = 22
const algorithm = 'aes-256-gcm'
/** Each key seals one visit alone, so that the nonce need not tell visits apart. */
const nonce = Buffer.alloc(12)
/** 24 bits of the link, 12 of the visitor: of those that come on one day few share a path, and who shares one shares its end. */
const linkDigits = 12
const visitorDigits = 6

/** The first bits of some bytes, two a digit. */
const pathOf = (bytes: Buffer, digits: number): string => {
  const bits = Math.ceil(digits / 4) * 8
  const number = Math.floor(bytes.readUIntBE(0, bits / 8) / 2 ** (bits - digits * 2))
  return number.toString(4).padStart(digits, '0')
}

/** What a seal is bound to, besides its key. */
export interface SealedVisit { readonly link: string, readonly visitId: string, readonly token: string }

/** The path of a link's keys in the tree of a day. */
export const linkPath = (link: string): string => pathOf(Buffer.from(hash('sha256', link, 'binary'), 'latin1'), linkDigits)

/** The way from a link's node to the keys of one visitor. */
export const visitorPath = (token: string): string => {
  const bytes = Buffer.from(token, 'base64url')
  return pathOf(bytes.length < 2 ? Buffer.alloc(2) : bytes, visitorDigits)
}

/** 22 characters that are the same for one visitor throughout a day, and lead back to none once the day's pepper is destroyed. */
export const tokenOf = (pepper: Buffer, visitor: string): string => hmacSha256(pepper, visitor).toString('base64url').slice(0, tokenChars)

const boundTo = ({ link, visitId, token }: SealedVisit): Buffer => Buffer.from(`${visitId}|${token}|${link}`, 'utf8')

const keyOf = (visitorNode: Buffer, visitId: string): Buffer => hmacSha256(visitorNode, visitId)

/** @param visitorNode the node at the paths of link and visitor in the tree of the root */
export const seal = (rootId: Buffer, visitorNode: Buffer, visit: SealedVisit, visitor: string): Buffer => {
  const cipher = createCipheriv(algorithm, keyOf(visitorNode, visit.visitId), nonce)
  cipher.setAAD(boundTo(visit))
  const text = cipher.update(visitor, 'utf8')
  cipher.final()
  return Buffer.concat([Buffer.of(layout), rootId, text, cipher.getAuthTag()])
}

/** The id of the root that a seal was made under, in hexadecimal; undefined for what is no seal of this version. */
export const rootOf = (sealed: Buffer): string | undefined =>
  sealed.length >= headBytes + tagBytes && sealed[0] === layout ? sealed.toString('hex', 1, headBytes) : undefined

/** The visitor; undefined where key, visit and seal do not belong together. */
export const unseal = (sealed: Buffer, visitorNode: Buffer, visit: SealedVisit): string | undefined => {
  const end = sealed.length - tagBytes
  const decipher = createDecipheriv(algorithm, keyOf(visitorNode, visit.visitId), nonce, { authTagLength: tagBytes })
  decipher.setAAD(boundTo(visit)).setAuthTag(sealed.subarray(end))
  try {
    const text = decipher.update(sealed.subarray(headBytes, end))
    decipher.final()
    return text.toString('utf8')
  } catch {
    return undefined
  }
}
