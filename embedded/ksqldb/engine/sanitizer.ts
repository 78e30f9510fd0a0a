// A query as ksqlDB shows it once accepted: columns with their source before them, every select item with its name (AstSanitizer).
import type { AliasedRelation, Expression, Query, SelectItem, WhenClause } from '../sql/ast.js'
import type { MetaStore } from '../plan/metastore.js'

const NUMBERED = /^(.*)_(\d+)$/

interface AliasedColumns { readonly alias: string, readonly columns: readonly string[] }

/** The query with all names made explicit. Columns that no source or several have stay as they are: the planner refuses them. */
export function sanitizeQuery (query: Query, metastore: MetaStore): Query {
  return new Sanitizer([query.from, ...query.joins.map(join => join.relation)], metastore).query(query)
}

class Sanitizer {
  private readonly sources: readonly AliasedColumns[]
  private readonly used: ReadonlySet<string>
  private readonly counters = new Map<string, number>()

  constructor (relations: readonly AliasedRelation[], metastore: MetaStore) {
    this.sources = relations.map(relation => {
      const schema = metastore.source(relation.relation)?.schema
      return { alias: relation.alias, columns: schema === undefined ? [] : [...schema.key, ...schema.value].map(column => column.name) }
    })
    this.used = new Set(this.sources.flatMap(source => source.columns))
  }

  query (query: Query): Query {
    const by = (group: Query['groupBy']): { expressions: Expression[] } | undefined =>
      group === undefined ? undefined : { expressions: group.expressions.map(e => this.expression(e)) }
    const groupBy = by(query.groupBy)
    const partitionBy = by(query.partitionBy)
    return {
      ...query,
      select: query.select.map(item => this.selectItem(item)),
      joins: query.joins.map(join => ({ ...join, criteria: this.expression(join.criteria) })),
      ...(query.where !== undefined && { where: this.expression(query.where) }),
      ...(groupBy !== undefined && { groupBy }),
      ...(partitionBy !== undefined && { partitionBy }),
      ...(query.having !== undefined && { having: this.expression(query.having) })
    }
  }

  private selectItem (item: SelectItem): SelectItem {
    if (item.node === 'AllColumns') return item
    if (item.node === 'StructAll') return { ...item, baseStruct: this.expression(item.baseStruct) }
    const expression = this.expression(item.expression)
    return { ...item, expression, alias: item.alias ?? this.aliasOf(expression) }
  }

  private aliasOf (expression: Expression): string {
    switch (expression.node) {
      case 'UnqualifiedColumnReference': return expression.name
      case 'QualifiedColumnReference': return this.isClashing(expression.name) ? `${expression.qualifier}_${expression.name}` : expression.name
      case 'Dereference': return this.fieldAlias(expression.fieldName)
      default: return this.numbered('KSQL_COL', 0)
    }
  }

  /** The field's own name, unless it is taken. */
  private fieldAlias (name: string): string {
    if (!this.counters.has(name) && !this.used.has(name) && !this.isNumberedInUse(name)) {
      this.counters.set(name, 0)
      return name
    }
    return this.numbered(name, 1)
  }

  private isNumberedInUse (name: string): boolean {
    return [...this.used].some(column => NUMBERED.exec(column)?.[1] === name)
  }

  private numbered (prefix: string, first: number): string {
    let number = Math.max(first, (this.counters.get(prefix) ?? first - 1) + 1)
    while (this.used.has(`${prefix}_${number}`)) number++
    this.counters.set(prefix, number)
    return `${prefix}_${number}`
  }

  private isClashing (name: string): boolean {
    return this.sources.filter(source => source.columns.includes(name) || isPseudoColumn(name)).length > 1
  }

  private qualify (e: Extract<Expression, { node: 'UnqualifiedColumnReference' }>): Expression {
    const holders = this.sources.filter(source => source.columns.includes(e.name))
    const [holder] = holders.length === 0 && isPseudoColumn(e.name) ? this.sources : holders
    if (holder === undefined || holders.length > 1) return e
    return { node: 'QualifiedColumnReference', qualifier: holder.alias, name: e.name, ...(e.location !== undefined && { location: e.location }) }
  }

  expression (e: Expression): Expression {
    switch (e.node) {
      case 'UnqualifiedColumnReference': return this.qualify(e)
      case 'LambdaFunctionCall': return { ...e, body: this.expression(e.body) }
      case 'ArithmeticBinary': case 'Comparison': case 'LogicalBinary': return { ...e, left: this.expression(e.left), right: this.expression(e.right) }
      case 'ArithmeticUnary': case 'Not': case 'IsNull': case 'IsNotNull': return { ...e, value: this.expression(e.value) }
      case 'Between': return { ...e, value: this.expression(e.value), min: this.expression(e.min), max: this.expression(e.max) }
      case 'InPredicate': return { ...e, value: this.expression(e.value), values: this.list(e.values) }
      case 'Like': return { ...e, value: this.expression(e.value), pattern: this.expression(e.pattern) }
      case 'FunctionCall': return { ...e, arguments: this.list(e.arguments) }
      case 'Cast': return { ...e, expression: this.expression(e.expression) }
      case 'Subscript': return { ...e, base: this.expression(e.base), index: this.expression(e.index) }
      case 'Dereference': return { ...e, base: this.expression(e.base) }
      case 'CreateArray': return { ...e, values: this.list(e.values) }
      case 'CreateMap': return { ...e, entries: e.entries.map(entry => ({ key: this.expression(entry.key), value: this.expression(entry.value) })) }
      case 'CreateStruct': return { ...e, fields: e.fields.map(field => ({ ...field, value: this.expression(field.value) })) }
      case 'SearchedCase': return { ...e, whenClauses: this.when(e.whenClauses), ...this.otherwise(e) }
      case 'SimpleCase': return { ...e, operand: this.expression(e.operand), whenClauses: this.when(e.whenClauses), ...this.otherwise(e) }
      default: return e
    }
  }

  private list (expressions: readonly Expression[]): Expression[] {
    return expressions.map(e => this.expression(e))
  }

  private when (clauses: readonly WhenClause[]): WhenClause[] {
    return clauses.map(clause => ({ operand: this.expression(clause.operand), result: this.expression(clause.result) }))
  }

  private otherwise (e: { readonly defaultValue?: Expression }): { defaultValue?: Expression } {
    return e.defaultValue === undefined ? {} : { defaultValue: this.expression(e.defaultValue) }
  }
}

function isPseudoColumn (name: string): boolean {
  return name === 'ROWTIME' || name === 'ROWPARTITION' || name === 'ROWOFFSET' || name === 'WINDOWSTART' || name === 'WINDOWEND'
}
