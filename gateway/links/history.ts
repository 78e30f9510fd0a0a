// Keeps a link's history well inside one Kafka record: COLLECT_LIST keeps every event of a key, and a record too large would stop the statement for all.
import { invalidField, LinklogError } from '../errors.js'
import type { LinkEvent } from '../events/link-event.js'
import type { LinkState } from '../queries/links.js'
import { recordBytesMax } from '../topics.js'

/** ksql.functions.collect_list.limit on the cluster must be higher: events behind it would never be seen. */
export const attemptsMax = 1_000
/** What one event may weigh, its redirect rules and scheduled edits with it. */
export const eventBytesMax = 32_768

/** The state of link_revisions holds each event twice whole (the list and its empty twin), and once in short. */
const copies = 2
const shortBytes = 160
/** Events that may already be on their way, of one gateway all as large as can be. */
export const writersPerLink = 4
const reserve = writersPerLink * eventBytesMax

/** What the events of a link may weigh together. */
export const historyBytesMax = Math.floor((recordBytesMax * 0.95 - attemptsMax * shortBytes) / copies) - reserve

/**
 * What an event adds to history_bytes of link_revisions: the same parts, weighed as JSON. The names of the fields, which Avro does not write, make up
 * for the event's id, actor and time, which are not weighed.
 */
export const weightOf = ({ doc, scheduled, reason }: Pick<LinkEvent, 'doc' | 'scheduled' | 'reason'>): number =>
  Buffer.byteLength(JSON.stringify({ doc, scheduled, reason }))

/** @throws LinklogError validation_failed for an event that is too large by itself, history_full where it would bring the history near the limit. */
export const checkRoom = (link: string, state: Pick<LinkState, 'attempts' | 'historyBytes'> | undefined, event: LinkEvent): void => {
  const bytes = weightOf(event)
  if (bytes > eventBytesMax) throw invalidField('', `would make the link, with its rules and scheduled edits, larger than ${eventBytesMax / 1_024} KiB`)
  const { attempts = 0, historyBytes = 0 } = state ?? {}
  if (historyBytes + bytes > historyBytesMax || attempts >= attemptsMax) {
    throw new LinklogError('history_full', `${link} has ${attempts} events (${Math.ceil(historyBytes / 1_024)} KiB): make a new link instead`)
  }
}
