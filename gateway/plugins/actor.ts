// request.key and request.actor: who asks, as the events will say it. Who that is, is found in plugins/access.ts.
import fp from 'fastify-plugin'
import type { ApiKey } from '../queries/api-keys.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The key that the request was let in by; null where none was asked for. */
    key: ApiKey | null
    /** The name of that key, or anonymous. */
    readonly actor: string
  }
}

export const anonymous = 'anonymous'

export const actorPlugin = fp(async app => {
  app.decorateRequest('key', null)
  app.decorateRequest('actor', { getter () { return this.key?.name ?? anonymous } })
}, { name: 'actor' })
