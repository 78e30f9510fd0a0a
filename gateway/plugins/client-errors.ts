// What is answered where a request cannot be read as HTTP at all: Fastify never sees it, so that its answer is written here, in the form of all the others.
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { LinklogError, toProblem, type ErrorCode } from '../errors.js'
import { isPatient } from './patience.js'

const codes: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout'
}

/** For Fastify's clientErrorHandler. */
export const answerClientError = (error: Error & { code?: string }, socket: Socket): void => {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && isPatient(socket)) return
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = new LinklogError(codes[error.code ?? ''] ?? 'invalid_request', 'The request cannot be read')
  const body = JSON.stringify(toProblem(problem, randomUUID(), '/'))
  socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`, () => socket.destroySoon())
}
