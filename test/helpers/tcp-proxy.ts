// A TCP proxy between a client and a server: it delays what goes through, refuses to let anything through, or forgets what goes through.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export class TcpProxy {
  readonly port: number
  /** Of each chunk, in each direction. */
  delayMs = 0
  /** Whether new connections are taken; those that stand are ended by `cut`. */
  open = true
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #silent = new WeakSet<Socket>()

  private constructor (server: Server, target: () => { host: string, port: number }) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (client) => {
      if (!this.open) {
        client.destroy()
        return
      }
      const upstream = connect(target())
      this.#pipe(client, upstream)
      this.#pipe(upstream, client)
    })
  }

  /** Listens on a free port of 127.0.0.1. `target` is asked at each connection. */
  static async start (target: () => { host: string, port: number }): Promise<TcpProxy> {
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    return new TcpProxy(server, target)
  }

  #pipe (from: Socket, to: Socket): void {
    this.#sockets.add(from)
    let last = Promise.resolve() // chunks stay in order, whatever the delay becomes meanwhile
    const after = (act: () => void) => {
      const waited = delay(this.delayMs)
      last = last.then(async () => { await waited }).then(act)
    }
    from.on('data', (chunk) => after(() => { if (!to.destroyed && !this.#silent.has(from)) to.write(chunk) }))
    from.on('error', () => {})
    from.once('close', () => {
      this.#sockets.delete(from)
      after(() => { to.destroy() })
    })
  }

  /** Lets nothing through, and ends what stands. */
  cut (): void {
    this.open = false
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Lets nothing through of the connections that stand, and does not say so, as a network that has forgotten them. New ones are served. */
  silence (): void {
    for (const socket of this.#sockets) this.#silent.add(socket)
  }

  async close (): Promise<void> {
    this.cut()
    await new Promise((resolve) => { this.#server.close(resolve) })
  }
}
