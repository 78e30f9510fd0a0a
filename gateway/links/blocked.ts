// The block list against a link that is to be made or changed.
import { LinklogError, type FieldError } from '../errors.js'
import type { LinkDoc } from '../events/link-event.js'
import type { Blocklist } from './blocklist.js'

/**
 * What a document leads to, but for what it led to before: a title may be changed though the target was blocked since.
 * @throws LinklogError validation_failed with a pointer to each URL that is blocked.
 */
export const checkBlocked = (blocklist: Pick<Blocklist, 'blocksUrl'> | undefined, doc: LinkDoc, before?: LinkDoc): void => {
  if (blocklist === undefined) return
  const known = new Set(before === undefined ? [] : [before.url, ...before.rules.map(({ url }) => url)])
  const urls = [{ pointer: '/url', url: doc.url }, ...doc.rules.map(({ url }, index) => ({ pointer: `/rules/${index}/url`, url }))]
  const errors: FieldError[] = urls
    .filter(({ url }) => !known.has(url) && blocklist.blocksUrl(url))
    .map(({ pointer }) => ({ pointer, detail: 'leads to a host that is blocked' }))
  if (errors.length > 0) throw new LinklogError('validation_failed', errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; '), { errors })
}
