// How long an answer is waited for: what reads much, or without end, stops when its client goes.
import type { FastifyReply } from 'fastify'

/** Aborts when the connection of the request closes, with its answer or before. */
export const whileAsked = (reply: FastifyReply): AbortSignal => {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort(new Error('the client is gone')))
  return gone.signal
}
