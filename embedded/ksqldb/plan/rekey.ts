// Another key for rows: when one is needed, what schema it gives, the step that it becomes (ksqlDB's Repartitioning, PartitionByParamsFactory).
import type { Expression } from '../sql/ast.js'
import { NameGenerator } from './column-names.js'
import { KsqlError } from './error.js'
import type { FunctionRegistry } from './function-registry.js'
import type { Built, PlanContext, PlanNode } from './plan-node.js'
import { sqlTypesOf, typesOf, valueFormatOf } from './plan-node.js'
import { printExpressionPlain } from './print.js'
import type { Column, LogicalSchema } from './schema.js'
import { keyFormatFor } from './serde-formats.js'
import type { KeyFormat } from './serde-formats.js'
import { isColumnReference } from './tree.js'

export function isPartitionByNull (expressions: readonly Expression[]): boolean {
  if (!expressions.some(e => e.node === 'NullLiteral')) return false
  if (expressions.length > 1) throw new KsqlError('Cannot PARTITION BY multiple columns including NULL')
  return true
}

/** The schema once keyed by the expressions: a key that is no column of the source is repeated at the end of the values. */
export function repartitionedSchema (schema: LogicalSchema, expressions: readonly Expression[], functions: FunctionRegistry): LogicalSchema {
  if (isPartitionByNull(expressions)) return { key: [], value: schema.value }
  const types = typesOf(schema, functions)
  const names = new NameGenerator([...schema.key, ...schema.value])
  const appended: Column[] = []
  const key = expressions.map((e): Column => {
    const type = types.typeOf(e)
    if (type === undefined) throw new KsqlError('Cannot PARTITION BY multiple columns including NULL')
    if (isColumnReference(e)) return { name: e.name, type }
    const column = { name: names.aliasFor(e), type }
    appended.push(column)
    return column
  })
  return { key, value: [...schema.value, ...appended] }
}

/** Whether rows must change their key to be keyed by the expressions (ksqlDB's Repartitioning). */
export function needsRepartition (schema: LogicalSchema, expressions: readonly Expression[]): boolean {
  const [key] = schema.key
  const [expression] = expressions
  return schema.key.length !== 1 || expressions.length !== 1 || expression === undefined || !isColumnReference(expression) || expression.name !== key?.name
}

/** The step that gives rows another key, or the same where none is needed. `forced`: the key format to come to, and whether to go through a topic anyway. */
export function selectKey (
  built: Built, expressions: readonly Expression[], schema: LogicalSchema, context: string, node: PlanNode, plan: PlanContext,
  forced: { readonly keyFormat?: KeyFormat, readonly repartition?: boolean } = {}
): Built {
  const target = forced.keyFormat ?? built.keyFormat
  const changesFormat = JSON.stringify(target) !== JSON.stringify(built.keyFormat)
  const needed = needsRepartition(built.step.schema, expressions)
  if (!changesFormat && forced.repartition !== true && !needed) return built
  if (built.kind === 'TABLE') checkTableRekey(built, expressions, needed, forced.repartition === true)
  if (built.kind === 'STREAM' && (needed || forced.repartition !== true) && built.keyFormat.window !== undefined) {
    throw new KsqlError('Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.')
  }
  const keyFormat = keyFormatFor(target, sqlTypesOf(expressions, built.step.schema, plan.functions), built.kind === 'STREAM')
  return {
    kind: built.kind,
    keyFormat,
    step: {
      step: built.kind === 'STREAM' ? 'StreamSelectKey' : 'TableSelectKey',
      context, schema, source: built.step, keyExpressions: expressions, formats: { key: keyFormat.info, value: valueFormatOf(node) }
    }
  }
}

function checkTableRekey (built: Built, expressions: readonly Expression[], needed: boolean, forced: boolean): void {
  const keys = built.step.schema.key
  if (keys.length > 1) {
    throw new KsqlError('Cannot repartition a TABLE source. If this is a join, joins on tables with multiple columns is not yet supported.')
  }
  if (needed) {
    throw new KsqlError('Cannot repartition a TABLE source. If this is a join, make sure that the criteria uses the TABLE\'s key column ' +
      `${keys[0]?.name ?? ''} instead of [${expressions.map(printExpressionPlain).join(', ')}]`)
  }
  if (built.keyFormat.window !== undefined) {
    const extra = forced
      ? ' As a result, ksqlDB does not support joins on windowed sources with Schema-Registry-enabled key formats (AVRO, JSON_SR, PROTOBUF) at this time. ' +
        'Please repartition your sources to use a different key format before performing the join.'
      : ''
    throw new KsqlError(`Implicit repartitioning of windowed sources is not supported. See https://github.com/confluentinc/ksql/issues/4385.${extra}`)
  }
}
