import t from 'tap'
import { classifyAgent, countryCode, firstLanguage, referrerHost } from '../../../gateway/visits/agent.js'

t.test('browsers, systems, devices and robots', async t => {
  const cases: Array<[string, object]> = [
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36', { device: 'desktop', browser: 'Chrome', os: 'Windows', bot: false }],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1', { device: 'mobile', browser: 'Safari', os: 'iOS', bot: false }],
    ['Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1', { device: 'tablet', browser: 'Safari', os: 'iOS', bot: false }],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0', { device: 'desktop', browser: 'Firefox', os: 'Linux', bot: false }],
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', { device: 'bot', bot: true }],
    ['curl/8.5.0', { device: 'bot', bot: true }],
    ['', { device: 'unknown', browser: 'unknown', os: 'unknown', bot: true }]
  ]
  for (const [agent, expected] of cases) {
    t.match(classifyAgent(agent), expected, agent.slice(0, 40))
    t.match(classifyAgent(agent), expected, 'and again from memory')
  }
  t.doesNotThrow(() => classifyAgent('x'.repeat(100_000)))
})

t.test('the host of the referrer and nothing more', async t => {
  t.equal(referrerHost('https://WWW.Google.com/search?q=private'), 'www.google.com')
  for (const header of [undefined, '', 'nonsense', 'android-app://com.slack/', 'https://', 'data:text/html,x']) t.equal(referrerHost(header), null, String(header))
})

t.test('language and country', async t => {
  t.equal(firstLanguage('de-CH,de;q=0.9,en;q=0.8'), 'de')
  t.equal(firstLanguage('EN'), 'en')
  for (const header of [undefined, '', '*', 'klingon-x', '12']) t.equal(firstLanguage(header), null, String(header))
  t.equal(countryCode('ch'), 'CH')
  for (const header of [undefined, '', 'XX', 'CHE', '1!']) t.equal(countryCode(header), null, String(header))
})
