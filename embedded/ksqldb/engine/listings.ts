// The statements that only ask: SHOW, LIST, DESCRIBE, EXPLAIN.
import { printParameterType } from '../plan/generics.js'
import type { BuiltInFunction, ParameterType } from '../plan/function.js'
import type { FunctionRegistry } from '../plan/function-registry.js'
import { planTransientQuery } from '../plan/planner.js'
import type { LogicalSchema } from '../plan/schema.js'
import type { Statement } from '../sql/ast.js'
import { fieldInfos, planLines, queryDescription, runningQuery, sourceDescription, sourceLine, typeInfo, type Entity, type World } from './entities.js'
import { EngineError, toEngineError } from './errors.js'
import { bareName, type Properties } from './properties.js'
import { SERVER_PROPERTIES } from './server-properties.js'

const INTERNAL_TOPIC = /^(?:_confluent|__confluent|_schemas$|__consumer_offsets$|__transaction_state$|connect-(?:configs|offsets|status|statuses)$)/

export interface ListingContext extends World {
  readonly functions: FunctionRegistry
  readonly properties: Properties
  readonly overrides: Properties
  readonly variables: ReadonlyMap<string, string>
  readonly text: string
  readonly transientId: (source: string) => string
}

/** The answer's entity; undefined for a statement that is no listing. Throws EngineError. */
export function list (statement: Statement, context: ListingContext): Entity | undefined {
  const { text: statementText, state } = context
  const entity = (type: string, more: object): Entity => ({ '@type': type, statementText, ...more, warnings: [] })
  switch (statement.node) {
    case 'ListStreams': return entity(...sources('STREAM', 'streams', statement.extended, context))
    case 'ListTables': return entity(...sources('TABLE', 'tables', statement.extended, context))
    case 'DescribeStreams': return entity(...sources('STREAM', 'streams', true, context, statement.extended))
    case 'DescribeTables': return entity(...sources('TABLE', 'tables', true, context, statement.extended))
    case 'ShowColumns': {
      const source = state.source(statement.source)
      if (source === undefined) throw new EngineError(`Could not find STREAM/TABLE '${statement.source}' in the Metastore`, statementText)
      return entity('sourceDescription', { sourceDescription: sourceDescription(source, statement.extended, context) })
    }
    case 'ListTopics': return statement.extended
      ? entity('kafka_topics_extended', { topics: topics(statement.all, true, context) })
      : entity('kafka_topics', { topics: topics(statement.all, false, context) })
    case 'ListQueries': return statement.extended
      ? entity('query_descriptions', { queryDescriptions: state.queries().map(query => queryDescription(query, context, schemaOf(query.sinkName, query.plan.physical.schema, context))) })
      : entity('queries', { queries: state.queries().map(query => runningQuery(query, context)) })
    case 'ListFunctions': return entity('function_names', { functions: context.functions.list().map(({ name, kind, category }) => ({ name, type: kind, category })) })
    case 'DescribeFunction': return entity('describe_function', describeFunction(statement.name, context.functions))
    case 'ListProperties': return entity('properties', properties(context))
    case 'ListTypes': return entity('type_list', { types: Object.fromEntries([...state.types()].map(([name, type]) => [name, typeInfo(type)])) })
    case 'ListVariables': return entity('variables', { variables: [...context.variables].map(([name, value]) => ({ name, value })) })
    case 'Explain': return entity('queryDescription', { queryDescription: explain(statement, context) })
    default: return undefined
  }
}

function sources (kind: 'STREAM' | 'TABLE', type: string, described: boolean, context: ListingContext, extended = described): [string, object] {
  const found = context.state.sources(kind)
  return described
    ? ['source_descriptions', { sourceDescriptions: found.map(source => sourceDescription(source, extended, context)) }]
    : [type, { [type]: found.map(sourceLine) }]
}

function topics (all: boolean, extended: boolean, { log, state }: ListingContext): object[] {
  const readers = (topic: string): number => state.queries().filter(query => query.plan.sourceNames.some(name => state.source(name)?.topic === topic)).length
  return log.listTopics().filter(topic => all || !INTERNAL_TOPIC.test(topic.name))
    .sort((a, b) => a.name < b.name ? -1 : 1)
    .map(({ name, partitions, replicationFactor }) => ({
      name,
      replicaInfo: Array.from({ length: partitions }, () => replicationFactor),
      ...(extended && { consumerCount: readers(name) * partitions, consumerGroupCount: readers(name) })
    }))
}

