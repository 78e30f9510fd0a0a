// A visit as the spool keeps it until it is shipped: what the request told, cut to what is needed of it, in a few bytes that cost the redirect little.
// There is no address in it, but the token of one; what an agent or a referrer means is found out when it is shipped.
//
//   layout u8 | outcome u8 | rule u16 (0: none) | version u32 | visited_at f64 | address token, 16 bytes
//   | link | url | agent | referrer | language | country | traceparent
// Each text is: length u16 (0xffff: none) | bytes in Latin-1, as they came on the wire.
import { traceparentChars } from '../events/trace.js'
import { outcomes, type Outcome } from '../events/visit.js'

/** What is written of a visit, beside the token of its address. */
export interface VisitFacts {
  readonly link: string
  readonly version: number
  readonly url: string | null
  readonly outcome: Outcome
  readonly rule: number | null
  /** Milliseconds since 1970. */
  readonly visitedAt: number
  readonly userAgent: string | undefined
  readonly referrer: string | undefined
  readonly language: string | undefined
  readonly country: string | undefined
  /** W3C trace context of the request, already checked. */
  readonly traceparent: string | undefined
}

/** What is read again: headers cut, of the referrer scheme and authority alone. */
export interface RawVisit extends VisitFacts { readonly addressToken: Buffer }

const layout = 1
const none = 0xffff
const fixedBytes = 32
export const tokenBytes = 16

/** How much of each header is kept. What is behind it says nothing that a visit keeps. */
export const keptChars = { userAgent: 512, referrer: 300, language: 16, country: 8, traceparent: traceparentChars } as const

/** The most that a record of a link and a URL can take. */
export const rawVisitBytesMax = (link: string, url: string | null): number =>
  fixedBytes + 14 + link.length + (url === null ? 0 : url.length) + keptChars.userAgent + keptChars.referrer + keptChars.language + keptChars.country +
  keptChars.traceparent

/** Scheme and authority of a Referer header, without the user that it may name: all that a visit keeps of it. */
export const originOf = (referrer: string | undefined): string | undefined => {
  if (referrer === undefined) return undefined
  const start = referrer.indexOf('://') + 3
  if (start < 3) return undefined
  let end = start
  for (; end < referrer.length; end++) {
    const char = referrer.charCodeAt(end)
    if (char === 0x2f || char === 0x3f || char === 0x23 || char === 0x5c) break
  }
  const user = referrer.lastIndexOf('@', end - 1)
  return user > start ? referrer.slice(0, start) + referrer.slice(user + 1, end) : referrer.slice(0, end)
}

const putText = (into: Buffer, offset: number, text: string | null | undefined, charsMax: number): number => {
  if (text === null || text === undefined) {
    into[offset] = into[offset + 1] = 0xff
    return offset + 2
  }
  const length = into.write(text, offset + 2, charsMax, 'latin1')
  into[offset] = length >>> 8
  into[offset + 1] = length & 0xff
  return offset + 2 + length
}

/** Writes a visit, and gives the offset behind it. */
export const writeRawVisit = (into: Buffer, offset: number, visit: VisitFacts, addressToken: Buffer): number => {
  into[offset] = layout
  into[offset + 1] = outcomes.indexOf(visit.outcome)
  into.writeUInt16BE(visit.rule ?? 0, offset + 2)
  into.writeUInt32BE(visit.version, offset + 4)
  into.writeDoubleBE(visit.visitedAt, offset + 8)
  into.set(addressToken, offset + 16)
  let at = putText(into, offset + fixedBytes, visit.link, visit.link.length)
  at = putText(into, at, visit.url, visit.url?.length ?? 0)
  at = putText(into, at, visit.userAgent, keptChars.userAgent)
  at = putText(into, at, originOf(visit.referrer), keptChars.referrer)
  at = putText(into, at, visit.language, keptChars.language)
  at = putText(into, at, visit.country, keptChars.country)
  return putText(into, at, visit.traceparent, keptChars.traceparent)
}

/** @throws RangeError for what was not written by this version or one before. */
export const readRawVisit = (bytes: Buffer): RawVisit => {
  if (bytes[0] !== layout) throw new RangeError(`layout ${bytes[0] ?? 'none'} of a spooled visit is not known`)
  let at = fixedBytes
  const text = (): string | undefined => {
    const length = bytes.readUInt16BE(at)
    const start = at + 2
    if (length === none) {
      at = start
      return undefined
    }
    at = start + length
    if (at > bytes.length) throw new RangeError('a spooled visit ends too early')
    return bytes.toString('latin1', start, at)
  }
  const rule = bytes.readUInt16BE(2)
  return {
    outcome: outcomes[bytes[1] as number] ?? 'not_found',
    rule: rule === 0 ? null : rule,
    version: bytes.readUInt32BE(4),
    visitedAt: bytes.readDoubleBE(8),
    addressToken: bytes.subarray(16, fixedBytes),
    link: text() ?? '',
    url: text() ?? null,
    userAgent: text(),
    referrer: text(),
    language: text(),
    country: text(),
    traceparent: text()
  }
}
