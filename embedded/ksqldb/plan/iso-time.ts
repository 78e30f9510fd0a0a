// Text of DATE, TIME and TIMESTAMP as ksqlDB reads and prints it (SqlTimeTypes, PartialStringToTimestampParser): ISO-8601, partly given is enough.
import { KsqlError } from './error.js'

const DAY_MS = 86_400_000

const TIMESTAMP_HELP = '\nRequired format is: "yyyy-MM-dd\'T\'HH:mm:ss.SSS", with an optional numeric 4-digit timezone, for example: ' +
  "'2020-05-26T23:59:58.000' or with tz: '2020-05-26T23:59:58.000+0200'. " +
  "A trailing 'Z' instead of tz indicates the zero UTC offset. Partials are also supported, for example \"2020-05-26\""
const TIME_HELP = '\nRequired format is: "HH:mm:ss.SSS", for example: \'01:34:20.123\' or \'01:34:20\'. Partials are also supported, for example \'01:34\''
const DATE_HELP = '\nRequired format is: "yyyy-MM-dd", for example \'2020-05-26\'. Partials are also supported, for example \'2020-05\''

function pad (value: number, width: number): string {
  return String(value).padStart(width, '0')
}

/** Days since the epoch of a proleptic Gregorian date; undefined where there is no such day. */
function epochDay (year: number, month: number, day: number): number | undefined {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  return date.getTime() / DAY_MS
}

function completeDate (text: string): string {
  const parts = text.split('-').length
  return parts === 1 ? `${text}-01-01` : parts === 2 ? `${text}-01` : text
}

function dayOf (text: string): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  return match === null ? undefined : epochDay(Number(match[1]), Number(match[2]), Number(match[3]))
}

function timeOf (text: string): number | undefined {
  const match = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/.exec(text)
  if (match === null) return undefined
  const [hours, minutes, seconds] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + Number((match[4] ?? '').padEnd(3, '0').slice(0, 3))
}

const TIME_PATTERN_ZEROS = '00:00:00.000'

function offsetMs (text: string): number | undefined {
  if (text === '') return 0
  const match = /^([+-])(\d{1,2})(?::?(\d{2}))?$/.exec(text)
  if (match === null) return undefined
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0)
  return minutes > 18 * 60 ? undefined : (match[1] === '-' ? -minutes : minutes) * 60_000
}

/** As a java.time pattern resolves them: day 31 of a shorter month is its last day, and 24:00 is the next day's 0:00. */
function smartDay (text: string): number | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  if (match === null) return undefined
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined
  const last = new Date(Date.UTC(2000, month, 0)).getUTCDate()
  const exact = epochDay(year, month, Math.min(day, last))
  return exact ?? epochDay(year, month, 28)
}

function smartTime (text: string): number | undefined {
  return text === '24:00:00.000' ? DAY_MS : timeOf(text)
}

/** ms since the epoch. Throws KsqlError. */
export function parseTimestamp (text: string): number {
  const split = text.indexOf('T')
  const dateText = split < 0 ? completeDate(text) : text.slice(0, split)
  const rest = split < 0 ? '' : text.slice(split + 1)
  const zoneAt = rest.includes('+') ? rest.indexOf('+') : rest.indexOf('-')
  const zone = zoneAt < 0 ? '' : rest.slice(zoneAt)
  const timeText = (zoneAt < 0 ? rest : rest.slice(0, zoneAt)).replace(/Z$/, '')
  const day = smartDay(dateText)
  const time = smartTime(timeText + TIME_PATTERN_ZEROS.slice(timeText.length))
  const offset = offsetMs(zone.trim())
  if (offset === undefined) throw new KsqlError(`Failed to parse timestamp '${text}': Failed to parse timezone '${zone}'${TIMESTAMP_HELP}`)
  if (day === undefined || time === undefined) {
    throw new KsqlError(`Failed to parse timestamp '${text}': Text '${dateText}T${timeText + TIME_PATTERN_ZEROS.slice(timeText.length)}' could not be parsed${TIMESTAMP_HELP}`)
  }
  return day * DAY_MS + time - offset
}

/** Days since the epoch. Throws KsqlError. */
export function parseDate (text: string): number {
  const day = dayOf(completeDate(text))
  if (day === undefined) throw new KsqlError(`Failed to parse date '${text}': Text '${completeDate(text)}' could not be parsed${DATE_HELP}`)
  return day
}

/** ms of the day. Throws KsqlError. */
export function parseTime (text: string): number {
  const time = timeOf(text)
  if (time === undefined) throw new KsqlError(`Failed to parse time '${text}': Text '${text}' could not be parsed${TIME_HELP}`)
  return time
}

/** `2026-01-01T00:30:00.000`. */
export function formatTimestamp (ms: number): string {
  const date = new Date(ms)
  return `${formatDate(Math.floor(ms / DAY_MS))}T${pad(date.getUTCHours(), 2)}:${pad(date.getUTCMinutes(), 2)}:${pad(date.getUTCSeconds(), 2)}.${pad(date.getUTCMilliseconds(), 3)}`
}

/** `2026-01-01`. */
export function formatDate (days: number): string {
  const date = new Date(days * DAY_MS)
  const year = date.getUTCFullYear()
  const yearText = year >= 0 && year <= 9999 ? pad(year, 4) : year > 9999 ? `+${year}` : `-${pad(-year, 4)}`
  return `${yearText}-${pad(date.getUTCMonth() + 1, 2)}-${pad(date.getUTCDate(), 2)}`
}

/** `01:34` or `01:34:20`: whole seconds, as LocalTime.toString of them. */
export function formatTime (ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const text = `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}`
  return seconds % 60 === 0 ? text : `${text}:${pad(seconds % 60, 2)}`
}

/** The day and the time of day of an instant, in UTC. */
export function timestampToDate (ms: number): number {
  return Math.floor(ms / DAY_MS)
}

export function timestampToTime (ms: number): number {
  return ((ms % DAY_MS) + DAY_MS) % DAY_MS
}

export function dateToTimestamp (days: number): number {
  return days * DAY_MS
}