function schemaOf (sinkName: string | undefined, physical: LogicalSchema, { state }: ListingContext): LogicalSchema {
  return (sinkName === undefined ? undefined : state.source(sinkName)?.schema) ?? physical
}

function explain (statement: Extract<Statement, { node: 'Explain' }>, context: ListingContext): object {
  if (statement.queryId !== undefined) {
    const query = context.state.query(statement.queryId)
    if (query === undefined) {
      throw new EngineError(`Query with id:${statement.queryId} does not exist, use SHOW QUERIES to view the full set of queries.`, context.text)
    }
    return queryDescription(query, context, schemaOf(query.sinkName, query.plan.physical.schema, context))
  }
  const inner = statement.statement
  if (inner?.node !== 'Query' && inner?.node !== 'CreateAsSelect' && inner?.node !== 'InsertInto') {
    throw new EngineError('The provided statement does not run a ksql query', context.text)
  }
  const query = inner.node === 'Query' ? inner : inner.query
  const id = context.transientId(query.from.relation)
  try {
    const { plan, schema } = planTransientQuery({ ...query, refinement: query.refinement ?? 'CHANGES' }, context.state, context)
    return {
      id, statementText: context.text.replace(/^\s*EXPLAIN\s+/i, ''), windowType: plan.window?.type ?? null,
      fields: fieldInfos({ key: plan.physical.schema.key, value: schema.value }),
      sources: plan.sourceNames, sinks: [], topology: '', executionPlan: planLines(plan.physical, id), overriddenProperties: {}, ksqlHostQueryStatus: {},
      queryType: 'PUSH', queryErrors: [], tasksMetadata: [], consumerGroupId: `_confluent-ksql-default_transient_${id}`, state: null
    }
  } catch (error) {
    throw toEngineError(error, context.text)
  }
}

function describeFunction (name: string, functions: FunctionRegistry): object {
  const found: BuiltInFunction | undefined = functions.get(name)
  if (found === undefined) throw new EngineError(`Can't find any functions with the name '${name}'`)
  return {
    name: found.name, description: found.description, author: found.author, version: '', path: found.path, functions: found.signatures.map(s => signature(s, found.kind)),
    type: found.kind
  }
}

function signature (s: BuiltInFunction['signatures'][number], kind: BuiltInFunction['kind']): object {
  const types = s.parameters.map(parameter => printParameterType(parameter.type))
  const returnType: ParameterType = typeof s.returns === 'function' ? s.describedReturns ?? ruledReturn(s.parameters[0]?.type, kind) : s.returns
  return {
    arguments: s.parameters.map((parameter, i) => ({
      name: parameter.name, type: types[i], description: parameter.description, isVariadic: i === s.variadicIndex
    })),
    returnType: printParameterType(returnType),
    description: s.description,
    argumentTypes: types
  }
}

/** A type that a rule decides, with nothing said of it, is shown as the first argument's, of a table function as that of its elements. */
function ruledReturn (first: ParameterType | undefined, kind: BuiltInFunction['kind']): ParameterType {
  if (first === undefined) return { base: 'ANY' }
  return kind === 'TABLE' && (first.base === 'ARRAY' || first.base === 'ARRAY_OF') ? first.items : first
}

function properties ({ overrides, properties }: ListingContext): object {
  const overwritten = Object.keys(overrides)
  const extra = overwritten.filter(name => !SERVER_PROPERTIES.some(property => bareName(property.name) === name))
  return {
    properties: [
      ...SERVER_PROPERTIES.map(({ name, value, editable, level }) => ({ name, scope: 'KSQL', value: value === null ? null : properties[name] ?? value, editable, level })),
      ...extra.map(name => ({ name: name.startsWith('ksql.') ? name : `ksql.streams.${name}`, scope: 'KSQL', value: overrides[name], editable: true, level: 'SERVER' }))
    ],
    overwrittenProperties: overwritten,
    defaultProperties: SERVER_PROPERTIES.filter(property => property.isDefault).map(property => property.name)
  }
}
