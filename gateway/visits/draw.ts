// The draw of a percentage split: where a visitor stands in it, the same at any time and on any gateway, and kept nowhere.
import { createHmac } from 'node:crypto'
import { drawPlaces, type VisitorDraw } from '../links/rule-facts.js'

/**
 * The places of visitors: a keyed hash of link, draw, address and agent. Unlike the hash that a visit records its key stays, so that a
 * visitor keeps a side of a split from day to day; so it is never written anywhere, and worked out only where a percent rule asks.
 */
export const visitorDraw = (secret: Buffer): VisitorDraw => {
  const key = createHmac('sha256', secret).update('split').digest()
  return (link, draw, address, agent) => {
    const hash = createHmac('sha256', key).update(`${link}\0${draw}\0${address}\0${agent}`).digest()
    return Math.floor(hash.readUIntBE(0, 6) / 2 ** 48 * drawPlaces)
  }
}
