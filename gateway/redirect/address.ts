// Whose request it is: the connection's address, or what proxies that are trusted say of it. The same answer as Fastify's request.ip.
import proxyAddr from '@fastify/proxy-addr'
import type { IncomingMessage } from 'node:http'

/** @param trustProxy as the setting TRUST_PROXY has it: false, true, or a list of addresses. */
export const addressOfRequests = (trustProxy: boolean | string): (request: IncomingMessage) => string => {
  if (trustProxy === false) return request => request.socket.remoteAddress ?? ''
  const trusted = trustProxy === true ? () => true : proxyAddr.compile(trustProxy.split(',').map(one => one.trim()))
  return request => request.headers['x-forwarded-for'] === undefined ? request.socket.remoteAddress ?? '' : proxyAddr(request, trusted)
}
