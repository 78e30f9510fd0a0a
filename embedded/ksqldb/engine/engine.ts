// The engine: takes the statements of a request, tries them all on a copy of its state, then carries them out in order. What changes the engine goes
// through the command topic first, so that a start replays it.
import type { Log } from '../../log.js'
import type { SchemaRegistry } from '../../schema-registry.js'
import type { FunctionRegistry } from '../plan/function-registry.js'
import type { DataSource } from '../plan/metastore.js'
import type { RuntimeApi, RuntimeLogger } from '../runtime/api.js'
import type { ParsedStatement, Statement } from '../sql/ast.js'
import { backquote, quoteIdentifier } from '../sql/keywords.js'
import { parseStatements } from '../sql/parser.js'
import { assertSchema, assertTopic } from './assert.js'
import { interpret, isChanging, type Change, type ChangingStatement } from './change.js'
import { CommandTopic } from './command-topic.js'
import type { Entity } from './entities.js'
import { EngineError, toEngineError } from './errors.js'
import { refuseOtherSchema } from './inference.js'
import { injectCreateAsSelect, injectCreateSource } from './injector.js'
import { prepareInsert } from './insert-values.js'
import { list } from './listings.js'
import { prepare } from './prepare.js'
import { SERVER_DEFAULTS, sessionProperties, type Properties } from './properties.js'
import { deleteSubjects, refuseSharedTopic, registerSchemas } from './schemas.js'
import { changeSession, type Session } from './session.js'
import { EngineState } from './state.js'
import { LogTopics, TrialTopics, type TopicView } from './topics.js'
import type { TopicSpec } from '../../log.js'

/** Statements of one request; and changes waiting for the one before them. */
const STATEMENTS_MAX = 1000
const WAITING_MAX = 1000
const STATUSES_MAX = 10_000

export interface EngineOptions {
  readonly log: Log
  readonly registry: SchemaRegistry
  readonly runtime: RuntimeApi
  readonly functions: FunctionRegistry
  /** ms since the epoch; by default Date.now. */
  readonly clock?: () => number
  readonly logger?: RuntimeLogger
  /** Server properties over the defaults, by their full names. */
  readonly properties?: Properties
}

export interface EngineRequest {
  readonly ksql: string
  readonly properties: Readonly<Record<string, unknown>>
  readonly variables?: Readonly<Record<string, string>>
}

interface CommandStatus { readonly status: string, readonly message: string, readonly queryId: string | null }

/** Where statements act: the engine itself, or a copy on which they are tried. */
interface Stage {
  readonly state: EngineState
  readonly topics: TopicView
  readonly trial: boolean
}

interface Complete { readonly statement: ChangingStatement, readonly text: string, readonly topic?: TopicSpec }

export class KsqlEngine {
  readonly state = new EngineState()
  readonly functions: FunctionRegistry
  readonly log: Log
  readonly registry: SchemaRegistry
  readonly runtime: RuntimeApi
  readonly #commands: CommandTopic
  readonly #topics: LogTopics
  readonly #server: Properties
  readonly #logger: RuntimeLogger | undefined
  readonly #clock: () => number
  readonly #statuses = new Map<string, CommandStatus>()
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #listeners = new Set<() => void>()

  private constructor (options: EngineOptions, commands: CommandTopic) {
    this.log = options.log
    this.registry = options.registry
    this.runtime = options.runtime
    this.functions = options.functions
    this.#commands = commands
    this.#topics = new LogTopics(options.log)
    this.#server = { ...SERVER_DEFAULTS, ...options.properties }
    this.#logger = options.logger
    this.#clock = options.clock ?? Date.now
  }

  /** Replays the command topic and starts the queries that it leaves. A command that can no longer be carried out is reported and left out. */
  static async open (options: EngineOptions): Promise<KsqlEngine> {
    const engine = new KsqlEngine(options, await CommandTopic.open(options.log, options.clock ?? Date.now))
    await engine.#replay()
    return engine
  }

