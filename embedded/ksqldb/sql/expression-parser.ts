// The grammar's rule `expression`, by recursive descent with one loop for each level of binding: OR, AND, NOT, predicate, ||, + -, * / %, sign, primary.
import type { ArithmeticOperator, ComparisonOperator, Expression, IntervalUnitName, NodeLocation, WhenClause } from './ast.js'
import { PrepareError } from './errors.js'
import { unquote, type Token } from './lexer.js'
import type { TokenStream } from './token-stream.js'
import { parseTypeFrom, type TypeResolver } from './type-parser.js'

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>='])

const UNITS: ReadonlyMap<string, IntervalUnitName> = new Map([
  ['DAY', 'DAYS'], ['HOUR', 'HOURS'], ['MINUTE', 'MINUTES'], ['SECOND', 'SECONDS'], ['MILLISECOND', 'MILLISECONDS'],
  ['DAYS', 'DAYS'], ['HOURS', 'HOURS'], ['MINUTES', 'MINUTES'], ['SECONDS', 'SECONDS'], ['MILLISECONDS', 'MILLISECONDS']
])

/** The unit that the next token names (singular or plural), in the plural; the token stays. */
export function windowUnitAt (tokens: TokenStream): IntervalUnitName | undefined {
  return UNITS.get(tokens.peek().id)
}

const PRIMARY_WORDS: ReadonlySet<string> = new Set(['CASE', 'CAST', 'NOT', 'NULL', 'TRUE', 'FALSE', '(', '-', '+', '*'])

/** Parses expressions from one statement's tokens. `qualifiers`: the names that stood before a dot; only the statement's end tells whether they are sources. */
export class ExpressionParser {
  private readonly tokens: TokenStream
  private readonly types: TypeResolver
  private lambdaParameters: readonly string[] = []
  readonly qualifiers: string[] = []

  constructor (tokens: TokenStream, types: TypeResolver) {
    this.tokens = tokens
    this.types = types
  }

  /** True where the token can begin an expression (or is `*`). */
  startsExpression (ahead = 0): boolean {
    const token = this.tokens.peek(ahead)
    return PRIMARY_WORDS.has(token.id) || this.tokens.atIdentifier(ahead) || token.kind === 'STRING' || this.atNumber(ahead)
  }

  expression (): Expression {
    return this.tokens.nested(() => this.or())
  }

  /** The rule `valueExpression`: no AND, OR, NOT or predicate outside parentheses. */
  valueExpression (): Expression {
    return this.tokens.nested(() => this.concatenation())
  }

  private or (): Expression {
    return this.chain(() => this.and(), id => id === 'OR', (left, token, right) => ({
      node: 'LogicalBinary', operator: 'OR', left, right, location: this.tokens.location(token)
    }))
  }

  private and (): Expression {
    return this.chain(() => this.not(), id => id === 'AND', (left, token, right) => ({
      node: 'LogicalBinary', operator: 'AND', left, right, location: this.tokens.location(token)
    }))
  }

  private not (): Expression {
    const location = this.tokens.location()
    if (this.tokens.take('NOT')) return { node: 'Not', value: this.tokens.nested(() => this.not()), location }
    return this.predicated()
  }

  /** Left associative operators of one level. */
  private chain (
    operand: () => Expression, isOperator: (id: string) => boolean, build: (left: Expression, token: Token, right: Expression) => Expression
  ): Expression {
    let left = operand()
    const depth = this.tokens.currentDepth
    while (isOperator(this.tokens.peek().id)) {
      this.tokens.enter()
      const token = this.tokens.next()
      left = build(left, token, operand())
    }
    this.tokens.restoreDepth(depth)
    return left
  }

  private predicated (): Expression {
    const start = this.tokens.location()
    const value = this.concatenation()
    const token = this.tokens.peek()
    if (COMPARISONS.has(token.id)) {
      this.tokens.next()
      const right = this.valueExpression()
      return { node: 'Comparison', operator: token.id as ComparisonOperator, left: value, right, location: this.tokens.location(token) }
    }
    switch (token.id) {
      case 'IS': return this.isPredicate(value, start)
      case 'NOT': {
        const id = this.tokens.peek(1).id
        if (id !== 'BETWEEN' && id !== 'IN' && id !== 'LIKE') return value
        this.tokens.next()
        return { node: 'Not', value: this.predicate(value, this.tokens.location(token)), location: this.tokens.location(token) }
      }
      case 'BETWEEN': case 'IN': case 'LIKE': return this.predicate(value, this.tokens.location(token))
      default: return value
    }
  }

