import { NOW, table } from './support.js'

const at = (text: string): number => Date.parse(text)
const stamp = "CAST('2021-11-15T21:39:05.678' AS TIMESTAMP)"
const day = (text: string): number => Date.parse(text) / 86_400_000

table('FORMAT_TIMESTAMP follows java.time patterns', [
  [`FORMAT_TIMESTAMP(${stamp}, 'yyyy-MM-dd HH:mm:ss.SSS')`, '2021-11-15 21:39:05.678'],
  [`FORMAT_TIMESTAMP(${stamp}, 'yyyy-MM-dd''T''HH:mm:ssX')`, '2021-11-15T21:39:05Z'],
  [`FORMAT_TIMESTAMP(${stamp}, 'yyyy-MM-dd HH:mm:ss.SSS xxx', 'Asia/Kolkata')`, '2021-11-16 03:09:05.678 +05:30'],
  [`FORMAT_TIMESTAMP(${stamp}, 'EEEE, d MMMM uuuu h:mm a VV z', 'America/Los_Angeles')`, 'Monday, 15 November 2021 1:39 PM America/Los_Angeles PST'],
  [`FORMAT_TIMESTAMP(${stamp}, 'HH:mm', 'Nowhere/Land')`, /^error: Failed to format timestamp .* with formatter 'HH:mm': Unknown time-zone ID: Nowhere\/Land/],
  [`FORMAT_TIMESTAMP(${stamp}, 'fred')`, /^error: Failed to format timestamp .* with formatter 'fred': Unknown pattern letter/],
  ["FORMAT_TIMESTAMP(CAST(NULL AS TIMESTAMP), 'yyyy')", null],
  ["TIMESTAMPTOSTRING(1637012345678, 'yyyy-MM-dd''Fred''HH', 'UTC')", '2021-11-15Fred21'],
  ["TIMESTAMPTOSTRING(-1, 'yyyy-MM-dd HH:mm:ss.SSS', 'UTC')", '1969-12-31 23:59:59.999']
])

table('PARSE_TIMESTAMP fills up from 1970-01-01T00:00', [
  ["PARSE_TIMESTAMP('2021-11-15 21:39:05.678', 'yyyy-MM-dd HH:mm:ss.SSS')", at('2021-11-15T21:39:05.678Z')],
  ["PARSE_TIMESTAMP('2021-11-15 21:39', 'yyyy-MM-dd HH:mm', 'America/New_York')", at('2021-11-15T21:39:00-05:00')],
  ["PARSE_TIMESTAMP('2021-11-15T21:39+02', 'yyyy-MM-dd''T''HH:mmX', 'America/New_York')", at('2021-11-15T21:39:00+02:00')],
  ["PARSE_TIMESTAMP('15-NOV-2021', 'dd-MMM-yyyy')", at('2021-11-15T00:00:00Z')],
  ["PARSE_TIMESTAMP('2021-11', 'yyyy-MM')", at('2021-11-01T00:00:00Z')],
  ["PARSE_TIMESTAMP('2021-335', 'yyyy-DDD')", at('2021-12-01T00:00:00Z')],
  ["PARSE_TIMESTAMP('12:30', 'HH:mm')", at('1970-01-01T12:30:00Z')],
  ["PARSE_TIMESTAMP('02-28', 'MM-dd')", at('1970-02-28T00:00:00Z')],
  // The clocks went forward at 2, so 2:30 is 3:30; they went back at 2, so 1:30 came twice and the first counts.
  ["PARSE_TIMESTAMP('2021-03-14 02:30', 'yyyy-MM-dd HH:mm', 'America/Los_Angeles')", at('2021-03-14T03:30:00-07:00')],
  ["PARSE_TIMESTAMP('2021-11-07 01:30', 'yyyy-MM-dd HH:mm', 'America/Los_Angeles')", at('2021-11-07T01:30:00-07:00')],
  ["PARSE_TIMESTAMP('2021-11-15', 'yyyy-MM-dd HH')", /^error: Failed to parse timestamp '2021-11-15' at timezone 'GMT' with formatter 'yyyy-MM-dd HH': Text '2021-11-15' could not be parsed at index 10/],
  ["PARSE_TIMESTAMP('2021-11-15x', 'yyyy-MM-dd')", /unparsed text found at index 10/],
  ["PARSE_TIMESTAMP(CAST(NULL AS STRING), 'yyyy')", null],
  ["STRINGTOTIMESTAMP('2021-12-01 12:10:11.123', 'yyyy-MM-dd HH:mm:ss.SSS', 'UTC')", 1638360611123n],
  ["STRINGTOTIMESTAMP('2021-12-01 12:10:11.123 PST', 'yyyy-MM-dd HH:mm:ss.SSS z', 'UTC')", BigInt(at('2021-12-01T12:10:11.123-08:00'))]
])

