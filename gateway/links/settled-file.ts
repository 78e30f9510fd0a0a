// A file that somebody else writes, taken only while it lies still: a program that writes over a file empties it first, and what is read meanwhile is not
// what was meant, though it may look as if it were.
import { readFile, stat } from 'node:fs/promises'

export class SettledFile {
  readonly #path: string
  readonly #bytesMax: number
  /** Which of its states was taken last, and which was seen last. */
  #taken = ''
  #seen = ''

  constructor (path: string, bytesMax: number) {
    this.#path = path
    this.#bytesMax = bytesMax
  }

  async #stamp (): Promise<string> {
    const { mtimeMs, size, ino } = await stat(this.#path)
    if (size > this.#bytesMax) throw new RangeError(`has ${size} bytes, more than ${this.#bytesMax}`)
    return `${mtimeMs} ${size} ${ino}`
  }

  /** The file as it is now. @throws the error of the file system, or RangeError where it is too large */
  async read (): Promise<string> {
    this.#taken = this.#seen = await this.#stamp()
    return await readFile(this.#path, 'utf8')
  }

  /**
   * What it says now where that is new and has not changed since it was looked at before, else undefined. Each state is given once, so that one that is of
   * no use is not complained of again.
   * @throws as `read`
   */
  async changed (): Promise<string | undefined> {
    const before = this.#seen
    const stamp = this.#seen = await this.#stamp()
    if (stamp === this.#taken || stamp !== before) return undefined
    const text = await readFile(this.#path, 'utf8')
    this.#seen = await this.#stamp()
    if (this.#seen !== stamp) return undefined
    this.#taken = stamp
    return text
  }
}
