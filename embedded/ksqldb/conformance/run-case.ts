// Runs one case of qtt form through a whole engine of its own: statements, records in, records out.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KsqlEngine } from '../engine/engine.js'
import { createBuiltInFunctions, systemContext } from '../plan/functions/index.js'
import { FunctionRegistry } from '../plan/function-registry.js'
import type { DataSource } from '../plan/metastore.js'
import { printSchema } from '../plan/schema.js'
import type { ProcessingError } from '../runtime/api.js'
import { Runtime } from '../runtime/runtime.js'
import { parseSchema } from '../sql/parser.js'
import { CaseLog } from './case-log.js'
import { CaseRegistry } from './case-registry.js'
import type { Case, Members } from './case.js'
import { CaseTopics, makeTopics } from './case-topics.js'

const CAUGHT_UP_MS_MAX = 10_000

/** Why a case failed; undefined where it passed. */
export type Verdict = string | undefined

class CaseRun {
  readonly case: Case
  readonly engine: KsqlEngine
  readonly runtime: Runtime
  readonly #topics: CaseTopics

  constructor (one: Case, engine: KsqlEngine, runtime: Runtime, topics: CaseTopics) {
    this.case = one
    this.engine = engine
    this.runtime = runtime
    this.#topics = topics
  }

  async verdict (): Promise<Verdict> {
    const { statements, expectedException, properties } = this.case
    for (const [i, ksql] of statements.entries()) {
      const last = i === statements.length - 1
      try {
        // The statements of a case are one text, a line each: messages count their lines.
        await this.engine.execute({ ksql: '\n'.repeat(i) + ksql, properties: sessionOf(properties) })
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        if (expectedException === undefined) return `statement ${i + 1} was refused: ${message}`
        if (`${message}\nStatement: ${ksql}`.includes(expectedException)) return undefined
        return last ? `refused with another message: ${message}\nexpected: ${expectedException}` : `statement ${i + 1} was refused: ${message}`
      }
      await this.#topics.supplyInputs()
      const failure = await this.#settle()
      if (failure !== undefined) return expectedException !== undefined && failure.includes(expectedException) ? undefined : failure
    }
    if (expectedException !== undefined) return `not refused; expected: ${expectedException}`
    return await this.#topics.compareOutputs() ?? this.#comparePost()
  }

  /** Queries run one after another: the new one reads all there is before the next statement. */
  async #settle (): Promise<string | undefined> {
    return await settle(this.engine, this.runtime)
  }

  /** What the case says of the sources that its statements leave. */
  #comparePost (): Verdict {
    const sources = (this.case.members.get('post') as Members | undefined)?.get('sources')
    for (const one of Array.isArray(sources) ? sources as Members[] : []) {
      const name = String(one.get('name'))
      const source = this.engine.state.source(name)
      if (source === undefined) return `there is no source ${name}`
      const type = one.get('type')
      if (typeof type === 'string' && type.toUpperCase() !== source.kind) return `${name} is a ${source.kind}, expected ${type}`
      const schema = one.get('schema')
      if (typeof schema === 'string' && !sameSchema(schema, source)) return `${name} has the schema ${printSchema(source.schema)}, expected ${schema}`
      for (const [member, info] of [['keyFormat', source.formats.key], ['valueFormat', source.formats.value]] as const) {
        const wanted = one.get(member)
        const format = wanted instanceof Map ? wanted.get('format') : wanted
        if (typeof format === 'string' && format !== info.format) return `${name} has the ${member} ${info.format}, expected ${format}`
      }
    }
    return undefined
  }
}

/** Waits until all queries have read all there is. Gives why one of them will not. */
export async function settle (engine: KsqlEngine, runtime: Runtime): Promise<string | undefined> {
  for (const { id } of engine.state.queries()) {
    const query = runtime.query(id)
    if (query === undefined) return `query ${id} does not run`
    if (query.status === 'PAUSED') continue
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<string>(resolve => { timer = setTimeout(() => resolve(`query ${id} did not come to an end`), CAUGHT_UP_MS_MAX) })
    const failure = await Promise.race([query.caughtUp().then(() => undefined, (error: Error) => `query ${id} failed: ${error.stack ?? error.message}`), late])
    clearTimeout(timer)
    if (failure !== undefined) return failure
  }
  return undefined
}

function sameSchema (text: string, source: DataSource): boolean {
  try {
    const plain = (columns: DataSource['schema']['key']) => columns.map(({ name, type }) => ({ name, type }))
    const elements = parseSchema(text)
    const key = elements.filter(one => one.constraint === 'KEY' || one.constraint === 'PRIMARY KEY').map(({ name, type }) => ({ name, type }))
    const value = elements.filter(one => one.constraint === 'NONE' || one.constraint === 'HEADERS').map(({ name, type }) => ({ name, type }))
    return printSchema({ key, value }) === printSchema({ key: plain(source.schema.key), value: plain(source.schema.value) })
  } catch {
    return text === printSchema(source.schema)
  }
}

/** Every update is emitted, from the beginning. */
function sessionOf (properties: Readonly<Record<string, string>>): Record<string, string> {
  const session: Record<string, string> = { 'auto.offset.reset': 'earliest', 'cache.max.bytes.buffering': '0' }
  for (const [name, value] of Object.entries(properties)) if (name.startsWith('ksql.streams.')) session[name.slice('ksql.streams.'.length)] = value
  return session
}

/** Gives why the case failed. Throws nothing: what the engine throws is a failure. */
export async function runCase (one: Case): Promise<Verdict> {
  const dataDir = mkdtempSync(join(tmpdir(), 'linklog-case-'))
  const errors: ProcessingError[] = []
  const log = new CaseLog(new Set(one.inputs.map(input => input.topic)), one.inputs.length)
  const registry = new CaseRegistry()
  let runtime: Runtime | undefined
  try {
    const server = Object.fromEntries(Object.entries(one.properties).filter(([name]) => !name.startsWith('ksql.streams.')))
    const functions = new FunctionRegistry(createBuiltInFunctions({ ...systemContext, properties: server }))
    await makeTopics(one, log, registry)
    runtime = await Runtime.open({
      dataDir, log, registry, functions, properties: { 'ksql.fail.on.production.error': 'true', ...server },
      onProcessingError: error => errors.push(error), recordsPerCommit: 1, oneStreamTime: true,
      recordOrder: (topic, partition, offset) => log.arrivalOf(topic, partition, offset)
    })
    const engine = await KsqlEngine.open({ log, registry, runtime, functions, properties: server })
    return await new CaseRun(one, engine, runtime, new CaseTopics(one, log, registry, () => engine.state.sources(), errors)).verdict()
  } catch (error) {
    return `failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`
  } finally {
    await runtime?.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
