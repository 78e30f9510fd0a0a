// Formats and parses dates, times and instants by patterns: what the DATE / TIME functions and the TIMESTAMP_FORMAT property need.
import type { Element, Reading } from './elements.js'
import { readAll } from './elements.js'
import type { Field, Moment, Resolved } from './fields.js'
import { DateTimeError, calendarDate, dayOfWeek, epochDayOf, monthLength, resolve } from './fields.js'
import { compilePattern } from './pattern.js'
import type { Zone } from './zone.js'
import { instantOf } from './zone.js'

const DAY_MS = 86_400_000
const NANOS_PER_MS = 1e6
const FORMATTERS_CACHED_MAX = 1000

/** A compiled pattern. Reading is strict on widths, blind to case, English. */
export class DateTimeFormatter {
  readonly #elements: readonly Element[]

  constructor (pattern: string) {
    this.#elements = compilePattern(pattern)
  }

  format (moment: Moment): string {
    return this.#elements.map(element => element.print(moment)).join('')
  }

  /** Throws DateTimeError where the text does not follow the pattern or its fields make no sense. */
  parse (text: string): Resolved {
    const reading: Reading = { text, fields: new Map() }
    const end = readAll(this.#elements, reading, 0)
    if (end < 0) throw new DateTimeError(`Text '${text}' could not be parsed at index ${~end}`)
    if (end < text.length) throw new DateTimeError(`Text '${text}' could not be parsed, unparsed text found at index ${end}`)
    try {
      return resolve(reading.fields, reading.zone, reading.offsetSeconds)
    } catch (error) {
      throw error instanceof DateTimeError ? new DateTimeError(`Text '${text}' could not be parsed: ${error.message}`) : error
    }
  }
}

const formatters = new Map<string, DateTimeFormatter>()

/** The formatter of a pattern, from a cache. Throws PatternError. */
export function formatterOf (pattern: string): DateTimeFormatter {
  const known = formatters.get(pattern)
  if (known !== undefined) return known
  const formatter = new DateTimeFormatter(pattern)
  if (formatters.size >= FORMATTERS_CACHED_MAX) formatters.clear()
  formatters.set(pattern, formatter)
  return formatter
}

/** `ms` since the epoch as the wall clock of a zone shows it. */
export function formatInstant (ms: number, pattern: string, zone: Zone): string {
  const offsetSeconds = zone.offsetAt(ms)
  const local = ms + offsetSeconds * 1000
  const epochDay = Math.floor(local / DAY_MS)
  return formatterOf(pattern).format({ epochDay, nanoOfDay: (local - epochDay * DAY_MS) * NANOS_PER_MS, zone, offsetSeconds })
}

/** `days` since 1970-01-01. */
export function formatLocalDate (days: number, pattern: string): string {
  return formatterOf(pattern).format({ epochDay: days })
}

/** `ms` of the day. */
export function formatLocalTime (ms: number, pattern: string): string {
  return formatterOf(pattern).format({ nanoOfDay: ms * NANOS_PER_MS })
}

/** Puts single fields over 1970-01-01T00:00, the larger first; a day beyond the month's end is refused (StringToTimestampParser). */
function overlayDate (fields: ReadonlyMap<Field, number>): number {
  const day = fields.get('DayOfMonth') ?? 1
  const [year, month] = [fields.get('Year') ?? 1970, fields.get('MonthOfYear') ?? 1]
  if (day > monthLength(year, month)) throw new DateTimeError(`Invalid date: month ${month} has no day ${day}`)
  const dayOfYear = fields.get('DayOfYear')
  if (dayOfYear === 366) throw new DateTimeError('Leap day cannot be parsed without supplying the year field')
  const epochDay = dayOfYear === undefined ? epochDayOf(year, month, day) : epochDayOf(year, 1, dayOfYear)
  const weekday = fields.get('DayOfWeek')
  return weekday === undefined ? epochDay : epochDay + weekday - dayOfWeek(epochDay)
}

function overlayTime (fields: ReadonlyMap<Field, number>): number {
  const hour = fields.get('HourOfDay') ?? (fields.get('AmPmOfDay') ?? 0) * 12 + (fields.get('HourOfAmPm') ?? 0)
  return ((hour * 60 + (fields.get('MinuteOfHour') ?? 0)) * 60 + (fields.get('SecondOfMinute') ?? 0)) * 1e9 + (fields.get('NanoOfSecond') ?? 0)
}

/** Which date fields a text may give alone; another, such as Era, needs a year beside it. */
const OVERLAID: ReadonlySet<Field> = new Set(['Year', 'MonthOfYear', 'DayOfMonth', 'DayOfYear', 'DayOfWeek', 'HourOfDay', 'AmPmOfDay', 'HourOfAmPm',
  'MinuteOfHour', 'SecondOfMinute', 'NanoOfSecond', 'QuarterOfYear', 'LocalizedDayOfWeek', 'WeekBasedYear', 'WeekOfWeekBasedYear', 'WeekOfMonth'])

/**
 * The instant in ms that a text means: what it does not give is taken from 1970-01-01T00:00 in `zone`, a zone in the text goes before
 * (io.confluent.ksql.util.timestamp.StringToTimestampParser). Throws DateTimeError or PatternError.
 */
export function parseInstant (text: string, pattern: string, zone: Zone): number {
  const parsed = formatterOf(pattern).parse(text)
  const odd = [...parsed.fields.keys()].find(field => !OVERLAID.has(field))
  if (odd !== undefined) throw new DateTimeError(`Unsupported temporal field in timestamp: ${text} (${odd})`)
  const epochDay = parsed.epochDay ?? overlayDate(parsed.fields)
  const nanoOfDay = parsed.nanoOfDay ?? overlayTime(parsed.fields)
  const local = epochDay * DAY_MS + Math.floor(nanoOfDay / NANOS_PER_MS)
  if (!Number.isFinite(local)) throw new DateTimeError(`Text '${text}' could not be parsed: the year is out of range`)
  return instantOf(local, parsed.zone ?? zone)
}

/** Days since 1970-01-01. Throws where the text gives no whole date (LocalDate.parse). */
export function parseLocalDate (text: string, pattern: string): number {
  const { epochDay } = formatterOf(pattern).parse(text)
  if (epochDay === undefined || !Number.isFinite(epochDay)) throw new DateTimeError(`Text '${text}' could not be parsed: Unable to obtain LocalDate`)
  return epochDay
}

const DATE_FIELDS: ReadonlySet<Field> = new Set(['Era', 'Year', 'YearOfEra', 'MonthOfYear', 'DayOfMonth', 'DayOfYear', 'DayOfWeek'])

/** ms of the day. Throws where the text gives no time, or a date beside it (ParseTime). */
export function parseLocalTime (text: string, pattern: string): number {
  const { epochDay, nanoOfDay, fields } = formatterOf(pattern).parse(text)
  if (epochDay !== undefined || [...fields.keys()].some(field => DATE_FIELDS.has(field))) throw new DateTimeError('Time format contains date field.')
  if (nanoOfDay === undefined) throw new DateTimeError(`Text '${text}' could not be parsed: Unable to obtain LocalTime`)
  return Math.floor(nanoOfDay / NANOS_PER_MS)
}

/** `2024-02-29`, for messages. */
export function isoDate (days: number): string {
  const { year, month, day } = calendarDate(days)
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}
