// The redirect as visitors and their browsers meet it: statuses, headers, reasons why not, and what is a visit.
import t from 'tap'
import { readVisits } from '../helpers/recount.js'
import { until } from '../helpers/until.js'
import { linkEvent, produce, skipWithoutBuild, startService, topicName, visitsWhen } from './support.js'

t.setTimeout(300_000)

const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }

t.test('redirects', { skip: skipWithoutBuild }, async (t) => {
  const gateway = await startService(t)
  const create = async (fields: object) => {
    const { status, text, body } = await gateway.call('POST', '/api/links', fields)
    if (status !== 201) throw new Error(`${status} ${text}`)
    return body
  }

  await t.test('the link says its status; the location is what was asked for, to the byte', async (t) => {
    for (const redirectStatus of [301, 302, 307, 308]) {
      const url = `https://example.com/status/${redirectStatus}?a=%20b&c=%E2%82%AC#%41`
      await create({ url, slug: `status-${redirectStatus}`, redirectStatus })
      const answer = await gateway.call('GET', `/status-${redirectStatus}`)
      t.equal(answer.status, redirectStatus)
      t.equal(answer.headers.location, url)
      t.match(answer.headers['cache-control'], /no-store|no-cache|private|max-age/)
    }
  })

  await t.test('the visitor\'s query goes along only where the link says so', async (t) => {
    await create({ url: 'https://example.com/q?own=1#part', slug: 'forwards', forwardQuery: true })
    await create({ url: 'https://example.com/q?own=1', slug: 'keeps' })
    t.equal((await gateway.call('GET', '/keeps?utm_source=x')).headers.location, 'https://example.com/q?own=1')
    const forwarded = new URL(String((await gateway.call('GET', '/forwards?utm_source=x%20y&b=')).headers.location))
    t.strictSame([...forwarded.searchParams], [['own', '1'], ['utm_source', 'x y'], ['b', '']])
    t.equal(forwarded.hash, '#part')
  })

  await t.test('HEAD answers like GET and is no visit', async (t) => {
    await create({ url: 'https://example.com/head', slug: 'head' })
    const head = await gateway.call('HEAD', '/head')
    t.match({ status: head.status, location: head.headers.location, text: head.text }, { status: 302, location: 'https://example.com/head', text: '' })
    await gateway.call('GET', '/head', undefined, browser)
    await visitsWhen(gateway, 'head', 1)
    t.equal((await gateway.call('HEAD', '/nothere')).status, 404)
  })

  await t.test('a slug is one slug: case counts, and nothing follows it', async (t) => {
    await create({ url: 'https://example.com/case', slug: 'CaSe' })
    t.equal((await gateway.call('GET', '/CaSe')).status, 302)
    t.equal((await gateway.call('GET', '/case')).status, 404)
    t.equal((await gateway.call('GET', '/CaSe/more')).status, 404)
    t.match(await gateway.call('POST', '/CaSe', {}), { status: 405 })
  })

  await t.test('unknown today, known tomorrow: a 404 does not outlive the creation', async (t) => {
    const unknown = await gateway.call('GET', '/soon')
    t.equal(unknown.status, 404)
    await create({ url: 'https://example.com/soon', slug: 'soon' })
    t.equal((await gateway.call('GET', '/soon')).status, 302)
  })

  await t.test('410 with the reason: outside its time window', async (t) => {
    const { body } = await gateway.call('POST', '/api/links', { url: 'https://example.com/w', slug: 'expired', validUntil: '2021-01-01T00:00:00Z' })
    t.equal(body.validUntil, '2021-01-01T00:00:00.000Z')
    await create({ url: 'https://example.com/w', slug: 'early', validFrom: '2120-01-01T00:00:00Z' })
    for (const slug of ['expired', 'early']) {
      const answer = await gateway.call('GET', `/${slug}`)
      t.match({ status: answer.status, code: answer.body?.code, location: answer.headers.location }, { status: 410, code: 'link_expired', location: undefined })
    }
    t.equal((await gateway.call('HEAD', '/expired')).status, 410)
  })

  await t.test('410 with the reason: switched off, and deleted, by whoever writes the log', async (t) => {
    const topic = topicName(gateway.prefix, 'link-events')
    await create({ url: 'https://example.com/off', slug: 'off' })
    await create({ url: 'https://example.com/gone', slug: 'gone' })
    t.equal((await gateway.call('GET', '/off')).status, 302)
    await produce(gateway, topic, [
      { key: 'off', value: linkEvent('https://example.com/off', { type: 'LinkDisabled', base_version: 1, doc: { enabled: false } }) },
      { key: 'gone', value: linkEvent('https://example.com/gone', { type: 'LinkDeleted', base_version: 1, doc: { deleted: true } }) }
    ])
    for (const [slug, code] of [['off', 'link_disabled'], ['gone', 'link_deleted']] as const) {
      const gone = await until(`410 of ${slug}`, async () => {
        const answer = await gateway.call('GET', `/${slug}`)
        return answer.status === 410 && answer
      })
      t.equal(gone.body.code, code)
    }
    t.match(await gateway.call('POST', '/api/links', { url: 'https://example.com/other', slug: 'gone' }), { status: 409, body: { code: 'slug_taken' } },
      'a slug that was deleted is given to nobody else')
  })

  await t.test('410 with the reason: exhausted; robots use nothing up', async (t) => {
    await create({ url: 'https://example.com/three', slug: 'three', maxVisits: 3 })
    const robot = { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' }
    for (let n = 0; n < 5; n++) t.equal((await gateway.call('GET', '/three', undefined, robot)).status, 302)
    for (let n = 0; n < 3; n++) t.equal((await gateway.call('GET', '/three', undefined, browser)).status, 302, `visit ${n + 1}`)
    const exhausted = await until('the link to be exhausted', async () => {
      const answer = await gateway.call('GET', '/three', undefined, browser)
      return answer.status === 410 && answer
    })
    t.equal(exhausted.body.code, 'link_exhausted')
  })

  await t.test('each request leaves a visit with its outcome, and no address', async (t) => {
    await create({ url: 'https://example.com/told', slug: 'told' })
    await gateway.call('GET', '/told', undefined, {
      ...browser, referer: 'https://News.Example:8443/path?secret=1', 'accept-language': 'de-AT,de;q=0.9,en;q=0.5', 'x-forwarded-for': '203.0.113.7'
    })
    const topic = topicName(gateway.prefix, 'visits')
    const all = await until('the visits in the topic', async () => {
      const records = await readVisits(gateway, topic)
      return records.some(({ link }) => link === 'told') && records
    })
    const outcomes = (slug: string) => [...new Set(all.filter(({ link }) => link === slug).map(({ outcome }) => outcome))].sort()
    t.strictSame(outcomes('expired'), ['expired'])
    t.strictSame(outcomes('gone'), ['deleted'])
    t.strictSame(outcomes('off'), ['disabled', 'redirected'])
    t.strictSame(outcomes('three'), ['exhausted', 'redirected'])
    t.equal(all.filter(({ link }) => link === 'head').length, 1)
    const told = all.find(({ link }) => link === 'told')
    t.match(told, { url: 'https://example.com/told', outcome: 'redirected', browser: 'Firefox', os: 'Linux', device: 'desktop', isBot: false })
    t.match(told?.referrer, /^news\.example(:8443)?$/, 'the host alone')
    t.notMatch(JSON.stringify(told), /203\.0\.113\.7|127\.0\.0\.1|secret/)
    t.equal(new Set(all.map(({ visitId }) => visitId)).size, all.length)
  })
})