table('dates', [
  ["FORMAT_DATE(CAST('2021-11-15' AS DATE), 'dd/MM/yy E')", '15/11/21 Mon'],
  ["FORMAT_DATE(CAST('2021-11-15' AS DATE), 'HH')", "error: Failed to format date 2021-11-15 with formatter 'HH': Unsupported field: HourOfDay"],
  ["PARSE_DATE('2021-12-01', 'yyyy-MM-dd')", day('2021-12-01')],
  ["PARSE_DATE('2021-12', 'yyyy-MM')", day('2021-12-01')],
  ["PARSE_DATE('2022', 'yyyy')", day('2022-01-01')],
  ["PARSE_DATE('01-dec-2021', 'dd-MMM-yyyy')", day('2021-12-01')],
  ["PARSE_DATE('20211201', 'yyyyMMdd')", day('2021-12-01')],
  ["PARSE_DATE('1/2/99', 'd/M/yy')", day('1999-02-01')],
  ["PARSE_DATE('2021-12-01Fred', 'yyyy-MM-dd''Fred''')", day('2021-12-01')],
  ["PARSE_DATE('2021-02-30', 'yyyy-MM-dd')", day('2021-03-02')],
  ["PARSE_DATE('2021-12-01 05:40:34', 'yyyy-MM-dd HH:mm:ss')",
    "error: Failed to parse date '2021-12-01 05:40:34' with formatter 'yyyy-MM-dd HH:mm:ss': Date format contains time field."],
  ["PARSE_DATE('invalid', 'yyyy-MM-dd')", /^error: Failed to parse date 'invalid' with formatter 'yyyy-MM-dd'/],
  ["PARSE_DATE('2021-12-01', 'invalid')", /^error: Failed to parse date '2021-12-01' with formatter 'invalid'/],
  ["DATETOSTRING(16383, 'yyyy-MM-dd')", '2014-11-09'],
  ["STRINGTODATE('2014-11-09', 'yyyy-MM-dd')", 16383],
  ["STRINGTODATE('2014-11', 'yyyy-MM')", /^error: Failed to parse date '2014-11' with formatter 'yyyy-MM'/],
  ['FROM_DAYS(50)', 50],
  ["UNIX_DATE(CAST('1970-02-20' AS DATE))", 50],
  ["DATEADD(DAYS, 3, CAST('2021-12-30' AS DATE))", day('2022-01-02')],
  ["DATEADD(HOURS, 25, CAST('2021-12-30' AS DATE))", day('2021-12-31')],
  ["DATESUB(DAYS, 30, CAST('2021-12-30' AS DATE))", day('2021-11-30')],
  ["DATEADD(DAYS, CAST(NULL AS INT), CAST('2021-12-30' AS DATE))", null]
])

table('times of day', [
  ["FORMAT_TIME(CAST('12:30:45' AS TIME), 'HH-mm-ss')", '12-30-45'],
  ["FORMAT_TIME(CAST('12:30:45' AS TIME), 'yyyy')", /^error: Failed to format time 12:30:45.* with formatter 'yyyy': Unsupported field: YearOfEra/],
  ["PARSE_TIME('12:30 PM', 'hh:mm a')", 45_000_000],
  ["PARSE_TIME('000105', 'HHmmss')", 65_000],
  ["PARSE_TIME('2021 12:30', 'yyyy HH:mm')", /Time format contains date field\.$/],
  ["TIMEADD(HOURS, 2, CAST('23:00:00' AS TIME))", 3_600_000],
  ["TIMESUB(MINUTES, 90, CAST('01:00:00' AS TIME))", 84_600_000],
  ["TIMEADD(DAYS, 2147483647, CAST('01:00:00' AS TIME))", 3_600_000]
])

table('instants', [
  ['UNIX_TIMESTAMP()', BigInt(NOW)],
  [`UNIX_TIMESTAMP(${stamp})`, BigInt(NOW)],
  ['FROM_UNIXTIME(1637012345678)', NOW],
  [`TIMESTAMPADD(DAYS, 20, ${stamp})`, NOW + 20 * 86_400_000],
  [`TIMESTAMPSUB(MILLISECONDS, 678, ${stamp})`, NOW - 678],
  [`TIMESTAMPADD(DAYS, 2147483647, ${stamp})`, /^error: .*beyond the instants/],
  [`CONVERT_TZ(${stamp}, 'America/Los_Angeles', 'America/New_York')`, NOW + 3 * 3_600_000],
  [`CONVERT_TZ(${stamp}, '+0200', '+0500')`, NOW + 3 * 3_600_000],
  [`CONVERT_TZ(${stamp}, 'wow', 'America/New_York')`, 'error: Invalid time zone: Unknown time-zone ID: wow']
])
