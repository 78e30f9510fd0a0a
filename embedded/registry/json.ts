// JSON as Schema Registry's parser (Jackson) sees it: numbers keep their text, objects keep the order of their members, and a
// text that is not JSON is refused with Jackson's own words, since clients see them. JSON.parse can do none of the three.

/** A number by its text, so that 1, 1.0 and a long beyond 2^53 stay what they were. */
export class JsonNumber {
  readonly text: string
  constructor (text: string) { this.text = text }

  /** True where Jackson would read an int, a long or a BigInteger. */
  get isInteger (): boolean { return /^-?\d+$/.test(this.text) }

  get value (): number { return Number(this.text) }
}

export type JsonObject = Map<string, Json>
export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject

/** `message` is Jackson's original message; `column` the one it reports, 1-based and one past the character. */
export class JsonSyntaxError extends Error {
  readonly line: number
  readonly column: number
  readonly #javaClass: string
  constructor (message: string, line: number, column: number, javaClass = 'JsonParseException') {
    super(message)
    this.name = 'JsonSyntaxError'
    this.line = line
    this.column = column
    this.#javaClass = javaClass
  }

  /** How the exception prints in Java, source hidden, as Schema Registry sends it inside "Invalid schema". */
  get asJavaException (): string {
    return `com.fasterxml.jackson.core.${this.#javaClass}: ${this.message}\n at ${sourceAt(this.line, this.column)}`
  }
}

const sourceAt = (line: number, column: number) =>
  `[Source: REDACTED (\`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION\` disabled); line: ${line}, column: ${column}]`

const MAX_DEPTH = 1000 // Jackson's StreamReadConstraints.DEFAULT_MAX_DEPTH
const TOKENS: readonly [string, Json][] = [['true', true], ['false', false], ['null', null]]
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const VALID_VALUE = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
const VALID_TOKEN = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

class Parser {
  readonly #text: string
  readonly #comments: boolean
  #at = 0

  constructor (text: string, comments: boolean) {
    this.#text = text
    this.#comments = comments
  }

  document (): Json {
    this.#skipSpace()
    if (this.#at >= this.#text.length) throw this.#error('No content to map due to end-of-input')
    return this.#value(0)
  }

  /** Where reading stopped, after white space. */
  rest (): string {
    this.#skipSpace()
    return this.#text.slice(this.#at)
  }

  #error (message: string, at = this.#at): JsonSyntaxError {
    const before = this.#text.slice(0, at)
    const line = before.split('\n').length
    const column = at - (before.lastIndexOf('\n') + 1) + 1
    return new JsonSyntaxError(message, line, column)
  }

