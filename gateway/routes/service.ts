// Is it there, is it ready, and what it can do.
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

const Checks = Type.Object({ kafka: Type.String(), schemaRegistry: Type.String(), ksqldb: Type.String(), migrations: Type.String() })
const Readiness = Type.Object({ status: Type.String(), checks: Checks })

export const serviceRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/healthz', {
    schema: { tags: ['service'], summary: 'The process answers', response: { 200: Type.Object({ status: Type.Literal('ok') }) } }
  }, async () => ({ status: 'ok' as const }))

  app.get('/readyz', {
    schema: { tags: ['service'], summary: 'Kafka, registry and ksqlDB answer and the migrations stand', response: { 200: Readiness, 503: Readiness } }
  }, async (request, reply) => {
    const { ready, checks } = await app.health()
    return await reply.code(ready ? 200 : 503).header('cache-control', 'no-store').send({ status: ready ? 'ready' : 'not ready', checks })
  })

  app.get('/metrics', {
    schema: {
      tags: ['service'],
      summary: 'Measures for Prometheus',
      produces: ['text/plain'],
      response: { 200: { description: 'Text exposition format 0.0.4', content: { 'text/plain': { schema: Type.String() } } } }
    }
  }, async (request, reply) => {
    const { registry, scrape } = app.metrics
    return await reply.type(registry.contentType).header('cache-control', 'no-store').send(await scrape())
  })

  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}
