// Where the package is: ksql/ and schemas/ lie beside its package.json, from the sources as from dist/.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const packageRoot = (): string => {
  for (let directory = path.dirname(fileURLToPath(import.meta.url)); ; directory = path.dirname(directory)) {
    if (existsSync(path.join(directory, 'package.json'))) return directory
    if (directory === path.dirname(directory)) throw new Error('package.json is not above this file')
  }
}
