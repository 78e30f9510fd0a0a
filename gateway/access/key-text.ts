// The text of a key: `ll_<id>_<secret>`, base58 throughout, so that a double click selects it and a secret scanner knows it by its head.
// The secret is 256 random bits. A slow password hash guards secrets that can be guessed; this one cannot, so one SHA-256 is as good and costs nothing.
import bs58 from 'bs58'
import { createHash, timingSafeEqual } from 'node:crypto'

const expression = /^ll_([1-9A-HJ-NP-Za-km-z]{6,16})_([1-9A-HJ-NP-Za-km-z]{32,48})$/
export const keyTextCharsMax = 72
const idBytes = 8
const secretBytes = 32

export interface KeyText { readonly id: string, readonly text: string, readonly sha256: string }

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')

/** A new key. */
export const newKeyText = (randomBytes: (size: number) => Buffer): KeyText => {
  const id = bs58.encode(randomBytes(idBytes))
  const text = `ll_${id}_${bs58.encode(randomBytes(secretBytes))}`
  return { id, text, sha256: sha256(text) }
}

/** The id in a key's text and the hash of the whole; undefined where it has not the form of a key. */
export const readKeyText = (text: string): { readonly id: string, readonly sha256: string } | undefined => {
  const id = text.length > keyTextCharsMax ? undefined : expression.exec(text)?.[1]
  return id === undefined ? undefined : { id, sha256: sha256(text) }
}

/** Whether two hashes in hex are the same, in a time that does not tell where they differ. */
export const sameHash = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
