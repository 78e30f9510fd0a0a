// Redirect rules: what is taken, and which rule decides. Expected values are by hand.
import fc from 'fast-check'
import t from 'tap'
import { LinklogError } from '../../../gateway/errors.js'
import type { RedirectRule } from '../../../gateway/events/link-event.js'
import { RuleRequestFacts, type RuleRequest } from '../../../gateway/links/rule-facts.js'
import { explainRules, spreadOf } from '../../../gateway/links/rule-trial.js'
import { compiledRules, decidingRule, validateRules, type RuleInput } from '../../../gateway/links/rules.js'
import { visitorDraw } from '../../../gateway/visits/draw.js'

const iphone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'
const pixel = 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36'
const ipad = 'Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1'
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0'
const googlebot = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)'

const own = new Set(['go.example'])
const condition = (dimension: string, ...operands: string[]) => ({ dimension, operands })
const rule = (url: string, ...conditions: RuleInput['conditions'][number][]): RuleInput => ({ url: `https://${url}.example/`, conditions })
const draw = visitorDraw(Buffer.from('a secret of the test'))

const factsOf = (request: Partial<RuleRequest>) => new RuleRequestFacts({
  link: 'a', userAgent: firefox, language: undefined, country: undefined, query: '', at: Date.UTC(2026, 5, 15), address: '192.0.2.1', ...request
}, draw)

const decide = (rules: readonly RuleInput[], request: Partial<RuleRequest>): number =>
  decidingRule(compiledRules(validateRules(rules, own)), factsOf(request))

t.test('each dimension holds and does not', async t => {
  const cases: ReadonlyArray<readonly [condition: RuleInput['conditions'][number], request: Partial<RuleRequest>, holds: boolean]> = [
    [condition('device', 'mobile'), { userAgent: iphone }, true],
    [condition('device', 'Mobile', 'tablet'), { userAgent: ipad }, true],
    [condition('device', 'mobile'), { userAgent: firefox }, false],
    [condition('device', 'bot'), { userAgent: googlebot }, true],
    [condition('device', 'unknown'), { userAgent: undefined }, true],
    [condition('os', 'ios'), { userAgent: iphone }, true],
    [condition('os', 'Android', 'iOS'), { userAgent: pixel }, true],
    [condition('os', 'Android', 'iOS'), { userAgent: firefox }, false],
    [condition('browser', 'firefox'), { userAgent: firefox }, true],
    [condition('browser', 'Chrome'), { userAgent: firefox }, false],
    [condition('language', 'de'), { language: 'de-AT,de;q=0.9,en;q=0.5' }, true],
    [condition('language', 'de-AT'), { language: 'de-AT,de;q=0.9' }, true],
    [condition('language', 'de-AT'), { language: 'de;q=0.9,de-AT' }, false],
    [condition('language', 'en'), { language: 'de-AT,de;q=0.9,en;q=0.5' }, false],
    [condition('language', 'zh-hant'), { language: 'zh-Hant-TW' }, true],
    [condition('language', 'de'), { language: 'den' }, false],
    [condition('language', 'de'), {}, false],
    [condition('country', 'ch', 'AT'), { country: 'CH' }, true],
    [condition('country', 'CH'), { country: 'ch' }, true],
    [condition('country', 'CH'), { country: 'DE' }, false],
    [condition('country', 'CH'), { country: 'nonsense' }, false],
    [condition('country', 'CH'), {}, false],
    [{ dimension: 'query', argument: 'src', operands: ['mail', 'sms'] }, { query: 'a=1&src=sms' }, true],
    [{ dimension: 'query', argument: 'src', operands: ['mail'] }, { query: 'src=web&src=mail' }, true],
    [{ dimension: 'query', argument: 'src', operands: ['Mail'] }, { query: 'src=mail' }, false],
    [{ dimension: 'query', argument: 'src' }, { query: 'src' }, true],
    [{ dimension: 'query', argument: 'src' }, { query: 'source=1' }, false],
    [{ dimension: 'query', argument: 'a b', operands: ['ü'] }, { query: 'a%20b=%C3%BC' }, true],
    [condition('date', '2026-06-15T00:00:00Z', '2026-06-16T00:00:00Z'), {}, true],
    [condition('date', '2026-06-14T00:00:00Z', '2026-06-15T00:00:00Z'), {}, false],
    [condition('date', '', '2026-06-15T02:00:00+01:00'), {}, true],
    [condition('date', '2026-06-15T00:00:00.001Z', ''), {}, false],
    [condition('percent', '100'), {}, true]
  ]
  for (const [one, request, holds] of cases) {
    t.equal(decide([rule('r', one)], request), holds ? 0 : -1, `${JSON.stringify(one)} ${JSON.stringify(request).slice(0, 60)}`)
  }
})

