// The grammar's rule `statement`: one method for each first word.
import type { Literal, SourceProperties, Statement, TableElement, WindowTime } from './ast.js'
import { PrepareError, SqlSyntaxError, unknownStatement } from './errors.js'
import { ExpressionParser } from './expression-parser.js'
import { unquote } from './lexer.js'
import { QueryParser, sourceName, windowTime } from './query-parser.js'
import { printSqlType, type SqlType } from './sql-type.js'
import type { TokenStream } from './token-stream.js'
import { integer, parseTypeFrom, type TypeResolver } from './type-parser.js'

type Kind = 'STREAM' | 'TABLE'
type Listing = Extract<Statement, { node: 'ListStreams' | 'ListTables' | 'ListQueries' | 'ListTopics' | 'ListConnectors' | 'ListFunctions' }>

const HEADERS_TYPE = 'ARRAY<STRUCT<`KEY` STRING, `VALUE` BYTES>>'
const PLAIN_LISTS = { FUNCTIONS: 'ListFunctions', PROPERTIES: 'ListProperties', TYPES: 'ListTypes', VARIABLES: 'ListVariables' } as const
const EXTENDED_LISTS = { STREAMS: 'ListStreams', TABLES: 'ListTables', QUERIES: 'ListQueries' } as const

/** Parses one statement, without its semicolon. Throws SqlSyntaxError and PrepareError. */
export class StatementParser {
  private readonly tokens: TokenStream
  private readonly types: TypeResolver
  private readonly expressions: ExpressionParser
  private readonly queries: QueryParser

  constructor (tokens: TokenStream, types: TypeResolver) {
    this.tokens = tokens
    this.types = types
    this.expressions = new ExpressionParser(tokens, types)
    this.queries = new QueryParser(tokens, this.expressions)
  }

  statement (): Statement {
    const statement = this.tokens.nested(() => this.parse())
    const unknown = this.expressions.qualifiers.find(name => !this.queries.sources.has(name))
    if (unknown !== undefined) throw new PrepareError(`'${unknown}' is not a valid stream/table name or alias.`)
    return statement
  }

  private parse (): Statement {
    const tokens = this.tokens
    const first = tokens.peek()
    if (first.id === 'SELECT') return this.queries.query(false)
    const handler = this.handlers[first.id]
    if (handler === undefined) throw tokens.error(first, unknownStatement(first.kind === 'EOF' ? '<EOF>' : first.text))
    tokens.next()
    const statement = handler()
    return { ...statement, location: { line: first.line, column: first.column } }
  }

  private readonly handlers: Readonly<Record<string, (() => Statement) | undefined>> = {
    __proto__: null as never,
    LIST: () => this.list(),
    SHOW: () => this.list(),
    DESCRIBE: () => this.describe(),
    PRINT: () => this.print(),
    TERMINATE: () => ({ node: 'TerminateQuery', ...this.queryIdOrAll() }),
    PAUSE: () => ({ node: 'PauseQuery', ...this.queryIdOrAll() }),
    RESUME: () => ({ node: 'ResumeQuery', ...this.queryIdOrAll() }),
    SET: () => ({ node: 'SetProperty', ...this.assignment() }),
    UNSET: () => ({ node: 'UnsetProperty', name: this.tokens.string() }),
    DEFINE: () => this.define(),
    UNDEFINE: () => ({ node: 'UndefineVariable', name: this.variableName() }),
    CREATE: () => this.create(),
    INSERT: () => this.insert(),
    DROP: () => this.drop(),
    EXPLAIN: () => this.explain(),
    ALTER: () => this.alter(),
    ASSERT: () => this.assert()
  }

  /** Runs a part of the grammar where several alternatives are still open: then what does not fit is "no viable alternative". */
  private open<T> (parse: () => T): T {
    try {
      return parse()
    } catch (error) {
      if (error instanceof SqlSyntaxError && error.kind === 'SYNTAX') throw this.tokens.noViableAlternative()
      throw error
    }
  }

  private list (): Statement {
    const tokens = this.tokens
    const id = tokens.peek().id
    if (id in PLAIN_LISTS) {
      tokens.next()
      return { node: PLAIN_LISTS[id as keyof typeof PLAIN_LISTS] }
    }
    if (id in EXTENDED_LISTS) {
      tokens.next()
      return { node: EXTENDED_LISTS[id as keyof typeof EXTENDED_LISTS], extended: tokens.take('EXTENDED') }
    }
    return this.otherList()
  }

