// Functions over text and bytes that cut, join, search and change case.
import { BYTES, INTEGER, STRING, array, map } from '../../sql/sql-type.js'
import type { ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import { anonymous, param, scalar, signature, strict, variadic } from './define.js'

type Text = string | null
type Bytes = Buffer | null

/** Longest value that padding may make, in characters or bytes: far above what a record may hold. */
const PADDED_LENGTH_MAX = 64 * 1024 * 1024

const present = <V>(values: readonly (V | null)[]): V[] => values.filter((value): value is V => value !== null)

function joinBytes (values: readonly Buffer[], separator: Buffer): Buffer {
  return Buffer.concat(values.flatMap((value, i) => i === 0 ? [value] : [separator, value]))
}

const separated = <V>(join: (values: V[], separator: V) => Value) => (...inputs: (V | null)[]): Value => {
  if (inputs.length < 2) throw new Error('Function Concat_WS expects at least two input arguments.')
  const [separator, ...values] = inputs
  return separator === null || separator === undefined ? null : join(present(values), separator)
}

/** Position 1 is the first, -1 the last; beyond the ends is cut to them (Substring). */
function startIndex (length: number, position: number): number {
  return position < 0 ? Math.max(length + position, 0) : Math.max(Math.min(position - 1, length), 0)
}

function substring (text: string, position: number, length: number = text.length): string {
  const start = startIndex(text.length, position)
  return text.slice(start, Math.max(Math.min(start + length, text.length), start))
}

function subarray (bytes: Buffer, position: number, length: number = bytes.length): Buffer {
  const start = startIndex(bytes.length, position)
  return bytes.subarray(start, Math.max(Math.min(start + length, bytes.length), start))
}

const optional = (run: (value: any, position: number, length?: number) => Value) => (...args: any[]): Value =>
  args.includes(null) ? null : run(args[0], args[1], args[2])

/** What stands before or behind a value of `length` to make it `target` long. Undefined where padding is empty or the target negative. */
function padLength (length: number, target: number | null, padding: { length: number } | null): number | undefined {
  if (padding === null || padding.length === 0 || target === null || target < 0) return undefined
  if (target > PADDED_LENGTH_MAX) throw new Error(`cannot pad to ${target}: the limit is ${PADDED_LENGTH_MAX}`)
  return Math.max(target - length, 0)
}

const padText = (left: boolean) => (text: Text, target: number | null, padding: Text): Value => {
  if (text === null) return null
  const count = padLength(text.length, target, padding)
  if (count === undefined) return null
  const pad = (padding ?? '').repeat(Math.ceil(count / (padding ?? '').length)).slice(0, count)
  return (left ? pad + text : text + pad).slice(0, target ?? 0)
}

const padBytes = (left: boolean) => (bytes: Bytes, target: number | null, padding: Bytes): Value => {
  if (bytes === null) return null
  const count = padLength(bytes.length, target, padding)
  if (count === undefined) return null
  const pad = Buffer.alloc(count, padding ?? 0)
  return Buffer.concat(left ? [pad, bytes] : [bytes, pad]).subarray(0, target ?? 0)
}

function splitText (text: string, delimiter: string): Value {
  return delimiter === '' && text !== '' ? [...text] : delimiter === '' ? [''] : text.split(delimiter)
}

function splitBytes (bytes: Buffer, delimiter: Buffer): Value {
  if (bytes.length === 0) return [bytes]
  if (delimiter.length === 0) return Array.from(bytes, byte => Buffer.from([byte]))
  const parts: Buffer[] = []
  let start = 0
  for (let at = bytes.indexOf(delimiter); at >= 0; at = bytes.indexOf(delimiter, start)) {
    parts.push(bytes.subarray(start, at))
    start = at + delimiter.length
  }
  return [...parts, bytes.subarray(start)]
}

function splitToMap (text: string, entryDelimiter: string, keyValueDelimiter: string): Value {
  if (entryDelimiter === '' || keyValueDelimiter === '' || entryDelimiter === keyValueDelimiter) return null
  const pairs = text.split(entryDelimiter).filter(entry => entry.includes(keyValueDelimiter)).map(entry => entry.split(keyValueDelimiter))
  return new Map(pairs.map(([key, value]) => [key ?? '', value ?? '']))
}

/** Each word, as far as spaces part it, with its first letter large and the others small; space in front is dropped. */
function capitalize (text: string): string {
  const words = text.toLowerCase().match(/[^ \t\n\v\f\r]+[ \t\n\v\f\r]*/g) ?? []
  return words.map(word => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')
}

/** Index of the nth occurrence; they may overlap. */
function nthIndexOf (text: string, wanted: string, n: number): number {
  if (n <= 0) return -1
  if (wanted === '') return 0
  let at = -1
  for (let i = 0; i < n; i++) {
    at = text.indexOf(wanted, at + 1)
    if (at < 0) return -1
  }
  return at
}

const reverse = (text: string): string => [...text].reverse().join('')

/** Position, from 1, of the nth occurrence from `position` on; a negative one counts and searches from the end. 0: not found, or null. */
function instr (text: Text, wanted: Text, position: number | null = 1, occurrence: number | null = 1): Value {
  if (position === null || occurrence === null) return null
  if (text === null || wanted === null || position === 0 || Math.abs(position) > text.length) return 0
  if (position > 0) {
    const at = nthIndexOf(text.slice(position - 1), wanted, occurrence)
    return at < 0 ? 0 : at + position
  }
  const at = nthIndexOf(reverse(text).slice(-position - 1), reverse(wanted), occurrence)
  return at < 0 ? 0 : text.length + position - at - wanted.length + 2
}

function codePoint (code: number): Value {
  return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : null
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }

/** Java's escapes, for texts that begin with one of the form \uXXXX. */
function unescape (text: string): Value {
  if (text.length < 6 || !text.startsWith('\\u')) return null
  return text.replace(/\\(?:u+([0-9a-fA-F]{4})|([0-3]?[0-7]{1,2})|([\s\S]))/g, (_, hex?: string, octal?: string, other?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8))
    if (other === 'u') throw new Error(`'${text}' holds an incomplete \\u escape`)
    return escapes[other ?? ''] ?? other ?? ''
  })
}

