// How a list of links is asked for in ksql: the filter as terms of a WHERE, or as a column where rows are read by key. The only SQL text about lists.
// Every term is one comparison, and what has an OR stands inside a CASE: a pull query's WHERE takes comparisons, LIKE, AND, OR and NOT alone
// (QueryFilterNode.Validator), multiplies ORs out into its normal form (PullQueryRewriter), and a NOT inside a CASE would turn round its neighbours
// (LogicRewriter.NotPropagator), so there is none.
import { standingAt, type LinkView } from '../links/view.js'
import type { KsqlClient, Row } from '../ksqldb/client.js'
import type { Names } from '../topics.js'
import { escapeInstant, escapeString, toMillis } from './escape.js'
import { toDoc, toScheduled } from './links.js'

/** A link is in one state at a time: the first of these that holds, active where none does. */
export const stateNames = ['deleted', 'disabled', 'expired', 'scheduled', 'exhausted', 'active'] as const
export type StateName = typeof stateNames[number]

export interface LinkFilter {
  readonly anyTag?: readonly string[]
  readonly allTags?: readonly string[]
  readonly noTag?: readonly string[]
  /** In the slug, the title or the URL, whatever the case. */
  readonly text?: string
  /** The host of the short link; null for the default domain. */
  readonly domain?: string | null
  /** The host that the link leads to. */
  readonly targetHost?: string
  /** A normalised URL. */
  readonly url?: string
  readonly createdFrom?: number
  /** Not included. */
  readonly createdTo?: number
  readonly states?: readonly StateName[]
  /** What the asker may see: links on one of these domains (null: the default), with one of these tags. */
  readonly within?: { readonly domains?: ReadonlyArray<string | null>, readonly tags?: readonly string[] }
}

/** A row that met the filter, with all that the link is. */
export interface Standing extends Listed { readonly view: LinkView }

/** A place in the order of a list: the value that it is sorted by, then the link. */
export interface Place { readonly value: number, readonly link: string }

/** A row that met the filter. `state` is active where only the count of visits can tell active from exhausted. */
export interface Listed {
  readonly link: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly maxVisits: number | null
  readonly state: StateName
}

export type TimeColumn = 'created_at' | 'updated_at'
export interface After { readonly column: TimeColumn, readonly descending: boolean, readonly place: Place }

/** links_by_url keeps so many links of a URL: where it has as many there may be more. */
export const linksOfUrlMax = 100

const instant = (ms: number): string => `FROM_UNIXTIME(${escapeInstant(ms)})`
const holds = (condition: string): string => `CASE WHEN ${condition} THEN 1 ELSE 0 END = 1`
const contains = (expression: string, text: string): string => `INSTR(LCASE(${expression}), LCASE(${escapeString(text)})) > 0`
const startsWith = (expression: string, text: string): string => `INSTR(${expression}, ${escapeString(text)}) = 1`

type Field = 'url' | 'title' | 'tags' | 'valid_from' | 'valid_until' | 'max_visits'

/** A field at an instant: that of the last scheduled edit that has come due and names it, else the column. The edits lie in the order of their instants. */
const fieldAt = (field: Field, at: number): string => {
  const due = `FILTER(scheduled, s => s->valid_from <= ${instant(at)} AND ARRAY_CONTAINS(s->changes->fields, '${field}'))`
  return `CASE WHEN ARRAY_LENGTH(${due}) > 0 THEN ${due}[-1]->changes->${field} ELSE ${field} END`
}

/** How many of these tags the link has; one without any has none. */
const tagsOf = (tags: readonly string[], at: number): string =>
  `IFNULL(ARRAY_LENGTH(ARRAY_INTERSECT(${fieldAt('tags', at)}, ARRAY[${tags.map(escapeString).join(', ')}])), 0)`

/** The state at an instant as the table alone can tell it: comparisons with null do not hold. */
const stateExpression = (at: number): string =>
  `CASE WHEN deleted THEN 'deleted' WHEN enabled THEN CASE WHEN ${fieldAt('valid_until', at)} <= ${instant(at)} THEN 'expired' ` +
  `WHEN ${fieldAt('valid_from', at)} > ${instant(at)} THEN 'scheduled' ELSE 'active' END ELSE 'disabled' END`

