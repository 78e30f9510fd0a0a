// The thread of write-thread.ts: carries out one batch after another, each in a transaction of its own.
import { parentPort, workerData } from 'node:worker_threads'
import { openEnvironment } from './environment.js'
import { applyBatch } from './write-batch.js'

export interface WriteWorkerData {
  readonly path: string
  /** Two 32-bit numbers: how many batches have ended, which the other side may wait for, and whether the last one failed. */
  readonly progress: SharedArrayBuffer
}
/** A batch; or nothing more comes. */
export type ToWriter = Uint8Array<ArrayBuffer> | 'close'
/** How a batch ended; its memory is given back. */
export interface FromWriter { readonly error: Error | undefined, readonly memory: ArrayBuffer }

const { path, progress } = workerData as WriteWorkerData
const counts = new Int32Array(progress)
const db = openEnvironment(path)
const target = {
  put: (key: Buffer, value: Buffer): void => { db.putSync(key, value) },
  remove: (key: Buffer): void => { db.removeSync(key) }
}

const carryOut = (batch: Uint8Array<ArrayBuffer>): Error | undefined => {
  let failed: Error | undefined
  try {
    db.transactionSync(() => applyBatch(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength), target))
  } catch (error) {
    failed = error instanceof Error ? error : new Error(String(error))
  }
  Atomics.store(counts, 1, failed === undefined ? 0 : 1)
  Atomics.add(counts, 0, 1)
  Atomics.notify(counts, 0)
  return failed
}

parentPort?.on('message', (message: ToWriter) => {
  if (message === 'close') db.close().then(() => parentPort?.close(), () => parentPort?.close())
  else parentPort?.postMessage({ error: carryOut(message), memory: message.buffer } satisfies FromWriter, [message.buffer])
})
