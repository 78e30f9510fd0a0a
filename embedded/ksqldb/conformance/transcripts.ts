// Replays recorded requests of a real ksqlDB against an embedded stack and compares the answers, all but what differs from run to run.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Broker } from '../../broker/broker.js'
import { Registry } from '../../registry/index.js'
import { KsqlServer } from '../index.js'

interface Exchange {
  readonly group: string
  readonly request: { readonly method: string, readonly path: string, readonly headers?: Readonly<Record<string, string>>, readonly body: unknown }
  readonly response: { readonly status: number, readonly contentType: string | null, readonly body: string }
}

interface Answer { readonly status: number, readonly contentType: string | null, readonly body: string }

export interface TranscriptResult {
  readonly group: string
  readonly name: string
  readonly passed: boolean
  /** Where it failed: what was wanted and what came, after volatile parts were taken out. */
  readonly wanted?: unknown
  readonly got?: unknown
}

/** Requests that only work once others have been made: the recording's order within a group stays. */
const GROUP_ORDER = ['meta', 'statements', 'inserts', 'pull', 'forms', 'query errors', 'push', 'functions', 'errors']
const RETRY_MS_MAX = 3000
const RETRY_DELAY_MS = 50
const REQUEST_TIMEOUT_MS = 5000

/** Replays a file of recorded exchanges, one JSON object a line, on a fresh stack in a temporary folder. */
export async function replayTranscripts (file: string, onResult: (result: TranscriptResult) => void = () => {}): Promise<TranscriptResult[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter(line => line !== '')
  const exchanges = lines.map(line => JSON.parse(line) as Exchange)
  const place = ({ group }: Exchange): number => (GROUP_ORDER.indexOf(group) + GROUP_ORDER.length + 1) % (GROUP_ORDER.length + 1)
  const dataDir = await mkdtemp(join(tmpdir(), 'transcripts-'))
  const broker = await Broker.open({ dataDir: join(dataDir, 'kafka'), host: '127.0.0.1', port: 0 })
  const registry = await Registry.open({ log: broker })
  const server = await KsqlServer.open({
    dataDir: join(dataDir, 'ksqldb'), log: broker, registry, host: '127.0.0.1', port: 0, properties: { 'ksql.service.id': 'rig_' }
  })
  try {
    const results: TranscriptResult[] = []
    for (const exchange of [...exchanges].sort((a, b) => place(a) - place(b))) {
      const result = await replay(exchange, `http://127.0.0.1:${server.address.port}`)
      onResult(result)
      results.push(result)
    }
    return results
  } finally {
    await server.close()
    await registry.close()
    await broker.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function replay (exchange: Exchange, url: string): Promise<TranscriptResult> {
  const name = nameOf(exchange)
  const wanted = comparable(exchange.response, exchange)
  const end = performance.now() + RETRY_MS_MAX
  // What a query reads may still be on its way: such requests are asked again, all others once.
  const isQuery = ['pull', 'forms', 'push'].includes(exchange.group)
  for (;;) {
    const got = comparable(await ask(exchange, url), exchange)
    if (isDeepStrictEqual(got, wanted)) return { group: exchange.group, name, passed: true }
    if (!isQuery || performance.now() > end) return { group: exchange.group, name, passed: false, wanted, got }
    await new Promise(resolve => setTimeout(resolve, RETRY_DELAY_MS))
  }
}

function nameOf ({ request }: Exchange): string {
  const body = bodyOf(request.body)
  const sql = typeof body === 'object' && body !== null ? (body as { ksql?: unknown, sql?: unknown }).ksql ?? (body as { sql?: unknown }).sql : undefined
  return `${request.method} ${request.path} ${typeof sql === 'string' ? sql : typeof request.body === 'string' ? request.body : ''}`.trim()
}

function bodyOf (body: unknown): unknown {
  if (typeof body !== 'string') return body
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}

async function ask ({ request }: Exchange, url: string): Promise<Answer> {
  const body = request.body === null || request.body === undefined ? undefined : typeof request.body === 'string' ? request.body : JSON.stringify(request.body)
  try {
    const response = await fetch(url + request.path, {
      method: request.method,
      headers: request.headers ?? {},
      redirect: 'manual',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body !== undefined && { body })
    })
    return { status: response.status, contentType: response.headers.get('content-type'), body: await bodyText(response) }
  } catch (error) {
    return { status: 0, contentType: null, body: error instanceof Error ? error.message : String(error) }
  }
}

/** What came until the end; of a push query that never ends, until the time-out. */
async function bodyText (response: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array, { stream: true })
  } catch {
    // The time-out: what came so far is the answer.
  }
  return text
}

