// The embedded stack as a child process of this one: started by path, never imported; started again where it dies, on the same ports; gone when we go.
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Config, StackAddresses } from './config.js'

interface ReadyMessage { readonly type: 'ready', readonly kafkaBrokers: string, readonly schemaRegistryUrl: string, readonly ksqldbUrl: string }

const isReady = (message: unknown): message is ReadyMessage => (message as { type?: unknown } | null)?.type === 'ready'

// beside this file, with this file's own ending: built, or from source under a loader
const entry = fileURLToPath(new URL(`../embedded/cli${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))

const restartMsMax = 5_000
/** A child that lived so long was well: its next death is the first again. */
const wellAfterMs = 30_000
/** Starts in a row that ended before the stack was ready: then it is lost. One that was ready is started again for ever, since redirects go on without it. */
const failedStartsMax = 8

const portOf = (url: string): string => new URL(url.includes('://') ? url : `tcp://${url}`).port

export interface EmbeddedStackOptions {
  readonly config: Config
  readonly log: (message: string) => void
  /** Told where the stack cannot be kept alive. */
  readonly onLost: (error: Error) => void
}

export class EmbeddedStack {
  readonly #options: EmbeddedStackOptions
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined
  #stopping = false
  #deaths = 0
  #failedStarts = 0
  #timer: NodeJS.Timeout | undefined

  constructor (options: EmbeddedStackOptions) {
    this.#options = options
    const { dataDir, embedded } = options.config
    this.#env = {
      ...process.env,
      DATA_DIR: dataDir,
      EMBEDDED_HOST: embedded.host,
      EMBEDDED_KAFKA_PORT: String(embedded.kafkaPort),
      EMBEDDED_REGISTRY_PORT: String(embedded.registryPort),
      EMBEDDED_KSQLDB_PORT: String(embedded.ksqldbPort)
    }
  }

  /** Starts it and gives its addresses. @throws Error where it ends before it is ready. */
  async start (): Promise<StackAddresses> {
    const ready = await this.#launch()
    // wherever it chose its ports, it keeps them: clients hold on to addresses
    this.#env['EMBEDDED_KAFKA_PORT'] = portOf(ready.kafkaBrokers)
    this.#env['EMBEDDED_REGISTRY_PORT'] = portOf(ready.schemaRegistryUrl)
    this.#env['EMBEDDED_KSQLDB_PORT'] = portOf(ready.ksqldbUrl)
    return { kafkaBrokers: ready.kafkaBrokers.split(','), schemaRegistryUrl: ready.schemaRegistryUrl, ksqldbUrl: ready.ksqldbUrl }
  }

  async #launch (): Promise<ReadyMessage> {
    const startedAt = performance.now()
    const child = fork(entry, [], { env: this.#env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child = child
    return await new Promise<ReadyMessage>((resolve, reject) => {
      let ready = false
      child.once('error', reject)
      child.on('message', message => {
        if (!isReady(message)) return
        ready = true
        this.#failedStarts = 0
        resolve(message)
      })
      child.once('exit', (code, signal) => {
        if (ready) this.#died(startedAt, `${signal ?? `status ${code ?? '?'}`}`)
        else reject(new Error(`the embedded stack ended before it was ready (${signal ?? `status ${code ?? '?'}`})`))
      })
    })
  }

  #died (startedAt: number, how: string): void {
    this.#child = undefined
    if (this.#stopping) return
    this.#deaths = performance.now() - startedAt > wellAfterMs ? 1 : this.#deaths + 1
    this.#again(`the embedded stack ended (${how})`)
  }

  #again (what: string): void {
    if (this.#failedStarts > failedStartsMax) {
      this.#options.onLost(new Error(`${what}, ${this.#failedStarts} times in a row`))
      return
    }
    const delay = Math.min(100 * 2 ** (this.#deaths - 1), restartMsMax)
    this.#options.log(`${what}; it is started again in ${delay} ms`)
    this.#timer = setTimeout(() => {
      this.#launch().then(
        () => this.#options.log('the embedded stack is back'),
        (error: unknown) => {
          if (this.#stopping) return
          this.#deaths++
          this.#failedStarts++
          this.#again(error instanceof Error ? error.message : String(error))
        })
    }, delay)
  }

  /** Ends it in order; after the time-out, by force. */
  async stop (timeoutMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const force = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    await new Promise<void>(resolve => {
      child.once('exit', () => resolve())
      if (child.connected) child.disconnect()
      else child.kill('SIGTERM')
    })
    clearTimeout(force)
  }
}
