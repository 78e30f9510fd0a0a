import t from 'tap'
import { checkExposure, isLoopback } from '../../../gateway/access/exposure.js'

t.test('what is reached from this machine alone', async t => {
  for (const host of ['127.0.0.1', '127.8.9.1', 'localhost', 'LOCALHOST', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '192.168.1.1', '10.0.0.1', 'example.com', '127.0.0.1.example.com', 'localhost.example.com', '::ffff:10.0.0.1', '1270.0.0.1']) {
    t.notOk(isLoopback(host), host)
  }
})

t.test('nobody is let in from the network without a key, unless it was asked for', async t => {
  const open = { host: '0.0.0.0', publishedHost: undefined, allowAnonymous: false }
  t.throws(() => checkExposure(open, false), { code: 'LINKLOG_UNGUARDED', message: /0\.0\.0\.0.*linklog keys create.*ALLOW_ANONYMOUS/ })
  t.doesNotThrow(() => checkExposure(open, true))
  t.doesNotThrow(() => checkExposure({ ...open, allowAnonymous: true }, false))
  t.doesNotThrow(() => checkExposure({ ...open, host: '127.0.0.1' }, false))
  t.doesNotThrow(() => checkExposure({ ...open, publishedHost: '127.0.0.1' }, false), 'a container whose port is published on loopback')
  t.throws(() => checkExposure({ ...open, host: '127.0.0.1', publishedHost: '0.0.0.0' }, false), { code: 'LINKLOG_UNGUARDED' })
})
