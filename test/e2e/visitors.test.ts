// What visitors meet beyond the plain redirect, on two gateways: domains, rules, preview, QR code, pixel, and maxVisits with its overshoot.
import { join } from 'node:path'
import t from 'tap'
import { paintSvg, readPng, readQr } from '../helpers/qr.js'
import { readVisits } from '../helpers/recount.js'
import { until } from '../helpers/until.js'
import { skipWithoutBuild, startService, topicName } from './support.js'
import { testdir } from '../helpers/testdir.js'

t.setTimeout(300_000)

const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }
const iphone = { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1' }

t.test('visitors', { skip: skipWithoutBuild }, async (t) => {
  const folder = testdir(t, { first: {}, second: {} })
  const secret = 'a secret of both gateways'
  const first = await startService(t, { dataDir: join(folder, 'first'), env: { VISITOR_SECRET: secret } })
  const second = await startService(t, {
    dataDir: join(folder, 'second'),
    prefix: first.prefix,
    env: {
      VISITOR_SECRET: secret,
      KAFKA_BROKERS: first.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: first.registryUrl, KSQLDB_URL: first.ksqldbUrl
    }
  })

  await t.test('a domain that is set on one gateway is served by the other', async (t) => {
    t.equal((await first.call('PUT', '/api/domains/s.example', { notFoundUrl: 'https://home.example/lost', defaultUrl: 'https://home.example/' })).status, 201)
    t.equal((await first.call('POST', '/api/links', { url: 'https://two.example/', slug: 'a', domain: 's.example' })).status, 201)
    await until('the domain on the other gateway', async () => (await second.call('GET', '/api/domains')).body.domains.length === 1)
    const at = async (host: string, path: string) => (await second.call('GET', path, undefined, { host, ...browser })).headers.location
    t.equal(await at('s.example', '/a'), 'https://two.example/')
    t.equal(await at('other.example', '/a'), undefined)
    t.equal(await at('s.example', '/none'), 'https://home.example/lost')
    t.equal(await at('s.example', '/'), 'https://home.example/')
  })

  await t.test('rules decide on both gateways, and a visitor keeps a side of a split', async (t) => {
    const rules = [
      { url: 'https://ios.example/', conditions: [{ dimension: 'os', operands: ['iOS'] }] },
      { url: 'https://half.example/', conditions: [{ dimension: 'percent', operands: ['50'] }] }
    ]
    await first.call('POST', '/api/links', { url: 'https://rest.example/', slug: 'ruled', rules })
    for (const gateway of [first, second]) t.equal((await gateway.call('GET', '/ruled', undefined, iphone)).headers.location, 'https://ios.example/')
    for (let n = 0; n < 10; n++) {
      const agent = { 'user-agent': `${browser['user-agent']} test/${n}` }
      const sides = await Promise.all([first, second, first].map(async (gateway) => (await gateway.call('GET', '/ruled', undefined, agent)).headers.location))
      t.equal(new Set(sides).size, 1, String(sides[0]))
    }
  })

  await t.test('preview, QR code and pixel; only the pixel is a visit, and no redirect', async (t) => {
    await first.call('POST', '/api/links', { url: 'https://shown.example/', slug: 'shown', title: 'Shown' })
    t.match(await first.call('GET', '/shown+'), { status: 200, text: /Shown/ })
    t.equal(readQr(paintSvg((await second.call('GET', '/shown/qr')).text)), `${second.url}/shown`)
    const png = Buffer.from(await (await fetch(`${first.url}/shown/qr?format=png&level=H`)).arrayBuffer())
    t.equal(readQr(readPng(png)), `${first.url}/shown`)
    t.match(await first.call('GET', '/shown/pixel.gif', undefined, browser), { status: 200, headers: { 'content-type': 'image/gif' } })
    const visits = await until('the view in the topic', async () => {
      const all = (await readVisits(first, topicName(first.prefix, 'visits'))).filter(({ link }) => link === 'shown')
      return all.length > 0 && all
    })
    t.strictSame(visits.map(({ outcome }) => outcome), ['viewed'])
    await until('the view in the statistics', async () => (await first.call('GET', '/api/links/shown/visits')).body.views.withoutBots === 1)
    t.match((await first.call('GET', '/api/links/shown/visits')).body, { total: 0, views: { total: 1 } })
    t.notMatch((await first.call('GET', '/api/orphans')).text, /viewed/)
  })

  await t.test('maxVisits on two gateways: no more is overshot than the other redirects before it learns of it', async (t) => {
    await first.call('POST', '/api/links', { url: 'https://max.example/', slug: 'max', maxVisits: 20 })
    let redirected = 0
    for (let n = 0; n < 20; n++) if ((await first.call('GET', '/max', undefined, browser)).status === 302) redirected++
    t.equal(redirected, 20, 'one gateway alone gives exactly as many')
    t.equal((await first.call('GET', '/max', undefined, browser)).status, 410)
    const startedAt = performance.now()
    let over = 0
    await until('the other gateway to know', async () => {
      const { status } = await second.call('GET', '/max', undefined, browser)
      if (status === 302) over++
      return status === 410
    })
    t.ok(performance.now() - startedAt < 20_000, 'it learns of it')
    t.comment(`overshot by ${over} in ${Math.round(performance.now() - startedAt)} ms`)
    for (const gateway of [first, second]) for (let n = 0; n < 5; n++) t.equal((await gateway.call('GET', '/max', undefined, browser)).status, 410, 'and gives none after that')
  })
})
