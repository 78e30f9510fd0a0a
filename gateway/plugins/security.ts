// Headers that every answer carries.
import fp from 'fastify-plugin'
import { docsPath, docsPolicy } from './docs.js'

/** Name and value in turn. Every answer has an x-request-id besides. */
export const securityHeaders: readonly string[] = [
  'x-content-type-options', 'nosniff',
  'x-frame-options', 'DENY',
  'referrer-policy', 'no-referrer-when-downgrade',
  'content-security-policy', "default-src 'none'; frame-ancestors 'none'"
]

export const securityPlugin = fp(async app => {
  app.addHook('onSend', async (request, reply) => {
    for (let n = 0; n < securityHeaders.length; n += 2) reply.header(securityHeaders[n] as string, securityHeaders[n + 1])
    if (request.url.startsWith(docsPath)) reply.header('content-security-policy', docsPolicy)
    reply.header('x-request-id', request.id)
    // what the API says is for whoever asked, with his key; a route that may be kept says so itself
    if (!reply.hasHeader('cache-control') && request.url.startsWith('/api/')) reply.header('cache-control', 'no-store')
  })
}, { name: 'security' })
