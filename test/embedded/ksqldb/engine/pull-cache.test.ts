import t from 'tap'
import { PullPlanCache } from '../../../../embedded/ksqldb/engine/pull-cache.js'
import type { PullPlan } from '../../../../embedded/ksqldb/plan/pull-plan.js'

const planOf = (...keys: string[]): PullPlan => ({ filter: undefined, lookup: { kind: 'keys', keys: keys.map(key => [key]) } }) as unknown as PullPlan
const query = (list: string): string => `SELECT v FROM t WHERE k IN (${list});`

/** The keys that the plan of another query is given, or undefined where it has none. */
const keysOf = (cache: PullPlanCache, sql: string): unknown => (cache.get(sql)?.lookup as { keys?: unknown } | undefined)?.keys

t.test('a query that differs in its keys alone has the plan, with its own keys', async t => {
  const cache = new PullPlanCache(10)
  cache.put(query("'a'"), planOf('a'))
  for (const [list, keys] of [
    ["'b', 'c'", ['b', 'c']],
    ["'b','c'", ['b', 'c']],
    ["'b' ,\n 'c'", ['b', 'c']],
    ["'it''s', ''''", ["it's", "'"]],
    ["'', 'a, b', '('", ['', 'a, b', '(']],
    ["'b', 'b'", ['b']]
  ] as const) t.same(keysOf(cache, query(list)), keys.map(key => [key]), list)
})

t.test('what lists anything but string literals is not known', async t => {
  const cache = new PullPlanCache(10)
  cache.put(query("'a'"), planOf('a'))
  for (const list of ["'a' 'b'", "'a', b, 'c'", "'a', 1, 'c'", "'a',, 'b'", "'a' || 'b'", "'a', /* no */ 'b'", "'a'), ('b'"]) {
    t.equal(cache.get(query(list)), undefined, list)
  }
  t.equal(cache.get("SELECT v FROM t WHERE k IN ('a', 'b') AND l = 'c';"), undefined, 'another condition')
})

t.test('of one key, by its equality', async t => {
  const cache = new PullPlanCache(10)
  cache.put("SELECT v FROM t WHERE k = 'a';", planOf('a'))
  t.same(keysOf(cache, "SELECT v FROM t WHERE k = 'it''s';"), [["it's"]])
  t.equal(cache.get("SELECT v FROM t WHERE k = 'a', 'b';"), undefined)
})

t.test('a thousand keys, not more', async t => {
  const cache = new PullPlanCache(10)
  cache.put(query("'a'"), planOf('a'))
  const list = (count: number): string => Array.from({ length: count }, (_, n) => `'${n}'`).join(', ')
  t.equal((keysOf(cache, query(list(1000))) as unknown[]).length, 1000)
  t.equal(cache.get(query(list(1001))), undefined)
})

t.test('the plans that were put last are kept', async t => {
  const cache = new PullPlanCache(1)
  cache.put(query("'a'"), planOf('a'))
  cache.put("SELECT w FROM t WHERE k = 'a';", planOf('a'))
  t.equal(cache.get(query("'b'")), undefined)
  t.ok(cache.get("SELECT w FROM t WHERE k = 'b';"))
})
