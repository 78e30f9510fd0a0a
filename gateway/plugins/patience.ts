// Requests that may take longer to arrive than others. Node ends a request that has not arrived whole within the server's time-out, whatever its route;
// a streamed body is waited for as long as something moves on its connection.
import type { FastifyRequest } from 'fastify'
import type { Duplex } from 'node:stream'

const patient = new WeakSet<Duplex>()

/** How long nothing may move on the connection of a streamed request, in milliseconds. */
export const silenceMsMax = 120_000

/** Lets a request take its time while something moves; gives what must be called at its end. */
export const waitPatiently = (request: FastifyRequest): () => void => {
  const { socket } = request.raw
  const onSilence = (): void => { socket.destroy() }
  patient.add(socket)
  socket.setTimeout(silenceMsMax, onSilence)
  return () => {
    patient.delete(socket)
    socket.off('timeout', onSilence)
    socket.setTimeout(0)
  }
}

/** Whether a request that has not arrived whole in time may go on. */
export const isPatient = (socket: Duplex): boolean => patient.has(socket)
