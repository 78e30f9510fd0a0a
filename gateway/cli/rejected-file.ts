// Keeps what an import could not take: one JSON object a line, so that people can read it and programs can mend and send it again.
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { UsageError } from './exit-codes.js'

export interface Rejection {
  readonly line: number
  readonly reason: string
  /** The error's code in the service's catalogue, where the service rejected the line. */
  readonly code?: string
  /** The line as it stood in the file. */
  readonly input: string
}

/** Appends rejections in the order of their lines' answers. The file is made (or emptied) at the first one; without any it is left alone. */
export class RejectedFile {
  readonly path: string
  #file: Promise<FileHandle> | undefined

  constructor (path: string) {
    this.path = path
  }

  /** @throws UsageError when the file cannot be written */
  async add (rejection: Rejection): Promise<void> {
    try {
      this.#file ??= open(this.path, 'w')
      await (await this.#file).appendFile(`${JSON.stringify(rejection)}\n`)
    } catch (error) {
      throw new UsageError(`Cannot write ${this.path}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  async close (): Promise<void> {
    await (await this.#file?.catch(() => undefined))?.close()
  }
}
