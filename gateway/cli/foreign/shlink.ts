// Shlink: the JSON of GET /rest/v3/short-urls (docs/swagger/definitions/ShortUrl.json), the CSV of its web client (ExportShortUrlsBtn.tsx), and the columns of
// `short-url:list` and of its own CSV import (ListShortUrlsCommand.php, CsvImporter.php).
import { instant, Refused, shortLink, type ForeignSource } from './source.js'

const number = (value: unknown): number | undefined => {
  if (value === undefined) return undefined
  const read = Number(value)
  if (!Number.isSafeInteger(read)) throw new Refused(`maxVisits is '${String(value)}', which is no whole number.`)
  return read
}

export const shlink: ForeignSource = {
  title: 'Shlink',
  needed: [['longurl'], ['shortcode', 'shorturl']],
  paths: ['shortUrls.data', 'data'],
  links: (fields, note) => {
    const url = fields.text('longurl')
    if (url === undefined) throw new Refused('The record has no longUrl.')
    const short = fields.text('shorturl')
    const code = fields.text('shortcode')
    const parsed = short === undefined ? undefined : shortLink(short)
    const slug = code ?? parsed?.slug
    if (slug === undefined) throw new Refused('The record has no shortCode.')
    const domain = fields.text('domain')
    const meta = (fields.any('meta') ?? {}) as Readonly<Record<string, unknown>>
    const limit = (name: string): unknown => meta[name] ?? fields.any(name.toLowerCase())
    const date = (name: string): string | undefined => instant(limit(name) as string | undefined ?? undefined, name)
    const forwards = fields.any('forwardquery')
    const rules = fields.any('hasredirectrules')
    if (rules === true || rules === 'true') note('Links whose redirect rules are not in the file, to be added by hand')
    return [{
      url,
      slug,
      host: parsed?.host ?? (domain === 'DEFAULT' ? undefined : domain),
      title: fields.text('title'),
      tags: fields.list('tags'),
      createdAt: instant(fields.text('datecreated', 'createdat'), 'dateCreated'),
      validFrom: date('validSince'),
      validUntil: date('validUntil'),
      maxVisits: number(limit('maxVisits') ?? undefined),
      ...(forwards !== undefined && { forwardQuery: forwards === true || forwards === 'true' })
    }]
  }
}
