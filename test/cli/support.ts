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

export interface Asked { method: string, path: string, headers: IncomingHttpHeaders, body: Record<string, unknown> }

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
        body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
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

/**
 * Answers as the service does as far as an import can see: 201 for a new link (again, and marked, for its Idempotency-Key), 200 for a URL that stands,
 * 409 for a slug of another URL, 422 for no URL.
 */
export function linkStore (): (asked: Asked, response: ServerResponse) => void {
  const urlBySlug = new Map<string, unknown>()
  return ({ body, headers }, response) => {
    const { url, slug } = body
    if (typeof url !== 'string' || !/^https?:\/\//.test(url)) {
      json(response, 422, { title: 'Invalid', detail: 'The body is not valid.', code: 'LINK_INVALID', errors: [{ pointer: '/url', detail: 'is not an http or https URL' }] })
      return
    }
    const name = typeof slug === 'string' ? slug : `derived:${url}`
    const stands = urlBySlug.get(name)
    urlBySlug.set(name, stands ?? url)
    if (stands === undefined) json(response, 201, { slug: name })
    else if (stands === url && headers['idempotency-key'] !== undefined) json(response, 201, { slug: name }, { 'idempotent-replayed': 'true' })
    else if (stands === url) json(response, 200, { slug: name })
    else json(response, 409, { title: 'Conflict', detail: `The slug ${name} is taken.`, code: 'SLUG_TAKEN' })
  }
}
