// GET /{slug}/qr: the QR code of a link's short URL.
import type { FastifyPluginAsync } from 'fastify'
import Negotiator from 'negotiator'
import { Type } from 'typebox'
import { LinklogError } from '../errors.js'
import { isReserved, isSlug } from '../links/slug.js'
import { drawQr, qrTag, type QrOptions } from '../preview/qr.js'
import { shortUrl } from './link-answers.js'
import { problems } from './schemas.js'

const types = { svg: 'image/svg+xml', png: 'image/png' } as const
const cacheControl = 'public, max-age=86400'

const oneOf = (values: readonly string[], description: string) => Type.Optional(Type.Unsafe<string>({ type: 'string', enum: [...values], description }))
const color = (preset: string, description: string) =>
  Type.Optional(Type.String({ pattern: '^[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?$', description: `${description}: RRGGBB or RRGGBBAA; ${preset} unless told otherwise` }))

const Query = Type.Object({
  format: oneOf(['svg', 'png'], 'Without it by the Accept header: svg unless png is liked better'),
  size: Type.Optional(Type.Integer({ minimum: 64, maximum: 1_024, description: 'Pixels; 256 unless told otherwise' })),
  margin: Type.Optional(Type.Integer({ minimum: 0, maximum: 16, description: 'Modules; 4 unless told otherwise' })),
  color: color('000000', 'Of the code'),
  background: color('ffffff', 'Behind it'),
  level: oneOf(['L', 'M', 'Q', 'H'], 'Of error correction: about 7, 15, 25 or 30 percent may be unreadable; M unless told otherwise')
}, { additionalProperties: false })

interface Asked {
  readonly format?: QrOptions['format']
  readonly size?: number
  readonly margin?: number
  readonly color?: string
  readonly background?: string
  readonly level?: QrOptions['level']
}

const accepted = (accept: string | undefined): QrOptions['format'] =>
  new Negotiator({ headers: { accept } }).mediaType([types.svg, types.png]) === types.png ? 'png' : 'svg'

const matches = (header: string | undefined, tag: string): boolean =>
  header !== undefined && header.split(',').some(one => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag)

export const qrRoute: FastifyPluginAsync<{ publicUrl: () => string }> = async (app, { publicUrl }) => {
  const picture = { description: 'The QR code', content: { [types.svg]: { schema: { type: 'string' } }, [types.png]: { schema: { type: 'string', format: 'binary' } } } }
  app.get<{ Params: { slug: string }, Querystring: Asked }>('/:slug/qr', {
    schema: {
      tags: ['redirects'],
      summary: 'The QR code of a link',
      description: 'Of its short URL. It is no visit.',
      params: Type.Object({ slug: Type.String() }),
      querystring: Query,
      response: { 200: picture, 304: { description: 'It is as the ETag says', type: 'null' }, ...problems(400, 404, 410, 503) }
    }
  }, async (request, reply) => {
    const { slug } = request.params
    if (!isSlug(slug) || isReserved(slug)) throw new LinklogError('not_found', 'There is nothing here')
    const link = app.domains.keyOf(request.host, slug)
    const target = app.targets.peek(link) ?? await app.targets.get(link)
    if (target === null) throw new LinklogError('link_not_found', 'There is no such link')
    if (target.deleted) throw new LinklogError('link_deleted', 'This link was deleted')
    if (app.blocklist.blocks(link, target.url)) throw new LinklogError('link_blocked', 'This link is blocked')
    const { format = accepted(request.headers.accept), size = 256, margin = 4, color = '000000', background = 'ffffff', level = 'M' } = request.query
    const options = { format, size, margin, color: color.toLowerCase(), background: background.toLowerCase(), level }
    const text = shortUrl(link, publicUrl())
    const tag = qrTag(text, options)
    reply.header('etag', tag).header('cache-control', cacheControl).header('vary', 'accept')
    if (matches(request.headers['if-none-match'], tag)) return await reply.code(304).send()
    return await reply.type(types[format]).send(await drawQr(text, options))
  })
}
