// The domains in memory, all of them: which one a request is for, and so by which key its link is found.
import type { Domain } from '../queries/domains.js'

/** Every gateway holds all domains, removed ones too. */
export const domainsMax = 10_000

export class DomainDirectory {
  readonly #defaultHost: () => string
  readonly #domains = new Map<string, Domain>()
  #standing = 0
  #own: { readonly self: ReadonlySet<string>, readonly all: ReadonlySet<string> } | undefined

  /** @param defaultHost the host of PUBLIC_URL, whose links have their slug alone as key. */
  constructor (defaultHost: () => string) {
    this.#defaultHost = defaultHost
  }

  get size (): number {
    return this.#domains.size
  }

  /** Those that are served, by name. */
  all (): readonly Domain[] {
    return [...this.#domains.values()].filter(({ isRemoved }) => !isRemoved).sort((a, b) => a.host < b.host ? -1 : 1)
  }

  /** A domain that is served, by its canonical host. */
  get (host: string): Domain | undefined {
    const domain = this.#domains.get(host)
    return domain === undefined || domain.isRemoved ? undefined : domain
  }

  /** The same, or what was set before it was removed. */
  last (host: string): Domain | undefined {
    return this.#domains.get(host)
  }

  /** A domain as the feed, a read or a write of this gateway shows it; older news changes nothing. */
  changed (domain: Domain): void {
    const held = this.#domains.get(domain.host)
    if (held !== undefined && held.version > domain.version) return
    this.#domains.set(domain.host, domain)
    this.#own = undefined
    this.#standing += Number(!domain.isRemoved) - Number(held !== undefined && !held.isRemoved)
  }

  /** The hosts under which the service is reached, with those of its domains: no link may lead to them. */
  ownHosts (self: ReadonlySet<string>): ReadonlySet<string> {
    if (this.#standing === 0) return self
    if (this.#own?.self !== self) this.#own = { self, all: new Set([...self, ...this.all().map(({ host }) => host)]) }
    return this.#own.all
  }

  /** The domain that a Host header names, with its port or without; undefined where it names none. */
  #named (header: string): Domain | undefined {
    const host = header.toLowerCase()
    return this.get(host) ?? this.get(host.replace(/\.?(?::\d+)?$/, ''))
  }

  /** The domain whose settings a request falls under: an unknown host is taken for the default domain. Undefined where nothing is set. */
  of (header: string | undefined): Domain | undefined {
    if (this.#standing === 0) return undefined
    return (header === undefined ? undefined : this.#named(header)) ?? this.get(this.#defaultHost())
  }

  /** The key of a slug that was asked for at a host: the slug alone on the default domain and on unknown hosts. */
  keyOf (header: string | undefined, slug: string): string {
    if (this.#standing === 0 || header === undefined) return slug
    const domain = this.#named(header)
    return domain === undefined || domain.host === this.#defaultHost() ? slug : `${domain.host}/${slug}`
  }

  /** What stands before the slug in the keys of a domain's links; undefined where there is no such domain. */
  prefixOf (host: string): string | undefined {
    if (host === this.#defaultHost()) return ''
    return this.get(host) === undefined ? undefined : `${host}/`
  }
}
