// The embedded broker alone, as a process of its own: neither the registry nor the engine is in what it uses.
import { parseArgs } from 'node:util'
import { Broker } from '../embedded/broker/broker.js'

const { values } = parseArgs({ options: { 'data-dir': { type: 'string', default: './data' } } })
const warn = (message: string): void => { process.stderr.write(`broker: ${message}\n`) }
const broker = await Broker.open({ dataDir: values['data-dir'], host: '127.0.0.1', port: 0, logger: { warn } })

process.once('SIGTERM', () => {
  broker.close().then(() => process.exit(0), (error: unknown) => {
    warn(String(error))
    process.exit(1)
  })
})
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
process.send?.({ brokers: `${broker.address.host}:${broker.address.port}` })
