// ENCODE, TO_BYTES, FROM_BYTES, MD5, UUID and the MASK functions: text in another form.
import { createHash } from 'node:crypto'
import { BYTES, INTEGER, STRING } from '../../sql/sql-type.js'
import type { ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import type { FunctionContext } from './context.js'
import { anonymous, param, scalar, signature, strict } from './define.js'
import type { Encoding } from './encoding.js'
import { decode, encode, encodingOf, fromHex } from './encoding.js'

function requireEncoding (name: string): Encoding {
  const encoding = encodingOf(name)
  if (encoding === undefined) throw new Error(`Unknown encoding type '${name}'. Supported formats are 'hex', 'utf8', 'ascii', and 'base64'.`)
  return encoding
}

/** ENCODE takes hexadecimal text also as 0x… and X'…'. */
function stripHex (text: string): string {
  if (text.startsWith('0x')) return text.length % 2 === 0 ? text.slice(2) : `0${text.slice(2)}`
  return /^[xX]'.*'$/.test(text) ? text.slice(2, -1) : text
}

function recode (text: string, from: string, to: string): Value {
  const [input, output] = [encodingOf(from), encodingOf(to)]
  if (input === undefined || output === undefined || input === output) {
    throw new Error(`ENCODE takes two different ones of hex, utf8, ascii and base64, not '${from}' and '${to}'`)
  }
  const bytes = input === 'hex' ? fromHex(stripHex(text)) : input === 'base64' ? Buffer.from(text, 'base64') : decode(text, input)
  return encode(bytes, output)
}

function fromBytes (bytes: Buffer, name: string): Value {
  const encoding = requireEncoding(name)
  const text = encode(bytes, encoding)
  return encoding === 'hex' ? text.toUpperCase() : text
}

function uuidOf (bytes: Buffer): Value {
  if (bytes.length !== 16) return null
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** What stands for a character of each kind; null: the character itself. */
interface Masks { readonly upper: string | null, readonly lower: string | null, readonly digit: string | null, readonly other: string | null }

const DEFAULT_MASKS: Masks = { upper: 'X', lower: 'x', digit: 'n', other: '-' }

function maskText (text: string, masks: Masks): string {
  let masked = ''
  for (let i = 0; i < text.length; i++) {
    const character = String.fromCodePoint(text.codePointAt(i) ?? 0)
    const mask = /\p{Lu}/u.test(character) ? masks.upper : /\p{Ll}/u.test(character) ? masks.lower : /\p{Nd}/u.test(character) ? masks.digit : masks.other
    masked += mask ?? text.charAt(i)
  }
  return masked
}

function masksOf (given: readonly (string | null)[]): Masks {
  if (given.length === 0) return DEFAULT_MASKS
  const wrong = given.find(mask => mask !== null && mask.length !== 1)
  if (wrong !== undefined) throw new Error(`Invalid mask character '${wrong}'. Must be one character, or null to leave such characters as they are.`)
  const [upper = null, lower = null, digit = null, other = null] = given
  return { upper, lower, digit, other }
}

/** `range` says from where to where the text is masked. */
const masking = (name: string, range: (length: number, n: number) => [from: number, to: number]) =>
  (text: string | null, n: number | null, ...given: (string | null)[]): Value => {
    const masks = masksOf(given)
    if (n !== null && n < 0) throw new Error(`function ${name} requires a non-negative number of characters`)
    if (text === null || n === null) return null
    const [from, to] = range(text.length, n)
    return text.slice(0, from) + maskText(text.slice(from, to), masks) + text.slice(to)
  }

const input = param('input STRING to be masked', STRING)
const maskParameters = ['upper-case mask', 'lower-case mask', 'digit mask', 'mask for other characters'].map(name => param(`${name}, or NULL to use default`, STRING))

function maskFunction (name: string, countName: string, description: string, range: (length: number, n: number) => [from: number, to: number]): ScalarFunction {
  const run = masking(name.toLowerCase(), range)
  const count = param(`number of characters to ${countName}`, INTEGER)
  return scalar(name, 'STRING', `${description} Letters become X and x, digits n, others -, or what the masks say; a null mask leaves its kind as it is.`, [
    signature([input, count, ...maskParameters], STRING, run),
    signature([input, count], STRING, run)])
}

const maskAll = (text: string | null, ...given: (string | null)[]): Value => {
  const masks = masksOf(given)
  return text === null ? null : maskText(text, masks)
}

export function encodingFunctions (context: FunctionContext): readonly ScalarFunction[] {
  return [
    scalar('ENCODE', 'STRING', 'The text from one of the encodings hex, utf8, ascii, base64 in another of them.', [
      signature([param('str', STRING), param('inputEncoding', STRING), param('outputEncoding', STRING)], STRING, strict(recode))]),
    scalar('TO_BYTES', 'STRING', 'The bytes of a text in the encoding hex, utf8, ascii or base64.', [
      signature([param('value', STRING), param('encoding', STRING)], BYTES, strict((text: string, name: string) => decode(text, requireEncoding(name))))]),
    scalar('FROM_BYTES', 'STRING', 'Bytes as text in the encoding hex, utf8, ascii or base64.', [
      signature([param('value', BYTES), param('encoding', STRING)], STRING, strict(fromBytes))]),
    scalar('MD5', 'STRING', 'The MD5 hash of a text in UTF-8, as hexadecimal digits.', [
      signature([param('s', STRING)], STRING, strict((text: string) => createHash('md5').update(text).digest('hex')))]),
    anonymous('UUID', 'STRING', 'A random UUID (version 4), or the one that 16 bytes are.', [
      signature([], STRING, () => context.uuid()),
      signature([param('bytes', BYTES)], STRING, strict(uuidOf))]),
    scalar('MASK', 'STRING', 'The text with every character masked: letters become X and x, digits n, others -, or what the masks say; a null mask leaves its kind as it is.', [
      signature([input], STRING, maskAll),
      signature([input, ...maskParameters], STRING, maskAll)]),
    maskFunction('MASK_LEFT', 'mask from the start', 'The text with its first n characters masked.', (length, n) => [0, Math.min(n, length)]),
    maskFunction('MASK_RIGHT', 'mask before the end', 'The text with its last n characters masked.', (length, n) => [Math.max(0, length - n), length]),
    maskFunction('MASK_KEEP_LEFT', 'keep unmasked at the start', 'The text with all but its first n characters masked.', (length, n) => [Math.min(n, length), length]),
    maskFunction('MASK_KEEP_RIGHT', 'keep unmasked at the end', 'The text with all but its last n characters masked.', (length, n) => [0, Math.max(0, length - n)])
  ]
}
