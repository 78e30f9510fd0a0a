// The service as its users start it: the built server in a process group of its own, on the embedded stack or on the one that the environment names.
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { until } from './until.js'

export const root = fileURLToPath(new URL('../../', import.meta.url))

const addressNames = ['KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'KSQLDB_URL'] as const

/** Whether the tests run on a stack that was started elsewhere: the three address variables are set. */
export const onCluster = addressNames.every((name) => (process.env[name] ?? '') !== '')

/** A reason to skip, or false: without a build there is nothing to start. */
export const skipWithoutBuild: string | false = existsSync(join(root, 'dist/gateway/server.js')) ? false : 'dist/ is missing: npm run build'

/** A prefix for topics, subjects and ksqlDB names that no other run has; none on the embedded stack, which nobody shares. */
export const newPrefix = (): string => onCluster ? `e2e-${randomBytes(5).toString('hex')}` : ''

export interface Answer<Body = any> {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The JSON of the answer; undefined where it has none. */
  readonly body: Body
}

export interface GatewayOptions {
  readonly dataDir: string
  readonly prefix?: string
  readonly env?: Readonly<Record<string, string>>
  readonly startTimeoutMs?: number
  /** Arguments of the server. */
  readonly args?: readonly string[]
  /** Folder of the package whose built server is started; this one unless told. */
  readonly root?: string
}

/** Everything that the tests set themselves, or that tap put there for its own processes. */
const isForeign = (name: string) => /^(_?TAP|NODE_OPTIONS$|NODE_V8_COVERAGE$|npm_)/.test(name)

function environment ({ dataDir, prefix = '', env = {} }: GatewayOptions): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([name, value]) => value !== undefined && !isForeign(name)) as Array<[string, string]>
  return {
    ...Object.fromEntries(inherited),
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: dataDir,
    EMBEDDED_KAFKA_PORT: '0',
    EMBEDDED_REGISTRY_PORT: '0',
    EMBEDDED_KSQLDB_PORT: '0',
    ...(prefix !== '' && { TOPIC_PREFIX: prefix }),
    ...env
  }
}

/** A running service. What it was told to print is kept for the message of a failure. */
export class GatewayProcess {
  readonly url: string
  /** From the start of the process to its ready line. */
  readonly readyMs: number
  readonly kafkaBrokers: readonly string[]
  readonly registryUrl: string
  readonly ksqldbUrl: string
  readonly #child: ChildProcess
  readonly #exit: Promise<number | null>
  readonly #guard: ChildProcess
  readonly #pool: Pool
  readonly output: () => string

  private constructor ({ child, guard, exit, output }: Started, readyMs: number) {
    const addresses = addressesIn(output())
    this.url = addresses.url
    this.kafkaBrokers = addresses.kafkaBrokers
    this.registryUrl = addresses.registryUrl
    this.ksqldbUrl = addresses.ksqldbUrl
    this.readyMs = readyMs
    this.output = output
    this.#child = child
    this.#exit = exit
    this.#guard = guard
    this.#pool = new Pool(this.url, { connections: 64, pipelining: 1, headersTimeout: 60_000, bodyTimeout: 60_000 })
  }

  /**
   * Starts the service and waits for its ready line.
   * @throws Error with all that it printed when it ends, or is not ready in time
   */
  static async start (options: GatewayOptions): Promise<GatewayProcess> {
    const startedMs = performance.now()
    const started = startServer(options)
    let ended = false
    started.exit.then(() => { ended = true }, () => { ended = true })
    try {
      const line = await until('the ready line', async () => {
        if (ended) return 'ended'
        return /^.*Linklog is ready.*$/m.exec(started.output())?.[0]
      }, options.startTimeoutMs ?? 60_000)
      if (line === 'ended') throw new Error('The service ended before it was ready.')
      return new GatewayProcess(started, performance.now() - startedMs)
    } catch (error) {
      killStarted(started)
      throw new Error(`The service did not start. It printed:\n${started.output()}`, { cause: error })
    }
  }

  /** Starts the service and ends it, and all that it has started, with SIGKILL as soon as `when` is so: ready or not. */
  static async killedWhen (what: string, when: () => Promise<boolean>, options: GatewayOptions): Promise<void> {
    const started = startServer(options)
    try {
      await until(what, when, options.startTimeoutMs ?? 60_000)
    } finally {
      killStarted(started)
      await started.exit
    }
  }

