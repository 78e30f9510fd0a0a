// Reads dates by patterns of java.text.SimpleDateFormat, as PARSE_DATE does (org.apache.commons.lang3.time.FastDateFormat): days and months
// beyond their end roll over, numbers take as many digits as come, what follows the pattern is ignored.
import { epochDayOf } from './java-time/fields.js'
import { parseOffset, zoneOf } from './java-time/zone.js'

const DAY_MS = 86_400_000

type Field = 'era' | 'year' | 'month' | 'day' | 'dayOfYear' | 'half' | 'hour12' | 'hour24' | 'minute' | 'second' | 'milli' | 'ignored'

interface Reading {
  readonly text: string
  /** ms since the epoch: decides which century two digits mean. */
  readonly now: number
  readonly fields: Map<Field, number>
  offsetMs: number
}

/** Gives where it stopped, or undefined where it found nothing. */
type Reader = (reading: Reading, position: number) => number | undefined
interface Part { readonly isNumber: boolean, readonly width: number, readonly make: (maxWidth: number) => Reader }

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** Without a width, spaces in front are passed over. */
const digits = (field: Field, width: number, convert: (value: number, now: number) => number = value => value): Part => ({
  isNumber: true,
  width,
  make: maxWidth => (reading, position) => {
    const match = (maxWidth === 0 ? /^\s*(\d+)/ : new RegExp(`^(\\d{1,${maxWidth}})`)).exec(reading.text.slice(position, position + 400))
    if (match === null) return undefined
    reading.fields.set(field, convert(Number(match[1]), reading.now))
    return position + match[0].length
  }
})

const names = (field: Field, values: readonly string[], first: number): Part => ({
  isNumber: false,
  width: 0,
  make: () => (reading, position) => {
    const rest = reading.text.slice(position).toLowerCase()
    for (const forms of [values, values.map(value => value.slice(0, 3))]) {
      const index = forms.findIndex(form => rest.startsWith(form.toLowerCase()))
      if (index < 0) continue
      reading.fields.set(field, index + first)
      return position + (forms[index] ?? '').length
    }
    return undefined
  }
})

const literal = (text: string): Part => ({
  isNumber: false,
  width: 0,
  make: () => (reading, position) => reading.text.startsWith(text, position) ? position + text.length : undefined
})

const zone: Part = {
  isNumber: false,
  width: 0,
  make: () => (reading, position) => {
    const match = /^(?:GMT)?([+-]\d\d?:?\d\d|[+-]\d\d)|^[A-Za-z]+(?:\/[A-Za-z_]+)*/.exec(reading.text.slice(position))
    if (match === null) return undefined
    const seconds = parseOffset(match[1] ?? match[0]) ?? zoneOf(match[0]).offsetAt(0)
    reading.offsetMs = seconds * 1000
    return position + match[0].length
  }
}

/** Two digits mean the year within the 80 before and 20 after this one. */
function inCentury (value: number, now: number): number {
  const start = new Date(now).getUTCFullYear() - 80
  const base = Math.floor(start / 100) * 100
  return value >= 100 ? value : value >= start - base ? base + value : base + value + 100
}

function partOf (letter: string, count: number): Part {
  switch (letter) {
    case 'G': return names('era', ['BC', 'AD'], 0)
    case 'y': case 'Y': return digits('year', count, count > 2 ? undefined : inCentury)
    case 'M': case 'L': return count >= 3 ? names('month', MONTHS, 1) : digits('month', count)
    case 'd': return digits('day', count)
    case 'D': return digits('dayOfYear', count)
    case 'E': return names('ignored', DAYS, 0)
    case 'u': return digits('ignored', count)
    case 'a': return names('half', ['AM', 'PM'], 0)
    case 'H': return digits('hour24', count)
    case 'k': return digits('hour24', count, value => value === 24 ? 0 : value)
    case 'K': return digits('hour12', count)
    case 'h': return digits('hour12', count, value => value === 12 ? 0 : value)
    case 'm': return digits('minute', count)
    case 's': return digits('second', count)
    case 'S': return digits('milli', count)
    case 'z': case 'Z': case 'X': return zone
    default: throw new Error(`Illegal pattern component: ${letter.repeat(count)}`)
  }
}

function compile (pattern: string): readonly Reader[] {
  const parts: Part[] = []
  const token = /([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z']+/gy
  let at = 0
  for (let match = token.exec(pattern); match !== null; match = token.exec(pattern)) {
    at = token.lastIndex
    if (match[1] !== undefined) parts.push(partOf(match[1], match[0].length))
    else parts.push(literal(match[2] === undefined ? match[0] : match[2] === '' ? '\'' : match[2].replaceAll('\'\'', '\'')))
  }
  if (at < pattern.length || pattern === '') throw new Error('Invalid pattern')
  return parts.map((part, i) => part.make(part.isNumber && parts[i + 1]?.isNumber === true ? part.width : 0))
}

const PATTERNS_CACHED_MAX = 1000
const patterns = new Map<string, readonly Reader[]>()

function readersOf (pattern: string): readonly Reader[] {
  const known = patterns.get(pattern)
  if (known !== undefined) return known
  const readers = compile(pattern)
  if (patterns.size >= PATTERNS_CACHED_MAX) patterns.clear()
  patterns.set(pattern, readers)
  return readers
}

/** Days since the epoch. Throws where the text does not fit, or gives a time of day other than midnight. */
export function parseSimpleDate (text: string, pattern: string, now: number): number {
  const reading: Reading = { text, now, fields: new Map(), offsetMs: 0 }
  let position = 0
  for (const read of readersOf(pattern)) {
    const end = read(reading, position)
    if (end === undefined) throw new Error(`Unparseable date: ${text}`)
    position = end
  }
  const get = (field: Field, otherwise: number): number => reading.fields.get(field) ?? otherwise
  const year = get('era', 1) === 0 ? 1 - get('year', 1970) : get('year', 1970)
  const day = reading.fields.has('dayOfYear') && !reading.fields.has('day') ? epochDayOf(year, 1, get('dayOfYear', 1)) : epochDayOf(year, get('month', 1), get('day', 1))
  const hour = get('hour24', get('half', 0) * 12 + get('hour12', 0))
  const time = ((hour * 60 + get('minute', 0)) * 60 + get('second', 0)) * 1000 + get('milli', 0)
  const ms = day * DAY_MS + time - reading.offsetMs
  if (!Number.isSafeInteger(ms)) throw new Error(`Unparseable date: ${text}`)
  if (ms % DAY_MS !== 0) throw new Error('Date format contains time field.')
  return ms / DAY_MS
}