const stateTerm = (states: readonly StateName[], at: number): string => {
  const told = new Set(states.map(state => state === 'exhausted' ? 'active' : state))
  return `INSTR(${escapeString(`|${[...told].join('|')}|`)}, CONCAT('|', ${stateExpression(at)}, '|')) > 0`
}

const onDomain = (domain: string | null): string => domain === null ? "INSTR(link, '/') = 0" : startsWith('link', `${domain}/`)

const withinTerms = ({ domains, tags }: NonNullable<LinkFilter['within']>, at: number): readonly string[] => [
  ...(domains === undefined ? [] : [holds(domains.map(onDomain).join(' OR '))]),
  ...(tags === undefined ? [] : [`${tagsOf(tags, at)} > 0`])
]

const termsOf = (filter: LinkFilter, at: number): readonly string[] => {
  const { anyTag, allTags, noTag, text, domain, targetHost, url, createdFrom, createdTo, states } = filter
  return [
    ...(anyTag === undefined ? [] : [`${tagsOf(anyTag, at)} > 0`]),
    ...(allTags === undefined ? [] : [`${tagsOf(allTags, at)} = ${allTags.length}`]),
    ...(noTag === undefined ? [] : [`${tagsOf(noTag, at)} = 0`]),
    ...(text === undefined ? [] : [holds(['link', `IFNULL(${fieldAt('title', at)}, '')`, fieldAt('url', at)].map(field => contains(field, text)).join(' OR '))]),
    ...(domain === undefined ? [] : [onDomain(domain)]),
    ...(targetHost === undefined
      ? []
      : [holds(['https', 'http'].flatMap(scheme => ['/', ':'].map(end => startsWith(fieldAt('url', at), `${scheme}://${targetHost}${end}`))).join(' OR '))]),
    ...(url === undefined ? [] : [`${fieldAt('url', at)} = ${escapeString(url)}`]),
    ...(createdFrom === undefined ? [] : [`created_at >= ${instant(createdFrom)}`]),
    ...(createdTo === undefined ? [] : [`created_at < ${instant(createdTo)}`]),
    ...(states === undefined ? [] : [stateTerm(states, at)]),
    ...(filter.within === undefined ? [] : withinTerms(filter.within, at))
  ]
}

const afterTerm = ({ column, descending, place }: After): string =>
  holds(`${column} ${descending ? '<' : '>'} ${instant(place.value)} OR (${column} = ${instant(place.value)} AND link > ${escapeString(place.link)})`)

const where = (terms: readonly string[]): string => terms.length === 0 ? '' : ` WHERE ${terms.join(' AND ')}`
const keyed = (links: readonly string[]): string => `link IN (${links.map(escapeString).join(', ')})`

const toListed = (row: Row): Listed => {
  const [link, createdAt, updatedAt, maxVisits, state] = row
  return {
    link: String(link),
    createdAt: toMillis(createdAt) ?? 0,
    updatedAt: toMillis(updatedAt) ?? 0,
    maxVisits: (maxVisits ?? null) as number | null,
    state: state as StateName
  }
}

const docColumns = [
  'url', 'title', 'tags', 'enabled', 'deleted', 'valid_from', 'valid_until', 'max_visits', 'redirect_status', 'forward_query', 'rules'
] as const

/** Behind the columns of a listed row: the version, the edits that lie ahead, and the document as the last event left it. */
const toStanding = (row: Row, at: number): Standing => {
  const listed = toListed(row)
  const [version, scheduled, ...fields] = row.slice(5)
  const doc = toDoc(Object.fromEntries(docColumns.map((name, index) => [name, fields[index]])))
  const { link, createdAt, updatedAt } = listed
  return { ...listed, view: standingAt({ link, version: Number(version), createdAt, updatedAt, doc, scheduled: toScheduled(scheduled) }, at) }
}

export class LinkListQueries {
  readonly #ksqldb: Pick<KsqlClient, 'pull' | 'scan'>
  readonly #names: Names