  private isPredicate (value: Expression, start: NodeLocation): Expression {
    const location = this.tokens.location()
    this.tokens.next()
    const negated = this.tokens.take('NOT')
    if (this.tokens.take('NULL')) return negated ? { node: 'IsNotNull', value, location: start } : { node: 'IsNull', value, location: start }
    if (!this.tokens.at('DISTINCT')) throw this.tokens.noViableAlternative()
    this.tokens.next()
    this.tokens.expect('FROM')
    const distinct: Expression = { node: 'Comparison', operator: 'IS DISTINCT FROM', left: value, right: this.valueExpression(), location }
    return negated ? { node: 'Not', value: distinct, location } : distinct
  }

  private predicate (value: Expression, location: NodeLocation): Expression {
    switch (this.tokens.next().id) {
      case 'BETWEEN': {
        const min = this.valueExpression()
        this.tokens.expect('AND')
        return { node: 'Between', value, min, max: this.valueExpression(), location }
      }
      case 'IN': {
        this.tokens.expect('(')
        const values = this.list(() => this.expression())
        this.tokens.expect(')')
        return { node: 'InPredicate', value, values, location }
      }
      default: return this.like(value, location)
    }
  }

  private like (value: Expression, location: NodeLocation): Expression {
    const pattern = this.valueExpression()
    // ESCAPE may also be a name: only with a string behind it is it the clause.
    if (!this.tokens.at('ESCAPE') || this.tokens.peek(1).kind !== 'STRING') return { node: 'Like', value, pattern, location }
    this.tokens.next()
    const at = this.tokens.location()
    const escape = this.tokens.string()
    if (escape.length !== 1) throw new PrepareError(`Line: ${at.line}, Col: ${at.column}: Expected single character escape but got: ${escape}`)
    return { node: 'Like', value, pattern, escape, location }
  }

  private concatenation (): Expression {
    return this.chain(() => this.additive(), id => id === '||', (left, token, right) => ({
      node: 'FunctionCall', name: 'CONCAT', arguments: [left, right], location: this.tokens.location(token)
    }))
  }

  private additive (): Expression {
    return this.chain(() => this.multiplicative(), id => id === '+' || id === '-', (left, token, right) => this.arithmetic(left, token, right))
  }

  private multiplicative (): Expression {
    return this.chain(() => this.signed(), id => id === '*' || id === '/' || id === '%', (left, token, right) => this.arithmetic(left, token, right))
  }

  private arithmetic (left: Expression, token: Token, right: Expression): Expression {
    return { node: 'ArithmeticBinary', operator: token.id as ArithmeticOperator, left, right, location: this.tokens.location(token) }
  }

  private signed (): Expression {
    const sign = this.tokens.peek()
    if ((sign.id !== '-' && sign.id !== '+') || (sign.id === '-' && this.atNumber(1))) return this.primary()
    this.tokens.next()
    const value = this.tokens.nested(() => this.signed())
    return { node: 'ArithmeticUnary', sign: sign.id === '-' ? '-' : '+', value, location: this.tokens.location(sign) }
  }

  private atNumber (ahead: number): boolean {
    const kind = this.tokens.peek(ahead).kind
    return kind === 'INTEGER' || kind === 'DECIMAL' || kind === 'FLOAT'
  }

  /** A primary expression with what follows it: `[index]`, `->field`. Stops before `->*`, which only a select item may have. */
  primary (): Expression {
    const location = this.tokens.location()
    let base = this.tokens.nested(() => this.primaryHead())
    const depth = this.tokens.currentDepth
    for (;;) {
      if (this.tokens.take('[')) {
        this.tokens.enter()
        const index = this.valueExpression()
        this.tokens.expect(']')
        base = { node: 'Subscript', base, index, location }
      } else if (this.tokens.at('->') && this.tokens.peek(1).id !== '*') {
        this.tokens.enter()
        this.tokens.next()
        base = { node: 'Dereference', base, fieldName: this.tokens.identifier(), location }
      } else break
    }
    this.tokens.restoreDepth(depth)
    return base
  }

