// JSON functions: they read and write JSON that stands in a STRING.
import type { SqlType } from '../../sql/sql-type.js'
import { BOOLEAN, INTEGER, STRING, array, map } from '../../sql/sql-type.js'
import type { ArgumentType, ScalarFunction, ScalarSignature } from '../function.js'
import { formatDate, formatTime, formatTimestamp } from '../iso-time.js'
import { doubleToString } from '../java-text.js'
import type { Value } from '../value.js'
import { T, anonymous, param, scalar, signature, strict, variadic } from './define.js'
import type { JsonNode } from './json-tree.js'
import { parseJson, writeJson } from './json-tree.js'

/** Undefined where the text is empty. */
function parse (text: string): JsonNode | undefined {
  try {
    return parseJson(text)
  } catch (error) {
    throw new Error(`Invalid JSON format:${text}`, { cause: error })
  }
}

const PATHS_CACHED_MAX = 1000
const paths = new Map<string, readonly string[]>()

/** `$.a["b c"][0]` as a, b c, 0 (JsonPathTokenizer). */
function tokenize (path: string): readonly string[] {
  const known = paths.get(path)
  if (known !== undefined) return known
  const invalid = (): never => { throw new Error(`Invalid JSON path: '${path}'`) }
  if (!path.startsWith('$')) return invalid()
  const segment = /\.([\p{L}\p{Nd}_:@]+)|\[([\p{L}\p{Nd}_]+)\]|\["((?:[^"\\]|\\["\\])*)"\]/uy
  segment.lastIndex = 1
  const tokens: string[] = []
  while (segment.lastIndex < path.length) {
    const match = segment.exec(path)
    if (match === null) return invalid()
    tokens.push(match[1] ?? match[2] ?? (match[3] ?? '').replace(/\\(.)/g, '$1'))
  }
  if (paths.size >= PATHS_CACHED_MAX) paths.clear()
  paths.set(path, tokens)
  return tokens
}

function extract (text: string, path: string): Value {
  const tokens = tokenize(path)
  let node = parse(text)
  for (const token of tokens) {
    if (node?.kind === 'array') node = /^-?\d{1,9}$/.test(token) ? node.items[Number(token)] : undefined
    else node = node?.kind === 'object' ? node.fields.get(token) : undefined
    if (node === undefined) return null
  }
  return node === undefined ? '' : node.kind === 'string' ? node.text : writeJson(node)
}

function isJson (text: string | null): boolean {
  if (text === null) return false
  try {
    return parseJson(text) !== undefined
  } catch {
    return false
  }
}

const fieldsOf = (text: string): ReadonlyMap<string, JsonNode> | undefined => {
  const node = parse(text)
  return node?.kind === 'object' ? node.fields : undefined
}

function length (text: string): Value {
  const node = parse(text)
  return node?.kind === 'array' ? node.items.length : null
}

function keys (text: string): Value {
  const fields = fieldsOf(text)
  return fields === undefined ? null : [...fields.keys()]
}

function records (text: string): Value {
  const fields = fieldsOf(text)
  return fields === undefined ? null : new Map([...fields].map(([name, node]) => [name, node.kind === 'string' ? node.text : writeJson(node)]))
}

function items (text: string): Value {
  const node = parse(text)
  if (node?.kind === 'null') return null
  if (node?.kind !== 'array') throw new Error(`Invalid JSON format:${text}`)
  return node.items.map(writeJson)
}

/** Objects are merged; where anything else is among them, all become items of one array. */
function concat (...texts: (string | null)[]): Value {
  const nodes: JsonNode[] = []
  for (const text of texts) {
    const node = text === null ? undefined : parse(text)
    if (node === undefined) return null
    nodes.push(node)
  }
  if (nodes.length === 0) return null
  if (nodes.every(node => node.kind === 'object')) return writeJson({ kind: 'object', fields: new Map(nodes.flatMap(node => [...node.fields])) })
  if (nodes.length === 1) return writeJson(nodes[0] as JsonNode)
  return writeJson({ kind: 'array', items: nodes.flatMap(node => node.kind === 'array' ? node.items : [node]) })
}

