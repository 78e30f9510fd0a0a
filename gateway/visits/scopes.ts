// Which visits a request means: several links, those that have a tag, a domain's, or all.
import { isLinkKey } from '../links/slug.js'
import type { DomainTotals, Scope } from '../queries/visit-tables.js'
import { noVisits, type Totals, type VisitQueries } from '../queries/visits.js'
import { refuse } from './question.js'
import { linksMax, type VisitQuestions } from './questions.js'

export interface ScopeParameters { readonly links?: string | undefined, readonly tag?: string | undefined, readonly domain?: string | undefined }

export interface FoundScope {
  readonly scope: Scope
  readonly totals: Totals
  /** What was asked for, as the answer repeats it. */
  readonly echo: { readonly links?: string[], readonly tag?: string, readonly domain?: string }
}

/** How the tables call the domain of links without a host. */
export const defaultDomain = '-'

const hostExpression = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/

const earlier = (a: number | null, b: number | null): number | null => a === null ? b : b === null ? a : Math.min(a, b)
const later = (a: number | null, b: number | null): number | null => a === null ? b : b === null ? a : Math.max(a, b)

const sum = (all: readonly Totals[]): Totals => all.reduce((one, two) => ({
  total: one.total + two.total,
  withoutBots: one.withoutBots + two.withoutBots,
  firstVisit: earlier(one.firstVisit, two.firstVisit),
  lastVisit: later(one.lastVisit, two.lastVisit)
}), noVisits)

export interface VisitScopesOptions {
  readonly queries: Pick<VisitQueries, 'byLinks'>
  readonly questions: Pick<VisitQuestions, 'tagged' | 'domains'>
  /** The service's own host, which is the default domain as well. */
  readonly publicUrl: () => string
}

export class VisitScopes {
  readonly #options: VisitScopesOptions

  constructor (options: VisitScopesOptions) {
    this.#options = options
  }

  /** The host of the default domain. */
  get host (): string {
    return new URL(this.#options.publicUrl()).host
  }

  /** A domain as the tables call it. @throws LinklogError invalid_request. */
  domain (text: string): string {
    const host = text.toLowerCase()
    if (!hostExpression.test(host)) throw refuse('domain', 'must be a host, or default')
    return host === 'default' || host === this.host ? defaultDomain : host
  }

  /** Links as they were given, each once. @throws LinklogError invalid_request. */
  links (text: string): string[] {
    const links = [...new Set(text.split(','))]
    if (links.length > linksMax) throw refuse('links', `must be at most ${linksMax}`)
    for (const link of links) if (!isLinkKey(link)) throw refuse('links', `has "${link.slice(0, 100)}", which is neither a slug nor host/slug`)
    return links
  }

  /** Which links or domains are meant, without their totals. @throws LinklogError invalid_request, question_too_large. */
  async find (asked: ScopeParameters): Promise<{ readonly scope: Scope | undefined, readonly echo: FoundScope['echo'] }> {
    const { links, tag, domain } = asked
    if ([links, tag, domain].filter(one => one !== undefined).length > 1) throw refuse(links === undefined ? 'tag' : 'links', 'can only be given alone')
    if (links !== undefined) {
      const names = this.links(links)
      return { scope: { of: 'links', names }, echo: { links: names } }
    }
    if (tag !== undefined) {
      const names = [...await this.#options.questions.tagged(tag)].sort()
      return { scope: { of: 'links', names }, echo: { tag, links: names } }
    }
    return domain === undefined ? { scope: undefined, echo: {} } : { scope: { of: 'domains', names: [this.domain(domain)] }, echo: { domain } }
  }

  /** Which links or domains are meant, and their visits since the beginning. @throws LinklogError invalid_request, question_too_large. */
  async of (asked: ScopeParameters): Promise<FoundScope> {
    const { scope, echo } = await this.find(asked)
    if (scope?.of === 'links') return { scope, echo, totals: scope.names.length === 0 ? noVisits : sum(await this.#options.queries.byLinks(scope.names)) }
    const all = await this.#options.questions.domains()
    const found: readonly DomainTotals[] = scope === undefined ? all : all.filter(({ domain }) => scope.names.includes(domain))
    return { scope: scope ?? { of: 'domains', names: all.map(({ domain }) => domain) }, echo, totals: sum(found) }
  }
}
