// One line of a bulk request: read, checked, carried out, and told as one line of the answer.
import type { FastifySchemaCompiler } from 'fastify'
import { createHash } from 'node:crypto'
import type { TSchema } from 'typebox'
import { invalidField, LinklogError } from '../errors.js'
import type { CommandResult, Context, LinkView } from '../links/service.js'
import type { BodyLine } from './lines.js'

/** The fields of a line, its `op` and `idempotencyKey` taken away. */
export type LineFields = Readonly<Record<string, unknown>>

export interface Operation {
  /** What the fields must look like. */
  readonly schema: TSchema
  readonly run: (fields: LineFields, context: Context) => Promise<CommandResult>
}

export interface OperationsOptions {
  /** By the name in `op`; a line without one is a create. */
  readonly operations: Readonly<Record<string, Operation>>
  readonly compile: FastifySchemaCompiler<object>
  readonly toError: (error: unknown) => LinklogError
  readonly present: (view: LinkView) => object
  readonly lineBytesMax: number
}

/** Tasks of one key one after the other, in the order in which they came; of different keys at once. */
export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>()

  async run<T> (key: string | undefined, task: () => Promise<T>): Promise<T> {
    if (key === undefined) return await task()
    const before = this.#last.get(key)
    const mine = before === undefined ? task() : before.then(task, task)
    this.#last.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
  }
}

/** The link that a line is about, where it names one. */
const linkOf = ({ link, slug, domain }: LineFields): string | undefined =>
  typeof link === 'string' ? link : typeof slug === 'string' ? (typeof domain === 'string' ? `${domain.toLowerCase()}/${slug}` : slug) : undefined

export interface BulkContext {
  readonly actor: string
  /** Of the whole request: each line then has a key of its own, made of it and of the line's content. */
  readonly idempotencyKey: string | undefined
  /** Lines about one link are carried out in their order. */
  readonly inTurn: InTurn
  /** @throws LinklogError outside_restriction where the asker does not reach what the line is about, or what came of it. */
  readonly permit: (op: string, fields: LineFields, view?: LinkView) => Promise<void>
}

type Check = ((data: unknown) => unknown) & { errors?: unknown[] | null }

const statusOf = { created: 201, existing: 200, changed: 200, unchanged: 200 } as const

const keyMax = 255

/** The same content under the same key is the same request, on whichever line it stands. */
const keyOfLine = (key: string, op: string, fields: LineFields): string =>
  `${key}/${createHash('sha256').update(JSON.stringify([op, ...Object.keys(fields).sort().map(name => [name, fields[name]])])).digest('hex').slice(0, 40)}`

export class Operations {
  readonly #options: OperationsOptions
  readonly #checks = new Map<string, Check>()

  constructor (options: OperationsOptions) {
    this.#options = options
    for (const [name, { schema }] of Object.entries(options.operations)) {
      this.#checks.set(name, options.compile({ schema, method: 'POST', url: '/api/links/bulk', httpPart: 'body' }) as Check)
    }
  }

  /** The outcome of a line, as a line with its end. Never throws. */
  async outcome (line: BodyLine, context: BulkContext): Promise<string> {
    const told = await this.#told(line, context)
    return `${JSON.stringify({ line: line.line, ...told })}\n`
  }

  async #told (line: BodyLine, context: BulkContext): Promise<object> {
    try {
      const { op, fields, key } = this.#read(line)
      return await context.inTurn.run(linkOf(fields), async () => await this.#carriedOut(op, fields, key, context))
    } catch (error) {
      const { status, code, message, errors } = this.#options.toError(error)
      return { status, outcome: 'rejected', code, ...(status !== 500 && { detail: message }), ...(errors !== undefined && { errors }) }
    }
  }

  async #carriedOut (op: string, fields: LineFields, key: string | undefined, context: BulkContext): Promise<object> {
    await context.permit(op, fields)
    const idempotencyKey = key ?? (context.idempotencyKey === undefined ? undefined : keyOfLine(context.idempotencyKey, op, fields))
    const operation = this.#options.operations[op] as Operation
    const result = await operation.run(fields, { actor: context.actor, idempotencyKey })
    if (result.kind === 'pending') {
      const { link, eventId } = result
      return { status: 202, outcome: 'pending', link, eventId, statusUrl: `/api/links/${encodeURIComponent(link)}/events/${eventId}` }
    }
    if (result.kind === 'existing') await context.permit(op, fields, result.view)
    return {
      status: statusOf[result.kind], outcome: result.kind, ...this.#options.present(result.view), ...(result.isReplay === true && { replayed: true })
    }
  }

  #read (line: BodyLine): { op: string, fields: LineFields, key: string | undefined } {
    if (line.problem === 'too_long') throw new LinklogError('body_too_large', `A line must not be longer than ${this.#options.lineBytesMax} bytes`)
    if (line.text === undefined) throw new LinklogError('invalid_json', 'The line is not UTF-8')
    let value: unknown
    try {
      value = JSON.parse(line.text)
    } catch (cause) {
      throw new LinklogError('invalid_json', 'The line is not JSON', { cause })
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidField('', 'must be an object')
    const { op = 'create', idempotencyKey: key, ...fields } = value as Record<string, unknown>
    const check = typeof op === 'string' ? this.#checks.get(op) : undefined
    if (typeof op !== 'string' || check === undefined) throw invalidField('/op', `must be one of ${[...this.#checks.keys()].join(', ')}`)
    if (key !== undefined && (typeof key !== 'string' || key.length === 0 || key.length > keyMax)) {
      throw invalidField('/idempotencyKey', `must be a string of 1 to ${keyMax} characters`)
    }
    if (check(fields) !== true) throw Object.assign(new Error('the line breaks a rule'), { validation: check.errors, validationContext: 'body' })
    return { op, fields, key }
  }
}