  #endOfInput (message: string): JsonSyntaxError {
    const { line, column } = this.#error('', this.#text.length)
    return new JsonSyntaxError(`Unexpected end-of-input${message}`, line, column, 'io.JsonEOFException')
  }

  #unexpected (expectation: string): JsonSyntaxError {
    const character = this.#text[this.#at] as string
    const code = character.charCodeAt(0)
    const shown = code < 0x20 || code === 0x7f ? `(CTRL-CHAR, code ${code})` : `('${character}' (code ${code}${code > 255 ? ` / 0x${code.toString(16)}` : ''}))`
    return this.#error(`Unexpected character ${shown}: ${expectation}`, this.#at + 1)
  }

  #skipSpace (): void {
    const space = this.#comments ? /(?:[ \t\r\n]|\/\/[^\n]*|\/\*[^]*?\*\/)*/y : /[ \t\r\n]*/y
    space.lastIndex = this.#at
    this.#at += space.exec(this.#text)?.[0].length ?? 0
  }

  #value (depth: number): Json {
    if (depth > MAX_DEPTH) throw this.#error(`Document nesting depth (${depth}) exceeds the maximum allowed (${MAX_DEPTH}, from \`StreamReadConstraints.getMaxNestingDepth()\`)`)
    const first = this.#text[this.#at]
    if (first === undefined) throw this.#endOfInput('')
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"') return this.#string()
    if (first === '-' || (first >= '0' && first <= '9')) return this.#number()
    if (/[A-Za-z_$]/.test(first)) return this.#token()
    throw this.#unexpected(VALID_VALUE)
  }

  #token (): Json {
    for (const [name, value] of TOKENS) {
      if (this.#text.startsWith(name, this.#at) && !/[A-Za-z0-9_$]/.test(this.#text[this.#at + name.length] ?? ' ')) {
        this.#at += name.length
        return value
      }
    }
    const word = (/[A-Za-z0-9_$]+/y)
    word.lastIndex = this.#at
    const found = (word.exec(this.#text)?.[0] ?? '').slice(0, 256)
    throw this.#error(`Unrecognized token '${found}': ${VALID_TOKEN}`, this.#at + found.length)
  }

  #number (): JsonNumber {
    const pattern = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found === undefined) {
      this.#at++
      if (this.#at >= this.#text.length) throw this.#endOfInput('')
      throw this.#unexpected('expected digit (0-9) to follow minus sign, for valid numeric value')
    }
    if (found.length > 1000) throw this.#error(`Number value length (${found.length}) exceeds the maximum allowed (1000, from \`StreamReadConstraints.getMaxNumberLength()\`)`)
    this.#at += found.length
    const next = this.#text[this.#at] ?? ' '
    if (/^-?0$/.test(found) && next >= '0' && next <= '9') throw this.#error('Invalid numeric value: Leading zeroes not allowed', this.#at)
    if (!' \t\r\n,]}:'.includes(next)) throw this.#unexpected('Expected space separating root-level values')
    return new JsonNumber(found === '-0' ? '0' : found)
  }

  #string (): string {
    let result = ''
    this.#at++
    for (;;) {
      const end = this.#plainEnd()
      result += this.#text.slice(this.#at, end)
      this.#at = end
      const character = this.#text[end]
      if (character === undefined) throw this.#endOfInput(': was expecting closing quote for a string value')
      if (character === '"') {
        this.#at++
        return result
      }
      if (character !== '\\') {
        throw this.#error(`Illegal unquoted character ((CTRL-CHAR, code ${character.charCodeAt(0)})): has to be escaped using backslash to be included in string value`, end + 1)
      }
      result += this.#escape()
    }
  }

  #plainEnd (): number {
    let end = this.#at
    while (end < this.#text.length) {
      const code = this.#text.charCodeAt(end)
      if (code === 0x22 || code === 0x5c || code < 0x20) break
      end++
    }
    return end
  }

  #escape (): string {
    const kind = this.#text[this.#at + 1]
    if (kind === undefined) throw this.#endOfInput(' in character escape sequence')
    const simple = ESCAPES[kind]
    if (simple !== undefined) {
      this.#at += 2
      return simple
    }
    const hex = this.#text.slice(this.#at + 2, this.#at + 6)
    if (kind === 'u' && /^[0-9a-fA-F]{4}$/.test(hex)) {
      this.#at += 6
      return String.fromCharCode(Number.parseInt(hex, 16))
    }
    if (kind === 'u') throw this.#error('Unexpected character in a Unicode escape sequence: expected a hex-digit for character escape sequence', this.#at + 2)
    throw this.#error(`Unrecognized character escape '${kind}' (code ${kind.charCodeAt(0)})`, this.#at + 2)
  }

  #array (depth: number): Json[] {
    const items: Json[] = []
    const start = this.#at++
    this.#skipSpace()
    this.#expectClose('Array', start)
    if (this.#text[this.#at] === ']') {
      this.#at++
      return items
    }
    for (;;) {
      this.#skipSpace()
      this.#expectMore('Array')
      items.push(this.#value(depth + 1))
      if (this.#separator(']', 'Array', start)) return items
    }
  }

  #object (depth: number): JsonObject {
    const members: JsonObject = new Map()
    const start = this.#at++
    this.#skipSpace()
    this.#expectClose('Object', start)
    if (this.#text[this.#at] === '}') {
      this.#at++
      return members
    }
    for (;;) {
      this.#skipSpace()
      this.#expectMore('Object')
      if (this.#text[this.#at] !== '"') throw this.#unexpected('was expecting double-quote to start field name')
      const name = this.#string()
      this.#skipSpace()
      this.#expectMore('Object')
      if (this.#text[this.#at] !== ':') throw this.#unexpected('was expecting a colon to separate field name and value')
      this.#at++
      this.#skipSpace()
      this.#expectMore('Object')
      members.set(name, this.#value(depth + 1))
      if (this.#separator('}', 'Object', start)) return members
    }
  }

  #expectMore (kind: string): void {
    if (this.#at >= this.#text.length) throw this.#endOfInput(` within/between ${kind} entries`)
  }

  #expectClose (kind: string, start: number): void {
    if (this.#at < this.#text.length) return
    const { line, column } = this.#error('', start)
    throw this.#endOfInput(`: expected close marker for ${kind} (start marker at ${sourceAt(line, column)})`)
  }

  /** Steps over `,` or the closing character; true at the latter. */
  #separator (close: string, kind: string, start: number): boolean {
    this.#skipSpace()
    this.#expectClose(kind, start)
    const character = this.#text[this.#at]
    if (character !== ',' && character !== close) throw this.#unexpected(`was expecting comma to separate ${kind} entries`)
    this.#at++
    return character === close
  }
}

/** Reads one JSON value; what follows it is left alone, as Jackson's readTree does. Throws JsonSyntaxError. */
export function parseJson (text: string): Json {
  return new Parser(text, false).document()
}

/** The same with comments allowed, as Avro reads schemas, and with the text left over after the value. */
export function parseJsonPrefix (text: string): { value: Json, rest: string } {
  const parser = new Parser(text, true)
  const value = parser.document()
  return { value, rest: parser.rest() }
}

/** A double as Java's Double.toString prints it: 1.0, 1.0E10, 1.0E-5. */
export function javaDouble (value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const size = Math.abs(value)
  if (size >= 1e-3 && size < 1e7) {
    const plain = String(value)
    return plain.includes('.') ? plain : `${plain}.0`
  }
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}

const quote = (text: string) => JSON.stringify(text).replace(/\\u00[0-9a-f]{2}/g, escaped => `\\u${escaped.slice(2).toUpperCase()}`)

/** Prints without white space, as Jackson does. `sortKeys` puts the members of every object in order of their names. */
export function printJson (value: Json, sortKeys = false): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return quote(value)
  if (value instanceof JsonNumber) {
    if (!Number.isFinite(value.value) && !value.isInteger) return quote(javaDouble(value.value))
    return value.isInteger ? value.text : javaDouble(value.value)
  }
  if (Array.isArray(value)) return `[${value.map(item => printJson(item, sortKeys)).join(',')}]`
  const members = [...value]
  if (sortKeys) members.sort(([left], [right]) => left < right ? -1 : 1)
  return `{${members.map(([name, member]) => `${quote(name)}:${printJson(member, sortKeys)}`).join(',')}}`
}

/** A Map-based view of plain JavaScript values, for printing answers; undefined members are left out. */
export function toJson (value: unknown): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || value instanceof JsonNumber) return value
  if (typeof value === 'number') return new JsonNumber(String(value))
  if (Array.isArray(value)) return value.map(toJson)
  if (value instanceof Map) return value as JsonObject
  const members: JsonObject = new Map()
  for (const [name, member] of Object.entries(value as Record<string, unknown>)) if (member !== undefined) members.set(name, toJson(member))
  return members
}
