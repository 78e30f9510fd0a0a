// LIKE: `%` any run of characters, `_` one, the escape character makes the next one stand for itself (LikeEvaluator).
import { KsqlError } from './error.js'

const SYNTAX = /[\\^$.*+?()[\]{}|/]/g

function quote (text: string): string {
  return text.replace(SYNTAX, '\\$&')
}

/** A test of whole texts against the pattern. As in Java a wildcard does not stand for a line end. Throws KsqlError. */
export function likeMatcher (pattern: string, escape: string | undefined): (text: string) => boolean {
  let source = ''
  let escaped = false
  for (const character of pattern) {
    if (escaped) {
      source += quote(character)
      escaped = false
    } else if (character === escape) {
      escaped = true
    } else if (character === '%') {
      if (!source.endsWith('.*')) source += '.*'
    } else {
      source += character === '_' ? '.' : quote(character)
    }
  }
  if (escaped) throw new KsqlError('LIKE pattern must not end with escape character')
  const regex = new RegExp(`^(?:${source})$`, 'u')
  return text => regex.test(text)
}
