// The registry over the broker's own log: what was registered stands after both were closed and opened again, and is there to read over the wire.
import kafkajs from 'kafkajs'
import t from 'tap'
import { Broker } from '../../../embedded/broker/broker.js'
import { RegistryError } from '../../../embedded/registry/index.js'
import { Registry } from '../../../embedded/registry/registry.js'
import { testdir } from '../../helpers/testdir.js'

const { Kafka, logLevel } = kafkajs

t.test('kept in _schemas', async t => {
  const dataDir = testdir(t)
  const open = async () => {
    const broker = await Broker.open({ dataDir, host: '127.0.0.1', port: 0 })
    const registry = await Registry.open({ log: broker })
    return { broker, registry, close: async () => { await registry.close(); await broker.close() } }
  }
  const first = await open()
  const schema = '{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}'
  t.equal((await first.registry.register('s', { schema })).id, 1)
  const large = JSON.stringify({ type: 'record', name: 'R', doc: 'x'.repeat(1_500_000), fields: [] })
  await t.rejects(first.registry.register('large', { schema: large }), new RegistryError(42209, 'Register operation failed because schema is too large'))
  await first.close()

  const second = await open()
  t.match(await second.registry.latest('s'), { id: 1, version: 1, schema })
  t.equal((await second.registry.register('t', { schema: '"string"' })).id, 2)
  t.strictSame(await second.registry.listSubjects(), ['s', 't'])
  const { host, port } = second.broker.address
  const consumer = new Kafka({ brokers: [`${host}:${port}`], logLevel: logLevel.NOTHING }).consumer({ groupId: 'g', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: '_schemas', fromBeginning: true })
  const keys: unknown[] = []
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ message }: kafkajs.EachMessagePayload) => { if (keys.push(JSON.parse(String(message.key))) === 2) resolve() }
    consumer.run({ eachMessage }).catch(reject)
  })
  await consumer.disconnect()
  await second.close()
  t.strictSame(keys, [{ keytype: 'SCHEMA', subject: 's', version: 1, magic: 1 }, { keytype: 'SCHEMA', subject: 't', version: 1, magic: 1 }])
})
