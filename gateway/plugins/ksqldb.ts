// app.ksqldb: the client of ksqlDB, closed with the app.
import fp from 'fastify-plugin'
import type { Config, StackAddresses } from '../config.js'
import { KsqlClient } from '../ksqldb/client.js'

declare module 'fastify' {
  interface FastifyInstance { ksqldb: KsqlClient }
}

export const ksqldbPlugin = fp<{ config: Config, stack: StackAddresses }>(async (app, { config, stack }) => {
  const client = new KsqlClient({
    url: stack.ksqldbUrl,
    credentials: config.ksqldbCredentials,
    pullTimeoutMs: config.pullTimeoutMs,
    onPull: (seconds, outcome) => app.metrics.pulls.observe({ outcome }, seconds)
  })
  app.decorate('ksqldb', client)
  app.addHook('onClose', async () => await client.close())
}, { name: 'ksqldb', dependencies: ['metrics'] })
