// Plans against what ksqlDB recorded of its own: schemas, formats and kinds of steps, and the messages of refusals. The cases are no part of this
// repository: without them the test is skipped.
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseStatements } from '../../../../embedded/ksqldb/sql/parser.js'
import { createBuiltInFunctions, systemContext } from '../../../../embedded/ksqldb/plan/functions/index.js'
import { FunctionRegistry } from '../../../../embedded/ksqldb/plan/function-registry.js'
import type { DataSource } from '../../../../embedded/ksqldb/plan/metastore.js'
import { createSource, planPersistentQuery } from '../../../../embedded/ksqldb/plan/planner.js'
import type { ExecutionStep } from '../../../../embedded/ksqldb/plan/steps.js'
import type { SqlType } from '../../../../embedded/ksqldb/sql/sql-type.js'
import { print } from './support.js'

interface RecordedSource {
  readonly name: string
  readonly type: string
  readonly schema: string
  readonly keyFormat: { readonly format: string }
  readonly valueFormat: string
  readonly keyFeatures: readonly string[]
  readonly valueFeatures: readonly string[]
}

interface RecordedCase {
  readonly id: string
  readonly statements: readonly string[]
  readonly properties?: Readonly<Record<string, string>>
  readonly needs?: readonly string[]
  readonly inputs?: readonly unknown[]
  readonly derived?: { readonly sources?: readonly RecordedSource[], readonly steps?: readonly string[] }
  readonly expectedException?: { readonly message?: string }
}

const NAMES: Readonly<Record<ExecutionStep['step'], string>> = {
  StreamSource: 'streamSourceV1', WindowedStreamSource: 'windowedStreamSourceV1', TableSource: 'tableSourceV2', WindowedTableSource: 'windowedTableSourceV1',
  StreamFilter: 'streamFilterV1', TableFilter: 'tableFilterV1', StreamSelect: 'streamSelectV1', TableSelect: 'tableSelectV1', StreamSelectKey: 'streamSelectKeyV2',
  TableSelectKey: 'tableSelectKeyV1', StreamFlatMap: 'streamFlatMapV1', StreamGroupBy: 'streamGroupByV2', TableGroupBy: 'tableGroupByV2', StreamAggregate: 'streamAggregateV1',
  StreamWindowedAggregate: 'streamWindowedAggregateV1', TableAggregate: 'tableAggregateV1', StreamStreamJoin: 'streamStreamJoinV1',
  StreamTableJoin: 'streamTableJoinV1', TableTableJoin: 'tableTableJoinV1', ForeignKeyTableTableJoin: 'fkTableTableJoinV1'
}

function collect (step: ExecutionStep, into: Set<string>): void {
  into.add(step.step === 'StreamGroupBy' && !step.repartition ? 'streamGroupByKeyV1' : NAMES[step.step])
  if ('left' in step) [step.left, step.right].forEach(side => collect(side, into))
  else if ('source' in step) collect(step.source, into)
}

/** Needs what planning alone cannot give. */
class Elsewhere extends Error {}

const functions = new FunctionRegistry(createBuiltInFunctions(systemContext))

function planAll (one: RecordedCase): { sources: Map<string, DataSource>, steps: Set<string> } {
  const sources = new Map<string, DataSource>()
  const types = new Map<string, SqlType>()
  const steps = new Set<string>()
  const metastore = { source: (name: string) => sources.get(name), type: (name: string) => types.get(name) }
  for (const [i, sql] of one.statements.entries()) {
    for (const { statement, text } of parseStatements('\n'.repeat(i) + sql, { types: name => types.get(name) })) {
      const options = { functions, properties: one.properties ?? {}, sqlText: text }
      if (statement.node === 'CreateSource') {
        const { source } = createSource(statement, metastore, options)
        sources.set(source.name, source)
        steps.add(source.kind === 'STREAM' ? 'createStreamV1' : 'createTableV1')
      } else if (statement.node === 'CreateAsSelect' || statement.node === 'InsertInto') {
        const { plan, sink } = planPersistentQuery(statement, metastore, options)
        sources.set(sink.name, sink)
        if (statement.node === 'CreateAsSelect') steps.add(statement.kind === 'STREAM' ? 'createStreamV1' : 'createTableV1')
        steps.add(plan.resultType === 'STREAM' ? 'streamSinkV1' : 'tableSinkV1')
        collect(plan.physical, steps)
      } else if (statement.node === 'RegisterType') {
        types.set(statement.name, statement.type)
        steps.add('registerTypeV1')
      } else {
        throw new Elsewhere()
      }
    }
  }
  return { sources, steps }
}

function describe ({ kind, schema, formats }: DataSource): string {
  const { key, value } = formats
  return [kind, print(schema), key.format, value.format, key.features.join(), value.features.join()].join(' | ')
}

function expected (s: RecordedSource): string {
  return [s.type, s.schema, s.keyFormat.format, s.valueFormat, s.keyFeatures.join(), s.valueFeatures.join()].join(' | ')
}

/** undefined: as recorded; null: not for planning alone. */
function check (one: RecordedCase): string | undefined | null {
  try {
    const { sources, steps } = planAll(one)
    if (one.expectedException !== undefined) return one.inputs === undefined ? `not refused: ${one.expectedException.message ?? ''}` : null
    for (const recorded of one.derived?.sources ?? []) {
      const found = sources.get(recorded.name)
      if (found === undefined || describe(found) !== expected(recorded)) return `${found === undefined ? 'nothing' : describe(found)}, expected ${expected(recorded)}`
    }
    const wanted = [...one.derived?.steps ?? []].sort().join()
    return wanted === '' || wanted === [...steps].sort().join() ? undefined : `steps ${[...steps].sort().join()}, expected ${wanted}`
  } catch (error) {
    if (error instanceof Elsewhere) return null
    const message = `${(error as Error).message}\nStatement: ${one.statements.at(-1) ?? ''}`
    return one.expectedException !== undefined && message.includes(one.expectedException.message ?? '') ? undefined : message
  }
}

const path = fileURLToPath(new URL('../../../../../shared/conformance/qtt.jsonl', import.meta.url))

t.test('plans are those that ksqlDB recorded', { skip: existsSync(path) ? false : 'the recorded cases are not here' }, async t => {
  const cases = readFileSync(path, 'utf8').split('\n').filter(line => line !== '').map(line => JSON.parse(line) as RecordedCase)
  const elsewhere = ['test-only UDFs', 'Schema Registry schemas / inference', 'other ksql.* property']
  const mine = cases.filter(one => one.needs?.some(need => elsewhere.includes(need)) !== true && one.statements.every(s => !/SCHEMA_ID|new planner/i.test(s)))
  const failures: string[] = []
  let checked = 0
  for (const one of mine) {
    const result = check(one)
    if (result === null) continue
    checked++
    if (result !== undefined && !one.id.includes('new planner')) failures.push(`${one.id}: ${result}`)
  }
  t.ok(checked > 1500, `${checked} checked`)
  t.same(failures, [])
})
