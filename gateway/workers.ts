// Several gateways in one service: workers of node:cluster that share a port, each with its own event loop, spool and id, and one process that starts them,
// starts a dead one again, and stops them all.
import cluster, { type Worker } from 'node:cluster'
import { Gathering } from './metrics/gather.js'

export interface WorkerReady { readonly type: 'ready', readonly publicUrl: string }

const isReady = (message: unknown): message is WorkerReady => (message as { type?: unknown } | null)?.type === 'ready'

export const workersMax = 64
const restartMsMax = 5_000
/** A worker that lived so long was well: its next death is the first again. */
const wellAfterMs = 30_000

export interface WorkerPoolOptions {
  readonly count: number
  /** Beside what this process has: where the stack is, and what all gateways of one service share. */
  readonly env: Readonly<Record<string, string>>
  readonly log: (message: string) => void
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #workers = new Map<number, Worker>()
  readonly #ready = new Set<number>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #stopping = false
  readonly #gathering = new Gathering((index, message) => {
    const worker = this.#workers.get(index)
    if (worker?.isConnected() === true) worker.send(message)
  })

  constructor (options: WorkerPoolOptions) {
    this.#options = options
  }

  /** Resolves with the public URL once all are ready. The first makes topics and tables; the others find them. @throws Error where one ends before. */
  async start (): Promise<string> {
    const { publicUrl } = await this.#launch(1, 0)
    await Promise.all(Array.from({ length: this.#options.count - 1 }, async (_, n) => await this.#launch(n + 2, 0)))
    return publicUrl
  }

  async #launch (index: number, deaths: number): Promise<WorkerReady> {
    const startedAt = performance.now()
    const worker = cluster.fork({
      ...this.#options.env,
      LINKLOG_WORKER: String(index),
      LINKLOG_WORKERS: String(this.#options.count)
    })
    this.#workers.set(index, worker)
    return await new Promise<WorkerReady>((resolve, reject) => {
      let ready = false
      worker.on('message', (message: unknown) => {
        this.#gathering.received(index, message, this.#ready)
        if (!isReady(message)) return
        ready = true
        this.#ready.add(index)
        resolve(message)
      })
      worker.once('exit', (code, signal) => {
        this.#workers.delete(index)
        this.#ready.delete(index)
        this.#gathering.gone(index)
        if (!ready) reject(new Error(`worker ${index} ended before it was ready (${signal ?? `status ${code}`})`))
        else if (!this.#stopping) this.#again(index, performance.now() - startedAt > wellAfterMs ? 1 : deaths + 1, signal ?? `status ${code}`)
      })
    })
  }

  #again (index: number, deaths: number, how: string): void {
    const delay = Math.min(100 * 2 ** (deaths - 1), restartMsMax)
    this.#options.log(`worker ${index} ended (${how}); it is started again in ${delay} ms`)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#launch(index, deaths).then(
        () => this.#options.log(`worker ${index} is back`),
        (error: unknown) => { if (!this.#stopping) this.#again(index, deaths + 1, error instanceof Error ? error.message : String(error)) })
    }, delay)
    this.#timers.add(timer)
  }

  /** Ends all in order; after the time-out, by force. */
  async stop (timeoutMs: number): Promise<void> {
    this.#stopping = true
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all([...this.#workers.values()].map(async worker => {
      const force = setTimeout(() => worker.process.kill('SIGKILL'), timeoutMs)
      await new Promise<void>(resolve => {
        worker.once('exit', () => resolve())
        worker.process.kill('SIGTERM')
      })
      clearTimeout(force)
    }))
  }
}
