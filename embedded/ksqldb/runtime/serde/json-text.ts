// JSON read and written without loss: BIGINT and DECIMAL do not fit JavaScript's numbers, so numbers keep their text.

/** A number that is not a short integer, by its text. */
export class JsonNumber {
  readonly text: string
  constructor (text: string) { this.text = text }
}

/** Members in the order written; a later one of the same name replaces the value. */
export type JsonValue = null | boolean | string | number | JsonNumber | JsonValue[] | Map<string, JsonValue>

export class JsonSyntaxError extends Error {
  override readonly name: string = 'JsonSyntaxError'
}

const DEPTH_MAX = 500
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SHORT_INTEGER = /^-?\d{1,15}$/
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** Reads the first JSON value of the text, as Jackson's readTree: what follows it is not looked at. undefined for an empty text. Throws JsonSyntaxError. */
export function parseJson (text: string): JsonValue | undefined {
  const parser = new Parser(text)
  parser.blank()
  return parser.at >= text.length ? undefined : parser.value(0)
}

class Parser {
  readonly text: string
  at = 0

  constructor (text: string) { this.text = text }

  fail (what: string): never {
    throw new JsonSyntaxError(`${what} at character ${this.at + 1}`)
  }

  blank (): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at)
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return
      this.at++
    }
  }

  value (depth: number): JsonValue {
    if (depth > DEPTH_MAX) this.fail('Nesting too deep')
    switch (this.text.charCodeAt(this.at)) {
      case 0x22: return this.string()
      case 0x7b: return this.object(depth)
      case 0x5b: return this.array(depth)
      case 0x74: return this.word('true', true)
      case 0x66: return this.word('false', false)
      case 0x6e: return this.word('null', null)
      default: return this.number()
    }
  }

  word<T> (word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('Unrecognized token')
    this.at += word.length
    return value
  }

  number (): number | JsonNumber {
    NUMBER.lastIndex = this.at
    const match = NUMBER.exec(this.text)
    if (match === null) this.fail(this.at >= this.text.length ? 'Unexpected end of input' : `Unexpected character ('${this.text[this.at]}')`)
    this.at = NUMBER.lastIndex
    const found = match[0]
    return SHORT_INTEGER.test(found) && found !== '-0' ? Number(found) : new JsonNumber(found)
  }

  string (): string {
    const start = ++this.at
    for (;;) {
      const c = this.text.charCodeAt(this.at)
      if (c === 0x22) return this.text.slice(start, this.at++)
      if (c === 0x5c) return this.escaped(start)
      if (Number.isNaN(c)) this.fail('Unexpected end of input in a string')
      if (c < 32) this.fail('Illegal unquoted control character in a string')
      this.at++
    }
  }

  escaped (start: number): string {
    const parts: string[] = []
    for (;;) {
      const c = this.text.charCodeAt(this.at)
      if (Number.isNaN(c)) this.fail('Unexpected end of input in a string')
      if (c < 32) this.fail('Illegal unquoted control character in a string')
      if (c !== 0x22 && c !== 0x5c) {
        this.at++
        continue
      }
      parts.push(this.text.slice(start, this.at++))
      if (c === 0x22) return parts.join('')
      const letter = this.text[this.at++] ?? ''
      if (letter === 'u') {
        const hex = this.text.slice(this.at, this.at + 4)
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.fail('Bad \\u escape')
        parts.push(String.fromCharCode(parseInt(hex, 16)))
        this.at += 4
      } else {
        parts.push(ESCAPES[letter] ?? this.fail('Unrecognized character escape'))
      }
      start = this.at
    }
  }

  array (depth: number): JsonValue[] {
    this.at++
    const items: JsonValue[] = []
    this.blank()
    if (this.text.charCodeAt(this.at) === 0x5d) {
      this.at++
      return items
    }
    for (;;) {
      this.blank()
      items.push(this.value(depth + 1))
      this.blank()
      const c = this.text.charCodeAt(this.at++)
      if (c === 0x5d) return items
      if (c !== 0x2c) this.fail('Expected a comma or the end of the array')
    }
  }

  object (depth: number): Map<string, JsonValue> {
    this.at++
    const members = new Map<string, JsonValue>()
    this.blank()
    if (this.text.charCodeAt(this.at) === 0x7d) {
      this.at++
      return members
    }
    for (;;) {
      this.blank()
      if (this.text.charCodeAt(this.at) !== 0x22) this.fail('Expected a member name in double quotes')
      const name = this.string()
      this.blank()
      if (this.text.charCodeAt(this.at++) !== 0x3a) this.fail('Expected a colon')
      this.blank()
      members.set(name, this.value(depth + 1))
      this.blank()
      const c = this.text.charCodeAt(this.at++)
      if (c === 0x7d) return members
      if (c !== 0x2c) this.fail('Expected a comma or the end of the object')
    }
  }
}

/** The JSON text of a tree, without blanks. */
export function writeJson (value: JsonValue): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof JsonNumber) return value.text
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`
  return `{${[...value].map(([name, member]) => `${JSON.stringify(name)}:${writeJson(member)}`).join(',')}}`
}

/** A DOUBLE as java.lang.Double.toString writes it: `1.0`, `1.0E10`, `NaN`. */
export function javaDouble (value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const size = Math.abs(value)
  if (size >= 1e-3 && size < 1e7) {
    const plain = String(value)
    return plain.includes('.') ? plain : `${plain}.0`
  }
  const shortest = value.toExponential()
  // At least two digits, and then the two that are nearest: 4.9E-324.
  const [digits = '', exponent = ''] = (shortest.includes('.') ? shortest : value.toExponential(1)).split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${exponent.replace('+', '')}`
}
