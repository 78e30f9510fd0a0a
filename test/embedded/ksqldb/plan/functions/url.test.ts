import t from 'tap'
import { parseUri } from '../../../../../embedded/ksqldb/plan/functions/uri.js'
import { table } from './support.js'

table('parts of URLs', [
  ["URL_EXTRACT_HOST('http://test@confluent.io:8080/nested/path?q=2#frag')", 'confluent.io'],
  ["URL_EXTRACT_PORT('http://test@confluent.io:8080/nested/path?q=2#frag')", 8080],
  ["URL_EXTRACT_PORT('http://confluent.io/')", null],
  ["URL_EXTRACT_PATH('http://test@confluent.io:8080/nested/path?q=2#frag')", '/nested/path'],
  ["URL_EXTRACT_PATH('http://confluent.io')", ''],
  ["URL_EXTRACT_QUERY('http://confluent.io?a=1&b=%20c')", 'a=1&b= c'],
  ["URL_EXTRACT_QUERY('http://confluent.io')", null],
  ["URL_EXTRACT_FRAGMENT('http://confluent.io#frag')", 'frag'],
  ["URL_EXTRACT_PROTOCOL('https://confluent.io')", 'https'],
  ["URL_EXTRACT_PROTOCOL('www.confluent.io')", null],
  ["URL_EXTRACT_HOST('http://257.1/bogus/[url')", 'error: URL input has invalid syntax: http://257.1/bogus/[url'],
  ['URL_EXTRACT_HOST(CAST(NULL AS STRING))', null],
  ["URL_EXTRACT_PARAMETER('https://x.io?foo%20bar=baz&blank&last=a=b', 'foo bar')", 'baz'],
  ["URL_EXTRACT_PARAMETER('https://x.io?foo%20bar=baz&blank&last=a=b', 'blank')", ''],
  ["URL_EXTRACT_PARAMETER('https://x.io?foo%20bar=baz&blank&last=a=b', 'last')", 'a=b'],
  ["URL_EXTRACT_PARAMETER('https://x.io?foo%20bar=baz&blank&last=a=b', 'absent')", null]
])

table('parameters are encoded and decoded', [
  ["URL_ENCODE_PARAM('url encoded?ü&*-_.')", 'url+encoded%3F%C3%BC%26*-_.'],
  ["URL_DECODE_PARAM('url%20encoded+%C3%BC')", 'url encoded ü'],
  ["URL_DECODE_PARAM('50%')", /^error: Illegal hex characters/]
])

t.test('the grammar is that of RFC 2396', async t => {
  t.match(parseUri('mailto:a@b.c'), { scheme: 'mailto', host: null, path: null })
  t.match(parseUri('http://[2001:db8::1]:80/x'), { host: '[2001:db8::1]', port: 80 })
  t.match(parseUri('http://a_b.c:80/x'), { host: null, port: null, path: '/x' }, 'an authority that is no host and port')
  t.match(parseUri('http://300.1.1.1/'), { host: null }, 'neither an address nor a name')
  t.match(parseUri('file:///etc/hosts'), { scheme: 'file', host: null, path: '/etc/hosts' })
  t.match(parseUri('http://例え.jp/パス?q=%E3%83%91'), { host: null, path: '/パス', query: 'q=パ' })
  for (const wrong of ['http://a b/', 'http://x/<>', 'http://x/%zz', '1http://x', ':x', 'http://', 'mailto:', 'http://x/a|b', 'http://x#a b']) {
    t.throws(() => parseUri(wrong), wrong)
  }
})
