// Regular expressions of java.util.regex.Pattern, translated to RegExp. What RegExp lacks is emulated: possessive quantifiers and atomic groups by
// a lookahead that captures, inline flags by what they change, Java's line ends, \b, \h, \R, \Q…\E and class intersections by their meaning.
import { HORIZONTAL_SPACE, LINE_TERMINATORS, SPACE, VERTICAL_SPACE, classNamed } from './java-regex-classes.js'

/** As PatternSyntaxException. */
export class RegexError extends Error {}

export interface JavaRegex {
  /** Has the g and v flags. Groups are named g1, g2, …. */
  readonly regexp: RegExp
  readonly groupCount: number
  /** Numbers of Java's own named groups. */
  readonly groupNames: ReadonlyMap<string, number>
}

const CLASSES: Readonly<Record<string, string>> = {
  d: '[0-9]', D: '[^0-9]', w: '[a-zA-Z0-9_]', W: '[^a-zA-Z0-9_]', s: `[${SPACE}]`, S: `[^${SPACE}]`,
  h: `[${HORIZONTAL_SPACE}]`, H: `[^${HORIZONTAL_SPACE}]`, v: `[${VERTICAL_SPACE}]`, V: `[^${VERTICAL_SPACE}]`
}
const START = '(?<![\\s\\S])'
const END = '(?![\\s\\S])'
const BEFORE_LAST_LINE_END = `(?=(?:\\r\\n|[${LINE_TERMINATORS}])?${END})`
const WORD = '[\\p{L}\\p{Nd}_]'
const ASSERTIONS: Readonly<Record<string, string>> = {
  b: `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`, B: `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`,
  A: `(?:${START})`, z: `(?:${END})`, Z: `(?:${BEFORE_LAST_LINE_END})`, R: `(?:\\r\\n|[${VERTICAL_SPACE}])`
}

interface Flags { readonly ignoreCase: boolean, readonly dotAll: boolean, readonly multiline: boolean, readonly comments: boolean, readonly unixLines: boolean }

const NO_FLAGS: Flags = { ignoreCase: false, dotAll: false, multiline: false, comments: false, unixLines: false }
/** u and U widen what i and \w mean; here case folding stays ASCII. */
const FLAG_LETTERS: Readonly<Record<string, keyof Flags | undefined>> = { i: 'ignoreCase', s: 'dotAll', m: 'multiline', x: 'comments', d: 'unixLines' }

function withFlags (flags: Flags, text: string): Flags {
  const [on = '', off = ''] = text.split('-')
  const changed: { -readonly [K in keyof Flags]: boolean } = { ...flags }
  for (const [letters, value] of [[on, true], [off, false]] as const) {
    for (const letter of letters) {
      const flag = FLAG_LETTERS[letter]
      if (flag !== undefined) changed[flag] = value
    }
  }
  return changed
}

/** One character, escaped for use in and out of classes. */
function escapeCodePoint (code: number): string {
  const character = String.fromCodePoint(code)
  return /[A-Za-z0-9_]/.test(character) ? character : `\\u{${code.toString(16)}}`
}

const isAsciiLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122)

/** The letters of a range in the other case, as class members. */
function otherCase (from: number, to: number): string {
  const part = (low: number, high: number, shift: number): string => {
    const [start, end] = [Math.max(from, low), Math.min(to, high)]
    return start > end ? '' : `${escapeCodePoint(start + shift)}-${escapeCodePoint(end + shift)}`
  }
  return part(65, 90, 32) + part(97, 122, -32)
}

/** \Q…\E as escapes of its characters, before anything else is read (Pattern.RemoveQEQuoting). */
function withoutQuotes (pattern: string): string {
  return pattern.replace(/\\Q([\s\S]*?)(?:\\E|$(?![\s\S]))|\\[\s\S]/g, (found, quoted?: string) =>
    quoted === undefined ? found : [...quoted].map(c => `\\x{${(c.codePointAt(0) ?? 0).toString(16)}}`).join(''))
}

const DEPTH_MAX = 200

class Translator {
  readonly #pattern: string
  #at = 0
  #depth = 0
  #flags: Flags = NO_FLAGS
  #atomics = 0
  groupCount = 0
  readonly groupNames = new Map<string, number>()

