// REGULAR EXPRESSION functions, with the syntax of java.util.regex.
import { INTEGER, STRING, array } from '../../sql/sql-type.js'
import type { ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import { param, scalar, signature, strict } from './define.js'
import { expandReplacement, groupOf, javaRegex } from './java-regex.js'

function checkGroup (group: number): void {
  if (group < 0) throw new Error(`No group ${group}`)
}

function extract (pattern: string, text: string, group: number): Value {
  const { regexp, groupCount } = javaRegex(pattern)
  if (group > groupCount) return null
  checkGroup(group)
  regexp.lastIndex = 0
  const match = regexp.exec(text)
  return match === null ? null : groupOf(match, group)
}

function extractAll (pattern: string, text: string, group: number): Value {
  const { regexp, groupCount } = javaRegex(pattern)
  if (group > groupCount) return null
  checkGroup(group)
  return [...text.matchAll(regexp)].map(match => groupOf(match, group))
}

function replace (text: string, pattern: string, replacement: string): string {
  const regex = javaRegex(pattern)
  const expand = expandReplacement(replacement, regex)
  let result = ''
  let end = 0
  for (const match of text.matchAll(regex.regexp)) {
    result += text.slice(end, match.index) + expand(match)
    end = match.index + match[0].length
  }
  return result + text.slice(end)
}

/** A pattern that also matches nothing parts every character, and empty parts at the end are dropped (Pattern.split); else all parts stay. */
function split (text: string, pattern: string): Value {
  const { regexp } = javaRegex(pattern)
  regexp.lastIndex = 0
  const matchesEmpty = regexp.exec('') !== null
  const parts: string[] = []
  let end = 0
  for (const match of text.matchAll(regexp)) {
    if (matchesEmpty && match.index + match[0].length === 0) continue
    parts.push(text.slice(end, match.index))
    end = match.index + match[0].length
  }
  if (matchesEmpty && parts.length === 0) return [text]
  parts.push(text.slice(end))
  if (matchesEmpty) while (parts.at(-1) === '') parts.pop()
  return parts
}

const pattern = param('pattern', STRING)
const input = param('input', STRING)
const group = param('group', INTEGER, 'the number of a capturing group')

export const regexpFunctions: readonly ScalarFunction[] = [
  scalar('REGEXP_EXTRACT', 'REGULAR EXPRESSION', 'The first part of a text that matches a pattern, or what a group of the pattern caught.', [
    signature([pattern, input], STRING, strict((p: string, text: string) => extract(p, text, 0))),
    signature([pattern, input, group], STRING, strict(extract))]),
  scalar('REGEXP_EXTRACT_ALL', 'REGULAR EXPRESSION', 'All parts of a text that match a pattern, or what a group of the pattern caught in each.', [
    signature([pattern, input], array(STRING), strict((p: string, text: string) => extractAll(p, text, 0))),
    signature([pattern, input, group], array(STRING), strict(extractAll))]),
  scalar('REGEXP_REPLACE', 'REGULAR EXPRESSION', 'A text with all parts that match a pattern replaced; $1 stands for what a group caught.', [
    signature([param('str', STRING), param('regexp', STRING), param('newStr', STRING)], STRING, strict(replace))]),
  scalar('REGEXP_SPLIT_TO_ARRAY', 'REGULAR EXPRESSION', 'The parts of a text between what matches a pattern.', [
    signature([param('string', STRING), param('regexp', STRING)], array(STRING), strict(split))])
]
