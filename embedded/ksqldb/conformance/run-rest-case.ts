// Runs one case of rqtt form over HTTP: statements and queries in, their answers compared.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KsqlEngine } from '../engine/engine.js'
import { SERVER_DEFAULTS } from '../engine/properties.js'
import { createBuiltInFunctions, systemContext } from '../plan/functions/index.js'
import { FunctionRegistry } from '../plan/function-registry.js'
import { RestServer } from '../rest/server.js'
import { Runtime } from '../runtime/runtime.js'
import { parseJson, writeJson } from '../runtime/serde/json-text.js'
import type { JsonValue } from '../runtime/serde/json-text.js'
import { CaseLog } from './case-log.js'
import { CaseRegistry } from './case-registry.js'
import type { Case, Members } from './case.js'
import { CaseTopics, makeTopics } from './case-topics.js'
import { difference } from './compare.js'
import { settle } from './run-case.js'
import type { Verdict } from './run-case.js'

const REQUEST_MS_MAX = 8000
const ROWS_TYPE = 'application/vnd.ksql.v1+json'
const PREFIX = '|starts_with'

interface Answer { readonly status: number, readonly body: JsonValue }

class RestRun {
  readonly #case: Case
  readonly #engine: KsqlEngine
  readonly #runtime: Runtime
  readonly #topics: CaseTopics
  readonly #url: string

  constructor (one: Case, engine: KsqlEngine, runtime: Runtime, topics: CaseTopics, url: string) {
    this.#case = one
    this.#engine = engine
    this.#runtime = runtime
    this.#topics = topics
    this.#url = url
  }

  async verdict (): Promise<Verdict> {
    const { statements, members } = this.#case
    const error = members.get('expectedError') as Members | undefined
    for (const [i, statement] of statements.entries()) {
      const last = i === statements.length - 1
      const failure = await this.#statement(statement, i, last ? error : undefined)
      if (failure !== undefined) return `statement ${i + 1}: ${failure}`
    }
    return await this.#topics.compareOutputs()
  }

  async #statement (statement: string, i: number, error: Members | undefined): Promise<Verdict> {
    const isQuery = /^\s*(SELECT|PRINT)\b/i.test(statement)
    const responses = this.#case.members.get('responses')
    const expected = Array.isArray(responses) ? responses[i] as Members | undefined : undefined
    const waits = isQuery && this.#case.members.has('inputConditions')
    if (isQuery && !waits) await this.#supply()
    const answering = isQuery ? this.#post('/query', statement, ROWS_TYPE) : this.#post('/ksql', statement, ROWS_TYPE)
    if (waits) {
      // The query must be there before the first record is.
      await new Promise(resolve => { setTimeout(resolve, 30) })
      await this.#supply()
    }
    const answer = await answering
    if (error !== undefined) return sameError(error, answer)
    if (answer.status !== 200) return `refused: ${answer.status} ${writeJson(answer.body).slice(0, 500)}`
    if (!isQuery && !this.#case.members.has('inputConditions')) await this.#supply()
    if (expected === undefined) return undefined
    const admin = expected.get('admin')
    if (admin !== undefined) return subset(admin, Array.isArray(answer.body) ? answer.body.at(-1) : answer.body, '$')
    const rows = expected.get('query')
    return Array.isArray(rows) ? sameRows(rows, Array.isArray(answer.body) ? answer.body : []) : 'only rows as JSON can be compared'
  }

  async #supply (): Promise<void> {
    await this.#topics.supplyInputs()
    const failure = await settle(this.#engine, this.#runtime)
    if (failure !== undefined) throw new Error(failure)
  }

  async #post (path: string, ksql: string, accept: string): Promise<Answer> {
    const properties = Object.fromEntries(Object.entries(this.#case.properties).filter(([name]) => !name.startsWith('ksql.') || name.startsWith('ksql.query.')))
    const streamsProperties = { 'auto.offset.reset': 'earliest', 'cache.max.bytes.buffering': '0', ...properties }
    const response = await fetch(this.#url + path, {
      method: 'POST', body: JSON.stringify({ ksql, streamsProperties }), headers: { accept, 'content-type': 'application/json', connection: 'close' },
      signal: AbortSignal.timeout(REQUEST_MS_MAX)
    })
    return { status: response.status, body: parseJson(await response.text()) ?? null }
  }
}

