// JSON as ksqlDB's JSON functions see it: numbers keep their digits, objects the order of their fields, a later field of the same name
// replaces an earlier one (Jackson's tree with exact decimals).

export type JsonNode =
  | { readonly kind: 'object', readonly fields: ReadonlyMap<string, JsonNode> }
  | { readonly kind: 'array', readonly items: readonly JsonNode[] }
  | { readonly kind: 'string', readonly text: string }
  /** As it is written out: plain notation. */
  | { readonly kind: 'number', readonly text: string, readonly isInteger: boolean }
  | { readonly kind: 'boolean', readonly value: boolean }
  | { readonly kind: 'null' }

/** Deepest nesting that is read. */
const DEPTH_MAX = 1000
/** Exponents beyond would be written out as so many zeros. */
const EXPONENT_MAX = 1000

export class JsonError extends Error {}

class Reader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor (text: string) {
    this.#text = text
  }

  /** The first value; what follows it is not looked at. Undefined where there is nothing but space. */
  read (): JsonNode | undefined {
    this.#skipSpace()
    return this.#at === this.#text.length ? undefined : this.#value()
  }

  #skipSpace (): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }

  #fail (): never {
    throw new JsonError(`not JSON at character ${this.#at}`)
  }

  #match (pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #value (): JsonNode {
    switch (this.#text[this.#at]) {
      case '{': return this.#nested(() => this.#object())
      case '[': return this.#nested(() => this.#array())
      case '"': return { kind: 'string', text: this.#string() }
    }
    const word = this.#match(/(?:true|false|null)(?![A-Za-z0-9_])/y)
    if (word !== undefined) return word === 'null' ? { kind: 'null' } : { kind: 'boolean', value: word === 'true' }
    const number = this.#match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![A-Za-z0-9_.+-])/y)
    if (number === undefined) return this.#fail()
    return { kind: 'number', text: plainNumber(number), isInteger: !/[.eE]/.test(number) }
  }

  #nested (read: () => JsonNode): JsonNode {
    if (++this.#depth > DEPTH_MAX) throw new JsonError(`nested deeper than ${DEPTH_MAX}`)
    this.#at++
    const node = read()
    this.#depth--
    return node
  }

  /** After a value: a comma, or the end of what holds it. */
  #hasNext (end: string): boolean {
    this.#skipSpace()
    const character = this.#text[this.#at++]
    if (character !== ',' && character !== end) this.#fail()
    return character === ','
  }

  #object (): JsonNode {
    const fields = new Map<string, JsonNode>()
    this.#skipSpace()
    if (this.#text[this.#at] === '}') {
      this.#at++
      return { kind: 'object', fields }
    }
    do {
      this.#skipSpace()
      if (this.#text[this.#at] !== '"') this.#fail()
      const name = this.#string()
      this.#skipSpace()
      if (this.#text[this.#at++] !== ':') this.#fail()
      this.#skipSpace()
      fields.set(name, this.#value())
    } while (this.#hasNext('}'))
    return { kind: 'object', fields }
  }

  #array (): JsonNode {
    const items: JsonNode[] = []
    this.#skipSpace()
    if (this.#text[this.#at] === ']') {
      this.#at++
      return { kind: 'array', items }
    }
    do {
      this.#skipSpace()
      items.push(this.#value())
    } while (this.#hasNext(']'))
    return { kind: 'array', items }
  }

  #string (): string {
    const literal = this.#match(/"(?:[^"\\]|\\[\s\S])*"/y)
    try {
      return literal === undefined ? this.#fail() : JSON.parse(literal) as string
    } catch {
      return this.#fail()
    }
  }
}

/** 1.5E3 as 1500, 1E-3 as 0.001 (BigDecimal.toPlainString). */
function plainNumber (text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/.exec(text)
  if (match === null) return text
  const [, sign = '', whole = '', fraction = '', power = '0'] = match
  const exponent = Number(power)
  if (Math.abs(exponent) > EXPONENT_MAX) throw new JsonError(`a number with an exponent beyond ${EXPONENT_MAX}`)
  const point = whole.length + exponent
  const digits = (whole + fraction).padEnd(point, '0').padStart(whole.length + fraction.length + Math.max(0, 1 - point), '0')
  const at = Math.max(point, 1)
  const integral = digits.slice(0, at).replace(/^0+(?=\d)/, '')
  return sign + integral + (digits.length > at ? `.${digits.slice(at)}` : '')
}

/** The first JSON value in a text; undefined where there is none. Throws JsonError. */
export function parseJson (text: string): JsonNode | undefined {
  return new Reader(text).read()
}

/** Without spaces. */
export function writeJson (node: JsonNode): string {
  switch (node.kind) {
    case 'object': return `{${[...node.fields].map(([name, value]) => `${JSON.stringify(name)}:${writeJson(value)}`).join()}}`
    case 'array': return `[${node.items.map(writeJson).join()}]`
    case 'string': return JSON.stringify(node.text)
    case 'number': return node.text
    case 'boolean': return String(node.value)
    case 'null': return 'null'
  }
}
