// Expected instants are written by hand from the published rules of each zone (tzdata), in UTC.
import t from 'tap'
import { boundaries, inZone, isZone, type Unit } from '../../../gateway/visits/calendar.js'

const at = (text: string): number => Date.parse(text)
const texts = (unit: Unit, zone: string, from: string, to: string): string[] =>
  boundaries(unit, zone, at(from), at(to), 5_000).map(ms => new Date(ms).toISOString().replace(':00.000Z', 'Z'))

t.test('names of zones', async t => {
  for (const zone of ['UTC', 'Europe/Zurich', 'Asia/Kathmandu', 'America/Argentina/Ushuaia']) t.ok(isZone(zone), zone)
  for (const zone of ['', 'Mars/Olympus', 'Europe/Zurich ', '+25:00']) t.notOk(isZone(zone), zone)
})

t.test('UTC', async t => {
  t.strictSame(texts('hour', 'UTC', '2026-03-02T10:30Z', '2026-03-02T12:00Z'), ['2026-03-02T10:00Z', '2026-03-02T11:00Z', '2026-03-02T12:00Z'])
  t.strictSame(texts('day', 'UTC', '2024-02-28T10:30Z', '2024-03-01T00:00:00.001Z'),
    ['2024-02-28T00:00Z', '2024-02-29T00:00Z', '2024-03-01T00:00Z', '2024-03-02T00:00Z'])
})

t.test('a day of 23 and of 25 hours', async t => {
  t.strictSame(texts('day', 'Europe/Zurich', '2026-03-28T12:00Z', '2026-03-30T12:00Z'),
    ['2026-03-27T23:00Z', '2026-03-28T23:00Z', '2026-03-29T22:00Z', '2026-03-30T22:00Z'])
  t.equal(texts('hour', 'Europe/Zurich', '2026-03-28T23:00Z', '2026-03-29T22:00Z').length - 1, 23)
  t.equal(texts('hour', 'Europe/Zurich', '2026-10-24T22:00Z', '2026-10-25T23:00Z').length - 1, 25, 'the hour that comes twice is two')
  t.strictSame(texts('day', 'America/New_York', '2026-11-01T12:00Z', '2026-11-01T13:00Z'), ['2026-11-01T04:00Z', '2026-11-02T05:00Z'])
})

t.test('quarters and halves of an hour', async t => {
  t.strictSame(texts('hour', 'Asia/Kathmandu', '2026-06-01T00:00Z', '2026-06-01T00:20Z'), ['2026-05-31T23:15Z', '2026-06-01T00:15Z', '2026-06-01T01:15Z'])
  t.strictSame(texts('day', 'Asia/Kolkata', '2026-06-01T00:00Z', '2026-06-01T00:20Z'), ['2026-05-31T18:30Z', '2026-06-01T18:30Z'])
  // Lord Howe: at 02:00 +10:30 the clock goes to 02:30 +11:00 (2026-10-03T15:30Z), and back from 02:00 +11:00 to 01:30 +10:30 (2026-04-04T15:00Z)
  t.strictSame(texts('hour', 'Australia/Lord_Howe', '2026-10-03T14:45Z', '2026-10-03T16:15Z'),
    ['2026-10-03T14:30Z', '2026-10-03T15:30Z', '2026-10-03T16:00Z', '2026-10-03T17:00Z'])
  t.strictSame(texts('hour', 'Australia/Lord_Howe', '2026-04-04T14:10Z', '2026-04-04T15:45Z'),
    ['2026-04-04T14:00Z', '2026-04-04T15:00Z', '2026-04-04T15:30Z', '2026-04-04T16:30Z'])
})

