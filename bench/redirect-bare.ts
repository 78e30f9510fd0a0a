// What the redirect is held against: Fastify alone, answering 302 from a Map. A process of its own.
import Fastify from 'fastify'
import { linkName, linkUrl } from './visits.js'

const links = Number(process.argv[2])
const targets = new Map<string, string>()
for (let n = 0; n < links; n++) targets.set(linkName(n), linkUrl(n))
const app = Fastify()
app.get<{ Params: { slug: string } }>('/:slug', (request, reply) => {
  const target = targets.get(request.params.slug)
  if (target === undefined) reply.code(404).send()
  else reply.code(302).header('location', target).send()
})
await app.listen({ host: '127.0.0.1', port: 0 })
const address = app.server.address()
process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`)
