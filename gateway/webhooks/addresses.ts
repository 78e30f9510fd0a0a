// Which addresses a webhook may lead to: public ones alone, unless the service is told otherwise, so that it cannot be used to reach what only it can reach.
import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

const inside = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.0.2.0', 24],
  ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4]
] as const) inside.addSubnet(network, bits, 'ipv4')
const publicV6 = new BlockList()
publicV6.addSubnet('2000::', 3, 'ipv6')
const insideV6 = new BlockList()
for (const [network, bits] of [['2001:db8::', 32], ['2001::', 32], ['2002::', 16], ['3fff::', 20]] as const) insideV6.addSubnet(network, bits, 'ipv6')

/** Whether an address is one of the public internet; names are none. */
export const isPublicAddress = (address: string): boolean => {
  const bare = address.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  if (mapped !== undefined) return isPublicAddress(mapped)
  if (isIP(bare) === 4) return !inside.check(bare, 'ipv4')
  return isIP(bare) === 6 && publicV6.check(bare, 'ipv6') && !insideV6.check(bare, 'ipv6')
}

/** The name leads to an address that is not to be reached. */
export class AddressRefused extends Error {
  readonly code = 'LINKLOG_ADDRESS_REFUSED'
}

/** Resolves names as node:dns does, and refuses those with any address that is not public: what is connected to is what was checked. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '', 0)
    const refused = addresses.find(({ address }) => !isPublicAddress(address))
    const first = addresses[0]
    if (refused !== undefined || first === undefined) return callback(new AddressRefused(`${hostname} leads to ${refused?.address ?? 'no address'}`), '', 0)
    if (options.all === true) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}
