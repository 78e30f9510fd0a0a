// The commands on domains: set one, and remove one. The last event on a host counts, so nobody can lose a race but the slower.
import { LinklogError } from '../errors.js'
import type { DomainEvent } from '../events/domain-event.js'
import { normaliseUrl } from '../links/url.js'
import type { Domain } from '../queries/domains.js'
import { domainsMax, type DomainDirectory } from './directory.js'

export interface DomainSettings { readonly defaultUrl: string | null, readonly notFoundUrl: string | null }
export interface By { readonly actor: string, readonly reason: string | null }

export interface DomainServiceOptions {
  readonly directory: DomainDirectory
  readonly write: (host: string, event: DomainEvent) => Promise<void>
  readonly ownHosts: () => ReadonlySet<string>
  readonly newId: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export class DomainService {
  readonly #options: DomainServiceOptions

  constructor (options: DomainServiceOptions) {
    this.#options = options
  }

  /**
   * Sets all of a domain; served from here at once, by other gateways a moment later. What stands already is written no second time.
   * @param host canonical.
   * @throws LinklogError validation_failed, limit_reached, unavailable.
   */
  async set (host: string, asked: DomainSettings, by: By): Promise<{ readonly domain: Domain, readonly isNew: boolean }> {
    const { directory, ownHosts } = this.#options
    const own = new Set([...ownHosts(), host])
    const checked = (url: string | null, pointer: string) => url === null ? null : normaliseUrl(url, own, pointer)
    const settings = { defaultUrl: checked(asked.defaultUrl, '/defaultUrl'), notFoundUrl: checked(asked.notFoundUrl, '/notFoundUrl') }
    const standing = directory.get(host)
    if (standing !== undefined && standing.defaultUrl === settings.defaultUrl && standing.notFoundUrl === settings.notFoundUrl) {
      return { domain: standing, isNew: false }
    }
    if (directory.last(host) === undefined && directory.size >= domainsMax) {
      throw new LinklogError('limit_reached', `There are ${domainsMax} domains, removed ones included: no more can be set`)
    }
    return { domain: await this.#write(host, settings, false, by), isNew: standing === undefined }
  }

  /** Ends the service of a domain; its links stay on the log, and come back with it. @throws LinklogError domain_not_found, unavailable. */
  async remove (host: string, by: By): Promise<void> {
    const { defaultUrl, notFoundUrl } = this.get(host)
    await this.#write(host, { defaultUrl, notFoundUrl }, true, by)
  }

  async #write (host: string, { defaultUrl, notFoundUrl }: DomainSettings, isRemoved: boolean, { actor, reason }: By): Promise<Domain> {
    const { directory, write, newId, now } = this.#options
    const at = now()
    await write(host, {
      event_id: newId(), type: isRemoved ? 'DomainRemoved' : 'DomainSet', occurred_at: at, actor, reason, default_url: defaultUrl, not_found_url: notFoundUrl
    })
    const last = directory.last(host)
    const domain = { host, version: (last?.version ?? 0) + 1, isRemoved, createdAt: last?.createdAt ?? at, updatedAt: at, actor, defaultUrl, notFoundUrl }
    directory.changed(domain)
    return domain
  }

  /** @throws LinklogError domain_not_found. */
  get (host: string): Domain {
    const domain = this.#options.directory.get(host)
    if (domain === undefined) throw new LinklogError('domain_not_found', `${host} is no domain of this service`)
    return domain
  }
}