  private otherList (): Listing | { node: 'ListConnectorPlugins' } {
    const tokens = this.tokens
    if (tokens.takeAll('CONNECTOR', 'PLUGINS')) return { node: 'ListConnectorPlugins' }
    if (tokens.take('CONNECTORS')) return { node: 'ListConnectors', scope: 'ALL' }
    if (tokens.takeAll('SOURCE', 'CONNECTORS')) return { node: 'ListConnectors', scope: 'SOURCE' }
    if (tokens.takeAll('SINK', 'CONNECTORS')) return { node: 'ListConnectors', scope: 'SINK' }
    const all = tokens.take('ALL')
    if (tokens.take('TOPICS')) return { node: 'ListTopics', all, extended: tokens.take('EXTENDED') }
    throw tokens.noViableAlternative()
  }

  private describe (): Statement {
    const tokens = this.tokens
    if (tokens.take('STREAMS')) return { node: 'DescribeStreams', extended: tokens.take('EXTENDED') }
    if (tokens.at('TABLES')) {
      tokens.next()
      return { node: 'DescribeTables', extended: tokens.take('EXTENDED') }
    }
    if (tokens.at('FUNCTION') && tokens.atIdentifier(1)) {
      tokens.next()
      return { node: 'DescribeFunction', name: this.open(() => tokens.identifier(true)) }
    }
    if (tokens.take('CONNECTOR')) return { node: 'DescribeConnector', name: tokens.identifier() }
    const source = this.open(() => sourceName(tokens))
    return { node: 'ShowColumns', source, extended: tokens.take('EXTENDED') }
  }

  private print (): Statement {
    const tokens = this.tokens
    const topic = this.resourceName()
    const fromBeginning = tokens.take('FROM')
    if (fromBeginning) tokens.expect('BEGINNING')
    const interval = tokens.take('INTERVAL') || tokens.take('SAMPLE') ? integer(tokens, 'INTERVAL') : undefined
    const limit = tokens.take('LIMIT') ? integer(tokens, 'LIMIT') : undefined
    return { node: 'PrintTopic', topic, fromBeginning, ...(interval !== undefined && { interval }), ...(limit !== undefined && { limit }) }
  }

  private resourceName (): string {
    return this.tokens.peek().kind === 'STRING' ? this.tokens.string() : this.tokens.identifier(true)
  }

  private queryIdOrAll (): { queryId?: string } {
    if (this.tokens.take('ALL')) return {}
    return { queryId: this.open(() => this.tokens.identifier()) }
  }

  private assignment (): { name: string, value: string } {
    const name = this.tokens.string()
    this.tokens.expect('=')
    return { name, value: this.tokens.string() }
  }

  private define (): Statement {
    const name = this.variableName()
    this.tokens.expect('=')
    return { node: 'DefineVariable', name, value: this.tokens.string() }
  }

  private variableName (): string {
    const token = this.tokens.peek()
    if (token.kind !== 'WORD') throw this.tokens.unexpected(false, 'IDENTIFIER')
    return this.tokens.next().text
  }

  private create (): Statement {
    const tokens = this.tokens
    if (tokens.take('TYPE')) return this.createType()
    if (tokens.atAll('SOURCE', 'CONNECTOR') || tokens.atAll('SINK', 'CONNECTOR')) return this.createConnector()
    const orReplace = tokens.take('OR')
    if (orReplace) this.open(() => tokens.expect('REPLACE'))
    const isSource = tokens.take('SOURCE')
    const kind = this.open(() => this.kind())
    const ifNotExists = this.open(() => this.ifNotExists())
    const name = this.open(() => sourceName(tokens))
    const elements = tokens.at('(') ? this.tableElements() : []
    const decided = isSource || elements.length > 0
    const properties = tokens.take('WITH') ? (decided ? this.properties(true) : this.open(() => this.properties(true))) : new Map<string, Literal>()
    if (decided || !tokens.at('AS')) return { node: 'CreateSource', kind, name, orReplace, ifNotExists, isSource, elements, properties }
    tokens.next()
    const query = this.queries.query(true)
    if (query.limit !== undefined) throw new PrepareError(`CREATE ${kind} AS SELECT statements don't support LIMIT clause.`)
    return { node: 'CreateAsSelect', kind, name, orReplace, ifNotExists, properties, query }
  }

