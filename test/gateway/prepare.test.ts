import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import type { Admin } from 'kafkajs'
import t, { type Test } from 'tap'
import { readConfig } from '../../gateway/config.js'
import { makeTopics, stackAnswers } from '../../gateway/prepare.js'
import { namesFor } from '../../gateway/topics.js'

const listen = async (t: Test, server: Server): Promise<number> => {
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  return (server.address() as AddressInfo).port
}

t.test('topics: as many parts and copies as set, kept for ever', async t => {
  const asked: any[] = []
  const refused = new Set<string>()
  const answered: string[] = []
  const admin = {
    createTopics: async (request: unknown) => { asked.push(request); return true },
    fetchTopicOffsets: async (topic: string) => {
      if (refused.size < refused.add(topic).size) throw new Error('This server is not the leader for that topic-partition')
      answered.push(topic)
    }
  } as unknown as Admin
  t.strictSame(await makeTopics(admin, namesFor('p'), readConfig({ TOPIC_PARTITIONS: '6', TOPIC_REPLICATION_FACTOR: '3' })), [])
  t.strictSame(answered.sort(), asked[0].topics.map(({ topic }: { topic: string }) => topic).sort(), 'each answers, at the second time, before anybody uses it')
  t.match(asked[0].topics, [{ topic: 'p-link-events', numPartitions: 6, replicationFactor: 3 }, { topic: 'p-visits', numPartitions: 6, replicationFactor: 3 }])
  const keys = asked[0].topics.pop()
  t.match(keys, { topic: 'p-visit-keys', numPartitions: 1, replicationFactor: 3 })
  t.match(Object.fromEntries(keys.configEntries.map(({ name, value }: { name: string, value: string }) => [name, value])), { 'cleanup.policy': 'compact' })
  for (const { configEntries } of asked[0].topics) {
    const entries = Object.fromEntries(configEntries.map(({ name, value }: { name: string, value: string }) => [name, value]))
    t.match(entries, { 'retention.ms': '-1', 'retention.bytes': '-1', 'cleanup.policy': 'delete' })
  }
})

t.test('a log that is there and forgets is told of', async t => {
  const config = (name: string, value: string) => ({ configName: name, configValue: value })
  const admin = {
    createTopics: async () => false,
    describeConfigs: async () => ({
      resources: [
        { resourceName: 'link-events', configEntries: [config('cleanup.policy', 'compact'), config('retention.ms', '-1'), config('retention.bytes', '-1')] },
        { resourceName: 'visits', configEntries: [config('cleanup.policy', 'delete'), config('retention.ms', '604800000'), config('retention.bytes', '-1')] }
      ]
    })
  } as unknown as Admin
  t.strictSame(await makeTopics(admin, namesFor(''), readConfig({})), ['link-events has cleanup.policy=compact', 'visits has retention.ms=604800000'])
})

t.test('the stack is waited for, and who is missing is named', async t => {
  let starting = 3
  const http = await listen(t, createServer((request, response) => { response.writeHead(starting-- > 0 ? 503 : 200).end('{}') }))
  const tcp = await listen(t, createTcpServer(socket => socket.destroy()))
  const stack = { kafkaBrokers: ['127.0.0.1:1', `127.0.0.1:${tcp}`], schemaRegistryUrl: `http://127.0.0.1:${http}`, ksqldbUrl: `http://127.0.0.1:${http}` }
  await stackAnswers(stack, 10_000)
  await t.rejects(stackAnswers({ ...stack, ksqldbUrl: 'http://127.0.0.1:1' }, 50), { message: /^ksqlDB at http:\/\/127\.0\.0\.1:1 does not answer: / })
  await t.rejects(stackAnswers({ ...stack, kafkaBrokers: ['127.0.0.1:1'] }, 50), { message: /^Kafka at 127\.0\.0\.1:1 does not answer: connect ECONNREFUSED/ })
})
