// /api/docs: the reference page, Swagger UI over the service's own description. Everything that it needs is served from here.
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'

export const docsPath = '/api/docs'

/** What the page may load: itself. Its style sheet is partly written into the page. */
export const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export const docsPlugin = fp(async app => {
  await app.register(swaggerUi, {
    routePrefix: docsPath,
    staticCSP: false,
    uiConfig: { docExpansion: 'list', deepLinking: true, displayRequestDuration: true, persistAuthorization: false, validatorUrl: null },
    theme: { title: 'Linklog API' }
  })
}, { name: 'docs', dependencies: ['openapi'] })
