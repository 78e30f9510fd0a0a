// Time zones as java.time.ZoneId knows them, on the zone rules that Intl carries.

export interface Zone {
  readonly id: string
  readonly fixed: boolean
  /** Seconds east of UTC at an instant in ms. */
  readonly offsetAt: (ms: number) => number
}

/** Rules change on quarter hours only, so an offset holds for its quarter. */
const QUARTER_MS = 900_000
const OFFSETS_CACHED_MAX = 4096
const ZONES_CACHED_MAX = 1000
const OFFSET_SECONDS_MAX = 18 * 3600

/** `+01:00`, or `Z` for none. */
export function offsetId (seconds: number): string {
  if (seconds === 0) return 'Z'
  const size = Math.abs(seconds)
  const two = (n: number): string => String(n).padStart(2, '0')
  const rest = size % 60 === 0 ? '' : `:${two(size % 60)}`
  return `${seconds < 0 ? '-' : '+'}${two(Math.floor(size / 3600))}:${two(Math.floor(size / 60) % 60)}${rest}`
}

export function fixedZone (seconds: number, id: string = offsetId(seconds)): Zone {
  return { id, fixed: true, offsetAt: () => seconds }
}

/** Seconds that `+h`, `+hh`, `+hh:mm`, `+hhmm`, `+hh:mm:ss` or `+hhmmss` means; undefined for any other text (ZoneOffset.of). */
export function parseOffset (text: string): number | undefined {
  if (text === 'Z') return 0
  const match = /^([+-])(?:(\d)|(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)$/.exec(text)
  if (match === null) return undefined
  const [hours, minutes, seconds] = [Number(match[2] ?? match[3]), Number(match[4] ?? 0), Number(match[5] ?? 0)]
  const total = hours * 3600 + minutes * 60 + seconds
  if (minutes > 59 || seconds > 59 || total > OFFSET_SECONDS_MAX) return undefined
  return match[1] === '-' ? -total : total
}

function regionZone (id: string): Zone {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: id, timeZoneName: 'longOffset' })
  const cache = new Map<number, number>()
  const read = (ms: number): number => {
    const match = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(format.format(ms))
    if (match?.[1] === undefined) return 0
    const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0)
    return match[1] === '-' ? -seconds : seconds
  }
  const offsetAt = (ms: number): number => {
    const quarter = Math.floor(ms / QUARTER_MS)
    const known = cache.get(quarter)
    if (known !== undefined) return known
    const seconds = read(quarter * QUARTER_MS)
    if (cache.size >= OFFSETS_CACHED_MAX) cache.clear()
    cache.set(quarter, seconds)
    return seconds
  }
  return { id, fixed: false, offsetAt }
}

function makeZone (id: string): Zone {
  const offset = parseOffset(id)
  if (offset !== undefined) return fixedZone(offset)
  const prefixed = /^(?:UTC|GMT|UT)([+-].*)?$/.exec(id)
  if (prefixed !== null && prefixed[1] === undefined) return fixedZone(0, id)
  const prefixedOffset = parseOffset(prefixed?.[1] ?? '')
  if (prefixedOffset !== undefined) return fixedZone(prefixedOffset, id)
  try {
    return regionZone(id)
  } catch {
    throw new RangeError(`Unknown time-zone ID: ${id}`)
  }
}

const zones = new Map<string, Zone>()

/** The zone of an id such as `Europe/London`, `UTC`, `+01:00`, `GMT-8`. Throws RangeError where there is none. */
export function zoneOf (id: string): Zone {
  const known = zones.get(id)
  if (known !== undefined) return known
  const zone = makeZone(id)
  if (zones.size >= ZONES_CACHED_MAX) zones.clear()
  zones.set(id, zone)
  return zone
}

export const UTC: Zone = fixedZone(0, 'UTC')

let system: Zone | undefined

/** The zone that the process runs in, as it stood when first asked for: asking costs more than a whole function call. */
export function systemZone (): Zone {
  system ??= zoneOf(Intl.DateTimeFormat().resolvedOptions().timeZone)
  return system
}

/**
 * The instant in ms of a wall-clock time, given as if it were UTC. Where the clock was put back, the first of both; where the time was
 * skipped, as much later as the gap is long (ZonedDateTime.ofLocal).
 */
export function instantOf (localMs: number, zone: Zone): number {
  const before = zone.offsetAt(localMs - 86_400_000) * 1000
  const after = zone.offsetAt(localMs + 86_400_000) * 1000
  if (before === after) return localMs - before
  return zone.offsetAt(localMs - before) * 1000 === before || zone.offsetAt(localMs - after) * 1000 !== after ? localMs - before : localMs - after
}
