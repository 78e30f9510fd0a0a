import { statSync } from 'node:fs'
import t from 'tap'
import { AddressTokens, visitorOf, visitorSecret } from '../../../gateway/visits/visitor.js'
import { testdir } from '../../helpers/testdir.js'

const day = 86_400_000

t.test('one visitor a day, and nothing to know them by on another', async t => {
  const hasher = (secret: string) => {
    const tokens = new AddressTokens(Buffer.from(secret))
    return (address: string, agent: string | undefined, now: number) => visitorOf(tokens.of(address, now), agent)
  }
  const hash = hasher('a secret of some length')
  const first = hash('192.0.2.1', 'Firefox', 10 * day)
  t.match(first, /^[A-Za-z0-9_-]{22}$/)
  t.equal(hash('192.0.2.1', 'Firefox', 11 * day - 1), first)
  t.not(hash('192.0.2.1', 'Firefox', 11 * day), first)
  t.not(hash('192.0.2.2', 'Firefox', 10 * day), first)
  t.equal(hash('192.0.2.1', 'Firefox', 10 * day), first, 'a clock that was set back comes to the same')
  t.not(hash('192.0.2.1', 'Chrome', 10 * day), first)
  t.not(hash('192.0.2.1', undefined, 10 * day), first)
  t.equal(hasher('a secret of some length')('192.0.2.1', 'Firefox', 10 * day), first, 'on every gateway of one service')
  t.not(hasher('another secret, as long')('192.0.2.1', 'Firefox', 10 * day), first)
})

t.test('a token has nothing of the address in it, and memory of them is bounded', async t => {
  const tokens = new AddressTokens(Buffer.from('a secret of some length'))
  const token = tokens.of('192.0.2.1', day)
  t.equal(token.length, 16)
  t.notMatch(token.toString('latin1'), /192|0\.2/)
  for (let n = 0; n < 120_000; n++) tokens.of(`10.${n >> 16}.${n >> 8 & 255}.${n & 255}`, day)
  t.strictSame(tokens.of('192.0.2.1', day), token)
})

t.test('the secret is made once, for this user alone, or taken from the settings', async t => {
  const directory = `${testdir(t)}/new`
  const secrets = await Promise.all([visitorSecret(undefined, directory), visitorSecret(undefined, `${directory}2`)])
  t.notSame(secrets[0], secrets[1])
  t.strictSame(await visitorSecret(undefined, directory), secrets[0])
  t.equal(statSync(`${directory}/visitor-secret`).mode & 0o077, 0)
  t.equal(String(await visitorSecret('from the settings', directory)), 'from the settings')
})
