// The pattern language of java.time.format.DateTimeFormatter, by its documentation.
import t from 'tap'
import { formatInstant, formatLocalDate, formatLocalTime, parseInstant, parseLocalDate, parseLocalTime } from '../../../../../embedded/ksqldb/plan/functions/java-time/formatter.js'
import { UTC, instantOf, parseOffset, zoneOf } from '../../../../../embedded/ksqldb/plan/functions/java-time/zone.js'

const instant = Date.parse('2008-06-03T11:05:30.042Z')

t.test('every letter prints', async t => {
  const rows: ReadonlyArray<readonly [pattern: string, expected: string, zone?: string]> = [
    ['G GGGG GGGGG', 'AD Anno Domini A'], ['u uu uuu uuuu uuuuu', '2008 08 2008 2008 02008'], ['y yy yyyy', '2008 08 2008'],
    ['D DDD', '155 155'], ['M MM MMM MMMM MMMMM', '6 06 Jun June J'], ['L LL LLL', '6 06 Jun'], ['d dd', '3 03'],
    ['Q QQ QQQ QQQQ', '2 02 Q2 2nd quarter'], ['Y YYYY', '2008 2008'], ['w ww', '23 23'], ['W', '1'], ['F', '3'],
    ['E EEE EEEE EEEEE', 'Tue Tue Tuesday T'], ['e ee eee', '3 03 Tue'], ['c ccc', '3 Tue'],
    ['a', 'AM'], ['h hh', '11 11'], ['K KK', '11 11'], ['k kk', '11 11'], ['H HH', '11 11'], ['m mm', '5 05'], ['s ss', '30 30'],
    ['S SS SSS SSSSSS SSSSSSSSS', '0 04 042 042000 042000000'], ['A', '39930042'], ['n', '42000000'], ['N', '39930042000000'],
    ['VV', 'America/Los_Angeles', 'America/Los_Angeles'], ['z zzzz', 'PDT Pacific Daylight Time', 'America/Los_Angeles'],
    ['O OOOO', 'GMT-7 GMT-07:00', 'America/Los_Angeles'], ['O OOOO', 'GMT GMT', 'UTC'],
    ['X XX XXX XXXX XXXXX', '-07 -0700 -07:00 -0700 -07:00', 'America/Los_Angeles'], ['X XX XXX', '+0530 +0530 +05:30', 'Asia/Kolkata'], ['X XXX', 'Z Z', 'UTC'],
    ['x xx xxx', '+00 +0000 +00:00', 'UTC'], ['Z ZZZZ ZZZZZ', '-0700 GMT-07:00 -07:00', 'America/Los_Angeles'], ['Z ZZZZZ', '+0000 Z', 'UTC'],
    ["'it''s' ''", "it's '"], ['ppH|pppd', '11|  3'], ['yyyy[ HH]', '2008 11']
  ]
  for (const [pattern, expected, zone = 'UTC'] of rows) t.equal(formatInstant(instant, pattern, zoneOf(zone)), expected, `${pattern} in ${zone}`)
})

t.test('what a value lacks is an error, or left out where optional', async t => {
  t.equal(formatLocalDate(0, 'yyyy[ HH:mm]'), '1970')
  t.throws(() => formatLocalDate(0, 'HH'), { message: 'Unsupported field: HourOfDay' })
  t.throws(() => formatLocalTime(0, 'VV'), { message: 'Unable to extract ZoneId from temporal' })
  t.equal(formatLocalDate(-719528, 'y G u'), '1 BC 0', 'the year before 1')
  t.equal(formatLocalDate(2932897, 'yyyy'), '+10000')
  t.equal(formatLocalDate(-25508, 'YYYY-ww'), '1900-09')
})

t.test('patterns that mean nothing are refused', async t => {
  const rows: ReadonlyArray<readonly [pattern: string, message: RegExp]> = [
    ['fred', /Unknown pattern letter: f/], ['HHH', /Too many pattern letters: H/], ['V', /Pattern letter count must be 2: V/], ['OO', /must be 1 or 4: O/],
    ["'open", /incomplete string literal/], ['{', /reserved character: '\{'/], ['yyyy]', /\] without previous \[/], ['p', /Pad letter 'p'/], ['SSSSSSSSSS', /Too many/]
  ]
  for (const [pattern, message] of rows) t.throws(() => formatInstant(instant, pattern, UTC), { message }, pattern)
})

t.test('digits that touch share out their widths', async t => {
  t.equal(parseInstant('20211115213905678', 'yyyyMMddHHmmssSSS', UTC), Date.parse('2021-11-15T21:39:05.678Z'))
  t.equal(parseInstant('1115', 'Hmm', UTC), Date.parse('1970-01-01T11:15:00Z'))
  t.equal(parseInstant('115', 'Hmm', UTC), Date.parse('1970-01-01T01:15:00Z'))
  t.equal(parseLocalDate('+120211231', 'yyyyMMdd'), Date.UTC(12021, 11, 31) / 86_400_000)
  t.throws(() => parseLocalDate('120211231', 'yyyyMMdd'), { message: /could not be parsed at index 0/ })
})

