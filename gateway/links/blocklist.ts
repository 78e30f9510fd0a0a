// Hosts that no link may lead to and slugs that no link may have, as a file lists them: asked when a link is made, and again at each redirect.

/** A line of the list that is neither a host nor a slug. */
export class BlocklistError extends Error {
  readonly code = 'LINKLOG_BLOCKLIST'
}

export interface BlockedNames { readonly hosts: ReadonlySet<string>, readonly slugs: ReadonlySet<string> }

export const blockedNamesMax = 1_000_000
export const blocklistBytesMax = 33_554_432
const rememberedMax = 100_000

const hostOf = (text: string): string | undefined => {
  if (/[/?#@\\\s:]/.test(text) || !URL.canParse(`http://${text}/`)) return undefined
  return new URL(`http://${text}/`).hostname.replace(/\.$/, '')
}

/**
 * Reads a list: a line is a host, which stands for its subdomains too, or /slug, whatever its case. What follows a # is a comment.
 * @throws BlocklistError naming the line.
 */
export const parseBlocklist = (text: string): BlockedNames => {
  const hosts = new Set<string>()
  const slugs = new Set<string>()
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.replace(/#.*/, '').trim()
    if (entry === '') continue
    if (hosts.size + slugs.size >= blockedNamesMax) throw new BlocklistError(`has more than ${blockedNamesMax} entries`)
    if (entry.startsWith('/') && /^\/[A-Za-z0-9_-]{1,64}$/.test(entry)) {
      slugs.add(entry.slice(1).toLowerCase())
      continue
    }
    const host = hostOf(entry.replace(/^\*?\./, ''))
    if (host === undefined) throw new BlocklistError(`line ${index + 1}: "${entry.slice(0, 80)}" is neither a host nor a slug (/word)`)
    hosts.add(host)
  }
  return { hosts, slugs }
}

const nothing: BlockedNames = { hosts: new Set(), slugs: new Set() }

export class Blocklist {
  #names = nothing
  #isEmpty = true
  /** What was found of URLs lately: the same few are asked for again and again. */
  #remembered = new Map<string, boolean>()

  get size (): number {
    return this.#names.hosts.size + this.#names.slugs.size
  }

  replace (names: BlockedNames): void {
    this.#names = names
    this.#isEmpty = names.hosts.size === 0 && names.slugs.size === 0
    this.#remembered = new Map()
  }

  blocksSlug (slug: string): boolean {
    return this.#names.slugs.has(slug.toLowerCase())
  }

  /** Whether the host of a URL, or one above it, is on the list. */
  blocksUrl (url: string): boolean {
    if (this.#names.hosts.size === 0) return false
    const known = this.#remembered.get(url)
    if (known !== undefined) return known
    const isBlocked = this.#blocksHost(new URL(url).hostname.replace(/\.$/, ''))
    if (this.#remembered.size >= rememberedMax) this.#remembered = new Map()
    this.#remembered.set(url, isBlocked)
    return isBlocked
  }

  #blocksHost (hostname: string): boolean {
    for (let host = hostname; host !== ''; host = host.includes('.') ? host.slice(host.indexOf('.') + 1) : '') {
      if (this.#names.hosts.has(host)) return true
    }
    return false
  }

  /** Whether a link, by its key, must not lead to a URL. */
  blocks (link: string, url: string): boolean {
    if (this.#isEmpty) return false
    return this.blocksSlug(link.slice(link.indexOf('/') + 1)) || this.blocksUrl(url)
  }
}
