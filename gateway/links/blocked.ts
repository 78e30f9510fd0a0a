// The block list against a link that is to be made or changed.
import { LinklogError, type FieldError } from '../errors.js'
import type { LinkDoc } from '../events/link-event.js'
import type { Blocklist } from './blocklist.js'

/**
 * What documents lead to, now and as they will stand, but for what the link led to before: a title may be changed though the target was blocked since.
 * @throws LinklogError validation_failed with a pointer to each URL that is blocked.
 */
export const checkBlocked = (blocklist: Pick<Blocklist, 'blocksUrl'> | undefined, docs: readonly LinkDoc[], before: readonly LinkDoc[] = []): void => {
  if (blocklist === undefined) return
  const known = new Set(before.flatMap(({ url, rules }) => [url, ...rules.map(({ url }) => url)]))
  const urls = docs.flatMap(({ url, rules }) => [{ pointer: '/url', url }, ...rules.map(({ url }, index) => ({ pointer: `/rules/${index}/url`, url }))])
  const pointers = new Set(urls.filter(({ url }) => !known.has(url) && blocklist.blocksUrl(url)).map(({ pointer }) => pointer))
  const errors: FieldError[] = [...pointers].map(pointer => ({ pointer, detail: 'leads to a host that is blocked' }))
  if (errors.length > 0) throw new LinklogError('validation_failed', errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; '), { errors })
}