t.test('texts are read back', async t => {
  const rows: ReadonlyArray<readonly [text: string, pattern: string, expected: string]> = [
    ['TUE 3 june 2008', 'EEE d MMMM yyyy', '2008-06-03T00:00:00Z'],
    ['3/6/08 11:05 pm', 'd/M/yy hh:mm a', '2008-06-03T23:05:00Z'],
    ['12:00 am', 'hh:mm a', '1970-01-01T00:00:00Z'],
    ['2008-06-03T24:00', "yyyy-MM-dd'T'HH:mm", '2008-06-04T00:00:00Z'],
    ['2008-02-31', 'yyyy-MM-dd', '2008-02-29T00:00:00Z'],
    ['2008-06-03T11:05:30', "yyyy-MM-dd'T'HH:mm:ss[.SSS][X]", '2008-06-03T11:05:30Z'],
    ['2008-06-03T11:05:30.042-07:00', "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]", '2008-06-03T18:05:30.042Z'],
    ['2008-06-03 11:05 Europe/Paris', 'yyyy-MM-dd HH:mm VV', '2008-06-03T09:05:00Z'],
    ['2008-06-03 11:05 GMT+2', 'yyyy-MM-dd HH:mm O', '2008-06-03T09:05:00Z'],
    ['2008-06-03 11:05 +0200', 'yyyy-MM-dd HH:mm Z', '2008-06-03T09:05:00Z'],
    ['39930042', 'A', '1970-01-01T11:05:30.042Z'],
    ['2008-23-3', 'YYYY-ww-e', '2008-06-03T00:00:00Z'],
    [' 3', 'ppd', '1970-01-03T00:00:00Z'],
    ['44 BC', 'y G', '-000043-01-01T00:00:00Z']
  ]
  for (const [text, pattern, expected] of rows) t.equal(parseInstant(text, pattern, UTC), Date.parse(expected), `${text} by ${pattern}`)
})

t.test('texts that make no sense are refused', async t => {
  const rows: ReadonlyArray<readonly [text: string, pattern: string, message: RegExp]> = [
    ['2008-13-01', 'yyyy-MM-dd', /Invalid value for MonthOfYear \(valid values 1 - 12\): 13/],
    ['2008-12-32', 'yyyy-MM-dd', /Invalid value for DayOfMonth/],
    ['25:00', 'HH:mm', /Invalid value for HourOfDay \(valid values 0 - 23\): 25/],
    ['24:01', 'HH:mm', /Invalid value for HourOfDay/],
    ['Mon 2008-06-03', 'EEE yyyy-MM-dd', /Conflict found/],
    ['2008-1-1', 'yyyy-MM-dd', /could not be parsed at index 5/],
    ['366', 'DDD', /Leap day/],
    ['2007-366', 'yyyy-DDD', /not a leap year/],
    ['02-30', 'MM-dd', /Invalid date/]
  ]
  for (const [text, pattern, message] of rows) t.throws(() => parseInstant(text, pattern, UTC), { message }, `${text} by ${pattern}`)
})

t.test('times need an hour, dates all three', async t => {
  t.equal(parseLocalTime('11:05:30.042', 'HH:mm:ss.SSS'), 39930042)
  t.equal(parseLocalTime('11', 'HH'), 39_600_000)
  t.throws(() => parseLocalTime('05', 'mm'), { message: /Unable to obtain LocalTime/ })
  t.throws(() => parseLocalTime('2008-06-03 11', 'yyyy-MM-dd HH'), { message: 'Time format contains date field.' })
  t.throws(() => parseLocalDate('2008', 'yyyy'), { message: /Unable to obtain LocalDate/ })
})

t.test('zones', async t => {
  t.equal(zoneOf('America/Los_Angeles').offsetAt(Date.parse('1880-01-01T00:00:00Z')), -(7 * 3600 + 52 * 60 + 58), 'local mean time')
  t.equal(zoneOf('UTC+01:30').offsetAt(0), 5400)
  t.throws(() => zoneOf('Mars/Olympus'), { message: 'Unknown time-zone ID: Mars/Olympus' })
  for (const [text, seconds] of [['+1', 3600], ['-01', -3600], ['+0130', 5400], ['+01:30:15', 5415], ['Z', 0], ['+19', undefined], ['+01:60', undefined], ['1', undefined]] as const) {
    t.equal(parseOffset(text), seconds, text)
  }
  t.equal(instantOf(Date.parse('2021-10-31T02:30:00Z'), zoneOf('Europe/Berlin')), Date.parse('2021-10-31T02:30:00+02:00'), 'the first of two')
  t.equal(instantOf(Date.parse('2021-03-28T02:30:00Z'), zoneOf('Europe/Berlin')), Date.parse('2021-03-28T03:30:00+02:00'), 'as much later as was skipped')
})
