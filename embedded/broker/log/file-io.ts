// Positioned reads and writes on file descriptors that finish what they begin, and files that are replaced whole or not at all.
import { close, fdatasync, ftruncate, open, read, writev, writevSync } from 'node:fs'
import { open as openHandle, rename, rm } from 'node:fs/promises'
import { promisify } from 'node:util'

export const openFile = promisify(open)
export const closeFile = promisify(close)
export const syncFile = promisify(fdatasync)
export const truncateFile = promisify(ftruncate)
const readPart = promisify(read)
const writePart = promisify(writev)

/** Up to here a write to the system's page cache is done in a tenth of the time that waking another thread for it takes. */
const WRITE_HERE_BYTES_MAX = 64 * 1024
/** The most buffers that one write may have: IOV_MAX of Linux is 1024. */
const BUFFERS_MAX = 1000

/** Reads `length` bytes from `position`, fewer only at the end of the file. */
export async function readAt (fd: number, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await readPart(fd, buffer, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return done === length ? buffer : buffer.subarray(0, done)
}

/** Writes all buffers, one behind the other, from `position` on: little of it on this thread, much on another. */
export async function writeAllAt (fd: number, buffers: readonly Buffer[], position: number): Promise<void> {
  let rest = buffers as Buffer[]
  let left = buffers.reduce((sum, { length }) => sum + length, 0)
  while (left > 0) {
    const part = rest.slice(0, BUFFERS_MAX)
    let bytesWritten = left <= WRITE_HERE_BYTES_MAX ? writevSync(fd, part, position) : (await writePart(fd, part, position)).bytesWritten
    position += bytesWritten
    left -= bytesWritten
    let full = 0
    while (full < rest.length && bytesWritten >= rest[full]!.length) bytesWritten -= rest[full++]!.length
    rest = rest.slice(full)
    if (bytesWritten > 0) rest = [rest[0]!.subarray(bytesWritten), ...rest.slice(1)]
  }
}

/** Writes a file beside its place, brings it to disk and moves it there: a reader finds the old content or the new. */
export async function replaceFile (path: string, content: Buffer | string): Promise<void> {
  const temporary = `${path}.tmp`
  const handle = await openHandle(temporary, 'w')
  try {
    await handle.writeFile(content)
    await handle.datasync()
  } catch (error) {
    await handle.close()
    await rm(temporary, { force: true })
    throw error
  }
  await handle.close()
  await rename(temporary, path)
}
