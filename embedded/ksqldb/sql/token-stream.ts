// The parser's view of the tokens: look ahead, take, expect; and the error texts that ANTLR's recovery leads ksqlDB to print.
import type { NodeLocation } from './ast.js'
import { SqlSyntaxError, TOO_DEEP } from './errors.js'
import { isReserved } from './keywords.js'
import { unquote, type Token } from './lexer.js'

/** Levels of the tree, where a chain such as a + b + … adds one for each link: all later passes recurse over the tree. */
export const MAX_DEPTH = 1000
/** Levels of nesting proper, such as parentheses: each costs the parser itself many calls. */
export const MAX_NESTING = 300

export class TokenStream {
  private readonly tokens: readonly Token[]
  private readonly sql: string
  private index: number
  private readonly last: Token
  private depth = 0
  private nesting = 0

  constructor (tokens: readonly Token[], sql: string) {
    const last = tokens.at(-1)
    if (last === undefined) throw new RangeError('a token stream has at least EOF')
    this.tokens = tokens
    this.last = last
    this.sql = sql
    this.index = 0
  }

  peek (ahead = 0): Token {
    return this.tokens[this.index + ahead] ?? this.last
  }

  next (): Token {
    const token = this.peek()
    if (this.index < this.tokens.length - 1) this.index++
    return token
  }

  /** True where the next token is that word or symbol. */
  at (id: string): boolean {
    return this.peek().id === id
  }

  /** True where the next tokens are these, in order. */
  atAll (...ids: string[]): boolean {
    return ids.every((id, i) => this.peek(i).id === id)
  }

  /** Takes the next token if it is that word or symbol. */
  take (id: string): boolean {
    if (this.peek().id !== id) return false
    this.next()
    return true
  }

  /** Takes these if they all stand next, in order. */
  takeAll (...ids: string[]): boolean {
    if (!this.atAll(...ids)) return false
    for (let i = 0; i < ids.length; i++) this.next()
    return true
  }

  expect (id: string): Token {
    const token = this.peek()
    if (token.id === id) return this.next()
    if (token.kind !== 'EOF' && this.peek(1).id === id) this.extraneous(token, display(id))
    if (token.id === ',' && id === ')') throw this.error(token, `missing ${display(id)} at ${tokenDisplay(token)}`)
    throw this.mismatch(token, display(id))
  }

  location (token: Token = this.peek()): NodeLocation {
    return { line: token.line, column: token.column }
  }

  /** True where the next token can be an identifier. */
  atIdentifier (ahead = 0): boolean {
    const token = this.peek(ahead)
    switch (token.kind) {
      case 'WORD': return !isReserved(token.id)
      case 'DIGIT_IDENTIFIER': case 'QUOTED': case 'BACKQUOTED': case 'VARIABLE': return true
      default: return false
    }
  }

  /** An identifier's name: upper case unless quoted (`keepCase`: as written). */
  identifier (keepCase = false): string {
    const token = this.peek()
    if (!this.atIdentifier()) throw this.unexpected(this.atIdentifier(1))
    this.next()
    if (token.kind === 'QUOTED' || token.kind === 'BACKQUOTED') return unquote(token.text)
    return keepCase ? token.text : token.text.toUpperCase()
  }

  /** The inside of a string literal. */
  string (): string {
    const token = this.peek()
    if (token.kind !== 'STRING') throw this.mismatch(token, 'STRING')
    this.next()
    return unquote(token.text)
  }

  /** Runs `parse` one level deeper; refuses what is nested too deep for the passes that come after. */
  nested<T> (parse: () => T): T {
    this.enter()
    if (++this.nesting > MAX_NESTING) throw this.tooDeep()
    const result = parse()
    this.depth--
    this.nesting--
    return result
  }

  /** One level deeper for good (a link of a chain), until `restoreDepth`. */
  enter (): void {
    if (++this.depth > MAX_DEPTH) throw this.tooDeep()
  }

  private tooDeep (): SqlSyntaxError {
    const token = this.peek()
    return new SqlSyntaxError('SYNTAX', TOO_DEEP, this.lineText(token.line), token.line, token.column)
  }

  get currentDepth (): number {
    return this.depth
  }

  restoreDepth (depth: number): void {
    this.depth = depth
  }

  /**
   * The next token fits nowhere. `skipFits`: the one behind it would, and then a keyword is named as reserved, as ksqlDB does.
   * `expecting`: the tokens that could stand here, where they are at most three: longer lists are not printed.
   */
  unexpected (skipFits: boolean, expecting?: string): SqlSyntaxError {
    const token = this.peek()
    if (skipFits && token.kind !== 'EOF') {
      if (isReserved(token.id)) return this.error(token, reservedText(token.text))
      return this.error(token, expecting === undefined ? '' : `Expecting ${expecting}`)
    }
    return this.mismatch(token, expecting)
  }

  /** No alternative of the grammar goes on with the next token. */
  noViableAlternative (token: Token = this.peek()): SqlSyntaxError {
    return this.error(token, `Syntax error at or near '${tokenText(token)}' at line ${token.line}:${token.column}`)
  }

  error (token: Token, text: string): SqlSyntaxError {
    return new SqlSyntaxError('SYNTAX', `line ${token.line}:${token.column}: Syntax Error\n${text}`, this.lineText(token.line), token.line, token.column)
  }

  private extraneous (token: Token, expecting: string): never {
    throw this.error(token, isReserved(token.id) ? reservedText(token.text) : `Expecting ${expecting}`)
  }

  private mismatch (token: Token, expecting: string | undefined): SqlSyntaxError {
    if (token.kind === 'EOF') return this.error(token, 'Syntax error at or near ";"\n\'}\', \']\', or \')\' is missing')
    return this.error(token, expecting === undefined ? '' : `Expecting ${expecting}`)
  }

  private lineText (line: number): string {
    return this.sql.split('\n')[line - 1] ?? this.sql
  }
}

function reservedText (word: string): string {
  return `"${word}" is a reserved keyword and it can't be used as an identifier. You can use it as an identifier by escaping it as '${word}' `
}

function display (id: string): string {
  return `'${id}'`
}

function tokenText (token: Token): string {
  return token.kind === 'EOF' ? '<EOF>' : token.text
}

function tokenDisplay (token: Token): string {
  return `'${tokenText(token).replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}'`
}
