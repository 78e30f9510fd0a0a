import { statSync } from 'node:fs'
import t from 'tap'
import { visitorHasher, visitorSecret } from '../../../gateway/visits/visitor.js'

const day = 86_400_000

t.test('one visitor a day, and nothing to know them by on another', async t => {
  const hash = visitorHasher(Buffer.from('a secret of some length'))
  const first = hash('192.0.2.1', 'Firefox', 10 * day)
  t.match(first, /^[A-Za-z0-9_-]{22}$/)
  t.equal(hash('192.0.2.1', 'Firefox', 11 * day - 1), first)
  t.not(hash('192.0.2.1', 'Firefox', 11 * day), first)
  t.not(hash('192.0.2.2', 'Firefox', 10 * day), first)
  t.not(hash('192.0.2.1', 'Chrome', 10 * day), first)
  t.not(visitorHasher(Buffer.from('another secret, as long'))('192.0.2.1', 'Firefox', 10 * day), first)
})

t.test('the secret is made once, for this user alone, or taken from the settings', async t => {
  const directory = `${t.testdir()}/new`
  const secrets = await Promise.all([visitorSecret(undefined, directory), visitorSecret(undefined, `${directory}2`)])
  t.notSame(secrets[0], secrets[1])
  t.strictSame(await visitorSecret(undefined, directory), secrets[0])
  t.equal(statSync(`${directory}/visitor-secret`).mode & 0o077, 0)
  t.equal(String(await visitorSecret('from the settings', directory)), 'from the settings')
})
