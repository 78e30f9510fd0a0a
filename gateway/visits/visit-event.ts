// From what the spool kept to the event that is shipped: what an agent, a referrer and a language mean is found out here, off the redirects' event loop.
import { createHash } from 'node:crypto'
import type { VisitSealer } from '../erasure/sealer.js'
import type { Visit } from '../events/visit.js'
import { classifyAgent, countryCode, firstLanguage, referrerHost } from './agent.js'
import type { RawVisit } from './raw-visit.js'
import { visitorOf } from './visitor.js'

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/**
 * Ids of a gateway's visits: UUIDs of version 7 (RFC 9562 5.7), the millisecond first, whose other bits are the gateway and the visit's position in its spool.
 * So a visit that is shipped again is known by the id that it had.
 */
export const visitIds = (gatewayId: string): (visitedAt: number, position: number) => string => {
  const gateway = createHash('sha256').update(gatewayId).digest().readUIntBE(0, 3)
  // 74 bits: 24 of the gateway, 50 of the position, which is the bytes of a petabyte or a quarter of a million starts
  const first = `7${hex(gateway & 0xfff, 3)}`
  const variantAndGateway = 0x8000 | (gateway >>> 12) << 2 & 0x3ffc
  return (visitedAt, position) => {
    const time = hex(visitedAt, 12)
    const high = Math.floor(position / 2 ** 48)
    return `${time.slice(0, 8)}-${time.slice(8)}-${first}-${hex(variantAndGateway | high & 0x3, 4)}-${hex(position % 2 ** 48, 12)}`
  }
}

/** The event of a spooled visit, of a day that the sealer is ready for. */
export const visitEvent = (raw: RawVisit, visitId: string, sealer: Pick<VisitSealer, 'seal'>): Visit => {
  const agent = classifyAgent(raw.userAgent)
  const { token, sealed } = sealer.seal(raw.link, visitId, raw.visitedAt, visitorOf(raw.addressToken, raw.userAgent))
  return {
    visit_id: visitId,
    version: raw.version,
    url: raw.url,
    outcome: raw.outcome,
    visited_at: raw.visitedAt,
    referrer: referrerHost(raw.referrer),
    device: agent.device,
    browser: agent.browser,
    os: agent.os,
    country: countryCode(raw.country),
    language: firstLanguage(raw.language),
    visitor: token,
    bot: agent.bot,
    rule: raw.rule,
    sealed
  }
}
