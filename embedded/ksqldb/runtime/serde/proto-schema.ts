// Protocol Buffers schemas as text (proto3): what a message holds, read from a .proto file as the registry keeps it.
import { SerdeError } from './format.js'

export type ScalarName = 'double' | 'float' | 'int32' | 'int64' | 'uint32' | 'uint64' | 'sint32' | 'sint64' | 'fixed32' | 'fixed64' | 'sfixed32' | 'sfixed64' |
  'bool' | 'string' | 'bytes'

export type ProtoType =
  | { readonly kind: 'scalar', readonly name: ScalarName }
  | { readonly kind: 'enum', readonly values: ReadonlyMap<number, string> }
  | { readonly kind: 'message', readonly message: ProtoMessage }
  /** A message that everybody knows, by its full name; `precision` and `scale` stand beside a confluent.type.Decimal. */
  | { readonly kind: 'known', readonly name: string, readonly precision?: number, readonly scale?: number }

export interface ProtoField {
  readonly name: string
  readonly number: number
  readonly label: 'single' | 'optional' | 'repeated'
  readonly type: ProtoType
}

export interface ProtoMessage {
  readonly name: string
  /** The name with the package and the messages around it. */
  readonly fullName: string
  readonly fields: ProtoField[]
  readonly nested: ProtoMessage[]
  /** Made by `map<…>`, or by Kafka Connect for one: key and value. */
  readonly isMapEntry: boolean
}

const SCALARS: ReadonlySet<string> = new Set(['double', 'float', 'int32', 'int64', 'uint32', 'uint64', 'sint32', 'sint64', 'fixed32', 'fixed64', 'sfixed32',
  'sfixed64', 'bool', 'string', 'bytes'])
const KNOWN = /^\.?((?:google\.protobuf\.(?:Timestamp|(?:Double|Float|Int64|UInt64|Int32|UInt32|Bool|String|Bytes)Value))|google\.type\.(?:Date|TimeOfDay)|confluent\.type\.Decimal)$/
const TOKEN = /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[A-Za-z_.][\w.]*|-?\d[\w.]*|[^\s])/y
const DEPTH_MAX = 50

export function isScalar (name: string): name is ScalarName {
  return SCALARS.has(name)
}

interface Enumeration { readonly fullName: string, readonly values: Map<number, string> }
interface Unresolved { readonly owner: ProtoMessage, readonly at: number, readonly typeName: string, readonly options: string }

/** The top-level messages of a .proto text, in order. `imported`: the texts that it imports, the deepest first. Throws SerdeError where it is none. */
export function parseProto (text: string, imported: readonly string[] = []): readonly ProtoMessage[] {
  const parser = new ProtoParser()
  for (const one of imported) parser.read(one)
  const messages = parser.read(text)
  if (messages.length === 0) throw new SerdeError('The schema has no message')
  return messages
}

class ProtoParser {
  private tokens: string[] = []
  private at = 0
  private packageName = ''
  private readonly messages = new Map<string, ProtoMessage>()
  private readonly enums = new Map<string, Enumeration>()
  private unresolved: Unresolved[] = []

  /** Gives the text's top-level messages; later texts may use them. */
  read (text: string): ProtoMessage[] {
    this.tokens = tokensOf(text)
    this.at = 0
    this.packageName = ''
    this.unresolved = []
    const top: ProtoMessage[] = []
    while (this.at < this.tokens.length) {
      const word = this.next()
      if (word === 'package') {
        this.packageName = this.next()
        this.expect(';')
      } else if (word === 'message') top.push(this.message(this.packageName, 0))
      else if (word === 'enum') this.enumeration(this.packageName)
      else if (word !== ';') this.skipStatement()
    }
    for (const one of this.unresolved) this.resolve(one)
    return top
  }

  private next (): string {
    const token = this.tokens[this.at++]
    if (token === undefined) throw new SerdeError('The protobuf schema ends too early')
    return token
  }

  private expect (token: string): void {
    const found = this.next()
    if (found !== token) throw new SerdeError(`The protobuf schema has ${found} where ${token} is expected`)
  }

  /** To the semicolon, or over the braces. */
  private skipStatement (): void {
    for (let depth = 0; ;) {
      const token = this.next()
      if (token === '{') depth++
      if (token === '}' && --depth <= 0) return
      if (token === ';' && depth === 0) return
    }
  }

  private message (scope: string, depth: number): ProtoMessage {
    if (depth > DEPTH_MAX) throw new SerdeError('The protobuf schema is nested too deep')
    const name = this.next()
    const fullName = scope === '' ? name : `${scope}.${name}`
    const fields: ProtoField[] = []
    const nested: ProtoMessage[] = []
    const message: ProtoMessage = { name, fullName, fields, nested, isMapEntry: false }
    this.messages.set(fullName, message)
    this.expect('{')
    for (let word = this.next(); word !== '}'; word = this.next()) {
      switch (word) {
        case 'message': nested.push(this.message(fullName, depth + 1)); break
        case 'enum': this.enumeration(fullName); break
        case 'oneof': this.oneof(message); break
        case 'option': case 'reserved': case 'extensions': case 'extend': this.skipStatement(); break
        case ';': break
        case 'optional': this.field(message, 'optional', this.next()); break
        case 'repeated': this.field(message, 'repeated', this.next()); break
        case 'map': this.mapField(message); break
        default: this.field(message, 'single', word)
      }
    }
    return message
  }

