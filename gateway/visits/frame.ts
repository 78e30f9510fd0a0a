// One visit as the spool keeps it: its time, its link, and its Avro bytes.
//   visited_at f64 | link length u16 | link UTF-8 | value

export interface SpooledVisit { readonly timestamp: number, readonly link: string, readonly value: Buffer }

export const encodeFrame = ({ timestamp, link, value }: SpooledVisit): Buffer => {
  const linkBytes = Buffer.byteLength(link)
  const frame = Buffer.allocUnsafe(10 + linkBytes + value.length)
  frame.writeDoubleBE(timestamp, 0)
  frame.writeUInt16BE(linkBytes, 8)
  frame.write(link, 10, 'utf8')
  value.copy(frame, 10 + linkBytes)
  return frame
}

export const decodeFrame = (frame: Buffer): SpooledVisit => {
  const linkBytes = frame.readUInt16BE(8)
  return { timestamp: frame.readDoubleBE(0), link: frame.toString('utf8', 10, 10 + linkBytes), value: frame.subarray(10 + linkBytes) }
}
