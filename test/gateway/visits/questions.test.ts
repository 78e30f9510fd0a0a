// Whatever is asked of whatever visits: the answers are what a plain count of the visits gives, and breakdowns add up to totals.
import fc from 'fast-check'
import t from 'tap'
import type { LinklogError } from '../../../gateway/errors.js'
import type { VisitTables } from '../../../gateway/queries/visit-tables.js'
import { botChoices, dimensions, groupings, noValue, toQuestion, type Dimension, type Grouping, type QuestionParameters } from '../../../gateway/visits/question.js'
import { VisitQuestions } from '../../../gateway/visits/questions.js'
import { CountedVisits, domainOf, type CountedVisit } from './counted-visits.js'

const start = Date.parse('2026-03-28T00:00:00Z')
const span = 3 * 86_400_000
const values: Record<Dimension, string[]> = {
  version: ['1', '2', '10'], rule: ['', '1', '2'], referrer: ['', 'a.example', 'b.example'], browser: ['Firefox', 'Chrome', 'unknown'], os: ['Linux', 'iOS'],
  device: ['desktop', 'mobile'], country: ['', 'CH', 'NP'], language: ['', 'de', 'en']
}

const visit = fc.record({
  link: fc.constantFrom('a', 'b', 'go.example/a', 'go.example/b', 'x.example/c'),
  at: fc.integer({ min: start, max: start + span - 1 }),
  bot: fc.boolean(),
  visitor: fc.constantFrom('v1', 'v2', 'v3'),
  outcome: fc.constantFrom('redirected', 'redirected', 'redirected', 'expired'),
  ...Object.fromEntries(dimensions.map(dimension => [dimension, fc.constantFrom(...values[dimension])]))
}) as fc.Arbitrary<CountedVisit>

const filters = fc.dictionary(
  fc.constantFrom(...dimensions.flatMap(dimension => [dimension, `${dimension}Not`])),
  fc.array(fc.nat(2), { minLength: 1, maxLength: 2 }), { maxKeys: 3 })

const asked = fc.record({
  by: fc.option(fc.constantFrom('hour', 'day', 'week', 'month'), { nil: undefined }),
  zone: fc.constantFrom('UTC', 'Europe/Zurich', 'Asia/Kathmandu'),
  from: fc.integer({ min: 0, max: span - 2 }),
  length: fc.integer({ min: 1, max: span }),
  bots: fc.constantFrom(...botChoices),
  group: fc.subarray([...groupings]),
  filters
})

const shown = (one: CountedVisit, dimension: Dimension): string => one[dimension] || noValue(dimension)

t.test('answers equal a plain count', async t => {
  const property = fc.asyncProperty(fc.array(visit, { maxLength: 120 }), asked, fc.constantFrom('links' as const, 'domains' as const), async (visits, what, of) => {
    const isAllowed = (by: Grouping) => of === 'links' ? by !== 'domain' : !['link', 'version', 'rule'].includes(by)
    const wanted = Object.fromEntries(Object.entries(what.filters)
      .map(([name, picks]) => [name, picks.map(pick => {
        const dimension = name.replace(/Not$/, '') as Dimension
        return values[dimension][pick % values[dimension].length] || noValue(dimension)
      })] as const)
      .filter(([name]) => isAllowed(name.replace(/Not$/, '') as Grouping)))
    const parameters = {
      ...(what.by !== undefined && { by: what.by }), zone: what.zone, bots: what.bots, group: what.group.filter(isAllowed), limit: 3, ...wanted,
      from: new Date(start + what.from).toISOString(), to: new Date(start + what.from + what.length).toISOString()
    } as QuestionParameters
    const question = toQuestion(parameters, groupings.filter(isAllowed), start + span)
    const tables = new CountedVisits(visits)
    const names = of === 'links' ? ['a', 'go.example/b'] : ['-', 'go.example']
    const answer = await new VisitQuestions({ tables: tables as unknown as VisitTables, now: () => 0, timeoutMs: 1 }).ask({ of, names }, question)

    const nameOf = (one: CountedVisit) => of === 'links' ? one.link : domainOf(one.link)
    const [from, to] = [question.bounds[0] ?? 0, question.bounds.at(-1) ?? 0]
    const all = visits.filter(one => one.outcome === 'redirected' && names.includes(nameOf(one)) && one.at >= from && one.at < to)
    const left = all.filter(one => Object.entries(wanted).every(([name, texts]) => name.endsWith('Not')
      ? !texts.includes(shown(one, name.slice(0, -3) as Dimension))
      : texts.includes(shown(one, name as Dimension))))
    const counted = left.filter(({ bot }) => what.bots === 'include' || bot === (what.bots === 'only'))
    t.equal(answer.visits, counted.length)
    t.strictSame(answer.buckets.map(({ visits, total, withoutBots }) => [visits, total, withoutBots]), question.bounds.slice(0, -1).map((begin, n) => {
      const within = (one: CountedVisit) => one.at >= begin && one.at < (question.bounds[n + 1] ?? 0)
      return [counted.filter(within).length, left.filter(within).length, left.filter(one => within(one) && !one.bot).length]
    }))
    for (const { by, values: told, more } of answer.breakdowns) {
      const valueOf = (one: CountedVisit) => by === 'bot' ? String(one.bot) : by === 'link' || by === 'domain' ? nameOf(one) : shown(one, by)
      const expected = new Map<string, number>()
      for (const one of counted) expected.set(valueOf(one), (expected.get(valueOf(one)) ?? 0) + 1)
      t.equal(told.reduce((sum, { visits: some }) => sum + some, more.visits), answer.visits, 'a breakdown adds up')
      t.ok(told.every(({ value, visits: some }) => expected.get(value) === some))
      t.equal(told.length + more.values, expected.size)
      t.ok(told.length <= 3 && told.every(({ visits: some }, n) => n === 0 || some <= (told[n - 1]?.visits ?? 0)))
    }
    if (answer.visitors !== null) {
      const days = new Map<number, Set<string>>()
      for (const one of visits.filter(one => one.outcome === 'redirected' && !one.bot && names.includes(nameOf(one)))) {
        const day = Math.floor(one.at / 86_400_000) * 86_400_000
        if (day >= from && day < to) days.set(day, (days.get(day) ?? new Set()).add(`${nameOf(one)} ${one.visitor}`))
      }
      t.equal(answer.visitors, [...days.values()].reduce((sum, who) => sum + who.size, 0))
    }
  })
  await fc.assert(property, { numRuns: Number(process.env['RUNS'] ?? 100) })
})

