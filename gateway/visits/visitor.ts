// Tells visitors of one day apart without keeping who they are: a keyed hash whose key changes each day.
import { createHmac, hash, randomBytes } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import path from 'node:path'
import { keptChars, tokenBytes } from './raw-visit.js'

const dayMs = 86_400_000
const hashChars = 22
const rememberedMax = 50_000

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

/**
 * Tokens of addresses: 16 bytes that are the same for one address throughout a day (UTC), and tell nothing else. Addresses that came lately
 * are remembered with theirs, in memory alone, and no longer than their day.
 */
export class AddressTokens {
  readonly #secret: Buffer
  readonly #remembered = new Map<string, Buffer>()
  #day = -1
  #key = ''

  constructor (secret: Buffer) {
    this.#secret = secret
  }

  of (address: string, nowMs: number): Buffer {
    const today = Math.floor(nowMs / dayMs)
    if (today !== this.#day) this.#turn(today)
    const known = this.#remembered.get(address)
    if (known !== undefined) return known
    // a key of fixed length before the message, and a digest cut to half: as good as an HMAC here, at a quarter of its cost
    const token = hash('sha256', this.#key + address, 'buffer').subarray(0, tokenBytes)
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear()
    this.#remembered.set(address, token)
    return token
  }

  #turn (today: number): void {
    this.#day = today
    this.#key = createHmac('sha256', this.#secret).update(`visitor:${today}`).digest('hex')
    this.#remembered.clear()
  }
}

/** 22 characters of base64url (132 bits) that are the same for one address and agent throughout a day (UTC), and tell nothing else. */
export const visitorOf = (addressToken: Buffer, agent: string | undefined): string =>
  hash('sha256', addressToken.toString('latin1') + (agent ?? '').slice(0, keptChars.userAgent), 'base64url').slice(0, hashChars)
