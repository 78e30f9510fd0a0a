// A visit as the API tells it, in pages and live.
import type { LoggedVisit } from './log.js'

export const presentVisit = ({ link, partition, offset, visit }: LoggedVisit) => ({
  id: visit.visit_id,
  link,
  version: visit.version,
  rule: visit.rule,
  url: visit.url,
  outcome: visit.outcome,
  visitedAt: new Date(visit.visited_at).toISOString(),
  referrer: visit.referrer,
  device: visit.device,
  browser: visit.browser,
  os: visit.os,
  country: visit.country,
  language: visit.language,
  visitor: visit.visitor,
  bot: visit.bot,
  partition,
  offset
})
