// What the parser refuses, in ksqlDB's words. The texts are those of io.confluent.ksql.parser.SyntaxErrorValidator and DefaultKsqlParser.
import { STATEMENT_WORDS } from './keywords.js'

/**
 * A text that is not a statement. `kind` SYNTAX: it does not follow the grammar; `message` is "line 1:8: Syntax Error\n…". PREPARE: it does, but what it
 * says cannot be; `message` is "Failed to prepare statement: …". `sqlText` is what ksqlDB shows beside it: the line, or the statement.
 */
export class SqlSyntaxError extends Error {
  readonly kind: 'SYNTAX' | 'PREPARE'
  readonly sqlText: string
  readonly line: number
  readonly column: number

  constructor (kind: 'SYNTAX' | 'PREPARE', message: string, sqlText: string, line = 1, column = 1) {
    super(message)
    this.name = 'SqlSyntaxError'
    this.kind = kind
    this.sqlText = sqlText
    this.line = line
    this.column = column
  }

  /** The short text that ksqlDB gives as the cause: "line 1:8: Syntax error at line 1:8". */
  get causeMessage (): string | undefined {
    return this.kind === 'SYNTAX' ? `line ${this.line}:${this.column}: Syntax error at line ${this.line}:${this.column}` : undefined
  }
}

/** Thrown while a statement's tree is built; parseStatements makes a SqlSyntaxError of kind PREPARE of it. `bare`: without the words before the message. */
export class PrepareError extends Error {
  readonly bare: boolean

  constructor (message: string, bare = false) {
    super(message)
    this.bare = bare
  }
}

export function unknownStatement (word: string): string {
  return `Unknown statement '${word}'\nDid you mean '${mostSimilar(word.toUpperCase())}'?`
}

export const TOO_DEEP = 'Error processing statement: Statement is too large to parse. ' +
  'This may be caused by having too many nested expressions in the statement.'

function mostSimilar (word: string): string {
  // Nothing longer than this is a typing error, and the distance costs length times length.
  const target = word.slice(0, 64)
  let best = ''
  let least = Infinity
  for (const candidate of STATEMENT_WORDS) {
    const distance = levenshtein(candidate, target)
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

function levenshtein (a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
