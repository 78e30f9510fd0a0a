// The questions that analysts ask in ksql: one SELECT, over the views alone, and never over what holds secrets.
import { invalidField } from '../errors.js'
import type { KsqlClient, PushQuery } from '../ksqldb/client.js'
import { isPassing, KsqlError } from '../ksqldb/errors.js'
import type { Names } from '../topics.js'
import { isComment, tokensOf, underPrefix } from '../migrations/statements.js'

/** What no question reaches: hashes of keys, and where and how webhooks are called. */
const isClosed = (source: string): boolean => /^(?:api_key|webhook)/.test(source)

const refuse = (detail: string) => invalidField('/ksql', detail)

/** The words of a statement, without comments and spaces. */
const wordsOf = (parts: readonly string[]): readonly string[] => parts.filter(part => part.trim() !== '')

/** Where a FROM or JOIN is followed by a source: IS [NOT] DISTINCT FROM is a comparison. */
const namesSource = (words: readonly string[], at: number): boolean => {
  const word = words[at]?.toUpperCase()
  if (word === 'JOIN') return true
  if (word !== 'FROM') return false
  const before = words.slice(Math.max(0, at - 3), at).map(one => one.toUpperCase())
  return !(before.at(-1) === 'DISTINCT' && (before.at(-2) === 'IS' || (before.at(-2) === 'NOT' && before.at(-3) === 'IS')))
}

/**
 * A question as it is put to ksqlDB: without comments, and with the views under the names they are read by now.
 * @param known the streams and tables that the migrations make, in lower case
 * @throws LinklogError validation_failed at /ksql where it is not one SELECT, or names a source that is none of the views.
 */
export const selectOf = (ksql: string, known: ReadonlySet<string>, names: Names): string => {
  const parts = tokensOf(ksql).map(part => isComment(part) ? ' ' : part)
  const words = wordsOf(parts)
  if (words[0]?.toUpperCase() !== 'SELECT') throw refuse('must be a SELECT')
  if (words.some(word => ["'", '"', '`'].includes(word))) throw refuse('has a quote that is never closed')
  if (words.slice(0, -1).includes(';')) throw refuse('must be one statement')
  // ksqlDB would put variables in before it reads the statement
  if (ksql.includes('${')) throw refuse('must not have variables')
  const open = [...known].filter(name => !isClosed(name)).sort()
  words.forEach((_word, at) => {
    if (!namesSource(words, at)) return
    const source = words[at + 1] ?? ''
    if (!open.includes(source.toLowerCase())) throw refuse(`${source === '' ? 'FROM' : source} is none of ${open.join(', ')}`)
  })
  const text = underPrefix(parts.join('').trim(), known, names)
  return text.endsWith(';') ? text : `${text};`
}

/** Puts questions to ksqlDB. */
export class SelectQueries {
  readonly #client: Pick<KsqlClient, 'scan'>
  readonly #known: ReadonlySet<string>
  readonly #names: Names

  constructor (client: Pick<KsqlClient, 'scan'>, known: ReadonlySet<string>, names: Names) {
    this.#client = client
    this.#known = known
    this.#names = names
  }

  /**
   * The columns, and the rows as they come, no faster than they are taken; aborting the signal ends the question.
   * @throws LinklogError validation_failed at /ksql as selectOf does, and with ksqlDB's own words where it refuses the question.
   */
  async ask (ksql: string, signal: AbortSignal): Promise<PushQuery> {
    const sql = selectOf(ksql, this.#known, this.#names)
    try {
      return await this.#client.scan(sql, signal)
    } catch (error) {
      throw error instanceof KsqlError && error.status === 400 && !isPassing(error) ? refuse(error.message) : error
    }
  }
}
