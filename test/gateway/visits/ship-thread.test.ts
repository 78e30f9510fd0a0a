import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../../gateway/config.js'
import { ShipThread } from '../../../gateway/visits/ship-thread.js'
import { SpoolWriter } from '../../../gateway/visits/spool-writer.js'
import { testdir } from '../../helpers/testdir.js'
import { until } from '../../helpers/until.js'

t.test('a shipper that gets nowhere is begun anew', async t => {
  let connections = 0
  const silent = createServer(() => { connections++ })
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const folder = testdir(t, { spool: {} })
  const spoolDirectory = join(folder, 'spool')
  const spool = SpoolWriter.open({ directory: spoolDirectory, bytesMax: 1e6, segmentBytes: 1e6, after: 0 })
  const faults: string[] = []
  const thread = new ShipThread({
    order: {
      config: readConfig({ DATA_DIR: folder }),
      stack: { kafkaBrokers: [`127.0.0.1:${(silent.address() as AddressInfo).port}`], schemaRegistryUrl: 'http://127.0.0.1:1', ksqldbUrl: 'http://127.0.0.1:1' },
      memory: spool.state.memory,
      folder,
      spoolDirectory,
      gatewayId: 'a',
      position: 0,
      topic: 'visits',
      keysTopic: 'visit-keys',
      group: 'a',
      schema: '{"type":"record","name":"Visit","fields":[]}',
      schemaId: 1,
      patienceMs: 300
    },
    state: spool.state,
    onFault: fault => faults.push(fault),
    onFenced: why => t.fail(why)
  })
  thread.start()
  await until('one that gave up, and the connection of another', async () => faults.length >= 1 && connections >= 2, 120_000)
  t.match(faults[0], /none was shipped for 0.3 s: the shipper begins anew/)
  await thread.stop(0)
  spool.close()
})
