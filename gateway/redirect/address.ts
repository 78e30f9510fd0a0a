// Whose request it is, and for which host: the connection's address and the Host header, or what proxies that are trusted say. The same answers as
// Fastify's request.ip and request.host.
import proxyAddr from '@fastify/proxy-addr'
import type { IncomingMessage } from 'node:http'

/** @param trustProxy as the setting TRUST_PROXY has it: false, true, or a list of addresses. */
export const addressOfRequests = (trustProxy: boolean | string): (request: IncomingMessage) => string => {
  if (trustProxy === false) return request => request.socket.remoteAddress ?? ''
  const trusted = trustProxy === true ? () => true : proxyAddr.compile(trustProxy.split(',').map(one => one.trim()))
  return request => request.headers['x-forwarded-for'] === undefined ? request.socket.remoteAddress ?? '' : proxyAddr(request, trusted)
}

/** @param trustProxy as above: X-Forwarded-Host counts where whoever is connected is trusted. */
export const hostOfRequests = (trustProxy: boolean | string): (request: IncomingMessage) => string | undefined => {
  if (trustProxy === false) return request => request.headers.host
  const trusted = trustProxy === true ? () => true : proxyAddr.compile(trustProxy.split(',').map(one => one.trim()))
  return request => {
    const forwarded = request.headers['x-forwarded-host']
    if (forwarded === undefined || !trusted(request.socket.remoteAddress ?? '', 0)) return request.headers.host
    return String(forwarded).split(',').at(-1)?.trim()
  }
}
