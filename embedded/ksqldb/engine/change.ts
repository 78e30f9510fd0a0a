// What a complete statement changes, worked out from the statement and the state alone: the same at first and at every replay.
import type { FunctionRegistry } from '../plan/function-registry.js'
import type { DataSource } from '../plan/metastore.js'
import { createSource, planPersistentQuery } from '../plan/planner.js'
import { printSqlType } from '../sql/sql-type.js'
import type { Statement } from '../sql/ast.js'
import { backquote } from '../sql/keywords.js'
import { EngineError, toEngineError } from './errors.js'
import { withoutProperty } from './literals.js'
import type { Properties } from './properties.js'
import { sourceTablePlan } from './source-table.js'
import type { EngineState, QueryEntry } from './state.js'
import { refuseUpgrade } from './upgrade.js'

type Of<N extends Statement['node']> = Extract<Statement, { node: N }>
type QueryControl = Of<'TerminateQuery' | 'PauseQuery' | 'ResumeQuery'>
export type ChangingStatement = Of<'CreateSource' | 'CreateAsSelect' | 'InsertInto' | 'DropSource' | 'AlterSource' | 'RegisterType' | 'DropType' |
  'TerminateQuery' | 'PauseQuery' | 'ResumeQuery' | 'AlterSystemProperty'>

export interface ChangeContext {
  readonly state: EngineState
  readonly functions: FunctionRegistry
  /** Server properties overlaid by the session's, by their bare and by their full names. */
  readonly properties: Properties
  /** The session's own, by bare names: kept with a query. */
  readonly session: Properties
  /** How many partitions a topic has: joins of topics that do not match are refused. Absent at a replay. */
  readonly partitions?: (topic: string) => number | undefined
  /** The statement's text as it is kept. */
  readonly text: string
  /** The number for the id of a new query: the offset of its command. */
  readonly number: number
}

export interface Change {
  /** As in GET /status: "table/`LINKS`/create". */
  readonly commandId: string
  readonly message: string
  readonly queryId?: string
  /** The source whose schemas belong in the registry. */
  readonly declares?: DataSource
  /** Makes it so, in the state that was given or in one like it. */
  readonly apply: (state: EngineState) => void
  readonly start?: QueryEntry
  /** Ids of queries that end. */
  readonly stop?: readonly string[]
  readonly pause?: readonly string[]
  readonly resume?: readonly string[]
  /** The source whose topic and subjects go with it. */
  readonly deletes?: DataSource
}

const CHANGING: ReadonlySet<string> = new Set(['CreateSource', 'CreateAsSelect', 'InsertInto', 'DropSource', 'AlterSource', 'RegisterType', 'DropType',
  'TerminateQuery', 'PauseQuery', 'ResumeQuery', 'AlterSystemProperty'])

/** True for a statement that the command topic keeps. */
export function isChanging (statement: Statement): statement is ChangingStatement {
  return CHANGING.has(statement.node)
}

/** Throws EngineError. */
export function interpret (statement: ChangingStatement, context: ChangeContext): Change {
  switch (statement.node) {
    case 'CreateSource': return create(statement, context)
    case 'CreateAsSelect': return createAsSelect(statement, context)
    case 'InsertInto': return insertInto(statement, context)
    case 'DropSource': return drop(statement, context)
    case 'AlterSource': return alter(statement, context)
    case 'RegisterType': return registerType(statement, context)
    case 'DropType': return dropType(statement, context)
    case 'TerminateQuery': return terminate(statement, context)
    case 'PauseQuery': case 'ResumeQuery': return pauseOrResume(statement, context)
    case 'AlterSystemProperty': throw new EngineError('ALTER SYSTEM is not supported: configure the server instead', context.text)
  }
}

function create (statement: Of<'CreateSource'>, context: ChangeContext): Change {
  refuseExisting(statement, context, '')
  const bare = { ...statement, properties: withoutProperty(statement.properties, 'CLEANUP_POLICY') }
  const { source } = refusing(context.text, () => createSource(bare, context.state, { ...context, sqlText: context.text }))
  const existing = context.state.source(source.name)
  if (existing !== undefined) refuseUpgrade(existing, source, context.text)
  const kind = statement.kind === 'STREAM' ? 'Stream' : 'Table'
  const change = { commandId: `${statement.kind.toLowerCase()}/${backquote(source.name)}/create`, declares: source }
  if (statement.kind === 'STREAM' || !statement.isSource) return { ...change, message: `${kind} created`, apply: state => state.putSource(source) }
  const start: QueryEntry = {
    id: `CST_${source.name}_${context.number}`, sqlText: context.text, plan: sourceTablePlan(source), kind: 'CREATE_SOURCE', sinkName: undefined, paused: false,
    properties: { ...context.session, 'auto.offset.reset': 'earliest' }
  }
  return {
    ...change,
    message: `Created query with ID ${start.id}`,
    queryId: start.id,
    start,
    apply: state => {
      state.putSource(source)
      state.putQuery(start)
    }
  }
}

