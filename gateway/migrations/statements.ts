// Cuts ksql text into statements and puts them under a prefix: the little lexing of ksql that the gateway needs.
import type { Names } from '../topics.js'
import { MigrationError } from './files.js'

export type MigrationStatement =
  | { readonly kind: 'set', readonly property: string, readonly value: string }
  | { readonly kind: 'unset', readonly property: string }
  | { readonly kind: 'statement', readonly text: string }

const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|--[^\n]*|\/\*[\s\S]*?\*\/|[A-Za-z_][A-Za-z0-9_@]*|[\s\S]/g
const set = /^SET\s+'((?:[^']|'')*)'\s*=\s*'((?:[^']|'')*)'\s*;$/i
const unset = /^UNSET\s+'((?:[^']|'')*)'\s*;$/i
const notForMigrations = /^(?:DESCRIBE|EXPLAIN|SELECT|PRINT|SHOW|LIST|RUN|DEFINE|UNDEFINE)\b/i

/** The tokens of ksql text, spaces and comments among them: together they are the text. */
export const tokensOf = (text: string): readonly string[] => [...text.matchAll(token)].map(([part]) => part)

export const isComment = (text: string): boolean => text.startsWith('--') || text.startsWith('/*')

/**
 * The statements of a file without its comments. SET and UNSET hold for the statements after them in the same file, as in ksql-migrations.
 * @throws MigrationError for text without a semicolon, an open quote, or a statement that has no place in a migration.
 */
export const splitStatements = (text: string, file: string): readonly MigrationStatement[] => {
  const statements: MigrationStatement[] = []
  let current = ''
  for (const part of tokensOf(text)) {
    if (isComment(part)) continue
    if (part === "'" || part === '"' || part === '`') throw new MigrationError(`${file}: the quote ${part} after "${current.trim().slice(-60)}" is never closed`)
    current += part
    if (part !== ';') continue
    statements.push(toStatement(current.trim(), file))
    current = ''
  }
  if (current.trim() !== '') throw new MigrationError(`${file}: a semicolon is missing after "${current.trim().slice(0, 60)}"`)
  return statements
}

const unquote = (text: string | undefined): string => (text ?? '').replaceAll("''", "'")

const toStatement = (text: string, file: string): MigrationStatement => {
  const setting = set.exec(text)
  if (setting !== null) return { kind: 'set', property: unquote(setting[1]), value: unquote(setting[2]) }
  const unsetting = unset.exec(text)
  if (unsetting !== null) return { kind: 'unset', property: unquote(unsetting[1]) }
  if (notForMigrations.test(text)) throw new MigrationError(`${file}: ${text.split(/\s/)[0] ?? ''} statements are not supported in migrations`)
  return { kind: 'statement', text }
}

const created = /\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:SOURCE\s+)?(?:STREAM|TABLE)\s+(?:IF\s+NOT\s+EXISTS\s+)?([A-Za-z_]\w*)/gi

/** The streams and tables that a set of files makes, in lower case: the names that a prefix applies to. */
export const createdNames = (texts: readonly string[]): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const text of texts) {
    const bare = tokensOf(text).map(part => isComment(part) ? ' ' : part).join('')
    for (const match of bare.matchAll(created)) names.add((match[1] as string).toLowerCase())
  }
  return names
}

/** Words after which the name of a stream or table stands. */
const beforeName = new Set(['STREAM', 'TABLE', 'EXISTS', 'FROM', 'JOIN', 'INTO'])

/**
 * One statement with every stream and table of `own`, and every KAFKA_TOPIC, under the prefix of `names`. A name counts where one is expected, or
 * before a dot: a column may be called like a table.
 */
export const underPrefix = (statement: string, own: ReadonlySet<string>, names: Names): string => {
  const parts = tokensOf(statement)
  const isSpace = (part: string | undefined) => part !== undefined && part.trim() === ''
  let [last, lastButEquals] = ['', '']
  return parts.map((part, at) => {
    if (isSpace(part)) return part
    const [before, property] = [last, lastButEquals]
    last = part.toUpperCase()
    if (part !== '=') lastButEquals = last
    if (before === '=' && property === 'KAFKA_TOPIC' && part.startsWith("'")) return `'${names.topic(part.slice(1, -1))}'`
    const isName = beforeName.has(before) || (parts[at + 1] === '.' && before !== '.')
    return isName && own.has(part.toLowerCase()) ? names.ksql(part) : part
  }).join('')
}
