// Bitly: the CSV that its pages export, and the JSON of GET /v4/groups/{group_guid}/bitlinks (dev.bitly.com/api-reference).
import { instant, Refused, shortLink, type ForeignSource } from './source.js'

const destination = ['longurl', 'destinationurl', 'destination', 'originalurl']
const short = ['link', 'bitlink', 'shortlink', 'shorturl', 'id']
const custom = ['custombitlinks', 'custombitlink', 'customlinks', 'customlink']

/** A date of the CSV may be written in a form of its own: it is only told, so it is told as it stands. */
const asWritten = (text: string | undefined): string | undefined => {
  try {
    return instant(text, 'created')
  } catch {
    return text?.slice(0, 100)
  }
}

export const bitly: ForeignSource = {
  title: 'Bitly',
  needed: [destination, short],
  paths: ['links'],
  links: (fields) => {
    const url = fields.text(...destination)
    if (url === undefined) throw new Refused('The record has no destination.')
    // a link that was given a name of its own goes on answering at its first one too
    const shorts = [fields.text(...short), ...fields.list(...custom)].filter((one) => one !== undefined).map(shortLink)
    if (shorts.length === 0) throw new Refused('The record has no short link.')
    const title = fields.text('title')
    const tags = fields.list('tags')
    const createdAt = asWritten(fields.text('createdat', 'created', 'datecreated', 'createddate', 'creationdate'))
    return shorts.filter(({ slug }, index) => shorts.findIndex((one) => one.slug === slug) === index)
      .map(({ host, slug }) => ({ url, slug, host, title, tags, createdAt }))
  }
}
