// Pages over tables in plain arrays: every order and state against sorting everything, and how little is looked up on the way.
import t from 'tap'
import type { LinkView } from '../../../gateway/links/view.js'
import { Lister } from '../../../gateway/lists/lister.js'
import type { After, Listed, LinkFilter, Place, StateName } from '../../../gateway/queries/link-list.js'
import { randomFrom } from '../../helpers/random.js'

interface Link { link: string, createdAt: number, updatedAt: number, maxVisits: number | null, state: StateName, visits: number }

/** The tables as an array gives them; a filter is the states alone. */
const tables = (links: readonly Link[]) => {
  const asked = { visitsOf: 0, matchingOf: 0 }
  const inTold = ({ states }: LinkFilter, { state }: Link) => states === undefined || states.some(one => (one === 'exhausted' ? 'active' : one) === state)
  const row = ({ visits, ...rest }: Link): Listed => rest
  return {
    asked,
    async * matching (filter: LinkFilter, _at: number, after: After | undefined) {
      for (const link of links) {
        if (!inTold(filter, link)) continue
        if (after !== undefined) {
          const value = after.column === 'created_at' ? link.createdAt : link.updatedAt
          const { place } = after
          if (value === place.value ? link.link <= place.link : after.descending ? value > place.value : value < place.value) continue
        }
        yield row(link)
      }
    },
    async matchingOf (keys: readonly string[], filter: LinkFilter) {
      asked.matchingOf += keys.length
      return links.filter(link => keys.includes(link.link) && inTold(filter, link)).map(row)
    },
    async * visited () {
      for (const { link, visits } of links) if (visits > 0) yield { link, value: visits } as Place
    },
    async visitsOf (keys: readonly string[]) {
      asked.visitsOf += keys.length
      return new Map(links.filter(({ link, visits }) => visits > 0 && keys.includes(link)).map(({ link, visits }) => [link, visits]))
    },
    async * standing (filter: LinkFilter) {
      for (const link of links) if (inTold(filter, link)) yield { ...row(link), view: { link: link.link } as LinkView }
    },
    everOfUrl: async () => [],
    async * everScheduled () {}
  }
}

const states: StateName[] = ['active', 'disabled', 'deleted']
const some = (count: number, seed: number): Link[] => {
  const random = randomFrom(seed)
  return Array.from({ length: count }, (_, index) => ({
    link: `l${index}`, createdAt: Math.floor(random() * 50), updatedAt: Math.floor(random() * 50), maxVisits: random() < 0.3 ? Math.floor(random() * 5) : null,
    state: states[Math.floor(random() * 3)] as StateName, visits: random() < 0.5 ? 0 : Math.floor(random() * 8)
  }))
}

const isIn = (wanted: readonly StateName[] | undefined, { state, maxVisits, visits }: Link): boolean =>
  wanted === undefined || wanted.includes(state === 'active' && maxVisits !== null && visits >= maxVisits ? 'exhausted' : state)

t.test('pages put together are all that meet the filter, in order', async t => {
  const links = some(120, 3)
  for (const wanted of [undefined, ['active'], ['exhausted'], ['active', 'exhausted', 'deleted'], ['disabled', 'exhausted']] as Array<StateName[] | undefined>) {
    for (const sort of ['created', 'updated', 'visits'] as const) {
      for (const order of ['asc', 'desc'] as const) {
        const value = (link: Link) => sort === 'created' ? link.createdAt : sort === 'updated' ? link.updatedAt : link.visits
        const expected = links.filter(link => isIn(wanted, link))
          .sort((a, b) => (order === 'asc' ? value(a) - value(b) : value(b) - value(a)) || (a.link < b.link ? -1 : 1))
          .map(({ link }) => link)
        const lister = new Lister({ queries: tables(links), now: () => 9 })
        const got: string[] = []
        let cursor
        do {
          const filter = wanted === undefined ? {} : { states: wanted }
          const page = await lister.page({ filter, sort, order, limit: 7, cursor }, new AbortController().signal)
          t.ok(page.places.length <= 7)
          got.push(...page.places.map(({ link }) => link))
          cursor = page.next
          if (cursor !== undefined) t.equal(cursor.at, 9)
        } while (cursor !== undefined)
        t.strictSame(got, expected, `${sort} ${order} ${String(wanted)}`)
      }
    }
  }
})

t.test('most visited: only what could be on the page is looked up', async t => {
  const random = randomFrom(5)
  const links = Array.from({ length: 20_000 }, (_, index): Link =>
    ({ link: `l${index}`, createdAt: index, updatedAt: index, maxVisits: null, state: 'active', visits: 1 + Math.floor(random() * 1e6) }))
  const queries = tables(links)
  // an array is searched for each key: as a map it takes no time
  const byLink = new Map(links.map(link => [link.link, link]))
  queries.matchingOf = async keys => {
    queries.asked.matchingOf += keys.length
    return keys.flatMap(key => byLink.get(key) ?? [])
  }
  const page = await new Lister({ queries, now: () => 0 }).page({ filter: {}, sort: 'visits', order: 'desc', limit: 10, cursor: undefined }, new AbortController().signal)
  const expected = [...links].sort((a, b) => b.visits - a.visits).slice(0, 10).map(({ link }) => link)
  t.strictSame(page.places.map(({ link }) => link), expected)
  t.ok(queries.asked.matchingOf < 2_000, `${queries.asked.matchingOf} of 20,000`)
  t.equal(queries.asked.visitsOf, 0)
})

t.test('all that meet the filter, each once, visits looked up only where they decide', async t => {
  const links = some(1_000, 7)
  for (const wanted of [undefined, ['active'], ['exhausted'], ['active', 'exhausted'], ['deleted', 'disabled']] as Array<StateName[] | undefined>) {
    const queries = tables(links)
    const told: string[] = []
    const all = new Lister({ queries, now: () => 0 }).all(wanted === undefined ? {} : { states: wanted }, new AbortController().signal)
    for await (const { link } of all) told.push(link)
    t.strictSame(told.sort(), links.filter(link => isIn(wanted, link)).map(({ link }) => link).sort(), String(wanted))
    const limited = links.filter(({ state, maxVisits }) => state === 'active' && maxVisits !== null).length
    t.equal(queries.asked.visitsOf, wanted?.length === 1 && wanted[0] !== undefined && wanted[0] !== 'deleted' ? limited : 0)
  }
})
