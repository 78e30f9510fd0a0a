import t from 'tap'
import { connect } from 'node:net'
import { once } from 'node:events'
import { frameOf } from './protocol/frames.js'
import { clientOf, startBroker } from './start.js'

const saslUsers = [{ username: 'ann', password: 'se=cret,' }, { username: 'bob', password: 'other' }]

for (const mechanism of ['plain', 'scram-sha-256'] as const) {
  t.test(`${mechanism}: the right password opens, a wrong one or none does not`, async t => {
    const { broker, warnings } = await startBroker(t, { saslUsers })
    const listTopics = async (sasl?: { username: string, password: string }) => {
      const admin = clientOf(broker, { retry: { retries: 0 }, ...(sasl === undefined ? {} : { sasl: { mechanism, ...sasl } as never }) }).admin()
      try {
        await admin.connect()
        return await admin.listTopics()
      } finally {
        await admin.disconnect()
      }
    }
    t.ok(Array.isArray(await listTopics({ username: 'ann', password: 'se=cret,' })))
    t.ok(Array.isArray(await listTopics({ username: 'bob', password: 'other' })))
    await t.rejects(listTopics({ username: 'ann', password: 'other' }), /uthenti/)
    await t.rejects(listTopics({ username: 'eve', password: 'other' }), /uthenti/)
    await t.rejects(listTopics())
    t.match(warnings.at(-1), /Metadata before authentication/)
  })
}

t.test('before authentication only ApiVersions is answered', async t => {
  const { broker } = await startBroker(t, { saslUsers })
  const socket = connect(broker.address.port, '127.0.0.1')
  const send = (frame: Buffer) => socket.write(Buffer.concat([Buffer.from([0, 0, frame.length >> 8, frame.length & 255]), frame]))
  send(frameOf('apiVersions', 0, {}, 1))
  const [answer] = await once(socket, 'data') as [Buffer]
  t.equal(answer.readInt32BE(4), 1)
  send(frameOf('saslHandshake', 1, { mechanism: 'GSSAPI' }, 2))
  const [refusal] = await once(socket, 'data') as [Buffer]
  t.equal(refusal.readInt16BE(8), 33, 'UNSUPPORTED_SASL_MECHANISM')
  t.match(refusal.toString('latin1'), /PLAIN.*SCRAM-SHA-256/s)
  send(frameOf('listGroups', 0, {}, 3))
  await once(socket, 'close')
})

t.test('without users a handshake is out of place', async t => {
  const { broker } = await startBroker(t)
  const admin = clientOf(broker, { retry: { retries: 0 }, sasl: { mechanism: 'plain', username: 'a', password: 'b' } }).admin()
  await t.rejects(admin.connect())
  await admin.disconnect()
})
