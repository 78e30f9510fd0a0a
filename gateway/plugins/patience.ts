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

const statusOf: Readonly<Record<string, readonly [status: number, phrase: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large']
}

/** Answers what Node refuses before there is a request. */
export const answerClientError = (error: Error & { code?: string }, socket: Duplex): void => {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && patient.has(socket)) return
  const [status, phrase] = statusOf[error.code ?? ''] ?? [400, 'Bad Request']
  const body = JSON.stringify({ type: 'about:blank', title: phrase, status })
  const head = `HTTP/1.1 ${status} ${phrase}\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
  if (socket.writable) socket.write(head + body)
  socket.destroy(error)
}
