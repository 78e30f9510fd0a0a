// YOURLS: its table yourls_url as CSV, JSON or SQL (includes/functions-install.php has the columns), the answer of its API to action=stats
// (includes/functions.php, yourls_get_stats), and the CSV of the plugin YOURLS Import Export (source, target, hits).
import { instant, Refused, shortLink, type ForeignSource } from './source.js'

export const yourls: ForeignSource = {
  title: 'YOURLS',
  bareColumns: ['keyword', 'url', 'title', 'timestamp', 'ip', 'clicks'],
  needed: [['keyword', 'shorturl', 'source'], ['url', 'longurl', 'target']],
  // those of the API, of the plugin that Shlink asks for, and of phpMyAdmin
  paths: ['links', 'result', 'data'],
  links: (fields) => {
    // the head of what phpMyAdmin writes
    if (['header', 'database'].includes(fields.text('type') ?? '')) return []
    const url = fields.text('url', 'longurl', 'target')
    if (url === undefined) throw new Refused('The record has no url.')
    const short = fields.text('shorturl')
    const name = fields.text('keyword', 'source')?.replace(/^\/+|\/+$/g, '')
    const { host, slug } = short === undefined ? { host: undefined, slug: name ?? '' } : shortLink(short)
    if (slug === '') throw new Refused('The record has no keyword.')
    return [{ url, slug, host, title: fields.text('title'), createdAt: instant(fields.text('timestamp'), 'timestamp') }]
  }
}
