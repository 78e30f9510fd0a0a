// What a user agent says about itself: device, browser, operating system, and whether it is a robot.
import Bowser from 'bowser'
import { isbot, isbotMatch } from 'isbot'
import { LRUCache } from 'lru-cache'

export interface Agent { readonly device: string, readonly browser: string, readonly os: string, readonly bot: boolean }

const unknownAgent: Agent = { device: 'unknown', browser: 'unknown', os: 'unknown', bot: true }
const remembered = new LRUCache<string, Agent>({ max: 20_000 })
const agentCharsMax = 512

const parse = (text: string): Agent => {
  const parsed = Bowser.parse(text)
  const os = parsed.os.name ?? 'unknown'
  if (isbot(text)) return { device: 'bot', browser: parsed.browser.name || isbotMatch(text) || 'unknown', os, bot: true }
  return { device: parsed.platform.type ?? 'unknown', browser: parsed.browser.name || 'unknown', os, bot: false }
}

/** Classifies a User-Agent header; none at all is taken for a robot. Only its first 512 characters count. */
export const classifyAgent = (header: string | undefined): Agent => {
  if (header === undefined || header === '') return unknownAgent
  const text = header.length > agentCharsMax ? header.slice(0, agentCharsMax) : header
  const known = remembered.get(text)
  if (known !== undefined) return known
  const agent = parse(text)
  remembered.set(text, agent)
  return agent
}

/** The host of a Referer header in lower case; null where there is none or it is no web address. */
export const referrerHost = (header: string | undefined): string | null => {
  if (header === undefined || header === '' || header.length > 4_096 || !URL.canParse(header)) return null
  const { protocol, hostname } = new URL(header)
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '' && hostname.length <= 255 ? hostname : null
}

/** The primary subtag of the first language of Accept-Language, lower case; null where there is none. */
export const firstLanguage = (header: string | undefined): string | null =>
  /^\s*([A-Za-z]{2,3})(?=[-,;\s]|$)/.exec(header ?? '')?.[1]?.toLowerCase() ?? null

/** An ISO 3166-1 alpha-2 code from the trusted header, upper case; null for anything else. */
export const countryCode = (header: string | undefined): string | null => {
  const code = header?.trim().toUpperCase()
  return code !== undefined && /^[A-Z]{2}$/.test(code) && code !== 'XX' ? code : null
}
