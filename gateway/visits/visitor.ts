// Tells visitors of one day apart without keeping who they are: a keyed hash whose key changes each day.
import { createHmac, randomBytes } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import path from 'node:path'

const dayMs = 86_400_000
const hashChars = 22

/** The secret from the settings (the same on all gateways), or one made once and kept in the data folder. */
export const visitorSecret = async (configured: string | undefined, directory: string): Promise<Buffer> => {
  if (configured !== undefined) return Buffer.from(configured, 'utf8')
  await mkdir(directory, { recursive: true })
  const file = path.join(directory, 'visitor-secret')
  try {
    const handle = await open(file, 'wx', 0o600)
    try {
      await handle.writeFile(randomBytes(32).toString('hex'))
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return Buffer.from((await readFile(file, 'utf8')).trim(), 'utf8')
}

/** 22 characters of base64url (132 bits) that are the same for one address and agent throughout a day (UTC), and tell nothing else. */
export const visitorHasher = (secret: Buffer): (address: string, agent: string, nowMs: number) => string => {
  let day = -1
  let key = Buffer.alloc(0)
  return (address, agent, nowMs) => {
    const today = Math.floor(nowMs / dayMs)
    if (today !== day) {
      day = today
      key = createHmac('sha256', secret).update(`visitor:${today}`).digest()
    }
    return createHmac('sha256', key).update(address).update('\0').update(agent).digest('base64url').slice(0, hashChars)
  }
}