const trim = (text: string): string => text.replace(/^[\0- ]+|[\0- ]+$/g, '')

const searching: readonly ScalarFunction[] = [
  scalar('INSTR', 'STRING', 'Where a text holds another, counted from 1; 0 where it does not.', [
    signature([param('str', STRING), param('substring', STRING)], INTEGER, instr),
    signature([param('str', STRING), param('substring', STRING), param('position', INTEGER, 'where to begin; negative: from the end, backwards'),
      param('occurrence', INTEGER, 'which one to find')], INTEGER, instr),
    signature([param('str', STRING), param('substring', STRING), param('position', INTEGER)], INTEGER, instr)]),
  scalar('FIELD', 'STRING', 'At which place among the others the first text stands, counted from 1; 0 where it does not.', [
    variadic(1, [param('str', STRING), param('args', STRING)], INTEGER, (text: Text, ...others: Text[]) => text === null ? 0 : others.indexOf(text) + 1)]),
  scalar('ELT', 'STRING', 'The nth of the texts, counted from 1; null where there is none.', [
    variadic(1, [param('n', INTEGER), param('args', STRING)], STRING, (n: number | null, ...texts: Text[]) => n === null ? null : texts[n - 1] ?? null)]),
  anonymous('LEN', 'STRING', 'How many characters a text, or bytes a value, has.', [
    signature([param('input', STRING)], INTEGER, strict((text: string) => text.length)),
    signature([param('input', BYTES)], INTEGER, strict((bytes: Buffer) => bytes.length))])
]