  constructor (pattern: string) {
    this.#pattern = withoutQuotes(pattern)
  }

  #fail (reason: string): never {
    throw new RegexError(`${reason} near index ${this.#at}\n${this.#pattern}`)
  }

  #take (pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#pattern)
    if (match !== null) this.#at += match[0].length
    return match
  }

  translate (): string {
    const result = this.#alternatives()
    if (this.#at < this.#pattern.length) this.#fail('Unmatched closing \')\'')
    return result
  }

  /** Flags set inside hold until the group ends. */
  #alternatives (): string {
    if (++this.#depth > DEPTH_MAX) this.#fail(`Groups nested deeper than ${DEPTH_MAX}`)
    const flags = this.#flags
    let result = ''
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== ')') {
      if (this.#pattern[this.#at] === '|') {
        result += '|'
        this.#at++
      } else if (this.#flags.comments && this.#take(/\s+|#[^\n]*/y) !== null) {
        continue
      } else {
        result += this.#piece()
      }
    }
    this.#flags = flags
    this.#depth--
    return result
  }

  #piece (): string {
    const atom = this.#atom()
    if (this.#flags.comments) this.#take(/(?:\s|#[^\n]*)+/y)
    const quantifier = this.#take(/(?:[*+?]|\{\d+(?:,\d*)?\})([+?]?)/y)
    if (quantifier === null) {
      if (this.#pattern[this.#at] === '{') this.#fail('Illegal repetition')
      return atom
    }
    if (atom === '') this.#fail(`Dangling meta character '${quantifier[0]}'`)
    return quantifier[1] === '+' ? this.#atomic(atom + quantifier[0].slice(0, -1)) : atom + quantifier[0]
  }

  /** Once matched it is not entered again: the lookahead captures, the reference takes it. */
  #atomic (inner: string): string {
    const name = `a${++this.#atomics}`
    return `(?:(?=(?<${name}>${inner}))\\k<${name}>)`
  }

  #atom (): string {
    const character = this.#pattern[this.#at] ?? ''
    switch (character) {
      case '(': return this.#group()
      case '[': return this.#class()
      case '\\': return this.#escape()
    }
    if ('*+?'.includes(character)) this.#fail(`Dangling meta character '${character}'`)
    if (character === '{') this.#fail('Illegal repetition')
    const code = this.#pattern.codePointAt(this.#at) ?? 0
    this.#at += code > 0xffff ? 2 : 1
    switch (character) {
      case '.': return this.#flags.dotAll ? '[\\s\\S]' : this.#flags.unixLines ? '[^\\n]' : `[^${LINE_TERMINATORS}]`
      case '^': return this.#flags.multiline ? `(?:(?<=^|\\r\\n|[\\n\\u0085\\u2028\\u2029]|\\r(?!\\n))(?=[\\s\\S])|${START})` : `(?:${START})`
      case '$': return this.#flags.multiline ? `(?:(?=[${LINE_TERMINATORS}]|${END}))` : `(?:${BEFORE_LAST_LINE_END})`
      default: return this.#literal(code)
    }
  }

  #literal (code: number): string {
    const escaped = escapeCodePoint(code)
    return this.#flags.ignoreCase && isAsciiLetter(code) ? `[${escaped}${escapeCodePoint(code ^ 32)}]` : escaped
  }

  #group (): string {
    const flags = this.#take(/\(\?([a-zA-Z]*(?:-[a-zA-Z]+)?)([:)])/y)
    if (flags !== null) {
      if (/[^imsxduU-]/.test(flags[1] ?? '')) this.#fail('Unknown inline modifier')
      const outer = this.#flags
      this.#flags = withFlags(outer, flags[1] ?? '')
      if (flags[2] === ')') return ''
      const inner = this.#alternatives()
      this.#close()
      this.#flags = outer
      return `(?:${inner})`
    }
    const special = this.#take(/\(\?(=|!|<=|<!|>|<([A-Za-z][A-Za-z0-9]*)>)/y)
    if (special === null && this.#pattern.startsWith('(?', this.#at)) this.#fail('Unknown group type')
    if (special === null) this.#at++
    const name = special?.[2]
    const isCapture = special === null || name !== undefined
    const number = isCapture ? ++this.groupCount : 0
    if (name !== undefined) {
      if (this.groupNames.has(name)) this.#fail(`Named capturing group <${name}> is already defined`)
      this.groupNames.set(name, number)
    }
    const inner = this.#alternatives()
    this.#close()
    if (isCapture) return `(?<g${number}>${inner})`
    return special?.[1] === '>' ? this.#atomic(inner) : `(?:(?${special?.[1]}${inner}))`
  }

  #close (): void {
    if (this.#pattern[this.#at] !== ')') this.#fail('Unclosed group')
    this.#at++
  }

  #escape (): string {
    const name = this.#take(/\\k<(\w+)>/y)?.[1]
    if (name !== undefined) {
      const number = this.groupNames.get(name)
      return number === undefined ? this.#fail(`named capturing group <${name}> does not exist`) : `\\k<g${number}>`
    }
    const next = this.#pattern[this.#at + 1] ?? ''
    if (next >= '1' && next <= '9') return this.#backReference()
    const assertion = ASSERTIONS[next]
    if (assertion !== undefined) {
      this.#at += 2
      return assertion
    }
    const set = this.#classEscape()
    return set ?? this.#literal(this.#characterEscape())
  }

  /** As many digits as name a group that stands before. */
  #backReference (): string {
    this.#at++
    let number = Number(this.#pattern[this.#at++])
    for (let digit = this.#pattern[this.#at] ?? ''; /^\d$/.test(digit) && number * 10 + Number(digit) <= this.groupCount; digit = this.#pattern[this.#at] ?? '') {
      number = number * 10 + Number(digit)
      this.#at++
    }
    return number > this.groupCount ? '(?:(?!))' : `\\k<g${number}>`
  }

  /** \d, \p{Lu} and their like; undefined where something else stands. */
  #classEscape (): string | undefined {
    const property = this.#take(/\\([pP])(?:\{([^}]+)\}|(\w))/y)
    if (property !== null) {
      const members = classNamed(property[2] ?? property[3] ?? '')
      if (members === undefined) this.#fail(`Unknown character property name {${property[2] ?? property[3]}}`)
      return `[${property[1] === 'P' ? '^' : ''}${members}]`
    }
    const simple = CLASSES[this.#pattern[this.#at + 1] ?? '']
    if (simple !== undefined) this.#at += 2
    return simple
  }

  /** The code point that an escape at this place stands for. */
  #characterEscape (): number {
    const hex = this.#take(/\\(?:x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/y)
    if (hex !== null) {
      const code = Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16)
      const low = code >= 0xd800 && code <= 0xdbff ? this.#take(/\\u([dD][c-fC-F][0-9a-fA-F]{2})/y)?.[1] : undefined
      if (code > 0x10ffff) this.#fail('Hexadecimal codepoint is too big')
      return low === undefined ? code : 0x10000 + ((code - 0xd800) << 10) + Number.parseInt(low, 16) - 0xdc00
    }
    const octal = this.#take(/\\0([0-3]?[0-7]{1,2})/y)
    if (octal !== null) return Number.parseInt(octal[1] ?? '', 8)
    const control = this.#take(/\\c([\s\S])/y)
    if (control !== null) return (control[1] ?? '').charCodeAt(0) ^ 64
    const plain = this.#take(/\\(?:([tnrfae])|([^A-Za-z0-9]))/uy)
    if (plain === null) return this.#fail('Illegal/unsupported escape sequence')
    return plain[2]?.codePointAt(0) ?? JAVA_CONTROLS[plain[1] ?? ''] ?? 0
  }

  /** [a-z&&[^b]x]: operands of && are classes of their own. */
  #class (): string {
    if (++this.#depth > DEPTH_MAX) this.#fail(`Classes nested deeper than ${DEPTH_MAX}`)
    this.#at++
    const negated = this.#take(/\^/y) !== null
    const operands: string[] = []
    let members = ''
    let isFirst = true
    for (;;) {
      if (this.#at >= this.#pattern.length) this.#fail('Unclosed character class')
      if (this.#pattern[this.#at] === ']' && !isFirst) break
      if (this.#take(/&&/y) !== null) {
        operands.push(members)
        members = ''
      } else if (this.#flags.comments && this.#take(/\s/y) !== null) {
        continue
      } else {
        members += this.#pattern[this.#at] === '[' ? this.#class() : this.#members()
      }
      isFirst = false
    }
    this.#at++
    this.#depth--
    operands.push(members)
    const present = operands.filter(operand => operand !== '')
    return `[${negated ? '^' : ''}${present.length === 1 ? present[0] ?? '' : present.map(operand => `[${operand}]`).join('&&')}]`
  }

  #members (): string {
    if (this.#pattern[this.#at] === '\\') {
      const set = this.#classEscape()
      if (set !== undefined) return set
    }
    const from = this.#member()
    if (this.#take(/-(?=[^\][])/y) === null) return this.#range(from, from)
    const to = this.#member()
    if (to < from) this.#fail('Illegal character range')
    return this.#range(from, to)
  }

  #member (): number {
    if (this.#pattern[this.#at] === '\\') return this.#characterEscape()
    const code = this.#pattern.codePointAt(this.#at) ?? 0
    this.#at += code > 0xffff ? 2 : 1
    return code
  }

  #range (from: number, to: number): string {
    const range = from === to ? escapeCodePoint(from) : `${escapeCodePoint(from)}-${escapeCodePoint(to)}`
    return this.#flags.ignoreCase ? range + otherCase(from, to) : range
  }
}

