// The load of the redirect benchmark, a process of its own: raw HTTP over kept connections, one request at a time on each, and as little work a request
// as Node allows, so that the server is what is measured. Prints one JSON line.
import { connect, type Socket } from 'node:net'
import { linkName } from './visits.js'

export interface LoadOrder {
  readonly port: number
  readonly connections: number
  /** Links that are asked for, each as often as any other. */
  readonly links: number
  readonly seconds: number
  /** Requests a second over all connections; 0 is as many as are answered. */
  readonly rate: number
  readonly seed: number
}

export interface LoadResult {
  readonly seconds: number
  readonly redirected: number
  /** Answers that were no 302. */
  readonly others: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0'
] as const
const BUCKETS = 100_000
const BUCKET_MS = 0.01
const STATUS_AT = 9

const headersOf = (n: number): string => ` HTTP/1.1\r\nHost: go.example\r\nUser-Agent: ${AGENTS[n % AGENTS.length]}\r\n` +
  'Accept: text/html,application/xhtml+xml\r\nAccept-Language: de-AT,de;q=0.9\r\nReferer: https://news.example/item\r\nConnection: keep-alive\r\n\r\n'

class Load {
  readonly #order: LoadOrder
  readonly #times = new Uint32Array(BUCKETS + 1)
  #state: number
  #redirected = 0
  #others = 0
  #sent = 0
  #endsAt = 0
  #startedAt = 0
  #idle: (() => void)[] = []

  constructor (order: LoadOrder) {
    this.#order = order
    this.#state = order.seed | 0
  }

  /** A number in [0, 1) that is the same in every run (mulberry32). */
  #random (): number {
    this.#state = (this.#state + 0x6D2B79F5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  async run (): Promise<LoadResult> {
    this.#startedAt = performance.now()
    this.#endsAt = this.#startedAt + this.#order.seconds * 1000
    const timer = this.#order.rate > 0 ? setInterval(() => this.#release(), 1) : undefined
    await Promise.all(Array.from({ length: this.#order.connections }, async (_, n) => await this.#connection(n)))
    clearInterval(timer)
    const seconds = (performance.now() - this.#startedAt) / 1000
    const [redirected, others] = [this.#redirected, this.#others]
    return { seconds, redirected, others, p50: this.#quantile(0.5), p99: this.#quantile(0.99), p999: this.#quantile(0.999), max: this.#quantile(1) }
  }

  /** Lets as many connections go on as the rate allows by now. */
  #release (): void {
    const now = performance.now()
    const due = now >= this.#endsAt ? Infinity : (now - this.#startedAt) / 1000 * this.#order.rate
    while (this.#sent < due) {
      const next = this.#idle.pop()
      if (next === undefined) return
      if (now < this.#endsAt) this.#sent++
      next()
    }
  }

  async #connection (n: number): Promise<void> {
    const headers = headersOf(n)
    await new Promise<void>((resolve, reject) => {
      let askedAt = 0
      const ask = (): void => {
        askedAt = performance.now()
        if (askedAt >= this.#endsAt) {
          socket.end()
          resolve()
          return
        }
        socket.write(`GET /${linkName(Math.floor(this.#random() * this.#order.links))}${headers}`, 'latin1')
      }
      const received = (length: number, buffer: Uint8Array): boolean => {
        // every answer that counts has no body, and comes in one piece
        if (buffer[length - 1] !== 10 || buffer[length - 3] !== 10) return true
        this.#count(buffer, performance.now() - askedAt)
        if (this.#order.rate > 0) this.#idle.push(ask)
        else ask()
        return true
      }
      const socket: Socket = connect({ port: this.#order.port, host: '127.0.0.1', noDelay: true, onread: { buffer: Buffer.alloc(65_536), callback: received } })
      socket.once('connect', () => {
        if (this.#order.rate > 0) this.#idle.push(ask)
        else ask()
      })
      socket.once('error', reject)
    })
  }

  #count (answer: Uint8Array, ms: number): void {
    if (answer[STATUS_AT] === 0x33 && answer[STATUS_AT + 1] === 0x30 && answer[STATUS_AT + 2] === 0x32) this.#redirected++
    else this.#others++
    const bucket = Math.min(BUCKETS, Math.floor(ms / BUCKET_MS))
    this.#times[bucket] = (this.#times[bucket] as number) + 1
  }

  #quantile (share: number): number {
    let left = (this.#redirected + this.#others) * share
    for (let bucket = 0; bucket <= BUCKETS; bucket++) {
      left -= this.#times[bucket] as number
      if (left <= 0) return (bucket + 1) * BUCKET_MS
    }
    return 0
  }
}

process.once('message', (order: LoadOrder) => {
  new Load(order).run().then(result => process.send?.(result, () => process.exit(0)), (error: unknown) => {
    process.stderr.write(`load: ${String(error)}\n`)
    process.exit(1)
  })
})
