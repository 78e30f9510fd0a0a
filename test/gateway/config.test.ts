import t from 'tap'
import { ConfigError, readConfig } from '../../gateway/config.js'

const cluster = { KAFKA_BROKERS: 'k1:9092,k2:9092', SCHEMA_REGISTRY_URL: 'http://sr:8081/', KSQLDB_URL: 'http://ksql:8088' }

t.test('without any setting the embedded stack is to be started, on loopback', async t => {
  t.match(readConfig({}), {
    host: '127.0.0.1', port: 3000, stack: undefined, topicPrefix: '', embedded: { host: '127.0.0.1', kafkaPort: 9092, registryPort: 8081, ksqldbPort: 8088 }
  })
})

t.test('all three addresses name a cluster', async t => {
  t.strictSame(readConfig(cluster).stack, { kafkaBrokers: ['k1:9092', 'k2:9092'], schemaRegistryUrl: 'http://sr:8081', ksqldbUrl: 'http://ksql:8088' })
})

t.test('some of the three are refused, and the missing named', async t => {
  for (const missing of Object.keys(cluster)) {
    const env: Record<string, string> = { ...cluster }
    delete env[missing]
    t.throws(() => readConfig(env), { code: 'LINKLOG_CONFIG', message: new RegExp(`^${missing} must be set too`) }, missing)
    t.throws(() => readConfig({ ...env, [missing]: '' }), { code: 'LINKLOG_CONFIG' }, `${missing} empty is not set`)
  }
})

t.test('a wrong value is named with its rule; each of several', async t => {
  const refused: Array<[Record<string, string>, RegExp]> = [
    [{ PORT: 'x' }, /^PORT=x must be integer$/],
    [{ PORT: '65536' }, /^PORT=65536 must be <= 65535$/],
    [{ PUBLIC_URL: 'ftp://x' }, /^PUBLIC_URL=ftp:\/\/x must match pattern/],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL=loud must be one of fatal, /],
    [{ ...cluster, KAFKA_BROKERS: 'nohost' }, /^KAFKA_BROKERS=nohost /],
    [{ TOPIC_PREFIX: '9x' }, /^TOPIC_PREFIX=9x /],
    [{ TRUST_PROXY: 'everybody' }, /^TRUST_PROXY=everybody must match pattern/],
    [{ KAFKA_USERNAME: 'u' }, /^KAFKA_USERNAME and KAFKA_PASSWORD must be set together$/]
  ]
  for (const [env, message] of refused) t.throws(() => readConfig(env), { code: 'LINKLOG_CONFIG', message })
  t.throws(() => readConfig({ PORT: 'x', LOG_LEVEL: 'loud' }), { message: /PORT=x.*\n?[\s\S]*LOG_LEVEL=loud/ })
})

t.test('a secret is not repeated in the message', async t => {
  try {
    readConfig({ VISITOR_SECRET: 'short' })
    t.fail('a short secret is refused')
  } catch (error) {
    t.ok(error instanceof ConfigError)
    t.notMatch((error as Error).message, /short/)
    t.match((error as Error).message, /^VISITOR_SECRET /)
  }
})

t.test('values are converted', async t => {
  t.match(readConfig({ PORT: '0', KAFKA_SSL: 'true', PUBLIC_URL: 'https://go.example/', TRUST_PROXY: 'true', COUNTRY_HEADER: 'CF-IPCountry' }),
    { port: 0, kafka: { ssl: true }, publicUrl: 'https://go.example', trustProxy: true, countryHeader: 'cf-ipcountry' })
})

t.test('proxies are true, false, or addresses', async t => {
  for (const value of ['10.0.0.0/8', 'loopback, 2001:db8::/32', '192.0.2.1']) t.equal(readConfig({ TRUST_PROXY: value }).trustProxy, value)
  t.equal(readConfig({ TRUST_PROXY: 'false' }).trustProxy, false)
})
