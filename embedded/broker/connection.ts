// One client's connection: frames in, responses out in the same order. What it may hold is bounded on both sides.
import type { Socket } from 'node:net'
import { ProtocolError } from './protocol/errors.js'

/** Requests that wait or are worked on; the socket is not read beyond. */
const REQUESTS_MAX = 64
/** Bytes of frames in work; one frame may be larger, but then it is alone. */
const REQUEST_BYTES_MAX = 64 * 1024 * 1024
/** Answers not yet taken by the client, in bytes; no further request is begun above it. */
const RESPONSE_BYTES_MAX = 32 * 1024 * 1024

const SIZE_BYTES = 4

/** Takes frames apart: int32 size, then so many bytes. Memory is taken as bytes arrive, never on a size's word alone. */
export class FrameDecoder {
  readonly #bytesMax: number
  #chunks: Buffer[] = []
  #buffered = 0
  #size = -1

  constructor (bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Bytes that wait for the rest of their frame. */
  get buffered (): number { return this.#buffered }

  /** Gives the frames that `chunk` completes. Throws ProtocolError for a size that is negative or too large. */
  push (chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
    const frames: Buffer[] = []
    for (;;) {
      if (this.#size === -1) {
        if (this.#buffered < SIZE_BYTES) return frames
        this.#size = this.#take(SIZE_BYTES).readInt32BE(0)
        if (this.#size < 0 || this.#size > this.#bytesMax) {
          throw new ProtocolError(`a frame of ${this.#size} bytes, where at most ${this.#bytesMax} are allowed`)
        }
      }
      if (this.#buffered < this.#size) return frames
      frames.push(this.#take(this.#size))
      this.#size = -1
    }
  }

  #take (bytes: number): Buffer {
    this.#buffered -= bytes
    const first = this.#chunks[0]
    if (first !== undefined && first.length > bytes) {
      this.#chunks[0] = first.subarray(bytes)
      return first.subarray(0, bytes)
    }
    if (first?.length === bytes) {
      this.#chunks.shift()
      return first
    }
    const whole = Buffer.allocUnsafe(bytes)
    let at = 0
    let used = 0
    while (at < bytes) {
      const chunk = this.#chunks[used]!
      const part = chunk.subarray(0, bytes - at)
      part.copy(whole, at)
      at += part.length
      if (part.length === chunk.length) used++
      else this.#chunks[used] = chunk.subarray(part.length)
    }
    this.#chunks.splice(0, used)
    return whole
  }
}

/** What becomes of a request: chunks to send, nothing to send, or the end of the connection (a thrown error). */
export type Answer = readonly Buffer[] | undefined

export interface FrameHandler {
  /** Whether this frame may be begun before the answer to the one before it is ready. */
  overlaps (frame: Buffer): boolean
  handle (frame: Buffer): Promise<Answer>
}

export class Connection {
  readonly #socket: Socket
  readonly #decoder: FrameDecoder
  readonly #handler: FrameHandler
  readonly #onError: (error: Error) => void
  #frames: Buffer[] = []
  #working = 0
  #workingBytes = 0
  #overlappable = true
  #sending: Promise<void> = Promise.resolve()
  #paused = false
  #closed = false

  constructor (socket: Socket, frameBytesMax: number, handler: FrameHandler, onError: (error: Error) => void) {
    this.#socket = socket
    this.#decoder = new FrameDecoder(frameBytesMax)
    this.#handler = handler
    this.#onError = onError
    socket.setNoDelay(true)
    socket.on('data', chunk => this.#receive(chunk as Buffer))
    socket.on('drain', () => this.#advance())
    socket.on('error', () => this.destroy())
    socket.on('close', () => { this.#closed = true; this.#frames = [] })
  }

  destroy (): void {
    this.#closed = true
    this.#frames = []
    this.#socket.destroy()
  }

  #fail (error: unknown): void {
    if (this.#closed) return
    this.#onError(error instanceof Error ? error : new Error(String(error)))
    this.destroy()
  }

  #receive (chunk: Buffer): void {
    if (this.#closed) return
    try {
      this.#frames.push(...this.#decoder.push(chunk))
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#advance()
  }

  get #isFull (): boolean {
    return this.#socket.writableLength > RESPONSE_BYTES_MAX
  }

  #advance (): void {
    while (this.#frames.length > 0 && !this.#closed && !this.#isFull) {
      const frame = this.#frames[0]!
      const overlaps = this.#handler.overlaps(frame)
      if (this.#working > 0 && !(overlaps && this.#overlappable)) break
      if (this.#working >= REQUESTS_MAX || (this.#working > 0 && this.#workingBytes + frame.length > REQUEST_BYTES_MAX)) break
      this.#frames.shift()
      this.#overlappable = overlaps
      this.#start(frame)
    }
    const pause = this.#frames.length >= REQUESTS_MAX || this.#isFull || (this.#frames.length > 0 && this.#workingBytes >= REQUEST_BYTES_MAX)
    if (pause === this.#paused || this.#closed) return
    this.#paused = pause
    if (pause) this.#socket.pause()
    else this.#socket.resume()
  }

  #start (frame: Buffer): void {
    this.#working++
    this.#workingBytes += frame.length
    const answer = this.#handler.handle(frame)
    // The turn to send comes in the order of the requests. A failure is met there too; until then it must not count as unhandled.
    answer.catch(() => {})
    this.#sending = this.#sending.then(async () => {
      try {
        this.#send(await answer)
      } catch (error) {
        this.#fail(error)
      }
      this.#working--
      this.#workingBytes -= frame.length
      this.#advance()
    })
  }

  #send (chunks: Answer): void {
    if (chunks === undefined || this.#closed) return
    const size = Buffer.allocUnsafe(SIZE_BYTES)
    size.writeInt32BE(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
    this.#socket.cork()
    this.#socket.write(size)
    for (const chunk of chunks) this.#socket.write(chunk)
    this.#socket.uncork()
  }
}
