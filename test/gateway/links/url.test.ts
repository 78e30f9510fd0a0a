import t from 'tap'
import { normaliseUrl, ownHostsOf } from '../../../gateway/links/url.js'

const own = ownHostsOf('https://go.example', { host: '0.0.0.0', port: 3000 })

t.test('one spelling for each URL (WHATWG URL)', async t => {
  const cases: Array<[string, string]> = [
    ['HTTP://Example.COM:80/a/../b', 'http://example.com/b'],
    ['https://example.com', 'https://example.com/'],
    ['https://bücher.example/straße?q=ü#ß', 'https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%BC#%C3%9F'],
    ['http://127.1:81/', 'http://127.0.0.1:81/'],
    ['http://[2001:DB8:0::1]/', 'http://[2001:db8::1]/'],
    [' https://example.com/x ', 'https://example.com/x'],
    ['https://example.com?x=a@b', 'https://example.com/?x=a@b'],
    ["https://example.com/it's?;--", "https://example.com/it's?;--"]
  ]
  for (const [input, output] of cases) t.equal(normaliseUrl(input, own), output)
  for (const [, output] of cases) t.equal(normaliseUrl(output, own), output, 'once more changes nothing')
})

t.test('what no link may lead to is a 422 that points at the field', async t => {
  const refused = [
    '', ' ', 'example.com', '//example.com', 'ftp://example.com/', 'javascript:alert(1)', 'data:text/html,x', 'https:example.com', 'http://', 'http:///x', 'http:\\\\x',
    'https://a b/', 'https://example.com/a b', 'https://example.com/\u0000', 'https://example.com/\t', 'https://exa\u007fmple.com/', 'https://user@example.com/',
    'https://user:pw@example.com/', 'https://:@example.com/', 'https://@example.com/', 'https://example.com:99999/', 'https://[::1', 'http://256.1.1.1/',
    `https://example.com/${'x'.repeat(2029)}`, `https://example.com/${'ü'.repeat(400)}`
  ].filter(url => url !== 'https://example.com/\t') // a tab at the end is white space around the URL
  for (const url of refused) {
    t.throws(() => normaliseUrl(url, own), { code: 'validation_failed', status: 422, errors: [{ pointer: '/url' }] }, JSON.stringify(url.slice(0, 40)))
  }
  t.doesNotThrow(() => normaliseUrl(`https://example.com/${'x'.repeat(2028)}`, own), '2,048 characters are not too many')
})

t.test('a link to the service itself would be a loop', async t => {
  const loops = ['https://go.example/x', 'http://go.example/', 'https://GO.EXAMPLE./x', 'http://localhost:3000/', 'http://127.1:3000/', 'http://0x7f.1:3000/a', 'http://[::1]:3000/']
  for (const url of loops) t.throws(() => normaliseUrl(url, own), { code: 'validation_failed' }, url)
  for (const url of ['https://go.example:8443/', 'https://www.go.example/', 'http://localhost/', 'http://localhost:3001/']) t.doesNotThrow(() => normaliseUrl(url, own), url)
})
