// One broker a data folder: two would write over each other. The lock is a listening local socket, so that it ends with its process, however that ends.
import { createHash } from 'node:crypto'
import { realpath, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class DataDirLock {
  readonly #server: Server

  private constructor (server: Server) {
    this.#server = server
  }

  /** Throws where a living process holds the folder. What a dead one left is taken over. */
  static async acquire (dataDir: string): Promise<DataDirLock> {
    // The folder's own path may be longer than a socket's may be.
    const name = `embedded-kafka-${createHash('sha256').update(await realpath(dataDir)).digest('hex').slice(0, 24)}`
    const path = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.lock`)
    for (let attempt = 0; attempt < 3; attempt++) {
      const server = await tryListen(path)
      if (server !== undefined) return new DataDirLock(server)
      if (await isAlive(path)) break
      await rm(path, { force: true })
    }
    throw new Error(`The data folder ${dataDir} is in use by another process`)
  }

  async release (): Promise<void> {
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }
}

function tryListen (path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy())
    server.unref()
    server.once('error', error => {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(path, () => resolve(server))
  })
}

function isAlive (path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => resolve(false))
  })
}