  /** One request over a kept connection; redirects are not followed. */
  async call (method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE' | 'OPTIONS', path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const isText = typeof body === 'string' || Buffer.isBuffer(body)
    const response = await this.#pool.request({
      method,
      path,
      headers: { ...(body !== undefined && { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }), ...headers },
      ...(body !== undefined && { body: isText ? body : JSON.stringify(body) })
    })
    const text = await response.body.text()
    const isJson = /[/+]json/.test(String(response.headers['content-type'])) && text !== ''
    return { status: response.statusCode, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
  }

  /** SIGKILL to the whole group, as a power cut would; resolves when nothing of it answers any more. */
  async kill (): Promise<void> {
    killGroup(this.#child, 'SIGKILL')
    await this.#ended()
    if (!onCluster) await this.brokerGone()
  }

  /** SIGKILL to the gateway's own process, and to nothing that it has started. */
  async killGatewayAlone (): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended()
  }

  /** SIGKILL to what the gateway has started: the embedded stack. */
  killChildren (): void {
    for (const { pid } of this.children()) process.kill(pid, 'SIGKILL')
  }

  /** What it has started, with the command lines. */
  children (): Array<{ pid: number, command: string }> {
    const { stdout } = spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(this.#child.pid)], { encoding: 'utf8' })
    return [...stdout.matchAll(/^\s*(\d+) (.*)$/gm)].map(([, pid, command]) => ({ pid: Number(pid), command: command ?? '' }))
  }

  /** Resolves when nothing listens where the embedded broker did. */
  async brokerGone (): Promise<void> {
    const [host = '', port = ''] = (this.kafkaBrokers[0] ?? '').split(':')
    await until('the embedded broker gone', async () => !await answers(host, Number(port)))
  }

  /** SIGTERM to the service alone; gives its exit status. */
  async stop (): Promise<number | null> {
    this.#child.kill('SIGTERM')
    return await this.#ended()
  }

  /** For teardown: ends it however it stands, and never fails. */
  async end (): Promise<void> {
    killGroup(this.#child, 'SIGKILL')
    await this.#ended().catch(() => {})
  }

  async #ended (): Promise<number | null> {
    const status = await this.#exit
    this.#guard.kill('SIGKILL')
    await this.#pool.destroy()
    return status
  }
}

interface Started { child: ChildProcess, guard: ChildProcess, exit: Promise<number | null>, output: () => string }

function startServer (options: GatewayOptions): Started {
  // Through `env`, because tap adds its loaders to every Node process that it sees started: they would cost 0.5 s and more of each start.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, join(options.root ?? root, 'dist/gateway/server.js'), ...options.args ?? []], {
    cwd: options.root ?? root, env: environment(options), detached: true, stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  const exit = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve))
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => { output = (output + text).slice(-100_000) })
  }
  // A test that runs into its time-out is killed and cannot clean up. This ends with our end of its pipe, and takes the group along.
  const guard = spawn('sh', ['-c', 'cat; kill -9 -"$0"', String(child.pid)], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  guard.unref()
  return { child, guard, exit, output: () => output }
}

function killStarted ({ child, guard }: Started): void {
  killGroup(child, 'SIGKILL')
  guard.kill('SIGKILL')
}

function killGroup (child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function answers (host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => { socket.destroy(); resolve(true) }).once('error', () => resolve(false))
  })
}

/** The addresses as the ready message names them; on a cluster they are those of the environment. */
function addressesIn (output: string): { url: string, kafkaBrokers: string[], registryUrl: string, ksqldbUrl: string } {
  const find = (what: string, pattern: RegExp) => {
    const found = pattern.exec(output)?.[1]
    if (found === undefined) throw new Error(`The ready message has no address of ${what}: ${output}`)
    return found
  }
  return {
    url: find('the service', /Linklog is ready: (https?:\/\/[^\s,;)]+?)\/?(?=[\s,;)]|$)/m),
    kafkaBrokers: (process.env.KAFKA_BROKERS || find('Kafka', /kafka(?:\s+brokers?)?[\s:=]+(\S+:\d+)/i)).split(','),
    registryUrl: process.env.SCHEMA_REGISTRY_URL || find('the registry', /registry[\s:=]+(https?:\/\/\S+:\d+)/i),
    ksqldbUrl: process.env.KSQLDB_URL || find('ksqlDB', /ksqldb[\s:=]+(https?:\/\/\S+:\d+)/i)
  }
}
