// One data folder, one process: a lock file that a kill leaves behind without harm.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Fields of /proc/PID/stat from the third (the state) on; none where the system has no such file. */
function statFields (pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in parentheses and may hold blanks: count from behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

/** A process is told from a later one with the same pid by its start time (field 22), where the system says it (Linux, in clock ticks since boot). */
function startTime (pid: number): string {
  return statFields(pid)[19] ?? ''
}

/** A process that was killed and whose parent has not asked for its status yet still has its pid, but holds nothing any more. */
function isZombie (pid: number): boolean {
  return statFields(pid)[0] === 'Z'
}

function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function holder (path: string): number | undefined {
  const [pid, started] = readFileSync(path, 'utf8').split(' ')
  const number = Number(pid)
  const held = Number.isInteger(number) && number > 0 && number !== process.pid && isAlive(number) && !isZombie(number) && startTime(number) === (started ?? '')
  return held ? number : undefined
}

/**
 * Takes the folder for this process, creating it where absent. Gives what releases it.
 * Throws where another living process holds it, naming the folder and the process.
 */
export function lockDataDir (dataDir: string): () => void {
  mkdirSync(dataDir, { recursive: true })
  const path = join(dataDir, 'embedded.lock')
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = openSync(path, 'wx')
      writeSync(file, `${process.pid} ${startTime(process.pid)}`)
      closeSync(file)
      return () => rmSync(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const pid = holder(path)
    if (pid !== undefined) throw new Error(`The data folder ${dataDir} is in use by process ${pid}: stop it, or set DATA_DIR to another folder`)
    rmSync(path, { force: true })
  }
  throw new Error(`The data folder ${dataDir} could not be locked: other processes are starting on it`)
}
