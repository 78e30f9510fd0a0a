// @confluentinc/schemaregistry with kafkajs: Avro written to a topic by one and read back by another, through broker and registry.
// The registry of Confluent is not in Maven Central, so on Apache Kafka there is nothing to do.
import { AvroDeserializer, AvroSerializer, SchemaRegistryClient, SerdeType } from '@confluentinc/schemaregistry'
import kafkajs from 'kafkajs'
import t from 'tap'
import { runClient } from './support/stacks.js'
import type { Operation } from './support/stacks.js'

const { Kafka, Partitioners, logLevel } = kafkajs
const field = (name: string, type: string, more: object = {}) => ({ name, type, ...more })
const V1 = JSON.stringify({ type: 'record', name: 'Visit', fields: [field('link', 'string'), field('at', 'long')] })
const V2 = JSON.stringify({ type: 'record', name: 'Visit', fields: [field('link', 'string'), field('at', 'long'), field('bot', 'boolean', { default: false })] })

const roundTrip: Operation = async (t, { brokers, registryUrl }) => {
  if (registryUrl === undefined) throw new Error('a registry is needed')
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'visits', numPartitions: 1 }] })
  await admin.disconnect()
  const client = new SchemaRegistryClient({ baseURLs: [registryUrl], isForward: false })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const sent = [{ link: 'a', at: 1 }, { link: 'b', at: 2, bot: true }]
  for (const [index, schema] of [V1, V2].entries()) {
    await client.register('visits-value', { schema, schemaType: 'AVRO' })
    const serializer = new AvroSerializer(client, SerdeType.VALUE, { useLatestVersion: true })
    await producer.send({ topic: 'visits', messages: [{ key: 'k', value: await serializer.serialize('visits', sent[index]) }] })
    client.clearLatestCaches()
  }
  await producer.disconnect()
  const reading = new SchemaRegistryClient({ baseURLs: [registryUrl], isForward: false })
  const deserializer = new AvroDeserializer(reading, SerdeType.VALUE, {})
  const consumer = kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'visits', fromBeginning: true })
  const read: unknown[] = []
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ message }: kafkajs.EachMessagePayload) => {
      if (read.push(await deserializer.deserialize('visits', message.value ?? Buffer.alloc(0))) === 2) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  await consumer.disconnect()
  t.same(read, sent)
}

const name = 'avro through broker and registry'

t.test('confluent-schemaregistry', async t => {
  await runClient(t, { name: 'confluent-schemaregistry', needRegistry: [name] }, { [name]: roundTrip })
})
