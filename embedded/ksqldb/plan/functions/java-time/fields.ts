// Date and time fields: what pattern letters print of a moment, and how parsed fields make a date, a time and a zone again
// (java.time.format.Parsed with ResolverStyle.SMART).
import type { Zone } from './zone.js'
import { fixedZone } from './zone.js'

export type Field =
  | 'Era' | 'Year' | 'YearOfEra' | 'MonthOfYear' | 'DayOfMonth' | 'DayOfYear' | 'DayOfWeek' | 'LocalizedDayOfWeek' | 'QuarterOfYear'
  | 'WeekBasedYear' | 'WeekOfWeekBasedYear' | 'WeekOfMonth' | 'AlignedDayOfWeekInMonth'
  | 'AmPmOfDay' | 'HourOfAmPm' | 'ClockHourOfAmPm' | 'HourOfDay' | 'ClockHourOfDay' | 'MinuteOfHour' | 'SecondOfMinute' | 'NanoOfSecond' | 'MilliOfDay' | 'NanoOfDay'

/** A date, a time of day or both, with a zone where it is an instant. */
export interface Moment {
  /** Days since 1970-01-01. */
  readonly epochDay?: number
  readonly nanoOfDay?: number
  readonly zone?: Zone
  readonly offsetSeconds?: number
}

const DAY_MS = 86_400_000
const NANOS_PER_SECOND = 1e9

export class DateTimeError extends Error {}

export interface CalendarDate { readonly year: number, readonly month: number, readonly day: number }

