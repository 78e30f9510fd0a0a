// app.metrics: what Prometheus is told. Each plugin registers what it knows; nothing is reckoned before somebody asks.
import fp from 'fastify-plugin'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics, type Metric } from 'prom-client'
import { scrapeOf } from '../metrics/gather.js'
import { bucketsSeconds, type Latencies } from '../metrics/latencies.js'

export class Metrics {
  readonly registry = new Registry()
  /** The text of a scrape: of all workers, where this is one of several. */
  readonly scrape = scrapeOf(this.registry)
  /** Pull queries by outcome: ok or error. */
  readonly pulls: Histogram<'outcome'>
  /** Requests of the API by method, route and status. */
  readonly requests: Histogram<'method' | 'route' | 'status'>

  constructor () {
    const registers = [this.registry]
    this.pulls = new Histogram({
      name: 'linklog_pull_duration_seconds', help: 'Pull queries of ksqlDB', labelNames: ['outcome'], buckets: [...bucketsSeconds], registers
    })
    this.requests = new Histogram({
      name: 'linklog_http_request_duration_seconds',
      help: 'Requests of the API, redirects left out',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 30],
      registers
    })
  }

  /** A number that goes up and down, read when it is asked for; `aggregator`: what that of several workers is. */
  gauge (name: string, help: string, read: () => number, aggregator: 'sum' | 'min' | 'max' = 'sum'): void {
    const gauge: Gauge = new Gauge({ name, help, aggregator, registers: [this.registry], collect: () => { gauge.set(read()) } })
  }

  /** A number that only grows, read when it is asked for. */
  counter (name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [this.registry],
      collect: () => {
        counter.reset()
        counter.inc(read())
      }
    })
  }

  /** A histogram that is kept outside, for the hot path. */
  latencies (name: string, help: string, latencies: Latencies): void {
    const metric = { name, help, type: 'histogram', aggregator: 'sum', get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: latencies.samples(name) }) }
    this.registry.registerMetric(metric as unknown as Metric)
  }
}

declare module 'fastify' {
  interface FastifyInstance { metrics: Metrics }
}

export const metricsPlugin = fp<{ version: string }>(async (app, { version }) => {
  const metrics = new Metrics()
  collectDefaultMetrics({ register: metrics.registry })
  new Gauge({
    name: 'linklog_build_info', help: 'Always 1; the labels tell the version', labelNames: ['version'], aggregator: 'first', registers: [metrics.registry]
  }).set({ version }, 1)
  metrics.gauge('linklog_gateways', 'Gateways whose measures these are: the workers of one service answer together', () => 1)
  app.decorate('metrics', metrics)
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url
    if (route === undefined || !route.startsWith('/api')) return
    metrics.requests.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1_000)
  })
}, { name: 'metrics' })
