import t from 'tap'
import { Blocklist, BlocklistError, parseBlocklist } from '../../../gateway/links/blocklist.js'

t.test('a host stands for its subdomains, a slug for every case of it', async t => {
  const blocklist = new Blocklist()
  t.notOk(blocklist.blocks('a', 'https://bad.example/'))
  blocklist.replace(parseBlocklist('# of today\nbad.example  # and all below\n\n*.Worse.example\nbücher.example\n192.0.2.7\n/PayPal\r\n'))
  t.equal(blocklist.size, 5)
  for (const url of ['https://bad.example/x', 'http://bad.example:8080/', 'https://a.b.bad.example/', 'https://bad.example./', 'https://worse.example/', 'https://xn--bcher-kva.example/',
    'http://192.0.2.7/', 'http://3221225991/']) t.ok(blocklist.blocksUrl(new URL(url).href), url)
  for (const url of ['https://notbad.example/', 'https://example/', 'https://bad.example.org/', 'https://ok.example/?u=https://bad.example/', 'http://2.0.2.7/']) {
    t.notOk(blocklist.blocksUrl(url), url)
  }
  t.ok(blocklist.blocks('paypal', 'https://ok.example/'))
  t.ok(blocklist.blocks('s.example/PAYPAL', 'https://ok.example/'))
  t.notOk(blocklist.blocks('paypal2', 'https://ok.example/'))
  blocklist.replace(parseBlocklist('other.example'))
  t.notOk(blocklist.blocks('paypal', 'https://bad.example/x'), 'a new list forgets the old')
})

t.test('a line that is neither is named', async t => {
  for (const text of ['ok.example\nhttps://bad.example/', 'ok.example\n/a/b', 'ok.example\na b', 'ok.example\nbad.example:80']) {
    t.throws(() => parseBlocklist(text), { constructor: BlocklistError, message: /^line 2/ }, text)
  }
})
