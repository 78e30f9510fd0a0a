// What stands in a WITH clause, as the value it is meant to be.
import type { Literal, SourceProperties } from '../sql/ast.js'

/** The property as text, whatever its literal; undefined where it is absent or NULL. */
export function textOf (properties: SourceProperties, name: string): string | undefined {
  const literal = properties.get(name)
  return literal === undefined || literal.node === 'NullLiteral' ? undefined : String(literal.value)
}

/** The property as a number that has no fraction; undefined where it is absent or is none. */
export function integerOf (properties: SourceProperties, name: string): number | undefined {
  const text = textOf(properties, name)
  return text !== undefined && /^[+-]?\d{1,15}$/.test(text.trim()) ? Number(text) : undefined
}

export function stringLiteral (value: string): Literal {
  return { node: 'StringLiteral', value }
}

export function numberLiteral (value: number): Literal {
  return Math.abs(value) > 2147483647 ? { node: 'LongLiteral', value: BigInt(value) } : { node: 'IntegerLiteral', value }
}

/** The properties with these set besides; what is undefined stays as it is. */
export function withProperties (properties: SourceProperties, more: Readonly<Record<string, Literal | undefined>>): SourceProperties {
  const result = new Map(properties)
  for (const [name, literal] of Object.entries(more)) if (literal !== undefined) result.set(name, literal)
  return result
}

/** The properties without one. */
export function withoutProperty (properties: SourceProperties, name: string): SourceProperties {
  const result = new Map(properties)
  result.delete(name)
  return result
}
