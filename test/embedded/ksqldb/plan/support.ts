// What the tests of planning share: a metastore made of statements, and plans in short.
import { parseStatements } from '../../../../embedded/ksqldb/sql/parser.js'
import { FunctionRegistry } from '../../../../embedded/ksqldb/plan/function-registry.js'
import { builtInFunctions } from '../../../../embedded/ksqldb/plan/functions/index.js'
import type { DataSource, MetaStore } from '../../../../embedded/ksqldb/plan/metastore.js'
import { createSource, planPersistentQuery, planPullQuery, planTransientQuery } from '../../../../embedded/ksqldb/plan/planner.js'
import type { PlannedQuery, TransientPlan } from '../../../../embedded/ksqldb/plan/planner.js'
import type { PullPlan } from '../../../../embedded/ksqldb/plan/pull-plan.js'
import type { LogicalSchema } from '../../../../embedded/ksqldb/plan/schema.js'
import { printSchema } from '../../../../embedded/ksqldb/plan/schema.js'
import type { ExecutionStep } from '../../../../embedded/ksqldb/plan/steps.js'

export const functions = new FunctionRegistry(builtInFunctions)

/** Statements run one after another against sources that only live here. */
export class Plans implements MetaStore {
  readonly sources = new Map<string, DataSource>()
  readonly properties: Record<string, string>

  constructor (properties: Record<string, string> = {}) {
    this.properties = properties
  }

  source (name: string): DataSource | undefined { return this.sources.get(name) }
  type (): undefined { return undefined }

  /** Declares what the statements make. The last plan is given back. */
  run (sql: string): PlannedQuery | undefined {
    let planned: PlannedQuery | undefined
    for (const { statement, text } of parseStatements(sql)) {
      const options = { functions, properties: this.properties, sqlText: text }
      if (statement.node === 'CreateSource') {
        const { source } = createSource(statement, this, options)
        this.sources.set(source.name, source)
      } else if (statement.node === 'CreateAsSelect' || statement.node === 'InsertInto') {
        planned = planPersistentQuery(statement, this, options)
        this.sources.set(planned.sink.name, planned.sink)
      } else {
        throw new Error(`unexpected ${statement.node}`)
      }
    }
    return planned
  }

  plan (sql: string): PlannedQuery {
    const planned = this.run(sql)
    if (planned === undefined) throw new Error('nothing was planned')
    return planned
  }

  push (sql: string): TransientPlan {
    const [parsed] = parseStatements(sql)
    if (parsed?.statement.node !== 'Query') throw new Error('not a query')
    return planTransientQuery(parsed.statement, this, { functions, properties: this.properties })
  }

  pull (sql: string): PullPlan {
    const [parsed] = parseStatements(sql)
    if (parsed?.statement.node !== 'Query') throw new Error('not a query')
    return planPullQuery(parsed.statement, this, { functions, properties: this.properties })
  }

  schema (name: string): string {
    const source = this.sources.get(name)
    return source === undefined ? '' : print(source.schema)
  }
}

export function print (schema: LogicalSchema): string {
  return printSchema(schema)
}

/** The steps from the last to the sources, by kind and context. */
export function steps (step: ExecutionStep): string[] {
  const own = `${step.step} ${step.context}`
  if ('left' in step) return [own, ...steps(step.left), ...steps(step.right)]
  return 'source' in step ? [own, ...steps(step.source)] : [own]
}

/** The message of what the function throws; '' where it throws nothing. */
export function messageOf (run: () => unknown): string {
  try {
    run()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}