function createAsSelect (statement: Of<'CreateAsSelect'>, context: ChangeContext): Change {
  const prefix = 'Could not determine output schema for query due to error: '
  refuseExisting(statement, context, prefix)
  const bare = { ...statement, properties: withoutProperty(statement.properties, 'CLEANUP_POLICY') }
  const planned = refusing(context.text, () => planPersistentQuery(bare, context.state, { ...context, sqlText: context.text }), prefix)
  const { sink, plan } = planned
  const existing = context.state.source(sink.name)
  if (existing !== undefined) refuseUpgrade(existing, sink, context.text)
  const replaced = context.state.writers(sink.name).find(query => query.kind === 'CREATE_AS')
  const id = replaced?.id ?? `${statement.kind === 'STREAM' ? 'CSAS' : 'CTAS'}_${sink.name}_${context.number}`
  const start: QueryEntry = { id, sqlText: context.text, plan, properties: context.session, kind: 'CREATE_AS', sinkName: sink.name, paused: false }
  return {
    commandId: `${statement.kind.toLowerCase()}/${backquote(sink.name)}/create`,
    message: `Created query with ID ${id}`,
    queryId: id,
    declares: sink,
    start,
    ...(replaced !== undefined && { stop: [replaced.id] }),
    apply: state => {
      state.putSource(sink)
      state.putQuery(start)
    }
  }
}

function insertInto (statement: Of<'InsertInto'>, context: ChangeContext): Change {
  const { sink, plan } = refusing(context.text, () => planPersistentQuery(statement, context.state, { ...context, sqlText: context.text }))
  const id = `INSERTQUERY_${context.number}`
  const start: QueryEntry = { id, sqlText: context.text, plan, properties: context.session, kind: 'INSERT', sinkName: sink.name, paused: false }
  return {
    commandId: `${sink.kind.toLowerCase()}/${backquote(sink.name)}/create`,
    message: `Created query with ID ${id}`,
    queryId: id,
    start,
    apply: state => state.putQuery(start)
  }
}

function refuseExisting (statement: Of<'CreateSource' | 'CreateAsSelect'>, { state, text }: ChangeContext, prefix: string): void {
  const existing = state.source(statement.name)
  if (existing === undefined || statement.orReplace) return
  throw new EngineError(`${prefix}Cannot add ${statement.kind.toLowerCase()} '${statement.name}': A ${existing.kind.toLowerCase()} with the same name already exists`, text)
}

function drop (statement: Of<'DropSource'>, { state, text }: ChangeContext): Change {
  const { name } = statement
  const commandId = `${statement.kind.toLowerCase()}/${name}/drop`
  const source = state.source(name)
  if (source === undefined) {
    if (!statement.ifExists) throw new EngineError(`${statement.kind === 'STREAM' ? 'Stream' : 'Table'} ${name} does not exist.`, text)
    return { commandId, message: `Source ${backquote(name)} does not exist.`, apply: () => {} }
  }
  if (source.kind !== statement.kind) throw new EngineError(`Incompatible data source type is ${source.kind}, but statement was DROP ${statement.kind}`, text)
  if (source.isSource && statement.deleteTopic) throw new EngineError(`Cannot delete topic for read-only source: ${name}`, text)
  refuseDropInUse(name, state, text)
  const own = [...state.writers(name), ...state.queries().filter(query => query.kind === 'CREATE_SOURCE' && query.plan.sourceNames.includes(name))]
  return {
    commandId,
    message: `Source ${backquote(name)} (topic: ${source.topic}) was dropped.`,
    stop: own.map(query => query.id),
    ...(statement.deleteTopic && { deletes: source }),
    apply: dropped => {
      for (const query of own) dropped.removeQuery(query.id)
      dropped.removeSource(name)
    }
  }
}

/** Sources made from it hold it, and so do queries that insert from or into it. */
function refuseDropInUse (name: string, state: EngineState, text: string): void {
  const readers = state.readers(name)
  const constraints = sortedNames(readers.filter(query => query.kind === 'CREATE_AS').map(query => query.sinkName ?? ''))
  if (constraints.length > 0) {
    throw new EngineError(`Cannot drop ${name}.\nThe following streams and/or tables read from this source: [${constraints.join(', ')}].\n` +
      `You need to drop them before dropping ${name}.`, text)
  }
  const reading = sortedNames(readers.filter(query => query.kind === 'INSERT').map(query => query.id))
  const writing = sortedNames(state.writers(name).filter(query => query.kind === 'INSERT').map(query => query.id))
  if (reading.length + writing.length > 0) {
    throw new EngineError(`Cannot drop ${name}.\nThe following queries read from this source: [${reading.join(', ')}].\n` +
      `The following queries write into this source: [${writing.join(', ')}].\nYou need to terminate them before dropping ${name}.`, text)
  }
}

