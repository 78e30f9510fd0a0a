// The gateway's own folder: one gateway at a time, its lasting id, and how far its spool is known to be in the log.
import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** Another gateway uses the folder. */
export class FolderInUse extends Error {
  readonly code = 'LINKLOG_FOLDER_IN_USE'
}

/** When a process began, so that a number used again is not taken for it; empty where the system does not tell. */
const startOf = (pid: number): string => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
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
  return isAlive(number) && startOf(number) === start
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
    const held = await readFile(lock, 'utf8').catch(() => '')
    if (held !== '' && isHeld(held)) throw new FolderInUse(`another gateway (process ${held.split(' ')[0] ?? ''}) uses ${directory}: give this one its own DATA_DIR`)
    await writeFile(lock, `${process.pid} ${startOf(process.pid)}\n`)
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
