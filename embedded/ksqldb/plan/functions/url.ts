// Functions that take URLs apart and encode what goes into them.
import { INTEGER, STRING } from '../../sql/sql-type.js'
import type { ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import { param, scalar, signature, strict } from './define.js'
import type { Uri } from './uri.js'
import { parseUri } from './uri.js'

function parse (url: string): Uri {
  try {
    return parseUri(url)
  } catch (error) {
    throw new Error(`URL input has invalid syntax: ${url}`, { cause: error })
  }
}

const part = (take: (uri: Uri) => Value) => strict((url: string) => take(parse(url)))

/** The value behind the first `name=` of the query, cut out after unescaping; empty where the name stands alone. */
function parameter (url: string, name: string): Value {
  const query = parse(url).query
  if (query === null) return null
  for (const pair of query.split('&')) {
    const at = pair.indexOf('=')
    if ((at < 0 ? pair : pair.slice(0, at)) === name) return at < 0 ? '' : pair.slice(at + 1)
  }
  return null
}

/** application/x-www-form-urlencoded; throws where % is not followed by two digits. */
function decodeParameter (text: string): string {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) throw new Error(`Illegal hex characters in escape (%) pattern of ${text}`)
  return text.replaceAll('+', ' ').replace(/(?:%[0-9a-fA-F]{2})+/g, run => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'))
}

function encodeParameter (text: string): string {
  const bytes = (character: string): string => Array.from(Buffer.from(character), byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  return text.replace(/[^A-Za-z0-9\-_.*]/gu, character => character === ' ' ? '+' : bytes(character))
}

const input = param('input', STRING, 'a URL')
const url = (name: string, description: string, returns: typeof STRING, take: (uri: Uri) => Value): ScalarFunction =>
  scalar(name, 'URL', description, [signature([input], returns, part(take))])

export const urlFunctions: readonly ScalarFunction[] = [
  url('URL_EXTRACT_FRAGMENT', 'What follows # in a URL.', STRING, uri => uri.fragment),
  url('URL_EXTRACT_HOST', 'The host name of a URL.', STRING, uri => uri.host),
  url('URL_EXTRACT_PATH', 'The path of a URL.', STRING, uri => uri.path),
  url('URL_EXTRACT_PORT', 'The port of a URL; null where none is written.', INTEGER, uri => uri.port),
  url('URL_EXTRACT_PROTOCOL', 'What stands before the first colon of a URL.', STRING, uri => uri.scheme),
  url('URL_EXTRACT_QUERY', 'What stands between ? and # in a URL.', STRING, uri => uri.query),
  scalar('URL_EXTRACT_PARAMETER', 'URL', 'The value of a query parameter of a URL.', [
    signature([param('input', STRING, 'a URL'), param('paramToFind', STRING, 'its name')], STRING, strict(parameter))]),
  scalar('URL_DECODE_PARAM', 'URL', 'Undoes the encoding of a query parameter.', [signature([param('input', STRING)], STRING, strict(decodeParameter))]),
  scalar('URL_ENCODE_PARAM', 'URL', 'Encodes a text so that it may stand as a query parameter.', [signature([param('input', STRING)], STRING, strict(encodeParameter))])
]