function sameError (error: Members, { status, body }: Answer): Verdict {
  const entity = body instanceof Map ? body : new Map<string, JsonValue>()
  const message = String(entity.get('message') ?? '')
  const wanted = error.get('message')
  if (status !== Number(error.get('status') ?? 400)) return `answered ${status}, expected ${writeJson(error.get('status') ?? null)}: ${message || writeJson(body).slice(0, 300)}`
  const text = typeof wanted === 'string' ? wanted : ''
  return message.includes(text) ? undefined : `refused with another message: ${message}\nexpected: ${text}`
}

/** What is expected of an entity may leave members out. A name that ends in |starts_with compares a prefix. */
function subset (expected: JsonValue, actual: JsonValue | undefined, path: string): Verdict {
  if (expected instanceof Map) {
    if (!(actual instanceof Map)) return `${path}: expected an object, got ${writeJson(actual ?? null).slice(0, 300)}`
    for (const [name, member] of expected) {
      const failure = name.endsWith(PREFIX)
        ? startsWith(member, actual.get(name.slice(0, -PREFIX.length)), `${path}.${name}`)
        : subset(member, actual.get(name), `${path}.${name}`)
      if (failure !== undefined) return failure
    }
    return undefined
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length < expected.length) return `${path}: expected ${writeJson(expected)}, got ${writeJson(actual ?? null).slice(0, 300)}`
    return expected.map((one, i) => subset(one, actual[i], `${path}[${i}]`)).find(failure => failure !== undefined)
  }
  return difference(expected, actual, undefined, path)
}

function startsWith (prefix: JsonValue, actual: JsonValue | undefined, path: string): Verdict {
  return typeof actual === 'string' && actual.startsWith(String(prefix)) ? undefined : `${path}: expected ${String(prefix)}…, got ${writeJson(actual ?? null)}`
}

function sameRow (expected: JsonValue, actual: JsonValue): Verdict {
  if (expected instanceof Map && expected.has('header')) return subset(expected, actual, '$')
  return difference(expected, actual, undefined)
}

/** In any order. */
function sameRows (expected: readonly JsonValue[], actual: readonly JsonValue[]): Verdict {
  const left = [...actual]
  for (const row of expected) {
    const at = left.findIndex(one => sameRow(row, one) === undefined)
    if (at < 0) return `no row ${writeJson(row).slice(0, 400)} in ${writeJson(left).slice(0, 600)}`
    left.splice(at, 1)
  }
  return left.length === 0 ? undefined : `more rows than expected: ${writeJson(left).slice(0, 400)}`
}

/** Gives why the case failed; what the engine throws is a failure. */
export async function runRestCase (one: Case): Promise<Verdict> {
  const dataDir = mkdtempSync(join(tmpdir(), 'linklog-case-'))
  const log = new CaseLog(new Set(), one.inputs.length, true)
  const registry = new CaseRegistry()
  let runtime: Runtime | undefined
  let rest: RestServer | undefined
  try {
    // The servers on which the cases were recorded had scalable push queries on.
    const own = Object.fromEntries(Object.entries(one.properties).filter(([name]) => name.startsWith('ksql.') && !name.startsWith('ksql.streams.')))
    const server = { 'ksql.query.push.v2.enabled': 'true', ...own }
    const functions = new FunctionRegistry(createBuiltInFunctions({ ...systemContext, properties: { ...SERVER_DEFAULTS, ...server } }))
    await makeTopics(one, log, registry)
    runtime = await Runtime.open({
      dataDir, log, registry, functions, recordsPerCommit: 1, oneStreamTime: true,
      recordOrder: (topic, partition, offset) => log.arrivalOf(topic, partition, offset)
    })
    const engine = await KsqlEngine.open({ log, registry, runtime, functions, properties: server })
    rest = await RestServer.listen({ engine, host: '127.0.0.1', port: 0, serviceId: 'default_', clusterId: 'embedded' })
    const { host, port } = rest.address
    const topics = new CaseTopics(one, log, registry, () => engine.state.sources(), [])
    return await new RestRun(one, engine, runtime, topics, `http://${host}:${port}`).verdict()
  } catch (error) {
    return `failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`
  } finally {
    await rest?.close()
    await runtime?.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
