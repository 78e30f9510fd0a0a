// The shipper's thread as the gateway sees it: started, woken, started again where it dies, and stopped in time.
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { FromShipper, ShipOrder, ToShipper } from './ship-worker.js'
import type { SpoolState } from './spool-state.js'

// beside this file, with this file's own ending: built, or from source under a loader
const entry = fileURLToPath(new URL(`./ship-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))
const restartMsMax = 10_000
const heapMiBMax = 256

export interface ShipThreadOptions {
  readonly order: ShipOrder
  readonly state: SpoolState
  /** Told what went wrong; visits wait in the spool meanwhile. */
  readonly onFault: (fault: string) => void
  /** Told once where another gateway ships under this one's id: this one ships no more. */
  readonly onFenced: (why: string) => void
}

export class ShipThread {
  readonly #options: ShipThreadOptions
  #worker: Worker | undefined
  #deaths = 0
  #timer: NodeJS.Timeout | undefined
  #stopping = false

  constructor (options: ShipThreadOptions) {
    this.#options = options
  }

  start (): void {
    const startedAt = performance.now()
    const worker = new Worker(entry, { workerData: this.#options.order, resourceLimits: { maxOldGenerationSizeMb: heapMiBMax } })
    this.#worker = worker
    worker.on('message', (message: FromShipper) => {
      if ('fault' in message) this.#options.onFault(message.fault)
      else if ('fenced' in message) this.#options.onFenced(message.fenced)
    })
    worker.on('error', error => this.#options.onFault(`the shipper's thread died: ${error.message}`))
    worker.on('exit', () => {
      this.#worker = undefined
      this.#options.state.set('connected', 0)
      if (this.#stopping) return
      this.#deaths = performance.now() - startedAt > restartMsMax ? 1 : this.#deaths + 1
      this.#timer = setTimeout(() => this.start(), Math.min(500 * 2 ** (this.#deaths - 1), restartMsMax))
    })
  }

  /** Called at each write: says so to a shipper that sleeps, and costs a look at one number otherwise. */
  written (): void {
    if (this.#options.state.takeSleeper()) this.#worker?.postMessage('wake' satisfies ToShipper)
  }

  /** Ships what is left for at most so long. What is not shipped by then stays in the spool. */
  async stop (drainMs: number): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const worker = this.#worker
    if (worker === undefined) return
    await new Promise<void>(resolve => {
      const force = setTimeout(() => resolve(), drainMs + 5_000)
      worker.once('exit', () => {
        clearTimeout(force)
        resolve()
      })
      worker.postMessage({ drainMs } satisfies ToShipper)
    })
    await worker.terminate()
  }
}
