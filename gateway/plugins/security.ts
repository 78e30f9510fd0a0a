// Headers that every answer carries.
import fp from 'fastify-plugin'

export const securityPlugin = fp(async app => {
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    reply.header('x-frame-options', 'DENY')
    reply.header('referrer-policy', 'no-referrer-when-downgrade')
    reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    reply.header('x-request-id', request.id)
    // what the API says is for whoever asked, with his key; a route that may be kept says so itself
    if (!reply.hasHeader('cache-control') && request.url.startsWith('/api/')) reply.header('cache-control', 'no-store')
  })
}, { name: 'security' })