const JAVA_CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, f: 12, a: 7, e: 27 }

const REGEXES_CACHED_MAX = 1000
const cache = new Map<string, JavaRegex>()

function compile (pattern: string): JavaRegex {
  const translator = new Translator(pattern)
  const source = translator.translate()
  try {
    return { regexp: new RegExp(source, 'gv'), groupCount: translator.groupCount, groupNames: translator.groupNames }
  } catch (error) {
    throw new RegexError(`Invalid regular expression pattern: ${pattern}`, { cause: error })
  }
}

/** The pattern, from a cache. Throws RegexError. */
export function javaRegex (pattern: string): JavaRegex {
  const known = cache.get(pattern)
  if (known !== undefined) return known
  const regex = compile(pattern)
  if (cache.size >= REGEXES_CACHED_MAX) cache.clear()
  cache.set(pattern, regex)
  return regex
}

/** What a group caught, null where it took no part; group 0 is the whole match. */
export function groupOf (match: RegExpExecArray, group: number): string | null {
  return group === 0 ? match[0] : match.groups?.[`g${group}`] ?? null
}

/** `$1`, `${name}` and `\` escapes of Matcher.replaceAll; throws where there is no such group. */
export function expandReplacement (replacement: string, regex: JavaRegex): (match: RegExpExecArray) => string {
  const parts: (string | number)[] = []
  for (let i = 0; i < replacement.length;) {
    const character = replacement[i] ?? ''
    if (character === '\\') {
      if (i + 1 === replacement.length) throw new RegexError('character to be escaped is missing')
      parts.push(replacement[i + 1] ?? '')
      i += 2
    } else if (character === '$') {
      const { group, end } = groupReference(replacement, i, regex)
      parts.push(group)
      i = end
    } else {
      parts.push(character)
      i++
    }
  }
  return match => parts.map(part => typeof part === 'number' ? groupOf(match, part) ?? '' : part).join('')
}

function groupReference (replacement: string, start: number, regex: JavaRegex): { group: number, end: number } {
  const named = /^\$\{([A-Za-z][A-Za-z0-9]*)\}/.exec(replacement.slice(start))
  if (named !== null) {
    const group = regex.groupNames.get(named[1] ?? '')
    if (group === undefined) throw new RegexError(`No group with name {${named[1]}}`)
    return { group, end: start + named[0].length }
  }
  const first = replacement[start + 1] ?? ''
  if (!/^\d$/.test(first)) throw new RegexError('Illegal group reference')
  let group = Number(first)
  if (group > regex.groupCount) throw new RegexError(`No group ${group}`)
  let end = start + 2
  while (/^\d$/.test(replacement[end] ?? '') && group * 10 + Number(replacement[end]) <= regex.groupCount) group = group * 10 + Number(replacement[end++])
  return { group, end }
}
