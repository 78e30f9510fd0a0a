// Text of instants, days and times: what ksqlDB's documentation and java.time say of it.
import t from 'tap'
import { formatDate, formatTime, formatTimestamp, parseDate, parseTime, parseTimestamp } from '../../../../embedded/ksqldb/plan/iso-time.js'
import { messageOf } from './support.js'

t.test('instants, partly given and with offsets', async t => {
  const cases: ReadonlyArray<readonly [text: string, iso: string]> = [
    ['2020', '2020-01-01T00:00:00.000Z'], ['2020-05', '2020-05-01T00:00:00.000Z'], ['2020-05-26', '2020-05-26T00:00:00.000Z'], ['2020-05-26T23', '2020-05-26T23:00:00.000Z'],
    ['2020-05-26T23:59', '2020-05-26T23:59:00.000Z'], ['2020-05-26T23:59:58', '2020-05-26T23:59:58.000Z'], ['2020-05-26T23:59:58.123', '2020-05-26T23:59:58.123Z'],
    ['2020-05-26T23:59:58.123Z', '2020-05-26T23:59:58.123Z'], ['2020-05-26T23:59:58.123+0200', '2020-05-26T21:59:58.123Z'], ['2020-05-26T00-0130', '2020-05-26T01:30:00.000Z'],
    ['2020-02-24T24', '2020-02-25T00:00:00.000Z'], ['2021-02-31', '2021-02-28T00:00:00.000Z'], ['1960-01-01', '1960-01-01T00:00:00.000Z']
  ]
  for (const [text, iso] of cases) t.equal(new Date(parseTimestamp(text)).toISOString(), iso, text)
  for (const text of ['', 'x', '2020-13-01', '2020-05-26T25', '2020-05-26T10:61', '2020-05-26T10+99']) t.match(messageOf(() => parseTimestamp(text)), /^Failed to parse timestamp/, text)
})

t.test('days and times', async t => {
  t.equal(parseDate('1970-01-02'), 1)
  t.equal(parseDate('1969-12'), -31)
  t.match(messageOf(() => parseDate('2021-02-31')), /^Failed to parse date '2021-02-31'/)
  t.equal(parseTime('01:34'), 5_640_000)
  t.equal(parseTime('01:34:20.123'), 5_660_123)
  t.match(messageOf(() => parseTime('24:00')), /^Failed to parse time '24:00'/)
})

t.test('printed', async t => {
  t.equal(formatTimestamp(Date.UTC(2026, 0, 1, 0, 30)), '2026-01-01T00:30:00.000')
  t.equal(formatTimestamp(-1), '1969-12-31T23:59:59.999')
  t.equal(formatDate(-1), '1969-12-31')
  t.equal(formatTime(5_640_000), '01:34')
  t.equal(formatTime(5_660_123), '01:34:20')
})
