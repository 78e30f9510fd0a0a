// Hours, days, weeks and months as clocks and calendars of a time zone have them.
import { DateTime, IANAZone } from 'luxon'

export const units = ['hour', 'day', 'week', 'month'] as const
export type Unit = typeof units[number]

export const hourMs = 3_600_000
export const dayMs = 86_400_000
/** Offsets of time zones are whole quarters of an hour, since Liberia gave up 44 minutes and 30 seconds in 1972. */
export const quarterMs = 900_000

const leastMs: Readonly<Record<Unit, number>> = { hour: quarterMs, day: dayMs / 2, week: 6 * dayMs, month: 27 * dayMs }

/** Whether it is a name of the IANA time zone database, such as Asia/Kathmandu or UTC. */
export const isZone = (name: string): boolean => IANAZone.isValidZone(name)

/** A zone's offsets, asked for once a day where it has the same at both ends: no zone sets its clocks twice within one. */
class Clock {
  readonly zone: IANAZone
  readonly #atDays = new Map<number, number>()

  constructor (name: string) {
    this.zone = IANAZone.create(name)
  }

  #atDay (day: number): number {
    const known = this.#atDays.get(day) ?? this.zone.offset(day * dayMs) * 60_000
    this.#atDays.set(day, known)
    return known
  }

  offsetMs (ms: number): number {
    const day = Math.floor(ms / dayMs)
    const offset = this.#atDay(day)
    return offset === this.#atDay(day + 1) ? offset : this.zone.offset(ms) * 60_000
  }

  /** The number of the day that the calendar shows. */
  day (ms: number): number {
    return Math.floor((ms + this.offsetMs(ms)) / dayMs)
  }
}

/** The hour on the clock begins at a whole hour, or where the clock was set: one that comes twice is two hours. */
const hourAround = (clock: Clock, ms: number): { start: number, end: number } => {
  const offset = clock.offsetMs(ms)
  const into = (((ms + offset) % hourMs) + hourMs) % hourMs
  let start = ms - into
  let end = start + hourMs
  if (clock.offsetMs(start) !== offset) {
    start = Math.floor(ms / quarterMs) * quarterMs
    while (clock.offsetMs(start - 1) === offset) start -= quarterMs
  }
  if (clock.offsetMs(end - 1) !== offset) {
    end = Math.floor(ms / quarterMs) * quarterMs + quarterMs
    while (clock.offsetMs(end) === offset) end += quarterMs
  }
  return { start, end }
}

/** The first instant of the day that the zone has at `ms`: not always midnight, and where midnight comes twice the first of them. */
const firstOfDay = (clock: Clock, ms: number): number => {
  const day = clock.day(ms)
  let first = Math.floor(ms / quarterMs) * quarterMs
  while (clock.day(first - 1) === day) first -= quarterMs
  return first
}

const startOf = (unit: Unit, clock: Clock, ms: number): number =>
  unit === 'hour' ? hourAround(clock, ms).start : firstOfDay(clock, DateTime.fromMillis(ms, { zone: clock.zone }).startOf(unit).toMillis())

const nextAfter = (unit: Unit, clock: Clock, start: number): number => {
  if (unit === 'hour') return hourAround(clock, start).end
  const from = DateTime.fromMillis(start, { zone: clock.zone }).startOf(unit)
  // a day that a zone left out (Apia, 2011-12-30) would give the same start again
  for (let steps = 1; ; steps++) {
    const next = firstOfDay(clock, from.plus({ [unit]: steps }).startOf(unit).toMillis())
    if (next > start) return next
  }
}

/**
 * The starts of the hours, days, weeks (from Monday, ISO 8601) or months of a zone which hold an instant of [from, to), and behind them the end of the last.
 * @throws RangeError where there are more than `max`, or `from` is not before `to`.
 */
export const boundaries = (unit: Unit, zoneName: string, from: number, to: number, max: number): readonly number[] => {
  if (from >= to) throw new RangeError('the period is empty')
  if ((to - from) / leastMs[unit] > max * 4) throw new RangeError(`more than ${max} ${unit}s`)
  const clock = new Clock(zoneName)
  const found = [startOf(unit, clock, from)]
  for (let at = found[0] as number; at < to;) {
    if (found.length > max) throw new RangeError(`more than ${max} ${unit}s`)
    at = nextAfter(unit, clock, at)
    found.push(at)
  }
  return found
}

/** An instant as the zone's clocks show it, with the offset: 2026-03-29T03:00:00.000+02:00, and in UTC …Z. */
export const inZone = (ms: number, zoneName: string): string => DateTime.fromMillis(ms, { zone: zoneName }).toISO() ?? new Date(ms).toISOString()
