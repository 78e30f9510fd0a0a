// Kutt: the JSON of GET /api/v2/links (docs/api/api.js and server/utils/utils.js, sanitize.link), or its table links as CSV (server/models/link.model.js).
import { instant, Refused, shortLink, type ForeignSource } from './source.js'

const isTrue = (value: unknown): boolean => value === true || value === 1 || (typeof value === 'string' && ['true', 't', '1'].includes(value))

export const kutt: ForeignSource = {
  title: 'Kutt',
  needed: [['target'], ['address', 'link']],
  paths: ['data'],
  links: (fields) => {
    const url = fields.text('target')
    if (url === undefined) throw new Refused('The record has no target.')
    const short = fields.text('link')
    const parsed = short === undefined ? undefined : shortLink(short)
    const slug = fields.text('address') ?? parsed?.slug
    if (slug === undefined) throw new Refused('The record has no address.')
    if (isTrue(fields.any('banned'))) throw new Refused('The link is banned.')
    // the API says true, the table has the password's hash: made without one, the link would be open to everybody
    const password = fields.any('password')
    if (password !== undefined && password !== false && password !== 'false') throw new Refused('The link asks for a password, which links here cannot.')
    return [{
      url,
      slug,
      host: fields.text('domain') ?? parsed?.host,
      title: fields.text('description'),
      createdAt: instant(fields.text('createdat'), 'created_at'),
      validUntil: instant(fields.text('expirein'), 'expire_in')
    }]
  }
}