t.test('all conditions of a rule must hold, and the first rule that holds wins', async t => {
  const rules = [
    rule('ios-de', condition('os', 'iOS'), condition('country', 'DE')),
    rule('ios', condition('os', 'iOS')),
    rule('de', condition('country', 'DE'))
  ]
  t.equal(decide(rules, { userAgent: iphone, country: 'DE' }), 0)
  t.equal(decide(rules, { userAgent: iphone, country: 'FR' }), 1)
  t.equal(decide(rules, { userAgent: pixel, country: 'DE' }), 2)
  t.equal(decide(rules, { userAgent: pixel, country: 'FR' }), -1)
  t.equal(decide([rules[1] as RuleInput, rules[0] as RuleInput], { userAgent: iphone, country: 'DE' }), 0, 'order decides')
})

t.test('kept in one form', async t => {
  const kept = validateRules([rule('E', condition('os', 'ios', 'IOS', 'macos'), condition('browser', 'microsoft edge'), condition('country', 'de', 'DE'),
    condition('language', 'de-AT'), condition('date', '2026-01-01T01:00:00+01:00', ''), condition('percent', '50.00'), { dimension: 'query', argument: 'q' })], own)
  const none = null
  t.strictSame(kept, [{
    url: 'https://e.example/',
    conditions: [
      { dimension: 'os', argument: none, operands: ['iOS', 'macOS'] }, { dimension: 'browser', argument: none, operands: ['Microsoft Edge'] },
      { dimension: 'country', argument: none, operands: ['DE'] }, { dimension: 'language', argument: none, operands: ['de-at'] },
      { dimension: 'date', argument: none, operands: ['2026-01-01T00:00:00.000Z', ''] }, { dimension: 'percent', argument: none, operands: ['50'] },
      { dimension: 'query', argument: 'q', operands: [] }
    ]
  }])
  t.strictSame(validateRules(kept, own), kept, 'which is its own form')
})

