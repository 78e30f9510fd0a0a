// Text to tokens, by the lexer rules of ksqlDB's SqlBase.g4: longest match, letters in any case, comments and white space left out.

export type TokenKind = 'EOF' | 'WORD' | 'DIGIT_IDENTIFIER' | 'QUOTED' | 'BACKQUOTED' | 'STRING' | 'INTEGER' | 'DECIMAL' | 'FLOAT' | 'VARIABLE' | 'SYMBOL' | 'UNRECOGNIZED'

export interface Token {
  readonly kind: TokenKind
  /** As written. */
  readonly text: string
  /** What the parser compares: a word in upper case, a symbol (`!=` as `<>`), '' for all else. */
  readonly id: string
  /** Offset of the first character, and of the one behind the last. */
  readonly start: number
  readonly end: number
  /** Both from 1. */
  readonly line: number
  readonly column: number
}

// A comment's character behind `--` may be anything but `@`, even the end of the line, which then takes the next line along: so does the grammar.
const BLANK = /(?:[ \r\n\t]+|--@[^\r\n]*\r?\n?|--[^@][^\r\n]*\r?\n?)+/y
const WORD = /[A-Za-z_][A-Za-z0-9_@]*/y
const FLOAT = /(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][+-]?[0-9]+(?![0-9A-Za-z_@])/y
const DECIMAL = /[0-9]+\.[0-9]*|\.[0-9]+/y
const DIGITS = /[0-9][0-9A-Za-z_@]*/y
const VARIABLE = /\$\{[A-Za-z_][A-Za-z0-9_@]*\}/y
const SYMBOL = /<>|!=|<=|>=|\|\||:=|->|=>|[-+*/%=<>(),;.[\]]/y

const KIND_OF_QUOTE = { "'": 'STRING', '`': 'BACKQUOTED', '"': 'QUOTED' } as const

/** The tokens of `text`, with EOF as the last. Never throws: what no rule takes is a token UNRECOGNIZED of one character. Linear in the text's length. */
export function tokenize (text: string): Token[] {
  const tokens: Token[] = []
  const scanner = new Scanner(text)
  for (;;) {
    const token = scanner.next()
    tokens.push(token)
    if (token.kind === 'EOF') return tokens
  }
}

class Scanner {
  private readonly text: string
  private position = 0
  private line = 1
  private lineStart = 0
  private newline: number
  // Quotes that were found open to the end, each looked for once only: again and again would cost the square of the length.
  private open = ''

  constructor (text: string) {
    this.text = text
    this.newline = text.indexOf('\n')
  }

  next (): Token {
    this.skip()
    const start = this.position
    if (start >= this.text.length) return this.take('EOF', '', start)
    const first = this.text.charAt(start)
    if (first === "'" || first === '`' || first === '"') return this.quoted(first)
    if (first >= '0' && first <= '9') return this.number()
    const word = this.match(WORD)
    if (word !== undefined) return this.take('WORD', word.toUpperCase(), start + word.length)
    if (first === '.') return this.number()
    const symbol = this.match(SYMBOL)
    if (symbol !== undefined) return this.take('SYMBOL', symbol === '!=' ? '<>' : symbol, start + symbol.length)
    const variable = this.match(VARIABLE)
    if (variable !== undefined) return this.take('VARIABLE', '', start + variable.length)
    return this.take('UNRECOGNIZED', '', start + 1)
  }

  /** White space and comments. */
  private skip (): void {
    for (;;) {
      const blank = this.match(BLANK)
      if (blank !== undefined) this.advance(this.position + blank.length)
      if (!this.text.startsWith('/*', this.position) || this.open.includes('/')) return
      const end = this.text.indexOf('*/', this.position + 2)
      if (end < 0) {
        this.open += '/'
        return
      }
      this.advance(end + 2)
    }
  }

  private quoted (quote: keyof typeof KIND_OF_QUOTE): Token {
    const start = this.position
    if (this.open.includes(quote)) return this.take('UNRECOGNIZED', '', start + 1)
    let end = this.text.indexOf(quote, start + 1)
    while (end >= 0 && this.text.charAt(end + 1) === quote) {
      const next = this.text.indexOf(quote, end + 2)
      if (next < 0) break
      end = next
    }
    if (end < 0) {
      this.open += quote
      return this.take('UNRECOGNIZED', '', start + 1)
    }
    return this.take(KIND_OF_QUOTE[quote], '', end + 1)
  }

  private number (): Token {
    const start = this.position
    const float = this.match(FLOAT)
    if (float !== undefined) return this.take('FLOAT', '', start + float.length)
    const digits = this.match(DIGITS) ?? ''
    const decimal = this.match(DECIMAL) ?? ''
    if (decimal.length > digits.length) return this.take('DECIMAL', '', start + decimal.length)
    if (digits === '') return this.take('SYMBOL', '.', start + 1)
    return this.take(/^[0-9]+$/.test(digits) ? 'INTEGER' : 'DIGIT_IDENTIFIER', '', start + digits.length)
  }

  private match (pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position
    return pattern.exec(this.text)?.[0]
  }

  private take (kind: TokenKind, id: string, end: number): Token {
    const start = this.position
    const token = { kind, text: this.text.slice(start, end), id, start, end, line: this.line, column: start - this.lineStart + 1 }
    this.advance(end)
    return token
  }

  private advance (end: number): void {
    while (this.newline >= 0 && this.newline < end) {
      this.line++
      this.lineStart = this.newline + 1
      this.newline = this.text.indexOf('\n', this.lineStart)
    }
    this.position = end
  }
}

/** What stands between the quotes, doubled quotes made single. */
export function unquote (text: string): string {
  const quote = text.charAt(0)
  const inner = text.slice(1, -1)
  return inner.includes(quote) ? inner.replaceAll(quote + quote, quote) : inner
}