  private kind (): Kind {
    if (this.tokens.take('STREAM')) return 'STREAM'
    if (this.tokens.take('TABLE')) return 'TABLE'
    throw this.tokens.noViableAlternative()
  }

  private ifNotExists (): boolean {
    if (!this.tokens.atAll('IF', 'NOT')) return false
    this.tokens.next()
    this.tokens.next()
    this.tokens.expect('EXISTS')
    return true
  }

  private ifExists (): boolean {
    return this.tokens.takeAll('IF', 'EXISTS')
  }

  private createType (): Statement {
    const ifNotExists = this.ifNotExists()
    const name = this.tokens.identifier()
    this.tokens.expect('AS')
    return { node: 'RegisterType', name, type: parseTypeFrom(this.tokens, this.types), ifNotExists }
  }

  private createConnector (): Statement {
    const type = this.tokens.next().id === 'SOURCE' ? 'SOURCE' as const : 'SINK' as const
    this.tokens.expect('CONNECTOR')
    const ifNotExists = this.ifNotExists()
    const name = this.tokens.identifier()
    this.tokens.expect('WITH')
    return { node: 'CreateConnector', name, type, ifNotExists, properties: this.properties(false) }
  }

  private tableElements (): TableElement[] {
    const tokens = this.tokens
    tokens.expect('(')
    const elements = this.expressions.list(() => this.tableElement())
    if (!tokens.take(')')) throw tokens.unexpected(tokens.peek(1).id === ')', "{',', ')'}")
    refuseDuplicates(elements)
    return elements
  }

  /** Comma separated column definitions without parentheses, up to the end. */
  columnList (): TableElement[] {
    const elements = this.expressions.list(() => this.tableElement())
    refuseDuplicates(elements)
    return elements
  }

  private tableElement (): TableElement {
    const tokens = this.tokens
    const location = tokens.location()
    if (!tokens.atIdentifier()) throw tokens.unexpected(tokens.atIdentifier(1))
    const name = tokens.identifier()
    const type = parseTypeFrom(tokens, this.types)
    if (tokens.take('PRIMARY')) {
      tokens.expect('KEY')
      return { name, type, constraint: 'PRIMARY KEY', location }
    }
    if (tokens.take('KEY')) return { name, type, constraint: 'KEY', location }
    if (tokens.take('HEADERS')) return headersColumn({ name, type, constraint: 'HEADERS', location })
    if (!tokens.take('HEADER')) return { name, type, constraint: 'NONE', location }
    tokens.expect('(')
    const headerKey = tokens.string().trim()
    tokens.expect(')')
    return headersColumn({ name, type, constraint: 'HEADERS', location, ...(headerKey !== '' && { headerKey }) })
  }

  /** `(NAME=literal, 'name'=literal, …)`. `upperCase`: names in strings too. */
  private properties (upperCase: boolean): SourceProperties {
    const tokens = this.tokens
    const properties = new Map<string, Literal>()
    tokens.expect('(')
    do {
      const text = tokens.peek().kind === 'STRING' ? tokens.string() : tokens.identifier()
      const name = upperCase ? text.toUpperCase() : text
      tokens.expect('=')
      if (properties.has(name)) throw new PrepareError(`Multiple entries with same key: ${name}`)
      properties.set(name, this.literal())
    } while (tokens.take(','))
    tokens.expect(')')
    return properties
  }

  private literal (): Literal {
    const tokens = this.tokens
    const token = tokens.peek()
    const location = tokens.location(token)
    if (token.kind === 'STRING' || token.kind === 'VARIABLE') {
      tokens.next()
      return { node: 'StringLiteral', value: token.kind === 'STRING' ? unquote(token.text) : token.text, location }
    }
    if (tokens.take('NULL')) return { node: 'NullLiteral', location }
    if (token.id === 'TRUE' || token.id === 'FALSE') {
      tokens.next()
      return { node: 'BooleanLiteral', value: token.id === 'TRUE', location }
    }
    const kind = tokens.peek(token.id === '-' ? 1 : 0).kind
    if (kind !== 'INTEGER' && kind !== 'DECIMAL' && kind !== 'FLOAT') throw tokens.unexpected(false)
    return this.expressions.number()
  }

