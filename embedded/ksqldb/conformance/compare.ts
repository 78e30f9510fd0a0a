// Whether an answer is what a case expects, by the rules of the cases: doubles within 1e-6, decimals by value and scale.
import { JsonNumber, writeJson } from '../runtime/serde/json-text.js'
import type { JsonValue } from '../runtime/serde/json-text.js'
import { Decimal } from '../plan/decimal.js'
import type { SqlType } from '../sql/sql-type.js'

const DOUBLE_ERROR = 1e-6

const numberText = (json: JsonValue): string | undefined => typeof json === 'number' ? String(json) : json instanceof JsonNumber ? json.text : undefined

function numbersEqual (expected: string, actual: string): boolean {
  if (expected === actual) return true
  const [a, b] = [Number(expected), Number(actual)]
  if (/^-?\d+$/.test(expected) && /^-?\d+$/.test(actual)) return BigInt(expected) === BigInt(actual)
  return a === b || Math.abs(a - b) <= DOUBLE_ERROR * Math.max(1, Math.abs(a))
}

function decimalsEqual (expected: JsonValue, actual: JsonValue): boolean {
  const [a, b] = [expected, actual].map(one => numberText(one) ?? (typeof one === 'string' ? one : undefined))
  if (a === undefined || b === undefined) return false
  try {
    const [x, y] = [Decimal.parse(a), Decimal.parse(b)]
    const scale = Math.max(x.scale, y.scale)
    return x.unscaled * 10n ** BigInt(scale - x.scale) === y.unscaled * 10n ** BigInt(scale - y.scale)
  } catch {
    return a === b
  }
}

/** Where the two differ, as a path and both values; undefined where they do not. `type` is the actual value's. */
export function difference (expected: JsonValue | undefined, actual: JsonValue | undefined, type: SqlType | undefined, path = '$'): string | undefined {
  const differ = () => `${path}: expected ${show(expected)}, got ${show(actual)}`
  if (expected === undefined || expected === null || actual === undefined || actual === null) {
    return (expected ?? null) === null && (actual ?? null) === null ? undefined : differ()
  }
  if (type?.base === 'DECIMAL') return decimalsEqual(expected, actual) ? undefined : differ()
  const [a, b] = [numberText(expected), numberText(actual)]
  if (a !== undefined && b !== undefined) return numbersEqual(a, b) ? undefined : differ()
  if (type?.base === 'DOUBLE' && typeof expected === 'string' && b !== undefined) return numbersEqual(expected, b) ? undefined : differ()
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differ()
    const items = type?.base === 'ARRAY' ? type.items : undefined
    return expected.map((item, i) => difference(item, actual[i], items, `${path}[${i}]`)).find(one => one !== undefined)
  }
  if (expected instanceof Map) {
    if (!(actual instanceof Map)) return differ()
    // Fields are named in any case: ksqlDB's own are upper-cased where a case writes them as they came in.
    const ownName = (name: string) => type?.base === 'MAP' || actual.has(name) || !actual.has(name.toUpperCase()) ? name : name.toUpperCase()
    const wanted = new Map([...expected].map(([name, member]) => [ownName(name), member]))
    return [...new Set([...wanted.keys(), ...actual.keys()])]
      .map(name => difference(wanted.get(name), actual.get(name), memberType(type, name), `${path}.${name}`)).find(one => one !== undefined)
  }
  return expected === actual ? undefined : differ()
}

function memberType (type: SqlType | undefined, name: string): SqlType | undefined {
  if (type?.base === 'MAP') return type.values
  return type?.base === 'STRUCT' ? type.fields.find(field => field.name === name)?.type : undefined
}

function show (json: JsonValue | undefined): string {
  return json === undefined ? 'nothing' : writeJson(json).slice(0, 300)
}
