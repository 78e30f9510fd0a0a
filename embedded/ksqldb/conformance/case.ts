// A case of the functional tests as its line says, with numbers kept as they are written.
import { JsonNumber, parseJson } from '../runtime/serde/json-text.js'
import type { JsonValue } from '../runtime/serde/json-text.js'

export type Members = ReadonlyMap<string, JsonValue>

export interface CaseRecord {
  readonly topic: string
  readonly key: JsonValue | undefined
  readonly value: JsonValue | undefined
  /** ms; undefined: not said. */
  readonly timestamp: number | undefined
  readonly window: { readonly start: number, readonly end: number, readonly session: boolean } | undefined
  readonly headers: readonly { readonly key: string, readonly value: Buffer | null }[] | undefined
}

export interface Case {
  readonly id: string
  readonly file: string
  readonly needs: readonly string[]
  readonly statements: readonly string[]
  readonly properties: Readonly<Record<string, string>>
  readonly topics: readonly Members[]
  readonly inputs: readonly CaseRecord[]
  readonly outputs: readonly CaseRecord[]
  /** What the last statement's refusal must contain; '' where only the refusal counts. */
  readonly expectedException: string | undefined
  readonly members: Members
}

const members = (json: JsonValue | undefined): Members => json instanceof Map ? json : new Map<string, JsonValue>()
const list = (json: JsonValue | undefined): readonly JsonValue[] => Array.isArray(json) ? json : []
const text = (json: JsonValue | undefined): string => typeof json === 'string' ? json : json instanceof JsonNumber ? json.text : String(json ?? '')
const number = (json: JsonValue | undefined): number => Number(text(json))

function recordOf (json: JsonValue): CaseRecord {
  const record = members(json)
  const window = record.get('window')
  const headers = record.get('headers')
  const span = members(window)
  return {
    topic: text(record.get('topic')),
    key: record.get('key'),
    value: record.get('value'),
    timestamp: record.has('timestamp') ? number(record.get('timestamp')) : undefined,
    window: window instanceof Map
      ? { start: number(span.get('start')), end: number(span.get('end')), session: text(span.get('type')).toLowerCase() === 'session' }
      : undefined,
    headers: headers === undefined
      ? undefined
      : list(headers).map(one => ({
        key: text(members(one).get('KEY')), value: typeof members(one).get('VALUE') === 'string' ? Buffer.from(text(members(one).get('VALUE')), 'base64') : null
      }))
  }
}

/** Throws JsonSyntaxError. */
export function readCase (line: string): Case {
  const all = members(parseJson(line))
  const exception = all.get('expectedException')
  return {
    id: text(all.get('id')),
    file: text(all.get('file')),
    needs: list(all.get('needs')).map(text),
    statements: list(all.get('statements')).map(text),
    properties: Object.fromEntries([...members(all.get('properties'))].map(([name, value]) => [name, text(value)])),
    topics: list(all.get('topics')).map(members),
    inputs: list(all.get('inputs')).map(recordOf),
    outputs: list(all.get('outputs')).map(recordOf),
    expectedException: exception === undefined ? undefined : text(members(exception).get('message')),
    members: all
  }
}
