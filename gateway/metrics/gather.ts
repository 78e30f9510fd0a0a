// One scrape of a service with several workers: whichever is asked, the process that leads asks all that are ready, and their measures are made one.
import cluster from 'node:cluster'
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client'

type Measures = MetricObjectWithValues<MetricValue<string>>[]

/** A worker wants the measures of all; or these are its own, for the ask of that number. */
type FromWorker = { readonly type: 'gather' } | { readonly type: 'measures', readonly ask: number, readonly measures: Measures }
/** The leader wants the worker's measures; or these are those of all. */
type FromLeader = { readonly type: 'measure', readonly ask: number } | { readonly type: 'gathered', readonly all: readonly Measures[] }

/** How long the leader waits for a worker. That one is missing is told by linklog_gateways. */
const patienceMs = 2_000

const typeOf = (message: unknown): unknown => (message as { type?: unknown } | null)?.type
const isFromWorker = (message: unknown): message is FromWorker => typeOf(message) === 'gather' || typeOf(message) === 'measures'
const isFromLeader = (message: unknown): message is FromLeader => typeOf(message) === 'measure' || typeOf(message) === 'gathered'

interface Ask { readonly asker: number, readonly waitingFor: Set<number>, readonly all: Measures[], readonly timer: NodeJS.Timeout }

/** In the process that leads: asks the workers for each other. */
export class Gathering {
  readonly #send: (worker: number, message: FromLeader) => void
  readonly #asks = new Map<number, Ask>()
  #next = 0

  constructor (send: (worker: number, message: FromLeader) => void) {
    this.#send = send
  }

  /** @param ready the workers that can answer, the one that sent this among them */
  received (worker: number, message: unknown, ready: Iterable<number>): void {
    if (!isFromWorker(message)) return
    if (message.type === 'gather') {
      const [ask, waitingFor] = [this.#next++, new Set(ready)]
      this.#asks.set(ask, { asker: worker, waitingFor, all: [], timer: setTimeout(() => this.#finish(ask), patienceMs) })
      for (const asked of waitingFor) this.#send(asked, { type: 'measure', ask })
    } else if (this.#asks.get(message.ask)?.waitingFor.has(worker) === true) {
      this.#asks.get(message.ask)?.all.push(message.measures)
      this.#without(message.ask, worker)
    }
  }

  /** This worker is dead: nobody waits for it. */
  gone (worker: number): void {
    for (const ask of this.#asks.keys()) this.#without(ask, worker)
  }

  #without (number: number, worker: number): void {
    const ask = this.#asks.get(number)
    if (ask?.waitingFor.delete(worker) === true && ask.waitingFor.size === 0) this.#finish(number)
  }

  #finish (number: number): void {
    const ask = this.#asks.get(number)
    if (ask === undefined) return
    clearTimeout(ask.timer)
    this.#asks.delete(number)
    this.#send(ask.asker, { type: 'gathered', all: ask.all })
  }
}

/**
 * In a gateway: what it answers to a scrape, in Prometheus' text. A worker answers for all workers, any other gateway for itself. Scrapes that come
 * while one is gathered share it.
 */
export const scrapeOf = (registry: Registry): () => Promise<string> => {
  if (!cluster.isWorker) return async () => await registry.metrics()
  const send = (message: FromWorker): void => { process.send?.(message) }
  let gathered = (_: readonly Measures[]): void => {}
  process.on('message', (message: unknown) => {
    if (!isFromLeader(message)) return
    if (message.type === 'gathered') gathered(message.all)
    else registry.getMetricsAsJSON().then(measures => send({ type: 'measures', ask: message.ask, measures }), () => {}) // not among those that answer
  })
  let running: Promise<string> | undefined
  const gather = async (): Promise<string> => {
    const all = await new Promise<readonly Measures[]>(resolve => {
      gathered = resolve
      send({ type: 'gather' })
    })
    return await AggregatorRegistry.aggregate([...all]).metrics()
  }
  return async () => await (running ??= gather().finally(() => { running = undefined }))
}
