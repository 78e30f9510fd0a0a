// The gateway's own folder: one gateway at a time, its lasting id, and how far its spool is known to be in the log.
import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** Another gateway uses the folder. */
export class FolderInUse extends Error {
  readonly code = 'LINKLOG_FOLDER_IN_USE'
}

/** How long a gateway that was killed a moment ago is given to be gone. */
const goneMs = 3_000

/** State and start of a process as Linux tells them (proc(5)); empty where the system does not. */
const statOf = (pid: number): { state: string, start: string } => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] ?? '', start: fields[19] ?? '' }
  } catch {
    return { state: '', start: '' }
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const isHeld = (lock: string): boolean => {
  const [pid = '', start = ''] = lock.trim().split(' ')
  const number = Number(pid)
  if (!Number.isInteger(number) || number <= 0 || number === process.pid) return false
  // a number may be in use again, hence its start; what has ended and nobody asked about (Z) holds nothing
  const stat = statOf(number)
  return isAlive(number) && stat.start === start && stat.state !== 'Z'
}

/** The lock's text where a living gateway holds it, and goes on to; empty otherwise. */
const heldLock = async (lock: string): Promise<string> => {
  for (const deadline = performance.now() + goneMs; ;) {
    const held = await readFile(lock, 'utf8').catch(() => '')
    if (held === '' || !isHeld(held)) return ''
    if (performance.now() > deadline) return held
    await setTimeout(50)
  }
}

/** Notes how far the spool is known to be in the log: a hint beside what the log itself has committed, written whole or not at all. */
export const writePosition = (directory: string, position: number): void => {
  const file = path.join(directory, 'position')
  writeFileSync(`${file}.new`, String(position))
  renameSync(`${file}.new`, file)
}

export class GatewayFolder {
  readonly directory: string
  readonly gatewayId: string

  private constructor (directory: string, gatewayId: string) {
    this.directory = directory
    this.gatewayId = gatewayId
  }

  /** @throws FolderInUse where a living gateway has it. */
  static async open (directory: string): Promise<GatewayFolder> {
    await mkdir(directory, { recursive: true })
    const lock = path.join(directory, 'lock')
    const held = await heldLock(lock)
    if (held !== '') throw new FolderInUse(`another gateway (process ${held.split(' ')[0] ?? ''}) uses ${directory}: give this one its own DATA_DIR`)
    await writeFile(lock, `${process.pid} ${statOf(process.pid).start}\n`)
    const idFile = path.join(directory, 'gateway-id')
    const known = (await readFile(idFile, 'utf8').catch(() => '')).trim()
    if (known !== '') return new GatewayFolder(directory, known)
    const gatewayId = randomUUID()
    await writeFile(idFile, `${gatewayId}\n`)
    return new GatewayFolder(directory, gatewayId)
  }

  /** The position up to which the spool was last known to be in the log; 0 where nothing is known. */
  get position (): number {
    try {
      const position = Number(readFileSync(path.join(this.directory, 'position'), 'utf8'))
      return Number.isSafeInteger(position) && position > 0 ? position : 0
    } catch {
      return 0
    }
  }

  close (): void {
    rmSync(path.join(this.directory, 'lock'), { force: true })
  }
}
