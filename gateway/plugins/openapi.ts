// OpenAPI 3.1 from the routes' own schemas.
import swagger from '@fastify/swagger'
import fp from 'fastify-plugin'

export const openapiPlugin = fp<{ version: string }>(async (app, { version }) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Linklog',
        version,
        description: 'A link shortener whose log is the truth. Errors are problem details (RFC 9457) with a stable `code`.',
        license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' }
      },
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, ll_<id>_<secret>. Asked for as soon as one was made; each operation names its scope.' }
        }
      },
      tags: [
        { name: 'links', description: 'Make, read and change links' },
        { name: 'visits', description: 'Questions about visits' },
        { name: 'events', description: 'The changes of all links, as they happen' },
        { name: 'ksql', description: 'Questions in ksql' },
        { name: 'keys', description: 'API keys' },
        { name: 'domains', description: 'The hosts that short links are served on' },
        { name: 'redirects', description: 'What visitors use' },
        { name: 'service', description: 'Is it there, is it ready' }
      ]
    }
  })
}, { name: 'openapi' })
