// Which events of the log were accepted, and as which version. The order of the log decides (docs/events.md); link_revisions has walked it, so it is asked
// instead of walking each link from its beginning: an event is accepted where it stands at the place that its base_version names.
import { setTimeout as wait } from 'node:timers/promises'
import { LinklogError } from '../errors.js'
import type { LinkEvent } from '../events/link-event.js'
import type { Decisions } from '../queries/changes.js'

export interface Logged { readonly link: string, readonly event: Pick<LinkEvent, 'event_id' | 'base_version'> }

export interface AcceptanceOptions {
  readonly decisions: (links: readonly string[]) => Promise<ReadonlyMap<string, Decisions>>
  /** How long the view may be behind the log before it is taken for away, in milliseconds. */
  readonly patienceMs: number
}

const linksPerQuery = 64
const delayMsMax = 500

/** The version that an event made, 0 for one that was ignored, undefined where the view has not come to it yet. */
export const versionOf = ({ event_id: id, base_version: base }: Logged['event'], decisions: Decisions | undefined): number | undefined => {
  if (decisions === undefined) return undefined
  if (decisions.accepted[base] === id) return base + 1
  return decisions.accepted.length > base || decisions.seen.includes(id) ? 0 : undefined
}

/**
 * The version that each event made, 0 for one that was ignored. Waits while the view is behind the log.
 * An event that stands on the log twice under one id is taken for accepted both times: whoever reads changes goes by their id.
 * @throws LinklogError unavailable where the view does not come to them, or the signal's reason.
 */
export const accepted = async (events: readonly Logged[], options: AcceptanceOptions, signal: AbortSignal): Promise<readonly number[]> => {
  const versions: (number | undefined)[] = events.map(() => undefined)
  const deadline = performance.now() + options.patienceMs
  for (let delay = 10; ; delay = Math.min(delay * 2, delayMsMax)) {
    const open = [...new Set(events.filter((_, index) => versions[index] === undefined).map(({ link }) => link))]
    if (open.length === 0) return versions as number[]
    if (delay > 10) {
      if (performance.now() > deadline) throw new LinklogError('unavailable', 'The view of accepted changes is behind the log', { headers: { 'retry-after': '1' } })
      await wait(delay, undefined, { signal })
    }
    for (let at = 0; at < open.length; at += linksPerQuery) {
      signal.throwIfAborted()
      const decisions = await options.decisions(open.slice(at, at + linksPerQuery))
      for (const [index, { link, event }] of events.entries()) {
        if (versions[index] === undefined && decisions.has(link)) versions[index] = versionOf(event, decisions.get(link))
      }
    }
  }
}
