// SELECT: pull queries over a table's state or a stream's topic, push queries over the runtime. Gives columns and rows; how they are written is rest/'s matter.
import type { Column } from '../plan/schema.js'
import { KsqlError } from '../plan/error.js'
import { planPullQuery, planTransientQuery, type PlannerOptions, type TransientPlan } from '../plan/planner.js'
import type { PullPlan } from '../plan/pull-plan.js'
import { sourcesOf } from '../plan/sanitize.js'
import type { Row } from '../plan/value.js'
import type { PushQuery } from '../runtime/api.js'
import type { ParsedStatement, Query, Statement } from '../sql/ast.js'
import { parseStatements, SqlSyntaxError } from '../sql/parser.js'
import { selectPull } from './select-pull.js'
import type { KsqlEngine } from './engine.js'
import { EngineError, toEngineError } from './errors.js'
import { PullPlanCache } from './pull-cache.js'
import { sessionProperties, type Properties } from './properties.js'

export type ResultColumn = Column & { readonly isKey: boolean }

/** Rows that are there at once. */
export interface PullResult {
  readonly kind: 'pull'
  readonly id: string
  readonly columns: readonly ResultColumn[]
  /** undefined where a long scan lets others have a turn. */
  readonly rows: Iterable<Row | undefined>
}

/** Rows that come, until LIMIT, the end of a stream as its topic stands, or the client's end. */
export interface PushResult {
  readonly kind: 'push'
  readonly id: string
  readonly columns: readonly ResultColumn[]
  readonly query: PushQuery
  /** For each of `columns`, its place in the query's rows. */
  readonly places: readonly number[]
}

export interface PrintRequest { readonly kind: 'print', readonly statement: Extract<Statement, { node: 'PrintTopic' }> }

export interface QueryRequest {
  readonly sql: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly variables?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

const CACHED_PLANS_MAX = 500
const NOT_AVAILABLE = 40001

export class Queries {
  readonly #engine: KsqlEngine
  readonly #plans: PullPlanCache