  constructor (ksqldb: Pick<KsqlClient, 'pull' | 'scan'>, names: Names) {
    this.#ksqldb = ksqldb
    this.#names = names
  }

  #columns (at: number): string {
    return `link, UNIX_TIMESTAMP(created_at) AS created_ms, UNIX_TIMESTAMP(updated_at) AS updated_ms, ${fieldAt('max_visits', at)} AS max_visits, ${stateExpression(at)} AS state`
  }

  /** Every link that meets the filter at an instant, as the table gives them: in no order. Reads the whole table. */
  async * matching (filter: LinkFilter, at: number, after: After | undefined, signal: AbortSignal): AsyncGenerator<Listed> {
    const terms = [...termsOf(filter, at), ...(after === undefined ? [] : [afterTerm(after)])]
    const { rows } = await this.#ksqldb.scan(`SELECT ${this.#columns(at)} FROM ${this.#names.ksql('links')}${where(terms)};`, signal)
    for await (const row of rows) yield toListed(row)
  }

  /** Every link that meets the filter at an instant, as it stands then, in no order. Reads the whole table, no faster than its rows are taken. */
  async * standing (filter: LinkFilter, at: number, signal: AbortSignal): AsyncGenerator<Standing> {
    const sql = `SELECT ${this.#columns(at)}, version, scheduled, ${docColumns.map(name => `${name} AS doc_${name}`).join(', ')} FROM ${this.#names.ksql('links')}`
    const { rows } = await this.#ksqldb.scan(`${sql}${where(termsOf(filter, at))};`, signal)
    for await (const row of rows) yield toStanding(row, at)
  }

  /** Those of these links that meet the filter at an instant; read by key. */
  async matchingOf (links: readonly string[], filter: LinkFilter, at: number): Promise<readonly Listed[]> {
    const terms = termsOf(filter, at)
    // terms of the WHERE beside the keys could make it a scan: here they are a column
    const met = terms.length === 0 ? '1' : `CASE WHEN ${terms.join(' AND ')} THEN 1 ELSE 0 END`
    const { rows } = await this.#ksqldb.pull(`SELECT ${this.#columns(at)}, ${met} AS met FROM ${this.#names.ksql('links')} WHERE ${keyed(links)};`)
    return rows.filter(row => row[5] === 1).map(toListed)
  }

  /** Links with visits without bots, and how many, in no order; those behind a place where one is given. Reads the whole table. */
  async * visited (after: { readonly descending: boolean, readonly value: number } | undefined, signal: AbortSignal): AsyncGenerator<Place> {
    const bound = after === undefined ? '' : ` AND without_bots ${after.descending ? '<=' : '>='} ${escapeInstant(after.value)}`
    const { rows } = await this.#ksqldb.scan(
      `SELECT link, without_bots FROM ${this.#names.ksql('visits_by_link')} WHERE without_bots > 0${bound};`, signal)
    for await (const row of rows) yield { link: String(row[0]), value: Number(row[1]) }
  }

  /** Visits of these links without bots; a link without any is absent. */
  async visitsOf (links: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#ksqldb.pull(`SELECT link, without_bots FROM ${this.#names.ksql('visits_by_link')} WHERE ${keyed(links)};`)
    return new Map(rows.map(row => [String(row[0]), Number(row[1])]))
  }

  /** Links that an event at once led to this URL, at most linksOfUrlMax: whether they still do is for `links` to say. */
  async everOfUrl (url: string): Promise<readonly string[]> {
    const { rows } = await this.#ksqldb.pull(`SELECT links FROM ${this.#names.ksql('links_by_url')} WHERE url = ${escapeString(url)};`)
    return (rows[0]?.[0] ?? []) as string[]
  }

  /** Links that an edit was ever scheduled for, in no order. Reads a table of these alone. */
  async * everScheduled (signal: AbortSignal): AsyncGenerator<string> {
    const { rows } = await this.#ksqldb.scan(`SELECT link FROM ${this.#names.ksql('scheduled_links')};`, signal)
    for await (const row of rows) yield String(row[0])
  }
}
