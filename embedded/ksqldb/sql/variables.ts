// ${name} in statements: where it stands for a name, a literal or a part of a string, and what may be put there (VariableSubstitutor).
import { PrepareError } from './errors.js'
import { unquote, type Token } from './lexer.js'

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_@]*)\}/g
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_@]*$/
const NUMBER = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/

/**
 * The text of one statement with its variables replaced. `tokens` are the statement's; `sql` the text they came from. In a string an unknown variable stays
 * as it is. Throws PrepareError where the value would not stand as a name or a literal, so that no value can bring in more than that.
 */
export function substituteVariables (sql: string, tokens: readonly Token[], variables: ReadonlyMap<string, string>): string {
  const start = tokens[0]?.start ?? 0
  const end = tokens.at(-1)?.end ?? start
  let result = ''
  let position = start
  tokens.forEach((token, i) => {
    const replacement = token.kind === 'VARIABLE'
      ? replaceReference(token, tokens[i - 1]?.id === '=', variables)
      : token.kind === 'STRING' ? replaceInString(token.text, variables) : undefined
    if (replacement === undefined) return
    result += sql.slice(position, token.start) + replacement
    position = token.end
  })
  return result + sql.slice(position, end)
}

/** True where a statement has something to replace. */
export function hasVariables (tokens: readonly Token[]): boolean {
  return tokens.some(token => token.kind === 'VARIABLE' || (token.kind === 'STRING' && token.text.includes('${')))
}

function replaceInString (text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(REFERENCE, (reference, name: string) => {
    const value = variables.get(name)
    return value === undefined ? reference : escape(value)
  })
}

/** A variable that stands alone: a name where names stand, or behind `=` also a literal. */
function replaceReference (token: Token, mayBeLiteral: boolean, variables: ReadonlyMap<string, string>): string {
  const value = variables.get(token.text.slice(2, -1)) ?? token.text
  const quoted = value.length >= 2 && (value.startsWith('`') || value.startsWith('"')) && value.endsWith(value.charAt(0))
  const at = `Illegal argument at Line: ${token.line}, Col: ${token.column}.`
  if (isLiteral(value)) return value.startsWith("'") ? `'${escape(unquote(value))}'` : value
  if (IDENTIFIER.test(quoted ? unquote(value) : value)) return value
  throw new PrepareError(mayBeLiteral
    ? `${at} Got: '${value}'`
    : `${at} Identifier names cannot start with '@' and may only contain alphanumeric values and '_'. Got: '${value}'`, true)
}

function isLiteral (value: string): boolean {
  if (value.length >= 2 && value.startsWith("'") && value.endsWith("'")) return true
  return /^(?:true|false)$/i.test(value) || NUMBER.test(value)
}

function escape (value: string): string {
  return value.replaceAll("'", "''")
}