t.test('days without a midnight, with two of them, and one that never was', async t => {
  // Santiago leaves out 2026-09-06 00:00 to 01:00
  t.strictSame(texts('day', 'America/Santiago', '2026-09-05T12:00Z', '2026-09-06T12:00Z'), ['2026-09-05T04:00Z', '2026-09-06T04:00Z', '2026-09-07T03:00Z'])
  // Havana has 2026-11-01 00:00 to 01:00 twice
  t.strictSame(texts('day', 'America/Havana', '2026-10-31T12:00Z', '2026-11-01T12:00Z'), ['2026-10-31T04:00Z', '2026-11-01T04:00Z', '2026-11-02T05:00Z'])
  t.strictSame(texts('day', 'Pacific/Apia', '2011-12-29T12:00Z', '2011-12-31T00:00Z'), ['2011-12-29T10:00Z', '2011-12-30T10:00Z', '2011-12-31T10:00Z'])
})

t.test('weeks begin on Monday, months on their first, in the zone', async t => {
  t.strictSame(texts('week', 'UTC', '2026-01-01T00:00Z', '2026-01-12T00:00Z'), ['2025-12-29T00:00Z', '2026-01-05T00:00Z', '2026-01-12T00:00Z'])
  t.strictSame(texts('week', 'Europe/Zurich', '2026-03-25T00:00Z', '2026-03-30T00:00Z'), ['2026-03-22T23:00Z', '2026-03-29T22:00Z', '2026-04-05T22:00Z'])
  t.strictSame(texts('month', 'America/New_York', '2026-02-10T00:00Z', '2026-04-01T00:00Z'), ['2026-02-01T05:00Z', '2026-03-01T05:00Z', '2026-04-01T04:00Z'])
  t.strictSame(texts('month', 'Asia/Tokyo', '2026-12-31T15:00Z', '2026-12-31T15:01Z'), ['2026-12-31T15:00Z', '2027-01-31T15:00Z'])
})

t.test('whatever the zone: starts grow, meet, hold the period, and a day has one date', async t => {
  for (const zone of ['UTC', 'Europe/London', 'America/St_Johns', 'Asia/Tehran', 'Africa/Casablanca', 'Pacific/Chatham', 'Australia/Lord_Howe', 'America/Asuncion']) {
    for (const unit of ['hour', 'day', 'week', 'month'] as const) {
      const [from, to] = [at('2025-02-17T11:11:11Z'), at('2026-04-20T05:00:00Z')]
      const found = boundaries(unit, zone, from, to, 20_000)
      t.ok(found.every((ms, n) => n === 0 || ms > (found[n - 1] ?? 0)), `${zone} ${unit}`)
      t.ok((found[0] ?? 0) <= from && (found[1] ?? 0) > from && (found.at(-1) ?? 0) >= to && (found.at(-2) ?? 0) < to, `${zone} ${unit}: no more than it takes`)
      if (unit === 'day') {
        const date = new Intl.DateTimeFormat('en-CA', { timeZone: zone })
        const wrong = found.slice(0, -1).filter((ms, n) => date.format(ms) !== date.format((found[n + 1] ?? 0) - 1) || date.format(ms) === date.format(ms - 1))
        t.strictSame(wrong, [], zone)
      }
    }
  }
})

t.test('bounds', async t => {
  t.throws(() => boundaries('hour', 'UTC', 5, 5, 10), RangeError)
  t.throws(() => boundaries('hour', 'UTC', 0, 11 * 3_600_000, 10), RangeError)
  t.equal(boundaries('hour', 'UTC', 0, 10 * 3_600_000, 10).length, 11)
  t.throws(() => boundaries('day', 'Asia/Tokyo', 0, at('2026-01-01T00:00Z'), 5_000), RangeError)
  t.equal(boundaries('hour', 'America/New_York', at('2026-01-01T00:00Z'), at('2026-07-28T00:00Z'), 5_000).length, 208 * 24 + 1)
})

t.test('instants in words of the zone', async t => {
  t.equal(inZone(at('2026-03-29T01:00Z'), 'Europe/Zurich'), '2026-03-29T03:00:00.000+02:00')
  t.equal(inZone(at('2026-03-29T01:00Z'), 'UTC'), '2026-03-29T01:00:00.000Z')
})
