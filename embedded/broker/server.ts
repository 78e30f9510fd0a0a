// The TCP side: listens, makes a session of each connection, and sees that one client's faults stay its own.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Connection } from './connection.js'
import type { ServiceHandlers } from './handlers/index.js'
import { ProtocolError } from './protocol/errors.js'
import type { SaslUsers } from './sasl.js'
import { Session } from './session.js'

export interface ServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Kafka's socket.request.max.bytes. */
  readonly frameBytesMax: number
  /** Kafka's max.connections. */
  readonly connectionsMax: number
  readonly users: SaslUsers | undefined
  readonly warn: (message: string) => void
}

export class BrokerServer {
  readonly #server: Server
  readonly #connections = new Map<Connection, AbortController>()

  private constructor (server: Server) {
    this.#server = server
  }

  /** Listens. Requests are taken only once `serve` has said by whom. */
  static async listen (options: ServerOptions): Promise<BrokerServer> {
    const server = createServer({ pauseOnConnect: true })
    server.maxConnections = options.connectionsMax
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(options.port, options.host, () => {
        server.off('error', reject)
        resolve()
      })
    })
    server.on('error', error => options.warn(`The listener failed: ${error.message}`))
    return new BrokerServer(server)
  }

  get address (): { host: string, port: number } {
    const { address, port } = this.#server.address() as AddressInfo
    return { host: address, port }
  }

  serve (handlers: ServiceHandlers, options: ServerOptions): void {
    this.#server.on('connection', socket => this.#accept(socket, handlers, options))
  }

  #accept (socket: Socket, handlers: ServiceHandlers, options: ServerOptions): void {
    const client = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`
    const gone = new AbortController()
    const session = new Session(handlers, socket.remoteAddress ?? '', gone.signal, options.users)
    const connection = new Connection(socket, options.frameBytesMax, session, error => {
      const reason = error instanceof ProtocolError ? error.message : error.stack ?? error.message
      options.warn(`Closing the connection of ${client}: ${reason}`)
    })
    this.#connections.set(connection, gone)
    socket.once('close', () => {
      gone.abort()
      this.#connections.delete(connection)
    })
    socket.resume()
  }

  async close (): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const [connection, gone] of this.#connections) {
      gone.abort()
      connection.destroy()
    }
    await closed
  }
}