export function calendarDate (epochDay: number): CalendarDate {
  const date = new Date(epochDay * DAY_MS)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

/** Rolls months and days over. NaN beyond the years that a Date holds, ±271,821. */
export function epochDayOf (year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getTime() / DAY_MS
}

/** 1 Monday to 7 Sunday. */
export const dayOfWeek = (epochDay: number): number => ((epochDay + 3) % 7 + 7) % 7 + 1
export const monthLength = (year: number, month: number): number => calendarDate(epochDayOf(year, month + 1, 0)).day

/** The Sunday on which week 1 of a year begins: weeks are those of the United States, where January 1 is always in week 1. */
const firstWeek = (year: number): number => {
  const newYear = epochDayOf(year, 1, 1)
  return newYear - dayOfWeek(newYear) % 7
}

function weekBasedYear (epochDay: number): number {
  const { year } = calendarDate(epochDay)
  return epochDay >= firstWeek(year + 1) ? year + 1 : year
}

function dateField (field: Field, epochDay: number): number | undefined {
  const { year, month, day } = calendarDate(epochDay)
  switch (field) {
    case 'Era': return year > 0 ? 1 : 0
    case 'Year': return year
    case 'YearOfEra': return year > 0 ? year : 1 - year
    case 'MonthOfYear': return month
    case 'QuarterOfYear': return Math.ceil(month / 3)
    case 'DayOfMonth': return day
    case 'DayOfYear': return epochDay - epochDayOf(year, 1, 1) + 1
    case 'DayOfWeek': return dayOfWeek(epochDay)
    case 'LocalizedDayOfWeek': return dayOfWeek(epochDay) % 7 + 1
    case 'WeekBasedYear': return weekBasedYear(epochDay)
    case 'WeekOfWeekBasedYear': return Math.floor((epochDay - firstWeek(weekBasedYear(epochDay))) / 7) + 1
    case 'WeekOfMonth': return Math.floor((day - 1 + dayOfWeek(epochDay - day + 1) % 7) / 7) + 1
    case 'AlignedDayOfWeekInMonth': return (day - 1) % 7 + 1
    default: return undefined
  }
}

function timeField (field: Field, nanoOfDay: number): number | undefined {
  const seconds = Math.floor(nanoOfDay / NANOS_PER_SECOND)
  const hour = Math.floor(seconds / 3600)
  switch (field) {
    case 'AmPmOfDay': return Math.floor(hour / 12)
    case 'HourOfAmPm': return hour % 12
    case 'ClockHourOfAmPm': return hour % 12 === 0 ? 12 : hour % 12
    case 'HourOfDay': return hour
    case 'ClockHourOfDay': return hour === 0 ? 24 : hour
    case 'MinuteOfHour': return Math.floor(seconds / 60) % 60
    case 'SecondOfMinute': return seconds % 60
    case 'NanoOfSecond': return nanoOfDay % NANOS_PER_SECOND
    case 'MilliOfDay': return Math.floor(nanoOfDay / 1e6)
    case 'NanoOfDay': return nanoOfDay
    default: return undefined
  }
}

/** Throws DateTimeError where the moment has no such field: the hour of a date. */
export function fieldOf (moment: Moment, field: Field): number {
  const value = (moment.epochDay === undefined ? undefined : dateField(field, moment.epochDay)) ??
    (moment.nanoOfDay === undefined ? undefined : timeField(field, moment.nanoOfDay))
  if (value === undefined) throw new DateTimeError(`Unsupported field: ${field}`)
  return value
}

const RANGES: Partial<Record<Field, readonly [min: number, max: number]>> = {
  YearOfEra: [1, 1e9], Year: [-1e9, 1e9], MonthOfYear: [1, 12], DayOfMonth: [1, 31], DayOfYear: [1, 366], DayOfWeek: [1, 7], LocalizedDayOfWeek: [1, 7],
  QuarterOfYear: [1, 4],
  WeekOfWeekBasedYear: [1, 54], AmPmOfDay: [0, 1], HourOfAmPm: [0, 11], ClockHourOfAmPm: [0, 12], HourOfDay: [0, 24], ClockHourOfDay: [0, 24],
  MinuteOfHour: [0, 59], SecondOfMinute: [0, 59], NanoOfSecond: [0, 999_999_999], MilliOfDay: [0, DAY_MS - 1], NanoOfDay: [0, DAY_MS * 1e6 - 1]
}

/** What a text says: fields that together make a date or a time are taken out of `fields`. */
export interface Resolved {
  readonly epochDay: number | undefined
  readonly nanoOfDay: number | undefined
  readonly fields: ReadonlyMap<Field, number>
  readonly zone: Zone | undefined
}

type Fields = Map<Field, number>

function take (fields: Fields, field: Field): number | undefined {
  const value = fields.get(field)
  fields.delete(field)
  return value
}

function resolveYear (fields: Fields): void {
  const yearOfEra = take(fields, 'YearOfEra')
  if (yearOfEra === undefined) return
  const era = take(fields, 'Era')
  const year = era === 0 ? 1 - yearOfEra : yearOfEra
  const other = fields.get('Year')
  if (other !== undefined && other !== year) throw new DateTimeError(`Conflict found: Year ${other} differs from Year ${year}`)
  fields.set('Year', year)
}

/** Day 31 of a shorter month is its last day, but day 32 never comes this far. */
function resolveDate (fields: Fields): number | undefined {
  resolveYear(fields)
  const [year, month, day, dayOfYear] = [fields.get('Year'), fields.get('MonthOfYear'), fields.get('DayOfMonth'), fields.get('DayOfYear')]
  if (year !== undefined && month !== undefined && day !== undefined) {
    for (const field of ['Year', 'MonthOfYear', 'DayOfMonth'] as const) fields.delete(field)
    return epochDayOf(year, month, Math.min(day, monthLength(year, month)))
  }
  if (year !== undefined && dayOfYear !== undefined) {
    if (dayOfYear === 366 && monthLength(year, 2) === 28) throw new DateTimeError(`Invalid date 'DayOfYear 366' as '${year}' is not a leap year`)
    for (const field of ['Year', 'DayOfYear'] as const) fields.delete(field)
    return epochDayOf(year, 1, dayOfYear)
  }
  return resolveWeekDate(fields)
}

function resolveWeekDate (fields: Fields): number | undefined {
  const [year, week] = [fields.get('WeekBasedYear'), fields.get('WeekOfWeekBasedYear')]
  const iso = fields.get('DayOfWeek')
  const day = fields.get('LocalizedDayOfWeek') ?? (iso === undefined ? undefined : iso % 7 + 1)
  if (year === undefined || week === undefined || day === undefined) return undefined
  for (const field of ['WeekBasedYear', 'WeekOfWeekBasedYear', 'DayOfWeek', 'LocalizedDayOfWeek'] as const) fields.delete(field)
  return firstWeek(year) + (week - 1) * 7 + day - 1
}

function resolveHour (fields: Fields): void {
  const clockHour = take(fields, 'ClockHourOfDay')
  if (clockHour !== undefined) fields.set('HourOfDay', clockHour % 24)
  const clockHourOfAmPm = take(fields, 'ClockHourOfAmPm')
  if (clockHourOfAmPm !== undefined) fields.set('HourOfAmPm', clockHourOfAmPm % 12)
  const [half, hour] = [fields.get('AmPmOfDay'), fields.get('HourOfAmPm')]
  if (half === undefined || hour === undefined) return
  fields.delete('AmPmOfDay')
  fields.delete('HourOfAmPm')
  fields.set('HourOfDay', half * 12 + hour)
}

/** What follows the hour may be left out from the end on, then it is 0. */
function resolveTime (fields: Fields): number | undefined {
  const nanoOfDay = take(fields, 'NanoOfDay')
  if (nanoOfDay !== undefined) return nanoOfDay
  const milliOfDay = take(fields, 'MilliOfDay')
  if (milliOfDay !== undefined) return milliOfDay * 1e6 + (take(fields, 'NanoOfSecond') ?? 0) % 1e6
  resolveHour(fields)
  const [hour, minute, second, nano] = [fields.get('HourOfDay'), fields.get('MinuteOfHour'), fields.get('SecondOfMinute'), fields.get('NanoOfSecond')]
  if (hour === undefined || (minute === undefined && (second ?? nano) !== undefined) || (second === undefined && nano !== undefined)) return undefined
  for (const field of ['HourOfDay', 'MinuteOfHour', 'SecondOfMinute', 'NanoOfSecond'] as const) fields.delete(field)
  const time = (hour * 3600 + (minute ?? 0) * 60 + (second ?? 0)) * NANOS_PER_SECOND + (nano ?? 0)
  if (time > DAY_MS * 1e6) throw new DateTimeError(`Invalid value for HourOfDay (valid values 0 - 23): ${hour}`)
  return time
}

/** Throws DateTimeError on a value out of range and on fields that contradict each other. */
export function resolve (parsed: ReadonlyMap<Field, number>, zone: Zone | undefined, offsetSeconds: number | undefined): Resolved {
  for (const [field, value] of parsed) {
    const range = RANGES[field]
    if (range !== undefined && (value < range[0] || value > range[1])) {
      throw new DateTimeError(`Invalid value for ${field} (valid values ${range[0]} - ${field === 'HourOfDay' ? 23 : range[1]}): ${value}`)
    }
  }
  const fields: Fields = new Map(parsed)
  const date = resolveDate(fields)
  const time = resolveTime(fields)
  const endOfDay = time === DAY_MS * 1e6
  const moment = { ...date === undefined ? {} : { epochDay: date }, ...time === undefined ? {} : { nanoOfDay: endOfDay ? 0 : time } }
  for (const [field, value] of fields) {
    const known = (date === undefined ? undefined : dateField(field, date)) ?? (time === undefined ? undefined : timeField(field, moment.nanoOfDay ?? 0))
    if (known !== undefined && known !== value) throw new DateTimeError(`Conflict found: Field ${field} ${known} differs from ${field} ${value} derived from the text`)
    if (known !== undefined) fields.delete(field)
  }
  return {
    epochDay: date === undefined ? undefined : endOfDay ? date + 1 : date,
    nanoOfDay: moment.nanoOfDay,
    fields,
    zone: zone ?? (offsetSeconds === undefined ? undefined : fixedZone(offsetSeconds))
  }
}