/** Whole numbers match INTEGER and BIGINT, others DOUBLE; text STRING; null null. */
function matches (node: JsonNode, value: Value, type: SqlType | undefined): boolean {
  switch (node.kind) {
    case 'null': return value === null
    case 'boolean': return type?.base === 'BOOLEAN' && node.value === value
    case 'string': return type?.base === 'STRING' && node.text === value
    case 'number':
      if (value === null) return false
      if (type?.base === 'DOUBLE') return !node.isInteger && Number(node.text) === value
      return (type?.base === 'INTEGER' || type?.base === 'BIGINT') && node.isInteger && BigInt(node.text) === BigInt(value as number | bigint)
    default: return false
  }
}

const contains: ScalarSignature['implement'] = types => {
  const type = types[1] as SqlType | undefined
  return (text: any, value: any) => {
    if (text === null) return null
    try {
      const node = parseJson(text as string)
      return node?.kind === 'array' && node.items.some(item => matches(item, value, type))
    } catch {
      return false
    }
  }
}

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number => a < b ? -1 : a > b ? 1 : 0
const object = (entries: readonly (readonly [string, string])[]): string => `{${[...entries].sort(byName).map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`

/** JSON of a value; fields of structs and keys of maps in the order of the alphabet. */
function write (value: Value, type: SqlType): string {
  if (value === null) return 'null'
  switch (type.base) {
    case 'ARRAY': return `[${(value as readonly Value[]).map(item => write(item, type.items)).join()}]`
    case 'MAP': return object([...value as ReadonlyMap<Value, Value>].map(([key, item]) => [String(key), write(item, type.values)]))
    case 'STRUCT': return object(type.fields.map((field, i) => [field.name, write((value as readonly Value[])[i] ?? null, field.type)]))
    case 'STRING': return JSON.stringify(value)
    case 'BYTES': return JSON.stringify((value as Buffer).toString('base64'))
    case 'TIMESTAMP': return JSON.stringify(formatTimestamp(value as number))
    case 'DATE': return JSON.stringify(formatDate(value as number))
    case 'TIME': return JSON.stringify(formatTime(value as number))
    case 'DOUBLE': return Number.isFinite(value) ? doubleToString(value as number) : JSON.stringify(doubleToString(value as number))
    default: return String(value)
  }
}

const toJson: ScalarSignature['implement'] = (types: readonly ArgumentType[]) => {
  const type = types[0] as SqlType | undefined
  return (value: any) => type === undefined ? 'null' : write(value, type)
}

const text = (name: string) => [param(name, STRING)]

export const jsonFunctions: readonly ScalarFunction[] = [
  anonymous('EXTRACTJSONFIELD', 'JSON', 'What stands at a path such as $.a.b[0] of a JSON text; null where there is nothing.', [
    signature([param('input', STRING), param('path', STRING)], STRING, strict(extract))]),
  scalar('IS_JSON_STRING', 'JSON', 'Whether a text is JSON.', [signature(text('input'), BOOLEAN, isJson)]),
  scalar('JSON_ARRAY_CONTAINS', 'JSON', 'Whether a JSON array holds a value of the same type.', [
    { parameters: [param('jsonArray', STRING), param('val', T)], returns: BOOLEAN, description: '', implement: contains }]),
  scalar('JSON_ARRAY_LENGTH', 'JSON', 'How many items a JSON array has; null where the text is another kind of JSON.', [signature(text('jsonArray'), INTEGER, strict(length))]),
  scalar('JSON_CONCAT', 'JSON', 'JSON objects merged, or JSON arrays and values put into one array.', [variadic(0, text('jsonStrings'), STRING, concat)]),
  scalar('JSON_ITEMS', 'JSON', 'The items of a JSON array, each as JSON.', [signature(text('jsonItems'), array(STRING), strict(items))]),
  scalar('JSON_KEYS', 'JSON', 'The names of the fields of a JSON object.', [signature(text('jsonObj'), array(STRING), strict(keys))]),
  scalar('JSON_RECORDS', 'JSON', 'The fields of a JSON object as a map, values that are not text as JSON.', [signature(text('jsonObj'), map(STRING, STRING), strict(records))]),
  scalar('TO_JSON_STRING', 'JSON', 'Any value as JSON.', [{ parameters: [param('input', T)], returns: STRING, description: '', implement: toJson }])
]