  private insert (): Statement {
    const tokens = this.tokens
    this.open(() => tokens.expect('INTO'))
    const target = this.open(() => sourceName(tokens))
    const columns: string[] = []
    if (tokens.take('(')) {
      columns.push(...this.expressions.list(() => tokens.identifier()))
      tokens.expect(')')
      tokens.expect('VALUES')
    } else if (!tokens.take('VALUES')) {
      const properties = tokens.take('WITH') ? this.properties(true) : new Map<string, Literal>()
      if (!tokens.at('SELECT')) throw tokens.noViableAlternative()
      return { node: 'InsertInto', target, properties, query: this.queries.query(true) }
    }
    tokens.expect('(')
    const values = tokens.at(')') ? [] : this.expressions.list(() => this.expressions.valueExpression())
    tokens.expect(')')
    if (columns.length > 0 && columns.length !== values.length) {
      throw new PrepareError(`Expected number columns and values to match: ${columns.length}, ${values.length}`)
    }
    return { node: 'InsertValues', target, columns, values }
  }

  private drop (): Statement {
    const tokens = this.tokens
    if (tokens.take('TYPE')) {
      const ifExists = this.ifExists()
      return { node: 'DropType', name: tokens.identifier(), ifExists }
    }
    if (tokens.take('CONNECTOR')) {
      const ifExists = this.ifExists()
      return { node: 'DropConnector', name: tokens.identifier(), ifExists }
    }
    const kind = this.kind()
    const ifExists = this.ifExists()
    const name = sourceName(tokens)
    const deleteTopic = tokens.take('DELETE')
    if (deleteTopic) tokens.expect('TOPIC')
    return { node: 'DropSource', kind, name, ifExists, deleteTopic }
  }

  private explain (): Statement {
    const end = this.tokens.peek(1)
    if (this.tokens.atIdentifier() && (end.id === ';' || end.kind === 'EOF')) return { node: 'Explain', queryId: this.tokens.identifier() }
    return { node: 'Explain', statement: this.tokens.nested(() => this.parse()) }
  }

  private alter (): Statement {
    const tokens = this.tokens
    if (tokens.take('SYSTEM')) return { node: 'AlterSystemProperty', ...this.assignment() }
    const kind = this.kind()
    const name = sourceName(tokens)
    const columns = this.expressions.list(() => {
      tokens.expect('ADD')
      if (tokens.at('COLUMN') && tokens.atIdentifier(1)) tokens.next()
      const column = tokens.identifier()
      return { name: column, type: parseTypeFrom(tokens, this.types) }
    })
    return { node: 'AlterSource', kind, name, columns }
  }

  private assert (): Statement {
    const tokens = this.tokens
    const exists = !tokens.takeAll('NOT', 'EXISTS')
    if (tokens.take('TOPIC')) {
      const topic = this.resourceName()
      const properties = tokens.take('WITH') ? this.properties(true) : new Map<string, Literal>()
      return { node: 'AssertTopic', topic, properties, exists, ...this.timeout() }
    }
    if (!tokens.take('SCHEMA')) throw tokens.noViableAlternative()
    const subject = tokens.take('SUBJECT') ? this.resourceName() : undefined
    const id = tokens.take('ID') ? this.literal() : undefined
    if (subject === undefined && id === undefined) throw new PrepareError('ASSERT SCHEMA statements much include a subject name or an id')
    if (id !== undefined && id.node !== 'IntegerLiteral') throw new PrepareError('ID must be an integer')
    return { node: 'AssertSchema', exists, ...(subject !== undefined && { subject }), ...(id !== undefined && { id: id.value }), ...this.timeout() }
  }

  private timeout (): { timeout?: WindowTime } {
    return this.tokens.take('TIMEOUT') ? { timeout: windowTime(this.tokens) } : {}
  }
}

function refuseDuplicates (elements: readonly TableElement[]): void {
  const names = new Set<string>()
  const duplicates = new Set<string>()
  for (const { name } of elements) (names.has(name) ? duplicates : names).add(name)
  if (duplicates.size > 0) throw new PrepareError(`Duplicate column names: ${[...duplicates].map(name => `\`${name}\``).join(', ')}`)
}

function headersColumn (element: TableElement): TableElement {
  const type: SqlType = element.type
  if (element.headerKey !== undefined) {
    if (type.base === 'BYTES') return element
    throw new PrepareError(`Invalid type for HEADER('${element.headerKey}') column: expected BYTES, got ${printSqlType(type)}`)
  }
  if (printSqlType(type) === HEADERS_TYPE) return element
  throw new PrepareError(`Invalid type for HEADERS column: expected ${HEADERS_TYPE}, got ${printSqlType(type)}`)
}
