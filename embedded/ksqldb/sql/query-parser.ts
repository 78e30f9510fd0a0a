// The grammar's rule `query`: SELECT … FROM … with joins, window and all clauses.
import type { AliasedRelation, Expression, JoinedSource, Query, SelectItem, WindowExpression, WindowTime, WithinExpression } from './ast.js'
import { PrepareError } from './errors.js'
import { windowUnitAt, type ExpressionParser } from './expression-parser.js'
import { integer } from './type-parser.js'
import type { TokenStream } from './token-stream.js'

const SOURCE_NAME = /^[a-zA-Z0-9_-]*$/

/** Takes a stream's or table's name. Throws PrepareError for characters that none may have (ParserUtil.getSourceName). */
export function sourceName (tokens: TokenStream): string {
  const { line, column } = tokens.location()
  const name = tokens.identifier()
  if (!SOURCE_NAME.test(name)) {
    throw new PrepareError(`Illegal argument at Line: ${line}, Col: ${column}. Source names may only contain alphanumeric values, '_' or '-'. Got: '${name}'`, true)
  }
  return name
}

/** `30 MINUTES`. */
export function windowTime (tokens: TokenStream): WindowTime {
  const value = integer(tokens, 'WINDOW')
  const unit = windowUnitAt(tokens)
  if (unit === undefined) throw tokens.unexpected(false)
  tokens.next()
  return { value, unit }
}

export class QueryParser {
  private readonly tokens: TokenStream
  private readonly expressions: ExpressionParser
  /** The names and aliases that stand in FROM and JOIN. */
  readonly sources = new Set<string>()

  constructor (tokens: TokenStream, expressions: ExpressionParser) {
    this.tokens = tokens
    this.expressions = expressions
  }

  /** `persistent`: within CREATE … AS or INSERT INTO, where EMIT CHANGES is what no EMIT means. */
  query (persistent: boolean): Query {
    const tokens = this.tokens
    const location = tokens.location(tokens.expect('SELECT'))
    const select = this.expressions.list(() => this.selectItem())
    if (!tokens.at('FROM')) throw tokens.unexpected(tokens.peek(1).id === 'FROM' || tokens.peek(1).id === ',', "{',', 'FROM'}")
    tokens.next()
    const from = this.aliasedRelation()
    const joins = this.joins()
    const window = tokens.take('WINDOW') ? this.windowExpression() : undefined
    const where = tokens.take('WHERE') ? this.expressions.expression() : undefined
    const groupBy = tokens.takeAll('GROUP') ? this.byList() : undefined
    const partitionBy = tokens.atAll('PARTITION', 'BY') && tokens.take('PARTITION') ? this.byList() : undefined
    const having = tokens.take('HAVING') ? this.expressions.expression() : undefined
    const refinement = this.refinement() ?? (persistent ? 'CHANGES' as const : undefined)
    const limit = tokens.take('LIMIT') ? integer(tokens, 'LIMIT') : undefined
    return {
      node: 'Query', select, from, joins, location,
      ...(window !== undefined && { window }),
      ...(where !== undefined && { where }),
      ...(groupBy !== undefined && { groupBy }),
      ...(partitionBy !== undefined && { partitionBy }),
      ...(having !== undefined && { having }),
      ...(refinement !== undefined && { refinement }),
      ...(limit !== undefined && { limit })
    }
  }

  private refinement (): 'CHANGES' | 'FINAL' | undefined {
    if (!this.tokens.take('EMIT')) return undefined
    if (this.tokens.take('CHANGES')) return 'CHANGES'
    if (this.tokens.take('FINAL')) return 'FINAL'
    throw this.tokens.unexpected(this.tokens.peek(1).id === 'CHANGES' || this.tokens.peek(1).id === 'FINAL', "{'CHANGES', 'FINAL'}")
  }

  private selectItem (): SelectItem {
    const tokens = this.tokens
    const location = tokens.location()
    if (tokens.take('*')) return { node: 'AllColumns', location }
    if (tokens.atIdentifier() && tokens.peek(1).id === '.' && tokens.peek(2).id === '*') {
      const source = tokens.identifier()
      this.expressions.qualifiers.push(source)
      tokens.next()
      tokens.next()
      return { node: 'AllColumns', source, location }
    }
    if (!this.expressions.startsExpression()) throw tokens.unexpected(this.expressions.startsExpression(1))
    const expression = this.expressions.expression()
    if (tokens.takeAll('->', '*')) return { node: 'StructAll', baseStruct: expression, location }
    if (tokens.take('AS') || tokens.atIdentifier()) return { node: 'SingleColumn', expression, alias: tokens.identifier(), location }
    return { node: 'SingleColumn', expression, location }
  }