  private primaryHead (): Expression {
    const token = this.tokens.peek()
    const location = this.tokens.location(token)
    switch (token.kind) {
      case 'STRING':
        this.tokens.next()
        return { node: 'StringLiteral', value: unquote(token.text), location }
      case 'INTEGER': case 'DECIMAL': case 'FLOAT': return this.number()
      case 'SYMBOL': return this.symbolHead(token)
      case 'WORD': return this.wordHead(token)
      default:
        if (this.tokens.atIdentifier()) return this.named()
        throw this.tokens.unexpected(this.startsExpression(1))
    }
  }

  private symbolHead (token: Token): Expression {
    if (token.id === '-' && this.atNumber(1)) return this.number()
    if (token.id !== '(') throw this.tokens.unexpected(this.startsExpression(1))
    this.tokens.next()
    const inner = this.expression()
    this.tokens.expect(')')
    return inner
  }

  private wordHead (token: Token): Expression {
    const location = this.tokens.location(token)
    switch (token.id) {
      case 'NULL':
        this.tokens.next()
        return { node: 'NullLiteral', location }
      case 'TRUE': case 'FALSE':
        this.tokens.next()
        return { node: 'BooleanLiteral', value: token.id === 'TRUE', location }
      case 'CASE': return this.caseExpression(location)
      case 'CAST': return this.cast(location)
      case 'ARRAY': if (this.tokens.peek(1).id === '[') return this.arrayConstructor(location); break
      case 'MAP': if (this.tokens.peek(1).id === '(') return this.mapConstructor(location); break
      case 'STRUCT': if (this.tokens.peek(1).id === '(') return this.structConstructor(location); break
    }
    if (this.tokens.atIdentifier()) return this.named()
    throw this.tokens.unexpected(this.startsExpression(1))
  }

  /** The rule `number`, with its sign. Throws PrepareError where the value has no type. */
  number (): Extract<Expression, { node: 'IntegerLiteral' | 'LongLiteral' | 'DoubleLiteral' | 'DecimalLiteral' }> {
    const location = this.tokens.location()
    const sign = this.tokens.take('-') ? '-' : ''
    const token = this.tokens.next()
    const text = sign + token.text
    // ksqlDB counts the column of these twice from one (ParsingException of a NodeLocation).
    const at = `line ${location.line}:${location.column + 1}`
    switch (token.kind) {
      case 'INTEGER': {
        const value = BigInt.asIntN(64, BigInt(text))
        if (value !== BigInt(text)) throw new PrepareError(`${at}: Invalid numeric literal: ${text}`)
        const small = Number(value)
        return small >= -2147483648 && small <= 2147483647 ? { node: 'IntegerLiteral', value: small, location } : { node: 'LongLiteral', value, location }
      }
      case 'FLOAT': {
        const value = Number(text)
        if (!Number.isFinite(value)) throw new PrepareError(`${at}: Number overflows DOUBLE: ${text}`)
        return { node: 'DoubleLiteral', value, location }
      }
      default: return { node: 'DecimalLiteral', value: text.replace(/^(-?)\./, '$10.'), location }
    }
  }

  /** What begins with an identifier: a column, `source.column`, a call, a typed literal. */
  private named (): Expression {
    const location = this.tokens.location()
    const name = this.tokens.identifier()
    if (this.tokens.at('(')) return this.call(name, location)
    if (this.tokens.peek().kind === 'STRING') {
      const value = this.tokens.string()
      if (name !== 'DECIMAL') throw new PrepareError(`Unknown type: ${name}, location:Optional[Line: ${location.line}, Col: ${location.column}]`)
      return { node: 'DecimalLiteral', value, location }
    }
    if (this.tokens.at('.') && this.tokens.peek(1).id !== '*') {
      this.tokens.next()
      const column = this.tokens.identifier()
      this.qualifiers.push(name)
      return { node: 'QualifiedColumnReference', qualifier: name, name: column, location }
    }
    if (this.lambdaParameters.includes(name)) return { node: 'LambdaVariable', name, location }
    return { node: 'UnqualifiedColumnReference', name, location }
  }

