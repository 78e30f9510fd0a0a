import { createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { kafkaSockets } from '../../../gateway/log/kafka-socket.js'

const silentMsMax = 300

/** A socket to a server that does so with what it is given. */
const socketTo = async (test: Test, onData: (socket: Socket) => void): Promise<Socket> => {
  const server = createServer(socket => socket.on('data', () => onData(socket)).on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return await new Promise(resolve => {
    const socket = kafkaSockets(silentMsMax)({ host: '127.0.0.1', port, ssl: null as never, onConnect: () => resolve(socket) })
    test.teardown(() => socket.destroy())
  })
}

t.test('a socket that was written to and gives nothing is ended, as an error', async t => {
  const socket = await socketTo(t, () => {})
  const failed = once(socket, 'error')
  socket.write('asked')
  const [error] = await failed as [Error]
  t.match(error.message, /no answer for 300 ms/)
  t.ok(socket.destroyed)
})

t.test('asking again is no answer', async t => {
  const socket = await socketTo(t, () => {})
  const failed = once(socket, 'error')
  const asking = setInterval(() => socket.write('asked'), 20)
  t.teardown(() => clearInterval(asking))
  t.match(await failed, [{ message: /no answer/ }])
})

t.test('one that answers in time, and one that nothing is asked of, stay', async t => {
  const answering = await socketTo(t, socket => { setTimeout(() => socket.write('answer'), silentMsMax / 10) })
  const idle = await socketTo(t, () => {})
  for (let asked = 0; asked < 5; asked++) {
    answering.write('asked')
    await once(answering, 'data')
    await delay(silentMsMax / 2)
  }
  t.notOk(answering.destroyed, 'five answers, in more than twice the time')
  t.notOk(idle.destroyed)
})