const joining: readonly ScalarFunction[] = [
  anonymous('CONCAT', 'STRING', 'The values one behind the other; nulls are left out.', [
    variadic(0, [param('inputs', STRING)], STRING, (...texts: Text[]) => present(texts).join('')),
    variadic(0, [param('inputs', BYTES)], BYTES, (...values: Bytes[]) => Buffer.concat(present(values)))]),
  anonymous('CONCAT_WS', 'STRING', 'The values one behind the other with the first argument between them; nulls are left out.', [
    variadic(0, [param('inputs', STRING)], STRING, separated<string>((texts, separator) => texts.join(separator))),
    variadic(0, [param('inputs', BYTES)], BYTES, separated<Buffer>(joinBytes))]),
  anonymous('LPAD', 'STRING', 'The value made as long as asked for by padding in front, or by cutting its end.', [
    signature([param('input', STRING), param('targetLen', INTEGER), param('padding', STRING)], STRING, padText(true)),
    signature([param('input', BYTES), param('targetLen', INTEGER), param('padding', BYTES)], BYTES, padBytes(true))]),
  anonymous('RPAD', 'STRING', 'The value made as long as asked for by padding behind, or by cutting its end.', [
    signature([param('input', STRING), param('targetLen', INTEGER), param('padding', STRING)], STRING, padText(false)),
    signature([param('input', BYTES), param('targetLen', INTEGER), param('padding', BYTES)], BYTES, padBytes(false))])
]

const cutting: readonly ScalarFunction[] = [
  scalar('SPLIT', 'STRING', 'The parts of a value between delimiters; an empty delimiter parts every character.', [
    signature([param('string', STRING), param('delimiter', STRING)], array(STRING), strict(splitText)),
    signature([param('bytes', BYTES), param('delimiter', BYTES)], array(BYTES), strict(splitBytes))]),
  anonymous('SPLIT_TO_MAP', 'STRING', 'A map of text that lists keys and values; of a repeated key the last value stands.', [
    signature([param('input', STRING), param('entryDelimiter', STRING, 'stands between entries'), param('kvDelimiter', STRING, 'stands between key and value')],
      map(STRING, STRING), strict(splitToMap))]),
  scalar('SUBSTRING', 'STRING', 'A part of a value from a position on, counted from 1, or from the end where negative.', [
    signature([param('str', STRING), param('pos', INTEGER), param('length', INTEGER)], STRING, optional(substring)),
    signature([param('bytes', BYTES), param('pos', INTEGER), param('length', INTEGER)], BYTES, optional(subarray)),
    signature([param('bytes', BYTES), param('pos', INTEGER)], BYTES, optional(subarray)),
    signature([param('str', STRING), param('pos', INTEGER)], STRING, optional(substring))]),
  anonymous('TRIM', 'STRING', 'The text without spaces and control characters at its ends.', [signature([param('input', STRING)], STRING, strict(trim))])
]

const changing: readonly ScalarFunction[] = [
  anonymous('CHR', 'STRING', 'The character of a code point, given as a number or as \\uXXXX.', [
    signature([param('decimalCode', INTEGER)], STRING, strict(codePoint)),
    signature([param('utf16Code', STRING)], STRING, strict(unescape))]),
  scalar('INITCAP', 'STRING', 'Every word with its first letter large and the others small.', [signature([param('str', STRING)], STRING, strict(capitalize))]),
  anonymous('LCASE', 'STRING', 'The text in small letters.', [signature([param('input', STRING)], STRING, strict((text: string) => text.toLowerCase()))]),
  anonymous('UCASE', 'STRING', 'The text in large letters.', [signature([param('input', STRING)], STRING, strict((text: string) => text.toUpperCase()))]),
  scalar('REPLACE', 'STRING', 'The text with every occurrence of another replaced.', [
    signature([param('str', STRING), param('oldStr', STRING), param('newStr', STRING)], STRING,
      strict((text: string, old: string, replacement: string) => text.replaceAll(old, () => replacement)))])
]

export const stringFunctions: readonly ScalarFunction[] = [...searching, ...joining, ...cutting, ...changing]
