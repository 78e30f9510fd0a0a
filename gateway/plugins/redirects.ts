// app.redirects: the fast path of short links, and the HTTP server that asks it before Fastify.
import type { FastifyServerFactory } from 'fastify'
import fp from 'fastify-plugin'
import { createServer, type ServerOptions } from 'node:http'
import type { Config } from '../config.js'
import { addressOfRequests, hostOfRequests } from '../redirect/address.js'
import { Redirects } from '../redirect/redirects.js'
import type { VisitLimits } from '../visits/limits.js'
import { toLinklogError } from './problem-details.js'
import { securityHeaders } from './security.js'

declare module 'fastify' {
  interface FastifyInstance { redirects: Redirects }
}

export interface RedirectsPluginOptions {
  readonly limits: VisitLimits
  readonly config: Pick<Config, 'countryHeader' | 'trustProxy'>
  readonly now: () => number
}

interface ServerSettings {
  readonly http?: ServerOptions
  readonly keepAliveTimeout: number
  readonly requestTimeout: number
  readonly connectionTimeout: number
}

/**
 * Fastify's own server with its own settings, but that requests for short links do not enter Fastify.
 * @param redirects the fast path, once there is one
 */
export const serverWith = (redirects: () => Redirects | undefined): FastifyServerFactory => (handler, options) => {
  const { http = {}, keepAliveTimeout, requestTimeout, connectionTimeout } = options as unknown as ServerSettings
  const server = createServer(http, (request, response) => {
    if (redirects()?.handle(request, response) !== true) handler(request, response)
  })
  server.keepAliveTimeout = keepAliveTimeout
  server.requestTimeout = requestTimeout
  server.setTimeout(connectionTimeout)
  return server
}

/** One line a second, however many redirects fail. */
const errorEveryMs = 1_000

export const redirectsPlugin = fp<RedirectsPluginOptions>(async (app, { limits, config, now }) => {
  let toldAt = -Infinity
  const redirects = new Redirects({
    targets: app.targets,
    visits: app.visits,
    limits,
    draw: app.visitorDraw,
    keyOf: (host, slug) => app.domains.keyOf(host, slug),
    notFoundUrlOf: host => app.domains.of(host)?.notFoundUrl ?? null,
    blocklist: app.blocklist,
    hostOf: hostOfRequests(config.trustProxy),
    countryHeader: config.countryHeader,
    addressOf: addressOfRequests(config.trustProxy),
    missed: address => app.misses.count(address),
    headers: securityHeaders,
    now,
    toError: toLinklogError,
    onError: error => {
      if (performance.now() - toldAt < errorEveryMs) return
      toldAt = performance.now()
      app.log.error({ err: error.cause ?? error, code: error.code, failed: redirects.failed }, 'a redirect could not be answered')
    }
  })
  app.decorate('redirects', redirects)
  app.metrics.latencies('linklog_redirect_duration_seconds', 'Answers to requests for short links, by outcome', redirects.latencies)
  app.metrics.counter('linklog_redirects_failed_total', 'Requests for short links that the views did not answer', () => redirects.failed)
  app.addHook('preClose', async () => redirects.close())
}, { name: 'redirects' })