// ---- what is compared

function comparable (answer: Answer, { request, group }: Exchange): unknown {
  const isRows = answer.contentType?.includes('delimited') === true
  const body = isRows ? sortedRows(answer.body.split('\n').map(line => bodyOf(line))) : bodyOf(answer.body)
  const rows = !isRows && ['pull', 'forms'].includes(group) && Array.isArray(body) ? sortedRows(body) : body
  return { status: answer.status, contentType: answer.contentType, body: stable(rows, request.path.startsWith('/is_valid') ? '' : 'body', group) }
}

/** The header stays first; rows have no order that one could rely on. */
function sortedRows (rows: readonly unknown[]): unknown[] {
  const [header, ...rest] = rows
  return [header, ...rest.map(row => JSON.stringify(sortedMembers(row))).sort()]
}

/** Entries of a MAP have no order either. */
function sortedMembers (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedMembers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([name, member]) => [name, sortedMembers(member)]))
}

/** Differs from run to run, or is said to be out of the comparison: texts of plans, statistics and execution details. */
const VOLATILE = new Set(['queryId', 'commandId', 'commandSequenceNumber', 'kafkaClusterId', 'kafka-cluster', 'id', 'topology', 'executionPlan', 'statistics',
  'clusterStatistics', 'clusterErrorStats', 'errorStats', 'tasksMetadata', 'queryOffsetSummaries', 'consumerCount', 'consumerGroupCount', 'consumerGroupId',
  'ksqlHostQueryStatus', 'queryErrors', 'timestampMs'])
/** Lists without an order, which on the recorded server name things that a fresh one does not have. */
const LISTINGS = new Set(['streams', 'tables', 'topics', 'queries', 'sourceDescriptions', 'queryDescriptions', 'properties', 'readQueries', 'writeQueries',
  'sourceConstraints', 'sinks', 'sources', 'functions', 'defaultProperties', 'overwrittenProperties'])
const OWN = /^(?:REC_|rec-|rec_)/

function stable (value: unknown, key: string, group: string): unknown {
  if (VOLATILE.has(key)) return typeof value
  if (typeof value === 'string') return stableText(value)
  if (Array.isArray(value)) return stableList(value, key, group)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([name]) => name !== 'description' || !('arguments' in value || 'functions' in value || 'isVariadic' in value))
  if (key === 'commandStatuses') return 'object'
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1).map(([name, member]) => [name, stable(member, name, group)]))
}

function stableList (list: readonly unknown[], key: string, group: string): unknown {
  const items = list.map(item => stable(item, '', group))
  if (!LISTINGS.has(key)) return items
  // Recorded before the sources of this recording were made.
  if (group === 'errors') return 'list'
  if (key === 'properties') return items.map(item => (item as { name?: unknown }).name).sort()
  const own = key === 'functions' ? items : items.filter(isOwn)
  return own.map(item => JSON.stringify(item)).sort()
}

function isOwn (item: unknown): boolean {
  if (typeof item === 'string') return OWN.test(item) || item.startsWith('ksql.') || item.includes('.')
  const { name, queryString, statementText } = item as { name?: unknown, queryString?: unknown, statementText?: unknown }
  if (typeof name === 'string') return OWN.test(name)
  const text = typeof queryString === 'string' ? queryString : typeof statementText === 'string' ? statementText : ''
  return / REC_/.test(text)
}

/** Ids of queries hold the number of their command, or a random one. */
function stableText (text: string): string {
  return text.replace(/\b((?:CTAS|CSAS|CST)_\w+?|INSERTQUERY)_\d+\b/g, '$1_#').replace(/\btransient_(\w+?)_\d+\b/g, 'transient_$1_#').replace(/\bquery_\d+\b/g, 'query_#')
}