  private oneof (message: ProtoMessage): void {
    this.next()
    this.expect('{')
    for (let word = this.next(); word !== '}'; word = this.next()) {
      if (word === 'option') this.skipStatement()
      else if (word !== ';') this.field(message, 'optional', word)
    }
  }

  private field (owner: ProtoMessage, label: ProtoField['label'], typeName: string): void {
    const name = this.next()
    this.expect('=')
    const number = Number(this.next())
    const options = this.options()
    this.unresolved.push({ owner, at: owner.fields.length, typeName, options })
    owner.fields.push({ name, number, label, type: { kind: 'scalar', name: 'bytes' } })
  }

  private mapField (owner: ProtoMessage): void {
    this.expect('<')
    const key = this.next()
    this.expect(',')
    const value = this.next()
    this.expect('>')
    const name = this.next()
    this.expect('=')
    const number = Number(this.next())
    this.options()
    const placeholder: ProtoType = { kind: 'scalar', name: 'bytes' }
    const entry: ProtoMessage = {
      name: `${name}Entry`, fullName: `${owner.fullName}.${name}Entry`, nested: [], isMapEntry: true,
      fields: [{ name: 'key', number: 1, label: 'single', type: placeholder }, { name: 'value', number: 2, label: 'single', type: placeholder }]
    }
    this.unresolved.push({ owner: entry, at: 0, typeName: key, options: '' }, { owner: entry, at: 1, typeName: value, options: '' })
    owner.fields.push({ name, number, label: 'repeated', type: { kind: 'message', message: entry } })
  }

  /** What stands in brackets before the semicolon, as text. */
  private options (): string {
    let text = ''
    for (let token = this.next(); token !== ';'; token = this.next()) text += `${token} `
    return text
  }

  private enumeration (scope: string): void {
    const name = this.next()
    const fullName = scope === '' ? name : `${scope}.${name}`
    const values = new Map<number, string>()
    this.enums.set(fullName, { fullName, values })
    this.expect('{')
    for (let word = this.next(); word !== '}'; word = this.next()) {
      if (word === 'option' || word === 'reserved') this.skipStatement()
      else if (word !== ';') {
        this.expect('=')
        const number = Number(this.next())
        if (!values.has(number)) values.set(number, word)
        this.options()
      }
    }
  }

  private resolve ({ owner, at, typeName, options }: Unresolved): void {
    const field = owner.fields[at]
    if (field !== undefined) owner.fields[at] = { ...field, type: this.typeOf(typeName, owner.fullName, options) }
  }

  private typeOf (name: string, scope: string, options: string): ProtoType {
    if (isScalar(name)) return { kind: 'scalar', name }
    const known = KNOWN.exec(name)?.[1]
    if (known !== undefined) return { kind: 'known', name: known, ...decimalParameters(options) }
    for (let around = name.startsWith('.') ? '' : scope; ; around = around.slice(0, Math.max(0, around.lastIndexOf('.')))) {
      const fullName = around === '' ? name.replace(/^\./, '') : `${around}.${name}`
      const message = this.messages.get(fullName)
      if (message !== undefined) return { kind: 'message', message }
      const enumeration = this.enums.get(fullName)
      if (enumeration !== undefined) return { kind: 'enum', values: enumeration.values }
      if (around === '') throw new SerdeError(`The protobuf schema does not define ${name}`)
    }
  }
}

function tokensOf (text: string): string[] {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text)
    if (match === null) break
    if (match[1] !== undefined) tokens.push(match[1])
  }
  return tokens
}

function decimalParameters (options: string): { precision?: number, scale?: number } {
  const parameter = (name: string): number | undefined => {
    const text = new RegExp(`value : "(\\d+)" ,? ?key : "${name}"`).exec(options)?.[1] ?? new RegExp(`key : "${name}" ,? ?value : "(\\d+)"`).exec(options)?.[1]
    return text === undefined ? undefined : Number(text)
  }
  const precision = parameter('precision')
  const scale = parameter('scale')
  return { ...(precision !== undefined && { precision }), ...(scale !== undefined && { scale }) }
}

/** True for a message of key and value that stands for an entry of a MAP, also as Kafka Connect names it. */
export function isEntry (message: ProtoMessage): boolean {
  if (message.isMapEntry) return true
  const [key, value] = message.fields
  return message.name.endsWith('Entry') && message.fields.length === 2 && key?.name === 'key' && value?.name === 'value'
}
