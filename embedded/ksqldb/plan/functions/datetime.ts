// DATE / TIME functions.
import type { SqlType } from '../../sql/sql-type.js'
import { BIGINT, DATE, INTEGER, STRING, TIME, TIMESTAMP } from '../../sql/sql-type.js'
import type { ParameterDescription, ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import type { FunctionContext } from './context.js'
import type { Implementation } from './define.js'
import { INTERVAL_UNIT, param, scalar, signature, strict } from './define.js'
import { formatInstant, formatLocalDate, formatLocalTime, isoDate, parseInstant, parseLocalDate, parseLocalTime } from './java-time/formatter.js'
import { systemZone, zoneOf } from './java-time/zone.js'
import { parseSimpleDate } from './simple-date.js'

const DAY_MS = 86_400_000
/** What a Date holds either way of the epoch. */
const INSTANT_MS_MAX = 8.64e15

/** Runs `work`, with what was asked for in front of the message of what goes wrong (KsqlFunctionException). */
function explain (action: string, work: () => Value): Value {
  try {
    return work()
  } catch (error) {
    throw new Error(`Failed to ${action}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function checkedInstant (ms: number): number {
  if (!(Math.abs(ms) <= INSTANT_MS_MAX)) throw new RangeError(`${ms} ms is beyond the instants that can be told`)
  return ms
}

const timestampText = (ms: number, pattern: string, zone: string | undefined): Value => explain(
  `format timestamp ${ms} with formatter '${pattern}'`, () => formatInstant(checkedInstant(ms), pattern, zone === undefined ? systemZone() : zoneOf(zone)))

const timestampOf = (text: string, pattern: string, zone: string | undefined): number => explain(
  `parse timestamp '${text}' at timezone '${zone ?? systemZone().id}' with formatter '${pattern}'`,
  () => parseInstant(text, pattern, zone === undefined ? systemZone() : zoneOf(zone))) as number

const dateText = (days: number, pattern: string): Value => explain(
  `format date ${Math.abs(days) * DAY_MS <= INSTANT_MS_MAX ? isoDate(days) : days} with formatter '${pattern}'`,
  () => formatLocalDate(checkedInstant(days * DAY_MS) / DAY_MS, pattern))

const formatting: readonly ScalarFunction[] = [
  scalar('FORMAT_DATE', 'DATE / TIME', 'A DATE as text by a java.time pattern.', [
    signature([param('date', DATE), param('formatPattern', STRING)], STRING, strict(dateText))]),
  scalar('FORMAT_TIME', 'DATE / TIME', 'A TIME as text by a java.time pattern.', [
    signature([param('time', TIME), param('formatPattern', STRING)], STRING, strict((ms: number, pattern: string) =>
      explain(`format time ${formatLocalTime(ms, 'HH:mm:ss.SSS')} with formatter '${pattern}'`, () => formatLocalTime(ms, pattern))))]),
  scalar('FORMAT_TIMESTAMP', 'DATE / TIME', 'A TIMESTAMP as text by a java.time pattern, in UTC or in the time zone given.', [
    signature([param('timestamp', TIMESTAMP), param('formatPattern', STRING)], STRING, strict((ms: number, pattern: string) => timestampText(ms, pattern, 'GMT'))),
    signature([param('timestamp', TIMESTAMP), param('formatPattern', STRING), param('timeZone', STRING)], STRING,
      strict((ms: number, pattern: string, zone: string) => timestampText(ms, pattern, zone)))]),
  scalar('DATETOSTRING', 'DATE / TIME', 'Days since 1970-01-01 as text by a java.time pattern. FORMAT_DATE does so for a DATE.', [
    signature([param('epochDays', INTEGER), param('formatPattern', STRING)], STRING, strict(dateText))]),
  scalar('TIMESTAMPTOSTRING', 'DATE / TIME', 'Milliseconds since the epoch as text by a java.time pattern, in the server\'s time zone or in the one given.', [
    signature([param('epochMilli', BIGINT), param('formatPattern', STRING)], STRING, strict((ms: bigint, pattern: string) => timestampText(Number(ms), pattern, undefined))),
    signature([param('epochMilli', BIGINT), param('formatPattern', STRING), param('timeZone', STRING)], STRING,
      strict((ms: bigint, pattern: string, zone: string) => timestampText(Number(ms), pattern, zone)))])
]

const parsing = (now: () => number): readonly ScalarFunction[] => [
  scalar('PARSE_DATE', 'DATE / TIME', 'The DATE that a text means by a pattern of java.text.SimpleDateFormat.', [
    signature([param('formattedDate', STRING), param('formatPattern', STRING)], DATE, strict((text: string, pattern: string) =>
      explain(`parse date '${text}' with formatter '${pattern}'`, () => parseSimpleDate(text, pattern, now()))))]),
  scalar('PARSE_TIME', 'DATE / TIME', 'The TIME that a text means by a java.time pattern.', [
    signature([param('formattedTime', STRING), param('formatPattern', STRING)], TIME, strict((text: string, pattern: string) =>
      explain(`parse time '${text}' with formatter '${pattern}'`, () => parseLocalTime(text, pattern))))]),
  scalar('PARSE_TIMESTAMP', 'DATE / TIME', 'The TIMESTAMP that a text means by a java.time pattern, in UTC or the time zone given; a zone in the text goes before.', [
    signature([param('formattedTimestamp', STRING), param('formatPattern', STRING)], TIMESTAMP, strict((text: string, pattern: string) => timestampOf(text, pattern, 'GMT'))),
    signature([param('formattedTimestamp', STRING), param('formatPattern', STRING), param('timeZone', STRING)], TIMESTAMP,
      strict((text: string, pattern: string, zone: string) => timestampOf(text, pattern, zone)))]),
  scalar('STRINGTODATE', 'DATE / TIME', 'The days since 1970-01-01 that a text means by a java.time pattern. PARSE_DATE gives a DATE.', [
    signature([param('formattedDate', STRING), param('formatPattern', STRING)], INTEGER, strict((text: string, pattern: string) =>
      explain(`parse date '${text}' with formatter '${pattern}'`, () => parseLocalDate(text, pattern))))]),
  scalar('STRINGTOTIMESTAMP', 'DATE / TIME', 'The milliseconds since the epoch that a text means by a java.time pattern. PARSE_TIMESTAMP gives a TIMESTAMP.', [
    signature([param('formattedTimestamp', STRING), param('formatPattern', STRING)], BIGINT,
      strict((text: string, pattern: string) => BigInt(timestampOf(text, pattern, undefined)))),
    signature([param('formattedTimestamp', STRING), param('formatPattern', STRING), param('timeZone', STRING)], BIGINT,
      strict((text: string, pattern: string, zone: string) => BigInt(timestampOf(text, pattern, zone))))])
]

/** Whole days, cut towards 1970-01-01 as TimeUnit.toDays does. */
const addToDate = (sign: 1 | -1) => (unitMs: number, interval: number, days: number): number =>
  Math.trunc(checkedInstant(days * DAY_MS + sign * interval * unitMs) / DAY_MS) + 0

/** Passes midnight. */
const addToTime = (sign: 1 | -1) => (unitMs: number, interval: number, ms: number): number => {
  const sum = (BigInt(ms) + BigInt(sign * interval) * BigInt(unitMs)) % BigInt(DAY_MS)
  return Number(sum < 0n ? sum + BigInt(DAY_MS) : sum)
}

const addToTimestamp = (sign: 1 | -1) => (unitMs: number, interval: number, ms: number): number => checkedInstant(ms + sign * interval * unitMs)

function shift (name: string, description: string, operand: ParameterDescription, run: Implementation): ScalarFunction {
  const returns = operand.type as SqlType
  return scalar(name, 'DATE / TIME', description, [
    signature([param('unit', INTERVAL_UNIT, 'such as DAYS or HOURS'), param('interval', INTEGER, 'how many of them'), operand], returns, strict(run))])
}

const shifting: readonly ScalarFunction[] = [
  shift('DATEADD', 'The date so many units later.', param('date', DATE), (unit, n, days) => addToDate(1)(unit, n, days)),
  shift('DATESUB', 'The date so many units earlier.', param('date', DATE), (unit, n, days) => addToDate(-1)(unit, n, days)),
  shift('TIMEADD', 'The time of day so many units later.', param('time', TIME), (unit, n, ms) => addToTime(1)(unit, n, ms)),
  shift('TIMESUB', 'The time of day so many units earlier.', param('time', TIME), (unit, n, ms) => addToTime(-1)(unit, n, ms)),
  shift('TIMESTAMPADD', 'The timestamp so many units later.', param('timestamp', TIMESTAMP), (unit, n, ms) => addToTimestamp(1)(unit, n, ms)),
  shift('TIMESTAMPSUB', 'The timestamp so many units earlier.', param('timestamp', TIMESTAMP), (unit, n, ms) => addToTimestamp(-1)(unit, n, ms))
]

function convertZone (ms: number, from: string, to: string): number {
  try {
    return ms + (zoneOf(to).offsetAt(ms) - zoneOf(from).offsetAt(ms)) * 1000
  } catch (error) {
    throw new Error(`Invalid time zone: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

const converting = (now: () => number): readonly ScalarFunction[] => [
  scalar('CONVERT_TZ', 'DATE / TIME', 'The timestamp whose UTC reading is the clock of another time zone.', [
    signature([param('timestamp', TIMESTAMP), param('fromTimeZone', STRING, 'as Europe/London or +01:00'), param('toTimeZone', STRING)], TIMESTAMP, strict(convertZone))]),
  scalar('FROM_DAYS', 'DATE / TIME', 'The DATE so many days after 1970-01-01.', [signature([param('days', INTEGER)], DATE, strict((days: number) => days))]),
  scalar('FROM_UNIXTIME', 'DATE / TIME', 'The TIMESTAMP so many milliseconds after the epoch.', [
    signature([param('epochMilli', BIGINT)], TIMESTAMP, strict((ms: bigint) => Number(ms)))]),
  scalar('UNIX_DATE', 'DATE / TIME', 'The days since 1970-01-01 today, or of a DATE.', [
    signature([], INTEGER, () => Math.floor((now() + systemZone().offsetAt(now()) * 1000) / DAY_MS)),
    signature([param('date', DATE)], INTEGER, strict((days: number) => days))]),
  scalar('UNIX_TIMESTAMP', 'DATE / TIME', 'The milliseconds since the epoch now, or of a TIMESTAMP.', [
    signature([], BIGINT, () => BigInt(Math.floor(now()))),
    signature([param('timestamp', TIMESTAMP)], BIGINT, strict((ms: number) => BigInt(ms)))])
]

export function dateTimeFunctions (context: FunctionContext): readonly ScalarFunction[] {
  return [...formatting, ...parsing(context.now), ...shifting, ...converting(context.now)]
}
