import t from 'tap'
import { checkVisitReach, type VisitsAsked } from '../../../gateway/access/visit-reach.js'

const may = (key: { domains: string[], tags: string[] } | null, asked: VisitsAsked): boolean => {
  try {
    checkVisitReach(key, asked, 'go.example')
    return true
  } catch (error) {
    if ((error as { code?: string }).code !== 'outside_restriction') throw error
    return false
  }
}

t.test('a key that is not restricted, or none', async t => {
  for (const key of [null, { domains: [], tags: [] }]) for (const asked of [{}, { links: ['a'] }, { domain: 'x.example' }]) t.ok(may(key, asked))
})

t.test('a key with domains', async t => {
  const key = { domains: ['go.example'], tags: [] }
  t.ok(may(key, { links: ['a', 'go.example/b'] }))
  t.notOk(may(key, { links: ['a', 'x.example/b'] }))
  t.ok(may(key, { domain: 'default' }))
  t.ok(may(key, { domain: 'GO.example' }))
  t.notOk(may(key, { domain: 'x.example' }))
  t.notOk(may(key, {}))
  t.ok(may(key, { tag: 'spring', links: ['a'] }))
  t.notOk(may(key, { tag: 'spring', links: ['x.example/a'] }), 'a tag may lead elsewhere')
})

t.test('a key with tags', async t => {
  const key = { domains: [], tags: ['spring'] }
  t.ok(may(key, { tag: 'spring', links: ['a', 'x.example/b'] }))
  for (const asked of [{}, { tag: 'autumn', links: [] }, { links: ['a'] }, { domain: 'default' }]) t.notOk(may(key, asked), JSON.stringify(asked))
})