  /** Server properties overlaid by a session's: by their full names and by bare ones. */
  properties (session: Properties): Record<string, string> {
    const properties: Record<string, string> = { ...this.#server }
    for (const [name, value] of Object.entries(session)) {
      properties[name] = value
      if (`ksql.streams.${name}` in properties || !name.startsWith('ksql.')) properties[`ksql.streams.${name}`] = value
    }
    return properties
  }

  /** Answers a request to /ksql. Throws EngineError; then nothing of a request that was refused on trial has been carried out. */
  async execute (request: EngineRequest): Promise<Entity[]> {
    const variables = new Map(Object.entries(request.variables ?? {}))
    const properties = sessionProperties(request.properties)
    const statements = this.parse(request.ksql, variables)
    if (statements.length > STATEMENTS_MAX) throw new EngineError(`A request takes at most ${STATEMENTS_MAX} statements, but it has ${statements.length}`)
    const session = (): Session => ({ properties: { ...properties }, variables: new Map(variables) })
    if (!statements.some(({ statement }) => isChanging(statement))) return await this.#run(statements, session(), this.#real())
    return await this.#exclusive(async () => {
      await this.#run(statements, session(), { state: this.state.copy(), topics: new TrialTopics(this.#topics), trial: true })
      return await this.#run(statements, session(), this.#real())
    })
  }

  /** Throws EngineError. */
  parse (ksql: string, variables: ReadonlyMap<string, string> = new Map()): ParsedStatement[] {
    try {
      return parseStatements(ksql, { types: name => this.state.type(name), variables })
    } catch (error) {
      throw toEngineError(error, ksql)
    }
  }

  /** Of commands since the start and those replayed: id to status. */
  statuses (): ReadonlyMap<string, CommandStatus> {
    return this.#statuses
  }

  /** Called back after each change of sources and queries. Gives what ends it. */
  onChange (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close (): Promise<void> {
    await this.#last.catch(() => undefined)
  }

  #real (): Stage {
    return { state: this.state, topics: this.#topics, trial: false }
  }

  async #exclusive<T> (work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) throw new EngineError('Too many statements are waiting: try again later', undefined, 50300)
    this.#waiting++
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      this.#waiting--
    }
  }

  async #run (statements: readonly ParsedStatement[], session: Session, stage: Stage): Promise<Entity[]> {
    const entities: Entity[] = []
    for (const parsed of statements) {
      try {
        const entity = await this.#statement(parsed, session, stage)
        if (entity !== undefined) entities.push(entity)
      } catch (error) {
        const refused = toEngineError(error, parsed.text)
        if (!stage.trial) refused.entities = entities
        throw refused
      }
    }
    return entities
  }

  async #statement (parsed: ParsedStatement, session: Session, stage: Stage): Promise<Entity | undefined> {
    const { statement, text } = parsed
    return isChanging(statement) ? await this.#change(statement, text, session, stage) : await this.#ask(statement, text, session, stage)
  }

  async #ask (statement: Statement, text: string, session: Session, stage: Stage): Promise<Entity | undefined> {
    if (changeSession(statement, session, text)) return undefined
    switch (statement.node) {
      case 'InsertValues': {
        const { source, row } = prepareInsert(statement, stage.state, this.functions)
        if (!stage.trial) await this.runtime.insert(source, row)
        return undefined
      }
      case 'Query': case 'PrintTopic':
        throw new EngineError("The following statement types should be issued to the websocket endpoint '/query':\n\t* PRINT\n\t* SELECT", text, 40002)
      case 'AssertTopic': return stage.trial ? undefined : await assertTopic(statement, this.log, text)
      case 'AssertSchema': return stage.trial ? undefined : await assertSchema(statement, this.registry, text)
      case 'ListConnectors': case 'ListConnectorPlugins': case 'CreateConnector': case 'DropConnector': case 'DescribeConnector':
        throw new EngineError('Could not connect to the server. Please check the server details are\n\tcorrect and that the server is running.', text, 50000)
      default: return this.#list(statement, text, session, stage)
    }
  }

  #list (statement: Statement, text: string, session: Session, { state }: Stage): Entity {
    const entity = list(statement, {
      state, text, log: this.log, running: id => this.runtime.query(id), functions: this.functions, properties: this.properties(session.properties),
      overrides: session.properties, variables: session.variables, transientId: source => this.transientId(source)
    })
    if (entity === undefined) throw new EngineError(`Do not know how to execute statement: ${text}`, text)
    return entity
  }

  /** As ksqlDB names a push query. */
  transientId (source: string): string {
    return `transient_${source}_${BigInt(Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)) * 1023n}`
  }

  async #change (statement: ChangingStatement, text: string, session: Session, stage: Stage): Promise<Entity> {
    const present = this.#alreadyThere(statement, text, stage)
    if (present !== undefined) return present
    const properties = this.properties(session.properties)
    const complete = await this.#complete(prepare(statement, stage.state), text, properties, stage)
    const change = interpret(complete.statement, {
      state: stage.state, functions: this.functions, properties, session: session.properties, text: complete.text, number: this.#commands.nextOffset,
      partitions: topic => stage.topics.describe(topic)?.partitions
    })
    if (complete.statement.node === 'CreateAsSelect' && change.declares !== undefined) {
      await refuseOtherSchema(complete.statement, change.declares, this.registry, complete.text)
    }
    if (complete.topic !== undefined) await stage.topics.create(complete.topic)
    if (change.deletes !== undefined) await this.#deleteTopic(change.deletes, stage)
    if (stage.trial) {
      change.apply(stage.state)
      return { '@type': 'currentStatus', statementText: complete.text }
    }
    if (change.declares !== undefined) await registerSchemas(change.declares, complete.statement, this.registry)
    const offset = await this.#commands.append(change.commandId, {
      statement: complete.text, streamsProperties: session.properties, version: 1, ...(change.queryId !== undefined && { queryId: change.queryId })
    })
    try {
      await this.#carryOut(change)
    } catch (error) {
      await this.#takeBack(change)
      throw error
    }
    return {
      '@type': 'currentStatus', statementText: isCreate(statement) ? complete.text : text, commandId: change.commandId,
      commandStatus: { status: 'SUCCESS', message: change.message, queryId: change.queryId ?? null }, commandSequenceNumber: offset, warnings: []
    }
  }

  /** IF NOT EXISTS over what exists: an answer, and nothing to do. */
  #alreadyThere (statement: ChangingStatement, text: string, { state }: Stage): Entity | undefined {
    if ((statement.node !== 'CreateSource' && statement.node !== 'CreateAsSelect') || !statement.ifNotExists) return undefined
    const existing = state.source(statement.name)
    if (existing === undefined) return undefined
    const message = `Cannot add ${statement.kind.toLowerCase()} ${backquote(statement.name)}: A ${existing.kind.toLowerCase()} with the same name already exists.`
    return { '@type': 'warning_entity', statementText: text, message, warnings: [] }
  }

  async #complete (statement: ChangingStatement, text: string, properties: Properties, stage: Stage): Promise<Complete> {
    const context = { state: stage.state, topics: stage.topics, registry: this.registry, properties }
    switch (statement.node) {
      case 'CreateSource': return await injectCreateSource(statement, context)
      case 'CreateAsSelect': return injectCreateAsSelect(statement, context)
      default: return { statement, text }
    }
  }

  async #carryOut (change: Change): Promise<void> {
    change.apply(this.state)
    for (const id of change.stop ?? []) await this.runtime.stopQuery(id, { deleteState: change.start?.id !== id })
    if (change.start !== undefined) await this.runtime.startQuery(change.start)
    for (const id of change.pause ?? []) this.runtime.pauseQuery(id)
    for (const id of change.resume ?? []) this.runtime.resumeQuery(id)
    this.#remember(change)
    for (const listener of this.#listeners) listener()
  }

  /** A query that did not start, though its command is kept: another command takes it back, so that no start has to fail on it again. */
  async #takeBack ({ start }: Change): Promise<void> {
    if (start === undefined) return
    const source = start.kind === 'INSERT' ? undefined : this.state.source(start.sinkName ?? start.plan.sourceNames[0] ?? '')
    const text = source === undefined ? `TERMINATE ${quoteIdentifier(start.id)};` : `DROP ${source.kind} ${quoteIdentifier(source.name)};`
    const [parsed] = this.parse(text)
    if (parsed === undefined || !isChanging(parsed.statement)) return
    const number = this.#commands.nextOffset
    const back = interpret(parsed.statement, { state: this.state, functions: this.functions, properties: {}, session: {}, text, number })
    await this.#commands.append(back.commandId, { statement: text, streamsProperties: {}, version: 1 })
    await this.#carryOut(back)
  }

  #remember (change: Change): void {
    this.#statuses.delete(change.commandId)
    this.#statuses.set(change.commandId, { status: 'SUCCESS', message: change.message, queryId: change.queryId ?? null })
    const [oldest] = this.#statuses.keys()
    if (this.#statuses.size > STATUSES_MAX && oldest !== undefined) this.#statuses.delete(oldest)
  }

  /** DELETE TOPIC: before the command, as ksqlDB does: a source without its topic can be dropped again. */
  async #deleteTopic (source: DataSource, { state, topics, trial }: Stage): Promise<void> {
    refuseSharedTopic(source, state)
    if (!trial) for (const query of state.writers(source.name)) await this.runtime.stopQuery(query.id, { deleteState: true })
    await topics.delete(source.topic)
    if (!trial) await deleteSubjects(source, this.registry)
  }

  /** True before the first command ever. */
  get isNew (): boolean {
    return this.#commands.nextOffset === 0
  }

  async #replay (): Promise<void> {
    const unreadable = (offset: number, reason: string): void => this.#logger?.warn(`Command at offset ${offset} is left out: ${reason}`)
    for await (const { offset, command } of this.#commands.read(unreadable)) {
      try {
        this.#replayOne(command.statement, command.streamsProperties, offset)
      } catch (error) {
        unreadable(offset, error instanceof Error ? error.message : String(error))
      }
    }
    for (const query of this.state.queries()) {
      try {
        await this.#restoreSinkTopic(query.plan.sink?.topic, query.plan.sourceNames)
        await this.runtime.startQuery(query)
        if (query.paused) this.runtime.pauseQuery(query.id)
      } catch (error) {
        this.#logger?.error(`Query ${query.id} did not start: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }

  #replayOne (text: string, session: Properties, number: number): void {
    const [parsed] = this.parse(text)
    if (parsed === undefined || !isChanging(parsed.statement)) throw new EngineError('it changes nothing')
    const change = interpret(parsed.statement, {
      state: this.state, functions: this.functions, properties: this.properties(session), session, text, number
    })
    change.apply(this.state)
    this.#remember(change)
  }

  /** A sink whose topic is gone gets an empty one, so that its query can run. */
  async #restoreSinkTopic (topic: string | undefined, sourceNames: readonly string[]): Promise<void> {
    if (topic === undefined || this.#topics.describe(topic) !== undefined) return
    const source = this.#topics.describe(this.state.source(sourceNames[0] ?? '')?.topic ?? '')
    this.#logger?.warn(`Topic ${topic} is missing: it is made again, empty`)
    await this.#topics.create({ name: topic, partitions: source?.partitions ?? 1 })
  }

  /** ms since the epoch, by the engine's clock. */
  now (): number {
    return this.#clock()
  }
}

function isCreate (statement: Statement): boolean {
  return statement.node === 'CreateSource' || statement.node === 'CreateAsSelect'
}