t.test('what is not taken, and where it is wrong', async t => {
  const at = (...conditions: RuleInput['conditions'][number][]) => [rule('ok', condition('os', 'iOS')), rule('r', ...conditions)]
  const many = (n: number, one: RuleInput['conditions'][number]) => Array.from({ length: n }, () => one)
  const cases: ReadonlyArray<readonly [rules: readonly RuleInput[], pointers: readonly string[]]> = [
    [at(), ['/rules/1/conditions']],
    [at(condition('weather', 'rain')), ['/rules/1/conditions/0/dimension']],
    [at(condition('toString', 'x')), ['/rules/1/conditions/0/dimension']],
    [at(condition('os', 'iOS'), condition('os', 'iOS', 'Andriod')), ['/rules/1/conditions/1/operands/1']],
    [at(condition('device', 'phone')), ['/rules/1/conditions/0/operands/0']],
    [at(condition('device')), ['/rules/1/conditions/0/operands']],
    [at(condition('language', 'german')), ['/rules/1/conditions/0/operands/0']],
    [at(condition('country', 'DE', 'GER')), ['/rules/1/conditions/0/operands/1']],
    [at(condition('query', 'x')), ['/rules/1/conditions/0/argument']],
    [at({ dimension: 'os', argument: 'x', operands: ['iOS'] }), ['/rules/1/conditions/0/argument']],
    [at({ dimension: 'query', argument: 'x'.repeat(101), operands: [] }), ['/rules/1/conditions/0/argument']],
    [at({ dimension: 'query', argument: 'q', operands: ['', 'x'.repeat(257)] }), ['/rules/1/conditions/0/operands/1']],
    [at({ dimension: 'query', argument: 'q', operands: Array.from({ length: 51 }, (_, n) => `${n}`) }), ['/rules/1/conditions/0/operands']],
    [at(condition('date', '2026-01-01T00:00:00Z')), ['/rules/1/conditions/0/operands']],
    [at(condition('date', '', '')), ['/rules/1/conditions/0/operands']],
    [at(condition('date', '2026-01-01', '')), ['/rules/1/conditions/0/operands/0']],
    [at(condition('date', '2026-01-02T00:00:00Z', '2026-01-02T00:00:00Z')), ['/rules/1/conditions/0/operands/1']],
    ...['0', '100.01', '5.123', '-1', '1e1', 'half', ''].map(percent => [at(condition('percent', percent)), ['/rules/1/conditions/0/operands/0']] as const),
    [at(condition('percent', '10', '20')), ['/rules/1/conditions/0/operands']],
    [at(condition('percent', '10'), condition('percent', '20')), ['/rules/1/conditions/1/dimension']],
    [[rule('a', condition('percent', '60')), rule('b', condition('os', 'iOS')), rule('c', condition('percent', '40.01'))], ['/rules/2/conditions/0/operands/0']],
    [at(...many(11, condition('os', 'iOS'))), ['/rules/1/conditions']],
    [Array.from({ length: 21 }, () => rule('r', condition('os', 'iOS'))), ['/rules']],
    [Array.from({ length: 9 }, () => ({ url: `https://e.example/${'x'.repeat(2_000)}`, conditions: [condition('os', 'iOS')] })), ['/rules']],
    [[{ url: 'ftp://e.example/', conditions: [condition('os', 'iOS')] }, { url: 'https://GO.example/x', conditions: [condition('os', 'BeOS')] }],
      ['/rules/0/url', '/rules/1/url', '/rules/1/conditions/0/operands/0']]
  ]
  for (const [rules, pointers] of cases) {
    try {
      validateRules(rules, own)
      t.fail(`taken: ${JSON.stringify(rules).slice(0, 120)}`)
    } catch (error) {
      t.ok(error instanceof LinklogError)
      t.equal((error as LinklogError).code, 'validation_failed')
      t.strictSame((error as LinklogError).errors?.map(({ pointer }) => pointer), pointers, JSON.stringify(rules).slice(0, 120))
    }
  }
})

t.test('a split is sticky, disjoint, and near its shares', async t => {
  const rules = [rule('b', condition('percent', '30')), rule('c', condition('percent', '20')), rule('de', condition('country', 'DE'), condition('percent', '50'))]
  const compiled = compiledRules(validateRules(rules, own))
  const of = (n: number, country = 'FR', link = 'a') => decidingRule(compiled, factsOf({ link, address: `2001:db8::${n.toString(16)}`, country }))
  const visitors = Array.from({ length: 4_000 }, (_, n) => of(n))
  const share = (index: number) => visitors.filter(one => one === index).length / visitors.length
  // a share of 4,000 draws strays by 0.7 percent (one standard deviation): five of them is never
  t.ok(Math.abs(share(0) - 0.3) < 0.04, `${share(0)} of 0.3`)
  t.ok(Math.abs(share(1) - 0.2) < 0.04, `${share(1)} of 0.2`)
  t.equal(share(2), 0)
  t.strictSame(Array.from({ length: 100 }, (_, n) => of(n)), visitors.slice(0, 100), 'the same visitor, the same side')
  const germans = Array.from({ length: 4_000 }, (_, n) => of(n, 'DE'))
  const third = germans.filter(one => one === 2).length / 4_000
  t.ok(Math.abs(third - 0.25) < 0.04, `other conditions draw anew: half of the half that is left, ${third}`)
  t.strictSame(germans.map(one => one === 0), visitors.map(one => one === 0), 'what stands behind it does not move a share')
  const forty = compiledRules(validateRules([rule('other', condition('percent', '40'))], own))
  const wider = (n: number) => decidingRule(forty, factsOf({ address: `2001:db8::${n.toString(16)}` }))
  t.ok(visitors.every((one, n) => one !== 0 || wider(n) === 0), 'a share made wider keeps whom it had')
  const moved = visitors.slice(0, 500).filter((one, n) => of(n, 'FR', 'another') !== one)
  t.ok(moved.length > 100, 'another link draws by itself')
})

