// Keeps a link's history well inside one Kafka record: COLLECT_LIST keeps every event of a key, and a record too large would stop the statement for all.
import { LinklogError } from '../errors.js'
import type { LinkHistory } from '../queries/links.js'
import { recordBytesMax } from '../topics.js'
import { rulesBytesMax } from './rules.js'

/** An event is at most about 10 KiB, and its redirect rules. */
const eventBytesMax = 10_240 + rulesBytesMax
/** Below so many events no history can be too long. */
export const attemptsUnmeasured = 8
/** ksql.functions.collect_list.limit on the cluster must not be lower: events behind it would never be seen. */
export const attemptsMax = 1_000

/** The state of link_revisions holds each event twice whole (the list and its empty twin) and once in short. */
const copies = 3
const bytesMax = Math.floor(recordBytesMax / copies / 1.15)

/** @throws LinklogError history_full where one more event would come near the limit. */
export const checkHistory = (history: LinkHistory): void => {
  const { revisions, attempts } = history
  const accepted = Buffer.byteLength(JSON.stringify(revisions))
  // what the losers wrote is not kept in revisions: reckon with as much for each as for an accepted one
  const bytes = revisions.length === 0 ? attempts.length * eventBytesMax : accepted * Math.max(1, attempts.length / revisions.length)
  if (bytes > bytesMax || attempts.length >= attemptsMax) {
    throw new LinklogError('history_full', `${history.link} has ${attempts.length} events (about ${Math.round(bytes / 1024)} KiB): make a new link instead`)
  }
}
