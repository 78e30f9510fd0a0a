import t from 'tap'
import { DomainDirectory } from '../../../gateway/domains/directory.js'
import { canonicalHost } from '../../../gateway/domains/host.js'
import type { Domain } from '../../../gateway/queries/domains.js'

const domain = (host: string, version = 1, more: Partial<Domain> = {}): Domain => ({
  host, version, isRemoved: false, createdAt: 0, updatedAt: 0, actor: 'a', defaultUrl: null, notFoundUrl: null, ...more
})

t.test('a host has one spelling', async t => {
  const cases: ReadonlyArray<readonly [string, string | undefined]> = [
    ['Go.Example', 'go.example'], ['go.example.', 'go.example'], ['go.example:80', 'go.example'], ['go.example:8080', 'go.example:8080'],
    ['bücher.example', 'xn--bcher-kva.example'], ['192.0.2.1', '192.0.2.1'],
    ['', undefined], ['a b', undefined], ['a/b', undefined], ['a@b', undefined], ['[::1]', undefined], ['a_b.example', undefined], ['-a.example', undefined],
    [`${'a'.repeat(64)}.example`, undefined], ['a?b', undefined], ['a:99999', undefined]
  ]
  for (const [text, host] of cases) t.equal(canonicalHost(text), host, text.slice(0, 20))
})

t.test('the key of a slug is found by the Host header; an unknown host is the default domain', async t => {
  const directory = new DomainDirectory(() => 'go.example')
  t.equal(directory.keyOf('s.example', 'a'), 'a')
  directory.changed(domain('s.example'))
  directory.changed(domain('p.example:8080'))
  directory.changed(domain('go.example', 1, { notFoundUrl: 'https://default.example/' }))
  const cases: ReadonlyArray<readonly [string | undefined, string]> = [
    ['s.example', 's.example/a'], ['S.Example', 's.example/a'], ['s.example:3000', 's.example/a'], ['s.example.', 's.example/a'], ['p.example:8080', 'p.example:8080/a'],
    ['p.example', 'a'], ['go.example', 'a'], ['other.example', 'a'], ['', 'a'], [undefined, 'a'], ['constructor', 'a']
  ]
  for (const [header, key] of cases) t.equal(directory.keyOf(header, 'a'), key, String(header))
  t.equal(directory.of('s.example')?.host, 's.example')
  t.equal(directory.of('other.example')?.notFoundUrl, 'https://default.example/')
  t.strictSame([directory.prefixOf('go.example'), directory.prefixOf('s.example'), directory.prefixOf('other.example')], ['', 's.example/', undefined])
})

t.test('newer news counts, older does not, and what is removed is not served', async t => {
  const directory = new DomainDirectory(() => 'go.example')
  directory.changed(domain('s.example', 2, { notFoundUrl: 'https://two.example/' }))
  directory.changed(domain('s.example', 1, { notFoundUrl: 'https://one.example/' }))
  t.equal(directory.of('s.example')?.notFoundUrl, 'https://two.example/')
  const self = new Set(['go.example'])
  t.strictSame([...directory.ownHosts(self)], ['go.example', 's.example'])
  t.equal(directory.ownHosts(self), directory.ownHosts(self), 'made once')
  directory.changed(domain('s.example', 3, { isRemoved: true }))
  t.equal(directory.keyOf('s.example', 'a'), 'a')
  t.equal(directory.prefixOf('s.example'), undefined)
  t.equal(directory.ownHosts(self), self)
  t.strictSame(directory.all(), [])
  directory.changed(domain('s.example', 4))
  t.equal(directory.keyOf('s.example', 'a'), 's.example/a', 'and is again once it is set again')
})
