// Sockets to Kafka that do not stay silent for ever. Where a network forgets a connection, or a broker stops reading it, kafkajs lets each request time out
// and asks the next on the same socket, until the system gives it up after a quarter of an hour. Such a socket is ended here, and kafkajs opens another.
import type { ISocketFactory } from 'kafkajs'
import kafkajsSockets from 'kafkajs/src/network/socketFactory.js'
import type { Socket } from 'node:net'

const lookMs = 1_000

/** Ends a socket that was written to and has given nothing since for so long. */
const endWhenSilent = (socket: Socket, silentMsMax: number): void => {
  let writtenAt: number | undefined
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  socket.write = ((...args: unknown[]) => {
    writtenAt ??= performance.now()
    return write(...args)
  }) as Socket['write']
  socket.on('data', () => { writtenAt = undefined })
  const look = setInterval(() => {
    if (writtenAt !== undefined && performance.now() - writtenAt > silentMsMax) socket.destroy(new Error(`no answer for ${silentMsMax} ms`))
  }, Math.min(lookMs, silentMsMax)).unref()
  socket.once('close', () => clearInterval(look))
}

/**
 * For `new Kafka({ socketFactory })`: opens connections as kafkajs itself does.
 * @param silentMsMax longer than any request of this client may go unanswered, in milliseconds: a member of a group is let wait for the others
 */
export const kafkaSockets = (silentMsMax: number): ISocketFactory => {
  const open = kafkajsSockets()
  return server => {
    const socket = open(server)
    endWhenSilent(socket, silentMsMax)
    return socket
  }
}
