// Prepares a parsed query for planning: every column gets its source's alias, every projected expression a name (ksqlDB's AstSanitizer).
import type { AliasedRelation, Expression, Query, SelectItem, Statement } from '../sql/ast.js'
import { NameGenerator, joinedName } from './column-names.js'
import { KsqlError } from './error.js'
import { isPseudoColumn, isWindowBound } from './logical-schema.js'
import type { DataSource, MetaStore } from './metastore.js'
import { locationPrefix, rewrite } from './tree.js'

export interface AliasedSource { readonly alias: string, readonly source: DataSource }

const PREPARING = 'Exception while preparing statement: '

/** The sources of a query in the order of FROM and JOIN. Throws KsqlError where one does not exist. */
export function sourcesOf (query: Query, metastore: MetaStore): AliasedSource[] {
  const relations: AliasedRelation[] = [query.from, ...query.joins.map(join => join.relation)]
  return relations.map(relation => {
    const source = metastore.source(relation.relation)
    if (source === undefined) throw new KsqlError(`${PREPARING}${relation.relation} does not exist.${alternatives(relation.relation, metastore)}`)
    return { alias: relation.alias, source }
  })
}

/** A hint where a source of that name exists in other case. */
export function alternatives (name: string, metastore: MetaStore): string {
  const upper = name.toUpperCase()
  const lower = name.toLowerCase()
  if (upper !== name && metastore.source(upper) !== undefined) return `\nDid you mean ${upper}? Hint: try removing double quotes from the source name.`
  if (lower !== name && metastore.source(lower) !== undefined) return `\nDid you mean "${lower}"? Hint: wrap the source name in double quotes to make it case-sensitive.`
  return ''
}

function hasColumn ({ source }: AliasedSource, name: string): boolean {
  return isPseudoColumn(name) || (source.window !== undefined && isWindowBound(name)) ||
    source.schema.key.some(c => c.name === name) || source.schema.value.some(c => c.name === name)
}

class Sanitizer {
  readonly #sources: readonly AliasedSource[]
  readonly #names: NameGenerator
  readonly #clashing = new Set<string>()

  constructor (sources: readonly AliasedSource[]) {
    this.#sources = sources
    this.#names = new NameGenerator(sources.flatMap(({ source }) => [...source.schema.key, ...source.schema.value]))
    const seen = new Set<string>()
    for (const { source } of sources) {
      const names = [...source.schema.key, ...source.schema.value].map(c => c.name)
      for (const name of names) if (seen.has(name)) this.#clashing.add(name)
      for (const name of names) seen.add(name)
    }
  }

  expression (expression: Expression, lambdas: ReadonlySet<string> = new Set()): Expression {
    return rewrite(expression, e => {
      switch (e.node) {
        case 'UnqualifiedColumnReference': return this.#qualify(e)
        case 'QualifiedColumnReference':
          if (!this.#sources.some(s => s.alias === e.qualifier)) {
            throw new KsqlError(`Failed to prepare statement: '${e.qualifier}' is not a valid stream/table name or alias.`)
          }
          return undefined
        case 'LambdaFunctionCall': return this.#lambda(e, lambdas)
        default: return undefined
      }
    })
  }

  item (item: SelectItem): SelectItem {
    if (item.node === 'StructAll') return { ...item, baseStruct: this.expression(item.baseStruct) }
    if (item.node === 'AllColumns') {
      if (item.source !== undefined && !this.#sources.some(s => s.alias === item.source)) {
        throw new KsqlError(`Failed to prepare statement: '${item.source}' is not a valid stream/table name or alias.`)
      }
      return item
    }
    const expression = this.expression(item.expression)
    return { ...item, expression, alias: item.alias ?? this.#alias(expression) }
  }

  #alias (expression: Expression): string {
    if (expression.node === 'UnqualifiedColumnReference') return expression.name
    if (expression.node !== 'QualifiedColumnReference') return this.#names.aliasFor(expression)
    const clashes = this.#sources.length > 1 && (isPseudoColumn(expression.name) || this.#clashing.has(expression.name))
    return clashes ? joinedName(expression.qualifier, expression.name) : expression.name
  }

  #qualify (e: Extract<Expression, { node: 'UnqualifiedColumnReference' }>): Expression {
    const owners = this.#sources.filter(source => hasColumn(source, e.name))
    const [owner] = owners
    if (owner === undefined) return e
    if (owners.length > 1) {
      const options = owners.map(o => `${o.alias}.${e.name}`).sort().join(' or ')
      throw new KsqlError(`${PREPARING}${locationPrefix(e)}Column '${e.name}' is ambiguous. Could be ${options}.`)
    }
    return { node: 'QualifiedColumnReference', qualifier: owner.alias, name: e.name, ...(e.location === undefined ? {} : { location: e.location }) }
  }

  #lambda (e: Extract<Expression, { node: 'LambdaFunctionCall' }>, outer: ReadonlySet<string>): Expression {
    for (const parameter of e.parameters) {
      if (this.#sources.some(({ source }) => [...source.schema.key, ...source.schema.value].some(c => c.name === parameter))) {
        throw new KsqlError(`${PREPARING}Lambda function argument can't be a column name: ${parameter}`)
      }
      if (outer.has(parameter)) throw new KsqlError(`${PREPARING}Reusing lambda arguments in nested lambda is not allowed`)
    }
    return { ...e, body: this.expression(e.body, new Set([...outer, ...e.parameters])) }
  }
}

/** The query with all columns qualified and all projected columns named. Throws KsqlError. Doing it twice changes nothing. */
export function sanitizeQuery (query: Query, metastore: MetaStore): Query {
  const sanitizer = new Sanitizer(sourcesOf(query, metastore))
  const on = (e: Expression): Expression => sanitizer.expression(e)
  return {
    ...query,
    joins: query.joins.map(join => ({ ...join, criteria: on(join.criteria) })),
    ...(query.where === undefined ? {} : { where: on(query.where) }),
    ...(query.groupBy === undefined ? {} : { groupBy: { expressions: query.groupBy.expressions.map(on) } }),
    ...(query.partitionBy === undefined ? {} : { partitionBy: { expressions: query.partitionBy.expressions.map(on) } }),
    ...(query.having === undefined ? {} : { having: on(query.having) }),
    select: query.select.map(item => sanitizer.item(item))
  }
}

/** The statement as ksqlDB keeps and prints it, its query sanitized. Other statements are as they were. Throws KsqlError. */
export function sanitizeStatement (statement: Statement, metastore: MetaStore): Statement {
  switch (statement.node) {
    case 'Query': return sanitizeQuery(statement, metastore)
    case 'InsertInto': {
      const target = metastore.source(statement.target)
      if (target === undefined) {
        const at = statement.location === undefined ? '' : `Line: ${statement.location.line}, Col: ${statement.location.column + 'INSERT INTO'.length + 1}: `
        throw new KsqlError(`${PREPARING}${at}Source \`${statement.target}\` does not exist.`)
      }
      if (target.kind === 'TABLE') throw new KsqlError(`${PREPARING}INSERT INTO can only be used to insert into a stream. ${target.name} is a table.`)
      if (target.schema.value.some(c => c.headerKey !== undefined)) {
        throw new KsqlError(`${PREPARING}Cannot insert into ${target.name} because it has header columns`)
      }
      return { ...statement, query: sanitizeQuery(statement.query, metastore) }
    }
    case 'CreateAsSelect': return { ...statement, query: sanitizeQuery(statement.query, metastore) }
    case 'Explain':
      return statement.statement === undefined ? statement : { ...statement, statement: sanitizeStatement(statement.statement, metastore) }
    default: return statement
  }
}
