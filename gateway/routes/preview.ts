// GET /{slug}+: where a link leads, without following it and without a visit.
import type { FastifyPluginAsync } from 'fastify'
import { Type } from 'typebox'
import { LinklogError } from '../errors.js'
import type { LinkView } from '../links/service.js'
import { isReserved } from '../links/slug.js'
import { previewPage, previewPolicy, unknownPage, type PreviewState } from '../preview/page.js'
import type { VisitLimits } from '../visits/limits.js'
import { shortUrl } from './link-answers.js'
import { problems } from './schemas.js'

export interface PreviewOptions {
  readonly limits: Pick<VisitLimits, 'take'>
  readonly publicUrl: () => string
  readonly now: () => number
}

export const previewRoute: FastifyPluginAsync<PreviewOptions> = async (app, { limits, publicUrl, now }) => {
  const stateOf = async ({ link, doc }: LinkView): Promise<PreviewState> => {
    if (doc.deleted) return 'deleted'
    if (app.blocklist.blocks(link, doc.url) || doc.rules.some(({ url }) => app.blocklist.blocksUrl(url))) return 'blocked'
    if (!doc.enabled) return 'disabled'
    if (doc.valid_from !== null && now() < doc.valid_from) return 'not_yet'
    if (doc.valid_until !== null && now() >= doc.valid_until) return 'expired'
    return doc.max_visits !== null && !await limits.take(link, doc.max_visits, false) ? 'exhausted' : 'active'
  }

  const html = (description: string) => ({ description, content: { 'text/html': { schema: { type: 'string' } } } })
  /** What is no slug at all is answered before the page is thought of. */
  const pageOrProblem = (status: 404 | 410, description: string) =>
    ({ description, content: { ...html(description).content, ...problems(status)[status].content } })
  app.get<{ Params: { slug: string } }>('/:slug(^[A-Za-z0-9_-]+)+', {
    schema: {
      tags: ['redirects'],
      summary: 'Look where a link leads',
      description: 'A page for people: title, target, state, QR code. It is no visit, and nothing on it needs JavaScript.',
      params: Type.Object({ slug: Type.String({ maxLength: 64 }) }),
      response: {
        200: html('The page'),
        404: pageOrProblem(404, 'A page that says that there is no such link'),
        410: pageOrProblem(410, 'The link was deleted or is blocked'),
        ...problems(400, 503)
      }
    },
    // behind the hook that gives every answer its policy
    onSend: async (_, reply) => {
      if (String(reply.getHeader('content-type')).startsWith('text/html')) reply.header('content-security-policy', previewPolicy)
    }
  }, async (request, reply) => {
    const { slug } = request.params
    reply.type('text/html; charset=utf-8').header('cache-control', 'no-store')
    const view = isReserved(slug)
      ? undefined
      : await app.links.get(app.domains.keyOf(request.host, slug)).catch((error: unknown) => {
        if (error instanceof LinklogError && error.code === 'link_not_found') return undefined
        throw error
      })
    if (view === undefined) return await reply.code(404).send(unknownPage())
    const state = await stateOf(view)
    const page = previewPage({ shortUrl: shortUrl(view.link, publicUrl()), path: `/${slug}`, state, createdAt: view.createdAt, doc: view.doc })
    return await reply.code(state === 'deleted' || state === 'blocked' ? 410 : 200).send(page)
  })
}
