// Runs the command line as a process of its own against a service whose answers the test decides.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

// tap's loader for TypeScript, without those that watch coverage and mocks: they double the time of each start.
const loaders = process.execArgv.filter((argument) => /typescript/.test(argument))
const cli = fileURLToPath(new URL('../../gateway/cli/index.ts', import.meta.url))

export interface Finished { status: number | null, stdout: string, stderr: string }

export interface RunOptions {
  cwd: string
  stdin?: string
  keepStdinOpen?: boolean
  onStart?: (kill: (signal: NodeJS.Signals) => void) => void
}

/** Runs `linklog …args` with the test's own TypeScript loader. */
export async function linklog (args: readonly string[], { cwd, stdin = '', keepStdinOpen = false, onStart }: RunOptions): Promise<Finished> {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...loaders, cli, ...args], { cwd, stdio: 'pipe' })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  child.stdin.on('error', () => {})
  child.stdin.write(stdin)
  if (!keepStdinOpen) child.stdin.end()
  onStart?.((signal) => child.kill(signal))
  const status = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  return { status, stdout, stderr }
}

export interface Asked { method: string, path: string, headers: IncomingHttpHeaders, text: string }

export interface FakeService {
  readonly url: string
  readonly asked: readonly Asked[]
  /** The most requests that were in hand at once. */
  readonly inHandMax: () => number
  close: () => Promise<void>
}

/** A service whose every answer comes from `answer`; it keeps what it was asked. */
export async function fakeService (answer: (asked: Asked, response: ServerResponse, count: number) => void): Promise<FakeService> {
  const asked: Asked[] = []
  const sockets = new Set<Socket>()
  let inHand = 0
  let inHandMax = 0
  const server = createServer((request, response) => {
    inHandMax = Math.max(inHandMax, ++inHand)
    response.once('close', () => { inHand-- })
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const one = {
        method: request.method ?? '', path: request.url ?? '', headers: request.headers,
        text: Buffer.concat(chunks).toString()
      }
      asked.push(one)
      answer(one, response, asked.length)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    inHandMax: () => inHandMax,
    close: async () => {
      const closed = new Promise<void>((resolve) => { server.close(() => resolve()) })
      for (const socket of sockets) socket.destroy()
      await closed
    }
  }
}

/** An answer with a JSON body. */
export function json (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json', ...headers }).end(JSON.stringify(body))
}

export type Line = Readonly<Record<string, unknown>>

/** The lines of a bulk request. */
export const linesOf = ({ text }: Asked): Line[] => text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Line)

/** A bulk answer: an outcome for each line, with its number. */
export function outcomes (response: ServerResponse, told: readonly object[]): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(told.map((one, index) => `${JSON.stringify({ line: index + 1, ...one })}\n`).join(''))
}

export const created = { status: 201, outcome: 'created' }

export interface LinkStore {
  readonly answer: (asked: Asked, response: ServerResponse) => void
  /** All that were ever asked for. */
  readonly lines: Line[]
  readonly urls: Map<string, unknown>
}

/**
 * What the service makes of a line, as far as an import can see: created for a new link (again, and marked, for its key), existing for a URL that
 * stands, refused for a slug of another URL and for a URL that is none.
 */
export function linkStore (): LinkStore {
  const urls = new Map<string, unknown>()
  const lines: Line[] = []
  const keys = new Set<string>()
  const tell = (line: Line): object => {
    lines.push(line)
    const { url, slug, op, link, idempotencyKey } = line
    const replayed = typeof idempotencyKey === 'string' && keys.has(idempotencyKey)
    if (op !== undefined) {
      if (!urls.has(String(link))) return { status: 404, outcome: 'rejected', code: 'link_not_found', detail: `There is no link ${String(link)}` }
      if (typeof idempotencyKey === 'string') keys.add(idempotencyKey)
      return { status: 200, outcome: 'changed', ...(replayed && { replayed }) }
    }
    if (typeof url !== 'string' || !/^https?:\/\//.test(url)) {
      const detail = 'must begin with http:// or https://'
      return { status: 422, outcome: 'rejected', code: 'validation_failed', detail, errors: [{ pointer: '/url', detail }] }
    }
    const name = typeof slug === 'string' ? slug : `derived:${url}`
    const stands = urls.has(name)
    if (!stands) urls.set(name, url)
    if (typeof idempotencyKey === 'string') keys.add(idempotencyKey)
    if (!stands) return created
    if (replayed) return { ...created, replayed }
    if (slug === undefined) return { status: 200, outcome: 'existing' }
    return { status: 409, outcome: 'rejected', code: 'slug_taken', detail: `"${name}" is taken` }
  }
  return { answer: (asked, response) => outcomes(response, linesOf(asked).map(tell)), lines, urls }
}
