// Runs the load of redirects as a process of its own, so that what asks takes nothing from what is measured but its processor.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LoadOrder, LoadResult } from './redirect-load.js'

/** @param started told the process's id, before it asks anything */
export async function runLoad (order: LoadOrder, started = (_: number | undefined): void => {}): Promise<LoadResult> {
  const child = fork(fileURLToPath(new URL('redirect-load.js', import.meta.url)), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  started(child.pid)
  const result = new Promise<LoadResult>((resolve, reject) => {
    child.once('message', message => resolve(message as LoadResult))
    child.once('exit', code => reject(new Error(`The load ended with ${code ?? 'a signal'}`)))
  })
  child.send(order)
  return await result
}