  private call (name: string, location: NodeLocation): Expression {
    this.tokens.expect('(')
    if (this.tokens.takeAll('*', ')') || this.tokens.take(')')) return { node: 'FunctionCall', name, arguments: [], location }
    const values: Expression[] = []
    let lambdas = false
    do {
      if (this.atLambda()) {
        // The grammar knows lambdas only behind the other arguments, of which there is at least one.
        if (values.length === 0) throw this.tokens.noViableAlternative(this.arrowAt())
        lambdas = true
        values.push(this.lambda())
      } else {
        if (lambdas) throw this.tokens.noViableAlternative()
        values.push(this.argument())
      }
    } while (this.tokens.take(','))
    this.tokens.expect(')')
    return { node: 'FunctionCall', name, arguments: values, location }
  }

  private argument (): Expression {
    const unit = windowUnitAt(this.tokens)
    if (unit !== undefined && !this.tokens.atIdentifier()) return { node: 'IntervalUnit', unit, location: this.tokens.location(this.tokens.next()) }
    return this.expression()
  }

  private atLambda (): boolean {
    if (this.tokens.atIdentifier() && this.tokens.peek(1).id === '=>') return true
    if (!this.tokens.at('(')) return false
    let ahead = 1
    for (;;) {
      if (!this.tokens.atIdentifier(ahead)) return false
      const id = this.tokens.peek(ahead + 1).id
      if (id === ')') return this.tokens.peek(ahead + 2).id === '=>'
      if (id !== ',') return false
      ahead += 2
    }
  }

  private arrowAt (): Token {
    let ahead = 0
    while (this.tokens.peek(ahead).id !== '=>') ahead++
    return this.tokens.peek(ahead)
  }

  private lambda (): Expression {
    const location = this.tokens.location()
    const parameters = this.tokens.take('(') ? this.list(() => this.tokens.identifier()) : [this.tokens.identifier()]
    if (!this.tokens.at('=>')) this.tokens.expect(')')
    this.tokens.expect('=>')
    const outer = this.lambdaParameters
    this.lambdaParameters = [...outer, ...parameters]
    const body = this.expression()
    this.lambdaParameters = outer
    return { node: 'LambdaFunctionCall', parameters, body, location }
  }

  private cast (location: NodeLocation): Expression {
    this.tokens.next()
    this.tokens.expect('(')
    const expression = this.expression()
    this.tokens.expect('AS')
    const type = parseTypeFrom(this.tokens, this.types)
    this.tokens.expect(')')
    return { node: 'Cast', expression, type, location }
  }

  private caseExpression (location: NodeLocation): Expression {
    this.tokens.next()
    const operand = this.tokens.at('WHEN') ? undefined : this.valueExpression()
    const whenClauses: WhenClause[] = []
    do {
      this.tokens.expect('WHEN')
      const condition = this.expression()
      this.tokens.expect('THEN')
      whenClauses.push({ operand: condition, result: this.expression() })
    } while (this.tokens.at('WHEN'))
    const rest = this.tokens.take('ELSE') ? { defaultValue: this.expression() } : {}
    this.tokens.expect('END')
    return operand === undefined ? { node: 'SearchedCase', whenClauses, ...rest, location } : { node: 'SimpleCase', operand, whenClauses, ...rest, location }
  }

  private arrayConstructor (location: NodeLocation): Expression {
    this.tokens.next()
    this.tokens.next()
    const values = this.tokens.at(']') ? [] : this.list(() => this.expression())
    this.tokens.expect(']')
    return { node: 'CreateArray', values, location }
  }

  private mapConstructor (location: NodeLocation): Expression {
    this.tokens.next()
    this.tokens.next()
    const entries = this.tokens.at(')')
      ? []
      : this.list(() => {
        const key = this.expression()
        this.tokens.expect(':=')
        return { key, value: this.expression() }
      })
    this.tokens.expect(')')
    return { node: 'CreateMap', entries, location }
  }

  private structConstructor (location: NodeLocation): Expression {
    this.tokens.next()
    this.tokens.next()
    const fields = this.tokens.at(')')
      ? []
      : this.list(() => {
        const name = this.tokens.identifier()
        this.tokens.expect(':=')
        return { name, value: this.expression() }
      })
    this.tokens.expect(')')
    return { node: 'CreateStruct', fields, location }
  }

  list<T> (item: () => T): T[] {
    const items = [item()]
    while (this.tokens.take(',')) items.push(item())
    return items
  }
}