const ask = async (tables: CountedVisits, parameters: QuestionParameters, rowsMax?: number) => {
  const questions = new VisitQuestions({ tables: tables as unknown as VisitTables, now: () => 0, timeoutMs: 1, ...(rowsMax !== undefined && { rowsMax }) })
  return await questions.ask({ of: 'links', names: ['a'] }, toQuestion(parameters, groupings, start + span))
}
const plain = (n: number): CountedVisit => ({ link: 'a', at: start + n * 60_000, bot: n % 4 === 0, visitor: `v${n}`, browser: `b${n}` })

t.test('what a table has left out stands in the totals and is called (other)', async t => {
  const tables = new CountedVisits(Array.from({ length: 12 }, (_, n) => plain(n)))
  tables.cellsMax = 5
  const period = { from: '2026-03-28T00:00:00Z', to: '2026-03-29T00:00:00Z', bots: 'include' } as const
  t.match(await ask(tables, { ...period, group: 'browser,bot' }), {
    visits: 12, unclassified: 7, breakdowns: [{ values: [{ value: '(other)', visits: 7 }] }, { values: [{ value: 'false', visits: 9 }, { value: 'true', visits: 3 }] }]
  })
  t.match(await ask(tables, { ...period, browserNot: 'b1' }), { visits: 4, unclassified: 7 }, 'no filter can tell')
})

t.test('hours are read where they are enough, cells where not', async t => {
  const period = { from: '2026-03-28T00:00:00Z', to: '2026-03-29T00:00:00Z' }
  for (const [more, read] of [[{ by: 'day' }, 'hours'], [{ by: 'day', zone: 'America/New_York' }, 'hours'], [{ by: 'day', zone: 'Asia/Kathmandu' }, 'cells'],
    [{ by: 'hour', zone: 'Australia/Adelaide' }, 'cells'], [{ group: 'link' }, 'hours'], [{ group: 'os' }, 'cells'], [{ os: 'iOS' }, 'cells'],
    [{ from: '2026-03-28T00:15:00Z' }, 'cells']] as const) {
    const tables = new CountedVisits([plain(1)])
    await ask(tables, { ...period, ...more })
    t.strictSame(tables.asked, [read], JSON.stringify(more))
  }
})

t.test('bounds: rows of a question, questions at once', async t => {
  const tables = new CountedVisits(Array.from({ length: 100 }, (_, n) => plain(n)))
  await t.rejects(ask(tables, { group: 'browser' }, 50), { code: 'question_too_large' })
  t.equal((await ask(tables, { group: 'browser' }, 200)).visits, 75)
  const release: Array<() => void> = []
  const slow = { ...tables, cells: async () => await new Promise<void>(resolve => release.push(resolve)), visitors: async () => {} } as unknown as VisitTables
  const questions = new VisitQuestions({ tables: slow, now: () => 0, timeoutMs: 1 })
  const question = toQuestion({ group: 'os' }, groupings, start)
  const asking = Array.from({ length: 4 + 64 + 3 }, async () => await questions.ask({ of: 'links', names: ['a'] }, question).then(() => 'answered', (error: LinklogError) => error.code))
  const outcomes = Promise.all(asking)
  while (release.length < 4) await new Promise(resolve => setImmediate(resolve))
  t.equal(release.length, 4, 'four at a time')
  const state = { done: false }
  outcomes.finally(() => { state.done = true }).catch(() => {})
  while (!state.done) {
    release.shift()?.()
    await new Promise(resolve => setImmediate(resolve))
  }
  const counts = (await outcomes).reduce<Record<string, number>>((sum, one) => ({ ...sum, [one]: (sum[one] ?? 0) + 1 }), {})
  t.strictSame(counts, { answered: 68, overloaded: 3 })
})

t.test('questions that cannot be are refused by the name of the parameter', async t => {
  const cases: Array<[QuestionParameters, string]> = [
    [{ zone: 'Mars/Olympus' }, 'zone'], [{ from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, 'from'], [{ group: 'colour' }, 'group'], [{ group: 'os,,bot' }, 'group'],
    [{ group: 'domain' }, 'group'], [{ rule: '1' }, 'rule'], [{ by: 'hour', from: '1990-01-01T00:00:00Z' }, 'from'], [{ os: Array.from({ length: 101 }, String) }, 'os']
  ]
  for (const [parameters, pointer] of cases) {
    t.throws(() => toQuestion(parameters, ['os', 'bot'], start), { code: 'invalid_request', errors: [{ pointer }] }, JSON.stringify(parameters).slice(0, 80))
  }
})
