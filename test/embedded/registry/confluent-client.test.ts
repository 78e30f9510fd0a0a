// Confluent's own JavaScript client works against the registry as it comes: registration, look-ups, configuration, Avro to bytes and back
// with schemas that have moved on.
import t from 'tap'
import { AvroDeserializer, AvroSerializer, Compatibility, RestError, SchemaRegistryClient, SerdeType } from '@confluentinc/schemaregistry'
import { Registry } from '../../../embedded/registry/index.js'
import { MemoryLog } from '../../helpers/memory-log.js'

interface Owner { teardown (close: () => Promise<void>): void }

async function open (t: Owner): Promise<SchemaRegistryClient> {
  const registry = await Registry.open({ log: new MemoryLog() })
  t.teardown(() => registry.close())
  const { host, port } = await registry.listen({ host: '127.0.0.1', port: 0 })
  return new SchemaRegistryClient({ baseURLs: [`http://${host}:${port}`], isForward: false })
}

const V1 = JSON.stringify({ type: 'record', name: 'Visit', fields: [{ name: 'link', type: 'string' }, { name: 'at', type: 'long' }] })
const V2 = JSON.stringify({ type: 'record', name: 'Visit', fields: [{ name: 'link', type: 'string' }, { name: 'at', type: 'long' }, { name: 'bot', type: 'boolean', default: false }] })
const BAD = JSON.stringify({ type: 'record', name: 'Visit', fields: [{ name: 'link', type: 'int' }] })

t.test('registry calls', async t => {
  const client = await open(t)
  t.equal(await client.register('visits-value', { schema: V1, schemaType: 'AVRO' }), 1)
  t.equal(await client.register('visits-value', { schema: V2, schemaType: 'AVRO' }), 2)
  t.equal(await client.getId('visits-value', { schema: V1 }), 1)
  t.equal(await client.getVersion('visits-value', { schema: V2 }), 2)
  t.equal((await client.getBySubjectAndId('visits-value', 2)).schema, V2)
  t.match(await client.getLatestSchemaMetadata('visits-value'), { id: 2, version: 2, schema: V2 })
  t.match(await client.getSchemaMetadata('visits-value', 1), { id: 1, version: 1, schema: V1 })
  t.strictSame(await client.getAllVersions('visits-value'), [1, 2])
  t.strictSame(await client.getAllSubjects(), ['visits-value'])
  t.equal(await client.testSubjectCompatibility('visits-value', { schema: V1 }), true)
  t.equal(await client.testSubjectCompatibility('visits-value', { schema: BAD }), false)
  t.equal(await client.testCompatibility('visits-value', 1, { schema: V2 }), true)
  t.equal(await client.updateCompatibility('visits-value', Compatibility.FULL), Compatibility.FULL)
  t.equal(await client.getCompatibility('visits-value'), Compatibility.FULL)
  t.equal(await client.updateDefaultCompatibility(Compatibility.NONE), Compatibility.NONE)
  t.equal(await client.getDefaultCompatibility(), Compatibility.NONE)
  t.match(await client.getConfig('visits-value'), { compatibilityLevel: 'FULL' })
  t.strictSame(await client.deleteSubjectVersion('visits-value', 1), 1)
  t.strictSame(await client.deleteSubject('visits-value'), [2])
  t.strictSame(await client.deleteSubject('visits-value', true), [1, 2])
})

t.test('its errors carry the codes', async t => {
  const client = await open(t)
  await client.register('s', { schema: V1 })
  const code = async (call: Promise<unknown>) =>
    await call.then(() => undefined, (error: unknown) => error instanceof RestError ? [error.status, error.errorCode] : error)
  t.strictSame(await code(client.register('s', { schema: BAD })), [409, 409])
  t.strictSame(await code(client.register('s', { schema: 'nope' })), [422, 42201])
  t.strictSame(await code(client.getLatestSchemaMetadata('none')), [404, 40401])
  t.strictSame(await code(client.getSchemaMetadata('s', 9)), [404, 40402])
  t.strictSame(await code(client.getBySubjectAndId('s', 9)), [404, 40403])
})

t.test('Avro to bytes and back, the schema having moved on', async t => {
  const client = await open(t)
  const serializer = new AvroSerializer(client, SerdeType.VALUE, { autoRegisterSchemas: false, useLatestVersion: true })
  const deserializer = new AvroDeserializer(client, SerdeType.VALUE, {})
  await client.register('visits-value', { schema: V1 })
  const old = await serializer.serialize('visits', { link: 'a', at: 5 })
  t.equal(old.subarray(0, 5).toString('hex'), '0000000001', 'magic byte and id')
  t.same(await deserializer.deserialize('visits', old), { link: 'a', at: 5 })
  const registering = new AvroSerializer(client, SerdeType.VALUE, { autoRegisterSchemas: true })
  const named = await registering.serialize('orders', { n: 1, s: 'x' })
  t.same(await deserializer.deserialize('orders', named), { n: 1, s: 'x' })
})
