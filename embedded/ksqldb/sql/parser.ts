// The entrance to the SQL front end: text in, statements out.
import type { Expression, ParsedStatement, Statement, TableElement } from './ast.js'
import { PrepareError, SqlSyntaxError } from './errors.js'
import { ExpressionParser } from './expression-parser.js'
import { tokenize, type Token } from './lexer.js'
import type { SqlType } from './sql-type.js'
import { StatementParser } from './statement-parser.js'
import { TokenStream } from './token-stream.js'
import { parseTypeFrom, type TypeResolver } from './type-parser.js'
import { hasVariables, substituteVariables } from './variables.js'

export { SqlSyntaxError } from './errors.js'

export interface ParseOptions {
  /** What CREATE TYPE made. Types that the text itself creates are known behind that statement. */
  readonly types?: TypeResolver
  /** The session's variables. Those that the text itself DEFINEs are known behind that statement. */
  readonly variables?: ReadonlyMap<string, string>
}

/**
 * All statements of a text; each must end in a semicolon. The whole text is checked before anything is returned, as ksqlDB does.
 * Throws SqlSyntaxError.
 */
export function parseStatements (text: string, options: ParseOptions = {}): ParsedStatement[] {
  const tokens = tokenize(text)
  const session = new Session(options)
  const statements: ParsedStatement[] = []
  let start = 0
  while (tokens[start]?.kind !== 'EOF') {
    let end = start
    while (tokens[end]?.id !== ';' && tokens[end]?.kind !== 'EOF') end++
    const own = tokens.slice(start, end + 1)
    const last = own.at(-1)
    if (last === undefined) break
    statements.push(session.parse(text, own))
    start = last.kind === 'EOF' ? end : end + 1
  }
  return statements
}

/** One expression, as it may stand in a select list. Throws SqlSyntaxError. */
export function parseExpression (text: string, options: ParseOptions = {}): Expression {
  return parseAll(text, tokens => new ExpressionParser(tokens, options.types ?? unknownType).expression())
}

/** One type, such as `STRUCT<A INT>`. Throws SqlSyntaxError. */
export function parseType (text: string, options: ParseOptions = {}): SqlType {
  return parseAll(text, tokens => parseTypeFrom(tokens, options.types ?? unknownType))
}

/** Column definitions as LogicalSchema prints them: "`K` STRING KEY, `V` BIGINT". An empty text has none. Throws SqlSyntaxError. */
export function parseSchema (text: string, options: ParseOptions = {}): TableElement[] {
  if (text.trim() === '') return []
  return parseAll(text, tokens => new StatementParser(tokens, options.types ?? unknownType).columnList())
}

/** The name that a text stands for, as in WITH (TIMESTAMP='…'): upper case unless quoted (ColumnReferenceParser). Throws SqlSyntaxError. */
export function parseColumnName (text: string): string {
  const expression = parseAll(text, tokens => new ExpressionParser(tokens, unknownType).primary())
  if (expression.node === 'UnqualifiedColumnReference' || expression.node === 'QualifiedColumnReference') return expression.name
  throw new SqlSyntaxError('PREPARE', `Cannot parse text that is not column reference: ${text}`, text)
}

class Session {
  private readonly given: ParseOptions
  private readonly ownTypes = new Map<string, SqlType>()
  private variables: ReadonlyMap<string, string>

  constructor (options: ParseOptions) {
    this.given = options
    this.variables = options.variables ?? new Map()
  }

  /** `tokens`: of one statement, the last of them `;` or EOF. */
  parse (sql: string, tokens: readonly Token[]): ParsedStatement {
    const own = sql.slice(tokens[0]?.start ?? 0, tokens.at(-1)?.end)
    if (!hasVariables(tokens)) return this.keep({ text: own, statement: this.build(sql, own, tokens) })
    const text = asSyntaxError(own, () => substituteVariables(sql, tokens, this.variables))
    return this.keep({ text, statement: this.build(text, text, tokenize(text)) })
  }

  private build (sql: string, own: string, tokens: readonly Token[]): Statement {
    return asSyntaxError(own, () => {
      const stream = new TokenStream(tokens, sql)
      const statement = new StatementParser(stream, name => this.ownTypes.get(name) ?? this.given.types?.(name)).statement()
      if (!stream.at(';')) throw stream.unexpected(false)
      return statement
    })
  }

  private keep (parsed: ParsedStatement): ParsedStatement {
    const { statement } = parsed
    if (statement.node === 'RegisterType') this.ownTypes.set(statement.name, statement.type)
    if (statement.node === 'DefineVariable') this.variables = new Map(this.variables).set(statement.name, statement.value)
    if (statement.node === 'UndefineVariable') {
      const rest = new Map(this.variables)
      rest.delete(statement.name)
      this.variables = rest
    }
    return parsed
  }
}

function unknownType (): undefined {
  return undefined
}

function parseAll<T> (text: string, parse: (tokens: TokenStream) => T): T {
  return asSyntaxError(text, () => {
    const tokens = new TokenStream(tokenize(text), text)
    const result = parse(tokens)
    if (tokens.peek().kind !== 'EOF') throw tokens.unexpected(false)
    return result
  })
}

function asSyntaxError<T> (sql: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof PrepareError)) throw error
    throw new SqlSyntaxError('PREPARE', error.bare ? error.message : `Failed to prepare statement: ${error.message}`, sql)
  }
}
