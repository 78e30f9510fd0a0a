import t from 'tap'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { FrameDecoder } from '../../../../embedded/broker/connection.js'
import type { ServiceHandlers } from '../../../../embedded/broker/handlers/index.js'
import { ProtocolError } from '../../../../embedded/broker/protocol/errors.js'
import { Session } from '../../../../embedded/broker/session.js'
import { randomFrom } from '../../../helpers/random.js'
import { startBroker } from '../start.js'
import { everyFrame, frameOf } from './frames.js'
import { SAMPLES } from './samples.js'

const FRAMES = 100_000

/** Whole numbers below a bound, the same at every run. */
function numbersFrom (seed: number): (below: number) => number {
  const random = randomFrom(seed)
  return below => Math.floor(random() * below)
}

function noise (length: number, random: (below: number) => number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)))
}

function mutate (frame: Buffer, random: (below: number) => number): Buffer {
  const kind = random(5)
  if (kind === 0) return frame.subarray(0, random(frame.length))
  const copy = Buffer.from(frame)
  if (kind === 1) for (let i = 0; i <= random(4); i++) copy[random(copy.length)] = random(256)
  else if (kind === 2) copy[random(copy.length)]! ^= 1 << random(8)
  else if (kind === 3) copy.fill([0, 0x7f, 0x80, 0xff][random(4)]!, random(copy.length), random(copy.length))
  else return Buffer.concat([copy.subarray(0, random(copy.length)), noise(random(20), random), copy.subarray(random(copy.length))])
  return copy
}

t.test(`${FRAMES} mutated frames: each is read or refused, memory stays`, async t => {
  const random = numbersFrom(20_261_123)
  const frames = everyFrame().map(({ frame }) => frame)
  const echo = new Proxy({}, { get: () => () => undefined }) as ServiceHandlers
  const signal = new AbortController().signal
  let refused = 0
  let read = 0
  let heap = 0
  for (let i = 0; i < FRAMES; i++) {
    try {
      await new Session(echo, '', signal, undefined).handle(mutate(frames[random(frames.length)]!, random))
      read++
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      refused++
    }
    if (i === FRAMES / 10) heap = process.memoryUsage().heapUsed
  }
  t.ok(refused > FRAMES / 10 && read > FRAMES / 10, `${refused} refused, ${read} read`)
  t.ok(process.memoryUsage().heapUsed - heap < 100e6)
})

t.test('frames come in any pieces; sizes that are negative or too large are refused', async t => {
  const random = numbersFrom(5)
  const frames = everyFrame().slice(0, 40).map(({ frame }) => frame)
  const stream = Buffer.concat(frames.flatMap(frame => {
    const size = Buffer.alloc(4)
    size.writeInt32BE(frame.length)
    return [size, frame]
  }))
  for (const piece of [1, 3, 17, 5000, stream.length]) {
    const decoder = new FrameDecoder(1e6)
    const got: string[] = []
    for (let at = 0; at < stream.length;) {
      const length = 1 + random(piece)
      got.push(...decoder.push(Buffer.from(stream.subarray(at, at + length))).map(frame => frame.toString('hex')))
      at += length
    }
    t.strictSame(got, frames.map(frame => frame.toString('hex')), `pieces of up to ${piece}`)
    t.equal(decoder.buffered, 0)
  }
  t.throws(() => new FrameDecoder(100).push(Buffer.from([0, 0, 0, 101])), ProtocolError)
  t.throws(() => new FrameDecoder(100).push(Buffer.from([0xff, 0xff, 0xff, 0xff])), ProtocolError)
  const waiting = new FrameDecoder(0x7fffffff)
  waiting.push(Buffer.from([0x7f, 0xff, 0xff, 0xf0, 1, 2]))
  t.equal(waiting.buffered, 2, 'a large size alone takes no memory')
})

async function open (port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

function send (socket: Socket, frame: Buffer): void {
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame.length)
  socket.write(Buffer.concat([size, frame]))
}

t.test('a bad frame closes its connection, says why, and nobody else notices', async t => {
  const { broker, warnings } = await startBroker(t)
  const { port } = broker.address
  const good = await open(port)
  const bad: [Buffer, RegExp][] = [
    [frameOf('metadata', 12, SAMPLES.metadata).subarray(0, 20), /Metadata version 12 cannot be read/],
    [Buffer.from([0x03, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff]), /unknown API key 999/],
    [frameOf('produce', 3, SAMPLES.produce).fill(0, 2, 4), /Produce version 0/],
    [Buffer.from([0, 3]), /./]
  ]
  for (const [frame, reason] of bad) {
    const socket = await open(port)
    send(socket, frame)
    await once(socket.resume(), 'close')
    t.match(warnings.at(-1), reason)
  }
  const huge = await open(port)
  huge.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
  await once(huge.resume(), 'close')
  t.match(warnings.at(-1), /frame of 2147483647 bytes/)

  send(good, frameOf('apiVersions', 3, SAMPLES.apiVersions, 42))
  const [answer] = await once(good, 'data') as [Buffer]
  t.equal(answer.readInt32BE(4), 42)
  good.destroy()
})

t.test('answers come in the order of the requests', async t => {
  const { broker } = await startBroker(t)
  await broker.createTopic({ name: 't', partitions: 1 })
  const socket = await open(broker.address.port)
  const ids: number[] = []
  let buffered = Buffer.alloc(0)
  const all = new Promise<void>(resolve => socket.on('data', chunk => {
    buffered = Buffer.concat([buffered, chunk as Buffer])
    while (buffered.length >= 8 && buffered.length >= 4 + buffered.readInt32BE(0)) {
      ids.push(buffered.readInt32BE(4))
      buffered = buffered.subarray(4 + buffered.readInt32BE(0))
    }
    if (ids.length === 300) resolve()
  }))
  for (let i = 0; i < 300; i++) {
    if (i % 3 === 2) send(socket, frameOf('metadata', 5, { topics: null }, i))
    else send(socket, frameOf('produce', 7, SAMPLES.produce, i))
  }
  await all
  t.strictSame(ids, Array.from({ length: 300 }, (_, i) => i))
  t.equal(broker.partition('t', 0)!.logEndOffset, 200)
  socket.destroy()
})

t.test('a client that is too new learns which versions there are', async t => {
  const { broker } = await startBroker(t)
  const socket = await open(broker.address.port)
  const frame = frameOf('apiVersions', 3, SAMPLES.apiVersions, 9)
  frame.writeInt16BE(99, 2)
  send(socket, frame)
  const [answer] = await once(socket, 'data') as [Buffer]
  t.equal(answer.readInt32BE(4), 9)
  t.equal(answer.readInt16BE(8), 35, 'UNSUPPORTED_VERSION')
  t.strictSame([answer.readInt32BE(10), answer.readInt16BE(14)], [1, 18], 'the versions of ApiVersions itself')
  socket.destroy()
})