  constructor (engine: KsqlEngine) {
    this.#engine = engine
    this.#plans = new PullPlanCache(CACHED_PLANS_MAX)
    engine.onChange(() => this.#plans.clear())
  }

  /** The answer where the query is one that was asked before but for the key, else undefined. Never throws. */
  fastPull (sql: string): PullResult | undefined {
    const plan = this.#plans.get(sql)
    return plan === undefined ? undefined : this.#pullTable(plan, sql)
  }

  /** Throws EngineError. A push query runs from here on, until it is closed or the signal says so. */
  async start (request: QueryRequest): Promise<PullResult | PushResult | PrintRequest> {
    const { sql } = request
    const session = sessionProperties(request.properties)
    const statements = this.#parse(request)
    const [parsed] = statements
    if (parsed === undefined || statements.length > 1) {
      throw new EngineError(`Expected exactly one KSQL statement; found ${statements.length} instead\nStatement: ${sql}`, sql)
    }
    const { statement, text } = parsed
    if (statement.node === 'PrintTopic') return { kind: 'print', statement }
    if (statement.node !== 'Query') throw new NoQuery(text)
    preparing(text, () => sourcesOf(statement, this.#engine.state))
    return statement.refinement === undefined ? await this.#pull(statement, text, session, request) : await this.#push(statement, text, session, request)
  }

  #parse ({ sql, variables }: QueryRequest): readonly ParsedStatement[] {
    try {
      return parseStatements(sql, { types: name => this.#engine.state.type(name), variables: new Map(Object.entries(variables ?? {})) })
    } catch (error) {
      if (!(error instanceof SqlSyntaxError)) throw error
      throw new PrepareFailure(toEngineError(error), `\nStatement: ${error.sqlText}`, error.causeMessage)
    }
  }

  async #pull (query: Query, text: string, session: Properties, request: QueryRequest): Promise<PullResult | PushResult> {
    const plan = planning(text, () => planPullQuery(query, this.#engine.state, this.#options(session)))
    if (plan.source.kind === 'STREAM') return await this.#scan(query, text, session, request)
    const result = this.#pullTable(plan, text)
    if (Object.keys(session).length === 0) this.#plans.put(request.sql, plan)
    return result
  }

  /** A pull query over a stream: what its topic holds from the beginning to where it ends now. */
  async #scan (query: Query, text: string, session: Properties, request: QueryRequest): Promise<PushResult> {
    const plan = this.#transient({ ...query, refinement: 'CHANGES' }, text, session)
    const id = this.#engine.transientId(query.from.relation)
    return pushResult(id, plan, await this.#engine.runtime.scanTopic(plan.plan, { id, properties: session, signal: request.signal }))
  }

  #options (session: Properties): PlannerOptions {
    return { functions: this.#engine.functions, properties: this.#engine.properties(session) }
  }

  #pullTable (plan: PullPlan, text: string): PullResult {
    const { name } = plan.source
    const query = this.#engine.state.materialization(name)
    if (query === undefined) {
      throw new EngineError(`The \`${name}\` table isn't queryable. To derive a queryable table, you can do 'CREATE TABLE QUERYABLE_${name} AS ` +
        `SELECT * FROM ${name}'.` +
        ' See https://cnfl.io/queries for more info.\nAdd EMIT CHANGES if you intended to issue a push query.', text)
    }
    const table = this.#engine.runtime.query(query.id)?.table
    if (table === undefined) throw new EngineError(`Materialized data for query ${query.id} is not available yet. Please try again later.`, text, NOT_AVAILABLE)
    return { kind: 'pull', id: `query_${this.#engine.now()}`, columns: plan.columns, rows: selectPull(plan, table) }
  }

  async #push (query: Query, text: string, session: Properties, request: QueryRequest): Promise<PushResult> {
    const plan = this.#transient(query, text, session)
    const transient = this.#engine.transientId(query.from.relation)
    const id = isScalable(query, session, this.#engine.properties(session)) ? transient.replace('transient', 'SCALABLE_PUSH_QUERY') : transient
    const push = await this.#engine.runtime.startPushQuery(plan.plan, { id, properties: session, signal: request.signal })
    return pushResult(id, plan, push)
  }

  #transient (query: Query, text: string, session: Properties): TransientPlan {
    return planning(text, () => planTransientQuery(query, this.#engine.state, this.#options(session)))
  }
}

/** What is found before planning: the answer's type says JSON then. */
function preparing<T> (text: string, prepare: () => T): T {
  try {
    return prepare()
  } catch (error) {
    throw new PrepareFailure(toEngineError(error, text))
  }
}

function planning<T> (text: string, plan: () => T): T {
  try {
    return plan()
  } catch (error) {
    const { code, message } = toEngineError(error, text)
    // A message that has a statement behind it already gets the whole one, too (KsqlStatementException within another).
    const nested = error instanceof KsqlError && error.message !== error.rawMessage
    throw new EngineError(nested ? `${error.message}\nStatement: ${text}` : message, text, code)
  }
}

/** A statement that is no query, sent where only queries go. */
export class NoQuery extends EngineError {
  constructor (text: string) {
    super(`Neither a query nor a print statement\nStatement: ${text}`, text)
  }
}

/** A query refused before it was planned; `cause` is said only by the old /query. */
export class PrepareFailure extends EngineError {
  readonly causeMessage: string | undefined

  constructor (refused: EngineError, suffix = '', causeMessage?: string) {
    super(refused.message + suffix, refused.statementText, refused.code)
    this.causeMessage = causeMessage
  }
}

/** ScalablePushUtil.isScalablePushQuery: a plain query from the end of one source, where the server has them on. Here only its name differs. */
function isScalable (query: Query, session: Properties, server: Properties): boolean {
  const { joins, groupBy, partitionBy, window, having } = query
  const plain = joins.length === 0 && groupBy === undefined && partitionBy === undefined && window === undefined && having === undefined
  return plain && server['ksql.query.push.v2.enabled'] === 'true' && session['auto.offset.reset'] === 'latest'
}

function pushResult (id: string, plan: TransientPlan, query: PushQuery): PushResult {
  const columns = plan.schema.value.map(column => ({ ...column, isKey: false }))
  return { kind: 'push', id, columns, query, places: columns.map(column => query.columns.findIndex(other => other.name === column.name)) }
}