  private aliasedRelation (): AliasedRelation {
    const tokens = this.tokens
    const location = tokens.location()
    const relation = sourceName(tokens)
    const alias = tokens.take('AS') || this.atAlias() ? sourceName(tokens) : relation
    this.sources.add(relation).add(alias)
    return { node: 'AliasedRelation', relation, alias, location }
  }

  private atAlias (): boolean {
    const tokens = this.tokens
    if (!tokens.atIdentifier() || tokens.atAll('PARTITION', 'BY')) return false
    return !tokens.atAll('EMIT', 'CHANGES') && !tokens.atAll('EMIT', 'FINAL')
  }

  private joins (): JoinedSource[] {
    const joins: JoinedSource[] = []
    for (;;) {
      const location = this.tokens.location()
      const joinType = this.joinType()
      if (joinType === undefined) return joins
      // Each join is one more level of the tree that the plan becomes.
      this.tokens.enter()
      const relation = this.aliasedRelation()
      const within = this.tokens.take('WITHIN') ? this.within() : undefined
      this.tokens.expect('ON')
      const criteria = this.expressions.expression()
      joins.push({ relation, joinType, criteria, location, ...(within !== undefined && { within }) })
    }
  }

  private joinType (): JoinedSource['joinType'] | undefined {
    const tokens = this.tokens
    switch (tokens.peek().id) {
      case 'JOIN':
        tokens.next()
        return 'INNER'
      case 'INNER':
        tokens.next()
        tokens.expect('JOIN')
        return 'INNER'
      case 'LEFT': case 'RIGHT': case 'FULL': {
        const id = tokens.next().id
        tokens.take('OUTER')
        tokens.expect('JOIN')
        return id === 'FULL' ? 'OUTER' : id === 'LEFT' ? 'LEFT' : 'RIGHT'
      }
      default: return undefined
    }
  }

  private within (): WithinExpression {
    const tokens = this.tokens
    const location = tokens.location()
    const two = tokens.take('(')
    const before = windowTime(tokens)
    let after = before
    if (two) {
      tokens.expect(',')
      after = windowTime(tokens)
      tokens.expect(')')
    }
    const grace = this.grace()
    const separate = before.value !== after.value || before.unit !== after.unit
    return { node: 'WithinExpression', before, after, separate, location, ...(grace !== undefined && { gracePeriod: grace }) }
  }

  private grace (): WindowTime | undefined {
    return this.tokens.takeAll('GRACE', 'PERIOD') ? windowTime(this.tokens) : undefined
  }

  private windowExpression (): WindowExpression {
    const tokens = this.tokens
    // A window may have a name, which nothing uses.
    if (tokens.peek().kind === 'WORD' && tokens.atIdentifier() && tokens.peek(1).kind === 'WORD') tokens.next()
    const location = tokens.location()
    const id = tokens.peek().id
    if (id !== 'TUMBLING' && id !== 'HOPPING' && id !== 'SESSION') throw tokens.unexpected(false)
    tokens.next()
    tokens.expect('(')
    if (id !== 'SESSION') tokens.expect('SIZE')
    const size = windowTime(tokens)
    let advanceBy: WindowTime | undefined
    if (id === 'HOPPING') {
      tokens.expect(',')
      tokens.expect('ADVANCE')
      tokens.expect('BY')
      advanceBy = windowTime(tokens)
    }
    const retention = tokens.takeAll(',', 'RETENTION') ? windowTime(tokens) : undefined
    let gracePeriod: WindowTime | undefined
    if (tokens.take(',')) {
      tokens.expect('GRACE')
      tokens.expect('PERIOD')
      gracePeriod = windowTime(tokens)
    }
    tokens.expect(')')
    return {
      node: 'WindowExpression', windowType: id, size, location,
      ...(advanceBy !== undefined && { advanceBy }),
      ...(retention !== undefined && { retention }),
      ...(gracePeriod !== undefined && { gracePeriod })
    }
  }

  /** `BY a, b`, `BY (a, b)` or `BY ()`. */
  private byList (): { expressions: Expression[] } {
    const tokens = this.tokens
    tokens.expect('BY')
    if (tokens.takeAll('(', ')')) return { expressions: [] }
    const parenthesized = this.atList()
    if (parenthesized) tokens.next()
    const expressions = this.expressions.list(() => this.expressions.valueExpression())
    if (parenthesized) tokens.expect(')')
    return { expressions }
  }

  /** True where a parenthesis opens a list of several, not an expression. */
  private atList (): boolean {
    if (!this.tokens.at('(')) return false
    let depth = 0
    for (let ahead = 0; ; ahead++) {
      const token = this.tokens.peek(ahead)
      if (token.kind === 'EOF' || token.id === ';') return false
      if (token.id === '(' || token.id === '[') depth++
      if (token.id === ')' || token.id === ']') depth--
      if (depth === 0) return false
      if (depth === 1 && token.id === ',') return true
    }
  }
}
