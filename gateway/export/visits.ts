// The visits of an export: the log read from its beginning, or from where the period begins, to where it ended when the export began.
import type { KeyRing } from '../erasure/key-ring.js'
import { needsTags, selects, type LinkSelection } from '../links/selection.js'
import type { LinkView } from '../links/view.js'
import type { LoggedVisit, VisitLog } from '../visits/log.js'
import { presentVisit } from '../visits/present.js'
import type { Bots } from '../visits/question.js'

export interface VisitExport {
  readonly log: Pick<VisitLog, 'partitions' | 'partitionOf' | 'read'>
  readonly keys: Pick<KeyRing, 'holdFor' | 'open' | 'refresh'>
  /** Where each partition of the log ends now. */
  readonly ends: () => Promise<ReadonlyMap<number, number>>
  /** The first offset of each partition whose record's timestamp is not before an instant; a partition without one may be absent. */
  readonly since: (ms: number) => Promise<ReadonlyMap<number, number>>
  /** Where these links stand now; one that does not exist is absent. */
  readonly standing: (links: readonly string[]) => Promise<ReadonlyMap<string, LinkView>>
}

export interface VisitsAsked {
  readonly selection: LinkSelection
  /** Milliseconds since 1970; `to` is not included. */
  readonly period: { readonly from: number, readonly to: number }
  readonly bots: Bots
  readonly defaultHost: string
}

/** A record's timestamp is when the visit was made; clocks of several gateways may be apart by less than this. */
const clocksApartMs = 3_600_000
/** Links whose tags are remembered during an export. */
const linksKept = 10_000

/** The tags of links as they stand now, asked for where they are not known yet. */
class TagsNow {
  readonly #standing: VisitExport['standing']
  readonly #known = new Map<string, readonly string[]>()

  constructor (standing: VisitExport['standing']) {
    this.#standing = standing
  }

  async know (links: readonly string[]): Promise<void> {
    if (this.#known.size > linksKept) this.#known.clear()
    const unknown = [...new Set(links)].filter(link => !this.#known.has(link))
    if (unknown.length === 0) return
    const views = await this.#standing(unknown)
    for (const link of unknown) this.#known.set(link, views.get(link)?.doc.tags ?? [])
  }

  of (link: string): readonly string[] {
    return this.#known.get(link) ?? []
  }
}

/** Visits by partition and offset, as the API tells them. @throws LinklogError unavailable, and the signal's reason. */
export async function * visitRows (
  { log, keys, ends, since, standing }: VisitExport, { selection, period, bots, defaultHost }: VisitsAsked, signal: AbortSignal
): AsyncGenerator<ReturnType<typeof presentVisit>> {
  const { links = [] } = selection
  const [end, start] = await Promise.all([ends(), period.from === 0 ? new Map<number, number>() : since(Math.max(0, period.from - clocksApartMs))])
  const partitions = links.length === 0 ? await log.partitions() : [...new Set(await Promise.all(links.map(async link => await log.partitionOf(link))))]
  const tags = new TagsNow(standing)
  const isIn = ({ visit: { visited_at: at, bot } }: LoggedVisit): boolean =>
    at >= period.from && at < period.to && (bots === 'include' || bot === (bots === 'only'))
  for (const partition of partitions.toSorted((a, b) => a - b)) {
    for await (const stretch of log.read(partition, start.get(partition) ?? 0, end.get(partition) ?? 0, signal)) {
      const met = stretch.filter(isIn)
      if (needsTags(selection)) await tags.know(met.map(({ link }) => link))
      if (met.length > 0) await keys.refresh() // what any gateway has erased by now is not told
      for (const one of met) {
        if (!selects(selection, one.link, tags.of(one.link), defaultHost)) continue
        await keys.holdFor(one)
        yield presentVisit(one, keys)
      }
    }
  }
}
