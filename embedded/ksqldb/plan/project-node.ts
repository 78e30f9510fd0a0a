// The SELECT clause: which expressions give which columns, and which of them are the key (FinalProjectNode, SelectionUtil).
import type { Expression, SelectItem } from '../sql/ast.js'
import type { SqlType } from '../sql/sql-type.js'
import { sqlTypeEquals } from '../sql/sql-type.js'
import { Decimal } from './decimal.js'
import { KsqlError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import { checkDuplicates, hasColumn, isSystemColumn, isWindowBound } from './logical-schema.js'
import type { Built, PlanContext, PlanNode } from './plan-node.js'
import { Projection, joinWords, typesOf } from './plan-node.js'
import { printExpressionPlain } from './print.js'
import type { Column, LogicalSchema } from './schema.js'
import type { SelectExpression } from './steps.js'
import { canImplicitlyCast, decimalLiteralType } from './type-rules.js'
import { columnReference, columnsIn, isColumnReference, locationPrefix, rewrite } from './tree.js'

/** The schema of an existing sink that a projection must fit; undefined where a new one is made. */
export type TargetSchema = LogicalSchema | undefined

function structFields (expression: Expression, schema: LogicalSchema, functions: FunctionRegistry): readonly string[] {
  const type = typesOf(schema, functions).typeOf(expression)
  if (type?.base === 'STRUCT') return type.fields.map(f => f.name)
  throw new KsqlError(isColumnReference(expression)
    ? `Column \`${expression.name}\` is not a STRUCT type.`
    : `Field ${expression.node === 'Dereference' ? expression.fieldName : printExpressionPlain(expression)} is not a STRUCT type.`)
}

/** A number literal as the DECIMAL of the sink's column that it goes to, where it fits. */
function implicitDecimal (expression: Expression, target: SqlType): Expression {
  if (target.base !== 'DECIMAL') return expression
  const isNumber = expression.node === 'IntegerLiteral' || expression.node === 'LongLiteral' || expression.node === 'DoubleLiteral' || expression.node === 'DecimalLiteral'
  if (!isNumber) return expression
  const text = String(expression.value)
  const from = decimalLiteralType(text)
  if (from.scale > target.scale || from.precision - from.scale > target.precision - target.scale) return expression
  const value = Decimal.parse(text)
  return { node: 'DecimalLiteral', value: new Decimal(value.unscaled * 10n ** BigInt(target.scale - value.scale), target.scale).toString() }
}

/** The projected expressions over `node`, `*` and `struct->*` spelt out. */
export function selectExpressions (node: PlanNode, items: readonly SelectItem[], target: TargetSchema, functions: FunctionRegistry): SelectExpression[] {
  const targets: readonly Column[] = target === undefined ? [] : [...target.key, ...target.value]
  return items.flatMap((item, i): SelectExpression[] => {
    if (item.node === 'AllColumns') return node.starColumns(item.source).map(alias => ({ alias, expression: columnReference(alias) }))
    if (item.node === 'StructAll') {
      const expression = node.resolveSelect(i, item.baseStruct)
      return structFields(expression, node.schema, functions).map(fieldName => ({ alias: fieldName, expression: { node: 'Dereference', base: expression, fieldName } }))
    }
    const expression = node.resolveSelect(i, item.expression)
    const column = targets[i]
    return [{ alias: item.alias ?? '', expression: column === undefined ? expression : implicitDecimal(expression, column.type) }]
  })
}

/** One projected column: a key where it is a column of the parent's key. */
interface Projected { readonly select: SelectExpression, readonly column: Column, readonly isKey: boolean }

/** Types the projection. Keys are put in the order of the parent's key, wherever they stand. */
function projectedColumns (parent: LogicalSchema, selects: readonly SelectExpression[], functions: FunctionRegistry): Projected[] {
  const types = typesOf(parent, functions)
  const keyIndex = (select: SelectExpression): number => {
    const { expression } = select
    return isColumnReference(expression) ? parent.key.findIndex(c => c.name === expression.name) : -1
  }
  const keys = selects.filter(s => keyIndex(s) >= 0).sort((a, b) => keyIndex(a) - keyIndex(b))
  let nextKey = 0
  return selects.map(select => {
    const isKey = keyIndex(select) >= 0
    const chosen = isKey ? keys[nextKey++] as SelectExpression : select
    const type = types.typeOf(chosen.expression)
    if (type === undefined) throw new KsqlError("Can't infer a type of null. Please explicitly cast it to a required type, e.g. CAST(null AS VARCHAR).")
    return { select: chosen, column: { name: chosen.alias, type }, isKey }
  })
}

/** As SelectionUtil.buildProjectionSchema. */
export function projectionSchema (
  parent: LogicalSchema, selects: readonly SelectExpression[], functions: FunctionRegistry
): LogicalSchema & { readonly columns: readonly Column[] } {
  const projected = projectedColumns(parent, selects, functions)
  const schema = {
    key: projected.filter(p => p.isKey).map(p => p.column),
    value: projected.filter(p => !p.isKey).map(p => p.column),
    columns: projected.map(p => p.column)
  }
  checkDuplicates(schema)
  return schema
}

function checkKeysOnce (parent: LogicalSchema, selects: readonly SelectExpression[]): void {
  for (const key of parent.key) {
    const aliases = [...new Set(selects.filter(s => isColumnReference(s.expression) && s.expression.name === key.name).map(s => s.alias))].sort()
    if (aliases.length > 1) {
      throw new KsqlError(`The projection contains a key column (\`${key.name}\`) more than once, aliased as: ${joinWords(aliases, 'and')}.\n` +
        'Each key column must only be in the projection once. If you intended to copy the key into the value, then consider using the AS_VALUE function ' +
        'to indicate which key reference should be copied.')
    }
  }
}

/** The projection of a query without aggregation. */
export class ProjectNode {
  readonly schema: LogicalSchema
  readonly input: PlanNode
  readonly #selects: readonly SelectExpression[]
  readonly #projection: Projection

  /** `isPersistent`: the key stays out of the values; otherwise all columns are values, in their order. */
  constructor (input: PlanNode, items: readonly SelectItem[], isPersistent: boolean, target: TargetSchema, functions: FunctionRegistry) {
    this.input = input
    this.#projection = new Projection(items)
    const selects = selectExpressions(input, items, target, functions)
    const schema = projectionSchema(input.schema, selects, functions)
    if (isPersistent) {
      checkKeysOnce(input.schema, selects)
      const values = schema.value.filter(c => !isSystemColumn(c.name) && !hasColumn(schema.key, c.name))
      this.schema = { key: schema.key, value: values }
      const kept = selects.filter(s => !isColumnReference(s.expression) ||
        !((isWindowBound(s.expression.name) && s.alias === s.expression.name) || hasColumn(input.schema.key, s.expression.name)))
      this.#selects = kept.filter(s => hasColumn(values, s.alias)).map(s => fitTarget(s, values, target))
      this.schema = { key: schema.key, value: fitColumns(values, target) }
    } else {
      this.schema = { key: input.schema.key, value: schema.columns }
      this.#selects = selects
      checkDuplicates(this.schema)
    }
    if (this.schema.value.length === 0) throw new KsqlError('The projection contains no value columns.')
    this.#checkColumns()
  }

  get kind (): 'STREAM' | 'TABLE' { return this.input.kind }

  checkKeyPresent (sink: string): void {
    this.input.checkKeyPresent(sink, this.#projection)
  }

  build (context: PlanContext): Built {
    const built = this.input.build(context)
    return {
      ...built,
      step: {
        step: built.kind === 'STREAM' ? 'StreamSelect' : 'TableSelect',
        context: 'Project', schema: this.schema, source: built.step, keyColumnNames: this.schema.key.map(c => c.name), selects: this.#selects
      }
    }
  }

  #checkColumns (): void {
    const { schema } = this.input
    for (const item of this.#projection.items) {
      if (item.node !== 'SingleColumn') continue
      const unknown = columnsIn(item.expression).find(c => !hasColumn(schema.value, c.name) && !hasColumn(schema.key, c.name))
      if (unknown !== undefined) throw new KsqlError(`${locationPrefix(unknown)}Column '${printExpressionPlain(unknown)}' cannot be resolved.`)
    }
  }
}

/** The type of the sink's column of that name, where a value can become it without loss. */
function targetType (column: Column, target: TargetSchema): SqlType {
  const wanted = target?.value.find(c => c.name === column.name)?.type
  return wanted !== undefined && canImplicitlyCast(column.type.base, wanted.base) ? wanted : column.type
}

function fitColumns (columns: readonly Column[], target: TargetSchema): readonly Column[] {
  return target === undefined ? columns : columns.map(c => ({ name: c.name, type: targetType(c, target) }))
}

function fitTarget (select: SelectExpression, columns: readonly Column[], target: TargetSchema): SelectExpression {
  const column = columns.find(c => c.name === select.alias)
  if (target === undefined || column === undefined) return select
  const type = targetType(column, target)
  return sqlTypeEquals(type, column.type) ? select : { alias: select.alias, expression: { node: 'Cast', expression: select.expression, type } }
}

/** Columns as they stand once sources are joined, or alone: by one unqualified name. */
export function unqualify (expression: Expression, name: (qualifier: string, column: string) => string): Expression {
  return rewrite(expression, e => e.node === 'QualifiedColumnReference' ? columnReference(name(e.qualifier, e.name), e) : undefined)
}
