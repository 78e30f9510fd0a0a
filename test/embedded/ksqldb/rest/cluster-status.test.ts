// GET /clusterStatus: of the one server, where heartbeats are on.
import t from 'tap'
import { ksql, openStack } from '../support.js'

t.test('with heartbeats the server tells of itself and its queries', async t => {
  const stack = await openStack(undefined, { 'ksql.heartbeat.enable': 'true' })
  t.teardown(() => stack.destroy())
  await ksql(stack, "CREATE STREAM a (k STRING KEY, v INT) WITH (KAFKA_TOPIC='a', PARTITIONS=2, VALUE_FORMAT='JSON'); CREATE STREAM b AS SELECT * FROM a;")
  const { clusterStatus } = await (await fetch(`${stack.url}/clusterStatus`)).json() as { clusterStatus: Record<string, unknown> }
  t.same(Object.keys(clusterStatus), [new URL(stack.url).host])
  t.match(Object.values(clusterStatus)[0], {
    hostAlive: true, activeStandbyPerQuery: { CSAS_B_1: { activePartitions: [{ topic: 'a', partition: 0 }, { topic: 'a', partition: 1 }], standByPartitions: [] } }
  })
})

t.test('without them there is none', async t => {
  const stack = await openStack()
  t.teardown(() => stack.destroy())
  t.equal((await fetch(`${stack.url}/clusterStatus`)).status, 404)
})

t.test('joined topics must have as many partitions', async t => {
  const stack = await openStack()
  t.teardown(() => stack.destroy())
  const sources = ['x', 'y', 'z'].map((name, i) => `CREATE TABLE ${name} (id INT PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='${name}', PARTITIONS=${i < 2 ? 1 : 3}, VALUE_FORMAT='JSON');`)
  const { status, body } = await ksql(stack, `${sources.join('')} CREATE TABLE j AS SELECT x.id, y.v, z.v FROM x JOIN y ON x.id = y.id JOIN z ON x.id = z.id;`)
  t.equal(status, 400)
  t.match(body.message, "Can't join `X` with `Z` since the number of partitions don't match. `X` partitions = 1; `Z` partitions = 3.")
})