/** The sources that must be dropped before this one, in the order of their names. */
export function sortedNames (names: readonly string[]): string[] {
  return [...new Set(names)].sort()
}

function alter (statement: Of<'AlterSource'>, { state, text }: ChangeContext): Change {
  const source = state.source(statement.name)
  if (source?.isSource === true) {
    const kind = source.kind.toLowerCase()
    throw new EngineError(`Cannot alter ${kind} '${source.name}': ALTER operations are not supported on source ${kind}s.`, text)
  }
  if (source === undefined) throw new EngineError(`Source ${statement.name} does not exist.`, text)
  if (source.kind !== statement.kind) throw new EngineError(`Incompatible data source type is ${source.kind}, but statement was ALTER ${statement.kind}`, text)
  if (source.isCasTarget) throw new EngineError('ALTER command is not supported for CREATE ... AS statements.', text)
  const taken = new Set([...source.schema.key, ...source.schema.value].map(column => column.name))
  for (const { name } of statement.columns) {
    if (taken.has(name)) throw new EngineError(`Cannot add column ${backquote(name)} to schema. A column with the same name already exists.`, text)
    taken.add(name)
  }
  const altered = { ...source, schema: { ...source.schema, value: [...source.schema.value, ...statement.columns] }, sqlText: text }
  return {
    commandId: `${source.kind.toLowerCase()}/${source.name}/alter`,
    message: `${source.kind === 'STREAM' ? 'Stream' : 'Table'} ${source.name} altered.`,
    declares: altered,
    apply: changed => changed.putSource(altered)
  }
}

function registerType (statement: Of<'RegisterType'>, { state, text }: ChangeContext): Change {
  const existing = state.type(statement.name)
  const commandId = `type/${statement.name}/create`
  if (existing !== undefined) {
    const type = printSqlType(existing)
    if (!statement.ifNotExists) throw new EngineError(`Cannot register custom type '${statement.name}' since it is already registered with type: ${type}`, text)
    return { commandId, message: `${statement.name} is already registered with type ${type}`, apply: () => {} }
  }
  return {
    commandId,
    message: `Registered custom type with name '${statement.name}' and SQL type ${printSqlType(statement.type)}`,
    apply: changed => changed.putType(statement.name, statement.type)
  }
}

function dropType (statement: Of<'DropType'>, { state, text }: ChangeContext): Change {
  const known = state.type(statement.name) !== undefined
  if (!known && !statement.ifExists) throw new EngineError(`Type ${statement.name} does not exist.`, text)
  return {
    commandId: `type/${statement.name}/drop`,
    message: known ? `Dropped type '${statement.name}'` : `Type '${statement.name}' does not exist`,
    apply: changed => { changed.removeType(statement.name) }
  }
}

/** The queries that the statement means. Throws EngineError where there is none of that id. */
function meant (queryId: string | undefined, { state, text }: ChangeContext): QueryEntry[] {
  if (queryId === undefined) return state.queries()
  const query = state.query(queryId)
  if (query === undefined) throw new EngineError(`Unknown queryId: ${queryId}`, text)
  return [query]
}

function terminate (statement: QueryControl, context: ChangeContext): Change {
  const [fixed] = statement.queryId === undefined ? [] : meant(statement.queryId, context).filter(query => query.kind === 'CREATE_SOURCE')
  if (fixed !== undefined) throw new EngineError(`Cannot terminate query '${fixed.id}' as it is linked to a source table.`, context.text)
  const ids = meant(statement.queryId, context).filter(query => query.kind !== 'CREATE_SOURCE').map(query => query.id)
  return {
    commandId: `terminate/${statement.queryId ?? 'ALL'}/execute`,
    message: 'Query terminated.',
    stop: ids,
    apply: state => ids.forEach(id => state.removeQuery(id))
  }
}

function pauseOrResume (statement: QueryControl, context: ChangeContext): Change {
  const paused = statement.node === 'PauseQuery'
  const ids = meant(statement.queryId, context).map(query => query.id)
  return {
    commandId: `${paused ? 'pause' : 'resume'}/${statement.queryId ?? 'ALL'}/execute`,
    message: paused ? 'Query paused.' : 'Query resumed.',
    ...(paused ? { pause: ids } : { resume: ids }),
    apply: state => {
      for (const id of ids) {
        const query = state.query(id)
        if (query !== undefined) state.putQuery({ ...query, paused })
      }
    }
  }
}

function refusing<T> (text: string, plan: () => T, prefix = ''): T {
  try {
    return plan()
  } catch (error) {
    const refused = toEngineError(error, text)
    if (prefix === '' || refused.code >= 50000) throw refused
    // The words before stand before the whole message, which may have a statement line of its own.
    throw new EngineError(prefix + (error instanceof Error ? error.message : refused.message), text, refused.code)
  }
}
