// A topic that gets more partitions: queries that run read them too, from their first record, and after a restart go on where they were.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { MemoryLog } from '../../../helpers/memory-log.js'
import { until } from '../../../helpers/until.js'
import { openStack, send } from './support.js'

t.test('running queries follow', async t => {
  const dataDir = mkdtempSync(join(tmpdir(), 'new-partitions-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const log = new MemoryLog()
  await log.createTopic({ name: 'clicks', partitions: 1 })
  let stack = await openStack(log, dataDir)
  await stack.run(`CREATE STREAM clicks (k STRING KEY, n BIGINT) WITH (KAFKA_TOPIC='clicks', VALUE_FORMAT='JSON');
    SET 'auto.offset.reset'='latest';
    CREATE TABLE sums AS SELECT k, SUM(n) AS total FROM clicks GROUP BY k;`)
  const total = (key: string): unknown => stack.query().table?.get([key])?.value[0]
  await send(log, 'clicks', { key: 'a', value: '{"N": 1}' })
  await stack.settled()
  log.addPartitions('clicks', 3)
  await send(log, 'clicks', { key: 'a', value: '{"N": 10}', partition: 2 }, { key: 'b', value: '{"N": 5}', partition: 1 })
  await until('the new partitions', async () => total('a') === 11n && total('b') === 5n)
  t.same(stack.query().positions().map(one => [one.partition, one.offset]), [[0, 1], [1, 1], [2, 1]])
  await stack.close()

  log.addPartitions('clicks', 4)
  await send(log, 'clicks', { key: 'b', value: '{"N": 100}', partition: 3 }, { key: 'a', value: '{"N": 100}', partition: 2 })
  stack = await openStack(log, dataDir)
  t.teardown(() => stack.close())
  await stack.settled()
  t.same([total('a'), total('b')], [111n, 105n])
})