t.test('of foreign events: a dimension not known here and a rule without conditions', async t => {
  const foreign: RedirectRule[] = [
    { url: 'https://new.example/', conditions: [{ dimension: 'weather', argument: null, operands: ['rain'] }] },
    { url: 'https://odd.example/', conditions: [{ dimension: 'percent', argument: null, operands: [] }] },
    { url: 'https://all.example/', conditions: [] }
  ]
  t.equal(decidingRule(compiledRules(foreign), factsOf({})), 2)
  t.equal(compiledRules(foreign), compiledRules(foreign), 'compiled once')
})

t.test('explained: which conditions held, and what is not known', async t => {
  const rules = validateRules([rule('a', condition('os', 'iOS'), condition('country', 'DE')), rule('b', condition('percent', '10')), rule('c', condition('os', 'iOS'))], own)
  const verdicts = explainRules(rules, factsOf({ userAgent: iphone, country: 'FR', address: undefined }))
  t.strictSame(verdicts.map(({ holds, conditions }) => [holds, ...conditions.map(one => one.holds)]), [[false, true, false], [null, null], [true, true]])
})

t.test('spread over visitors of whom no draw is known', async t => {
  const spread = (rules: RuleInput[], request: Partial<RuleRequest> = {}) => spreadOf(validateRules(rules, own), factsOf({ address: undefined, ...request }))
  const close = (actual: readonly number[], expected: readonly number[]) => actual.every((one, index) => Math.abs(one - (expected[index] ?? Number.NaN)) < 1e-9)
  const plain = spread([rule('a', condition('percent', '30')), rule('b', condition('percent', '20'))])
  t.ok(close([...plain.rules, plain.rest], [0.3, 0.2, 0.5]), JSON.stringify(plain))
  const nested = [
    rule('a', condition('percent', '50')), rule('b', condition('os', 'Linux'), condition('percent', '50')),
    rule('c', condition('percent', '25')), rule('d', condition('os', 'Linux'))
  ]
  const linux = spread(nested)
  t.ok(close([...linux.rules, linux.rest], [0.5, 0.25, 0.125, 0.125, 0]), JSON.stringify(linux))
  const ios = spread(nested, { userAgent: iphone })
  t.ok(close([...ios.rules, ios.rest], [0.5, 0, 0.25, 0, 0.25]), JSON.stringify(ios))
})

t.test('property: the rule that decides is the first that is explained to hold, and the spread is what many draws give', async t => {
  const conditions = fc.oneof(
    fc.subarray(['iOS', 'Android', 'Linux'], { minLength: 1 }).map(operands => condition('os', ...operands)),
    fc.subarray(['DE', 'FR'], { minLength: 1 }).map(operands => condition('country', ...operands)),
    fc.constant({ dimension: 'query', argument: 'x' })
  )
  const one = fc.record({ conditions: fc.array(conditions, { maxLength: 2 }), percent: fc.option(fc.integer({ min: 1, max: 25 })) })
  const rules = fc.array(one, { minLength: 1, maxLength: 4 })
    .map(list => list.map(({ conditions, percent }, n) =>
      rule(`r${n}`, ...conditions, ...(percent === null && conditions.length > 0 ? [] : [condition('percent', String(percent ?? 25))]))))
  const requests = fc.record({ userAgent: fc.constantFrom(iphone, pixel, firefox), country: fc.constantFrom('DE', 'FR', 'US'), query: fc.constantFrom('', 'x=1') })
  fc.assert(fc.property(rules, requests, (list, request) => {
    const kept = validateRules(list, own)
    const counts = new Array<number>(kept.length + 1).fill(0)
    const draws = 400
    for (let n = 0; n < draws; n++) {
      const facts = factsOf({ ...request, address: `visitor ${n}` })
      const decided = decidingRule(compiledRules(kept), facts)
      if (decided !== explainRules(kept, facts).findIndex(({ holds }) => holds === true)) return false
      counts[decided < 0 ? kept.length : decided]! += 1
    }
    const { rules: parts, rest } = spreadOf(kept, factsOf({ ...request, address: undefined }))
    // five standard deviations of a share of 400 draws are at most 0.125
    return [...parts, rest].every((part, index) => Math.abs(part - (counts[index] as number) / draws) < 0.13)
  }), { numRuns: 60, seed: 20261128 })
})
