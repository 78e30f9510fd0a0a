// A broker in a process of its own, for tests that kill it: folder and port are its arguments, its one line of output says that it is ready.
// It runs the built broker, so that it is back at once.
import { Broker } from '../../../dist/embedded/broker/broker.js'

const [, , dataDir = '', port = '0'] = process.argv
const broker = await Broker.open({ dataDir, host: '127.0.0.1', port: Number(port) })
console.log(`ready ${broker.address.port}`)
