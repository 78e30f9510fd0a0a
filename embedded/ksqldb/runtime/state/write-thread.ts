// Carries out large writes to the state store on a thread of its own: a commit of ten thousand scattered rows takes lmdb some tens of milliseconds, in
// which the engine's thread would answer nobody. Started at the first such write.
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { FromWriter, ToWriter, WriteWorkerData } from './write-worker.js'

// beside this file, with this file's own ending: built, or from source under a loader
const entry = fileURLToPath(new URL(`./write-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))
/** Larger ones than any usual commit needs are not kept. */
const MEMORY_KEPT_MAX = 32 * 1024 * 1024
/** It makes next to nothing: what it is given lies outside its heap. */
const HEAP_MIB_MAX = 64
const YOUNG_MIB_MAX = 2
/** A commit takes half a second at most; what takes so long has stopped. */
const WAIT_MS_MAX = 60_000

export class WriteThread {
  readonly #path: string
  readonly #progress = new Int32Array(new SharedArrayBuffer(8))
  #sent = 0
  #worker: Worker | undefined
  /** What the last batch lay in. */
  #memory: Buffer | undefined
  #underWay: { readonly resolve: () => void, readonly reject: (error: Error) => void } | undefined

  constructor (path: string) { this.#path = path }

  /** For the next batch, whom it then belongs to; undefined where there is none. */
  takeMemory (): Buffer | undefined {
    const memory = this.#memory
    this.#memory = undefined
    return memory
  }

  /** Carries out a batch, whose memory is given away. One at a time. @throws the error of the store, after which nothing of it was written. */
  write (batch: Buffer<ArrayBuffer>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#underWay = { resolve, reject }
      const worker = this.#worker ??= this.#start()
      worker.ref()
      this.#sent++
      worker.postMessage(batch satisfies ToWriter, [batch.buffer])
    })
  }

  #start (): Worker {
    const worker = new Worker(entry, {
      workerData: { path: this.#path, progress: this.#progress.buffer } satisfies WriteWorkerData,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX, maxYoungGenerationSizeMb: YOUNG_MIB_MAX }
    })
    worker.on('message', ({ error, memory }: FromWriter) => {
      worker.unref()
      if (memory.byteLength <= MEMORY_KEPT_MAX) this.#memory = Buffer.from(memory)
      this.#settle(error)
    })
    worker.on('error', error => this.#lost(worker, error))
    worker.on('exit', () => this.#lost(worker, new Error('the thread that writes the state store ended')))
    return worker
  }

  #settle (error: Error | undefined): void {
    const underWay = this.#underWay
    this.#underWay = undefined
    if (error === undefined) underWay?.resolve()
    else underWay?.reject(error)
  }

  /** Told of an error and then of the end: by then another may have begun. */
  #lost (worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    Atomics.store(this.#progress, 1, 1)
    Atomics.store(this.#progress, 0, this.#sent)
    this.#settle(error)
  }

  /** Blocks until the batch under way has ended. @throws Error where it failed, or does not end. */
  waitUntilEnded (): void {
    const deadline = performance.now() + WAIT_MS_MAX
    for (let ended = Atomics.load(this.#progress, 0); ended !== this.#sent; ended = Atomics.load(this.#progress, 0)) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0 || Atomics.wait(this.#progress, 0, ended, leftMs) === 'timed-out') throw new Error('the state store does not end its write')
    }
    if (Atomics.load(this.#progress, 1) !== 0) throw new Error('the state store could not write')
  }

  /** Nothing may be under way. */
  async close (): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    const exit = new Promise<void>(resolve => { worker.once('exit', () => resolve()) })
    worker.ref()
    worker.postMessage('close' satisfies ToWriter)
    await exit
  }
}
