// The migration files: names, versions and checksums as ksqlDB's ksql-migrations tool has them (MigrationsDirectoryUtil).
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

export interface MigrationFile {
  /** 1 to 999999. */
  readonly version: number
  /** The words of the file's name, as MIGRATION_EVENTS shows them. */
  readonly name: string
  readonly file: string
  readonly text: string
  /** MD5 of the file's bytes, in hex. */
  readonly checksum: string
}

/** A migration cannot be read, does not fit what was applied, or was refused; the message says what to do. */
export class MigrationError extends Error {
  readonly code = 'LINKLOG_MIGRATION'
}

const fileName = /^V(\d{6})__(.+)\.sql$/

/**
 * Reads V000001__name.sql and so on, in order; other files are passed over.
 * @throws MigrationError where two have one version.
 */
export const readMigrations = async (directory: string): Promise<readonly MigrationFile[]> => {
  const migrations: MigrationFile[] = []
  for (const file of (await readdir(directory)).sort()) {
    const match = fileName.exec(file)
    if (match === null) continue
    const bytes = await readFile(path.join(directory, file))
    const version = Number(match[1])
    if (version === 0) throw new MigrationError(`${file}: versions begin at 1`)
    if (migrations.at(-1)?.version === version) throw new MigrationError(`${file} and ${migrations.at(-1)?.file} have the same version`)
    migrations.push({
      version,
      name: (match[2] as string).replaceAll('_', ' '),
      file,
      text: bytes.toString('utf8'),
      checksum: createHash('md5').update(bytes).digest('hex')
    })
  }
  return migrations
}
