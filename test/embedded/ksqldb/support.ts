// A whole ksqlDB over a log in memory: what the tests of engine and REST server stand on.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KsqlServer } from '../../../embedded/ksqldb/index.js'
import { Registry } from '../../../embedded/registry/index.js'
import type { Log } from '../../../embedded/log.js'
import { MemoryLog } from '../../helpers/memory-log.js'

export interface Stack {
  readonly server: KsqlServer
  readonly log: Log
  readonly registry: Registry
  readonly url: string
  readonly dataDir: string
  close (): Promise<void>
  /** Closes it and removes its folder. The order matters: a test's own folder would be removed before the state stores in it are closed. */
  destroy (): Promise<void>
}

/** Opens it in a folder of its own; with `from`, once more over the log and folder of one that was closed. */
export async function openStack (from?: Stack, properties: Readonly<Record<string, string>> = {}): Promise<Stack> {
  const dataDir = from?.dataDir ?? mkdtempSync(join(tmpdir(), 'ksqldb-test-'))
  const log = from?.log ?? new MemoryLog()
  const registry = from?.registry ?? await Registry.open({ log })
  const server = await KsqlServer.open({ dataDir, log, registry, host: '127.0.0.1', port: 0, properties })
  const destroy = async (): Promise<void> => {
    await server.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { server, log, registry, dataDir, url: `http://127.0.0.1:${server.address.port}`, close: () => server.close(), destroy }
}

export interface Answer { readonly status: number, readonly contentType: string | null, readonly body: any }

export async function post (stack: Stack, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(stack.url + path, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  const text = await response.text()
  let parsed: unknown = text
  try {
    parsed = JSON.parse(text)
  } catch {
    // Not every answer is JSON as a whole.
  }
  return { status: response.status, contentType: response.headers.get('content-type'), body: parsed }
}

/** A statement through /ksql, offsets from the beginning. */
export async function ksql (stack: Stack, statements: string, properties: object = { 'ksql.streams.auto.offset.reset': 'earliest' }): Promise<Answer> {
  return await post(stack, '/ksql', { ksql: statements, streamsProperties: properties })
}

/** The rows of a query that ends. */
export async function rows (stack: Stack, sql: string, properties: object = { 'auto.offset.reset': 'earliest' }): Promise<unknown[]> {
  const { body } = await post(stack, '/query-stream', { sql, properties }, { accept: 'application/json' })
  if (!Array.isArray(body)) throw new Error(JSON.stringify(body))
  return body.slice(1)
}

/** Resolves once all queries have taken in what is in their topics. */
export async function caughtUp (stack: Stack): Promise<void> {
  for (const { id } of stack.server.engine.state.queries()) await stack.server.engine.runtime.query(id)?.caughtUp()
}
