// POST /api/links/bulk: many commands in one request, a line each, and a line of outcome for each, both ways no faster than the other side takes them.
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { checkHost, checkTags, hostOf, isRestricted } from '../access/restriction.js'
import { bodyLines, type BodyLine } from '../bulk/lines.js'
import { InTurn, Operations, type LineFields, type Operation } from '../bulk/operations.js'
import { ordered } from '../bulk/ordered.js'
import { LinklogError } from '../errors.js'
import type { LinkFields } from '../links/document.js'
import type { Context, LinkView } from '../links/service.js'
import type { ScanGate } from '../lists/scan-gate.js'
import { waitPatiently } from '../plugins/patience.js'
import { toLinklogError } from '../plugins/problem-details.js'
import { linkKey, shortUrl } from './link-answers.js'
import { CreateLinkBody, IdempotencyHeader, PatchLinkBody, problems } from './schemas.js'

export interface BulkRoutesOptions { readonly gate: ScanGate, readonly publicUrl: () => string }

const lineBytesMax = 64 * 1024
/** Lines in hand: as many as confirm within CONFIRM_TIMEOUT_MS even where the tables are slow, and enough that they wait for them together. */
const itemsMax = 500
const bytesMax = 8 * 1024 * 1024
const pieceChars = 64 * 1024
/** Outcomes kept for a client that sends all before it reads: about 100,000. */
const outcomeBytesMax = 16 * 1024 * 1024
const contentTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonlines']

const link = Type.String({ minLength: 1, maxLength: 320 })
const version = Type.Optional(Type.Integer({ minimum: 1, description: 'The version seen; without it the change is made whatever stands' }))

type CreateFields = Parameters<FastifyInstance['links']['create']>[0]
type Asked = Parameters<FastifyInstance['links']['change']>[1]

const reasonField = { reason: PatchLinkBody.properties.reason }

const operationsOf = (app: FastifyInstance): Record<string, Operation> => {
  const change = async (fields: LineFields, context: Context, asked: Asked) => {
    const { link, version, reason } = fields as { link: string, version?: number, reason?: string | null }
    return await app.links.change(linkKey(link), asked, { seen: version === undefined ? undefined : [version], reason }, context)
  }
  const plain = (kind: 'disable' | 'enable' | 'delete' | 'restore'): Operation => ({
    schema: Type.Object({ link, version, ...reasonField }, { additionalProperties: false }),
    run: async (fields, context) => await change(fields, context, { kind })
  })
  return {
    create: {
      schema: CreateLinkBody,
      run: async (fields, context) => await app.links.create(fields as unknown as CreateFields, context)
    },
    update: {
      schema: Type.Object({ link, version, ...PatchLinkBody.properties }, { additionalProperties: false }),
      run: async (fields, context) => {
        const { link: _link, version: _version, reason: _reason, effectiveAt, ...changes } = fields
        return await change(fields, context, { kind: 'edit', fields: changes as LinkFields, effectiveAt: effectiveAt as string | null | undefined })
      }
    },
    disable: plain('disable'),
    enable: plain('enable'),
    delete: plain('delete'),
    restore: plain('restore')
  }
}

/** What a restricted key reaches: as for one request, line by line. */
const permitFor = (request: FastifyRequest, defaultHost: string) => async (op: string, fields: LineFields, view?: LinkView): Promise<void> => {
  const { key } = request
  if (key === null || !isRestricted(key)) return
  if (view !== undefined) return checkTags(key, view.doc.tags)
  const tags = fields['tags'] as readonly string[] | null | undefined
  if (op === 'create') {
    checkHost(key, fields['domain'] as string | null | undefined ?? defaultHost)
    checkTags(key, tags ?? [])
    return
  }
  const link = linkKey(String(fields['link']))
  checkHost(key, hostOf(link, defaultHost))
  if (key.tags.length === 0) return
  checkTags(key, (await request.server.links.get(link)).doc.tags)
  if (tags !== undefined) checkTags(key, tags ?? [])
}

/** The lines until the gateway stops: those behind are not begun, and the answer is cut off, so that the client knows. */
async function * untilStopped (lines: AsyncIterable<BodyLine>, stop: AbortSignal): AsyncGenerator<BodyLine> {
  for await (const line of lines) {
    if (stop.aborted) throw new LinklogError('unavailable', 'The gateway stops')
    yield line
  }
}

export const bulkRoutes: FastifyPluginAsync<BulkRoutesOptions> = async (app, { gate, publicUrl }) => {
  const stop = new AbortController()
  app.addHook('preClose', async () => stop.abort())
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(contentTypes, (_request, payload, done) => done(null, payload))
  const operations = new Operations({
    operations: operationsOf(app),
    compile: app.validatorCompiler as NonNullable<typeof app.validatorCompiler>,
    toError: toLinklogError,
    present: view => ({ link: view.link, version: view.version, shortUrl: shortUrl(view.link, publicUrl()), url: view.doc.url }),
    lineBytesMax
  })

  app.post<{ Headers: { 'idempotency-key'?: string } }>('/api/links/bulk', {
    schema: {
      tags: ['links'],
      summary: 'Many commands on links, a line each',
      description: 'NDJSON both ways: an outcome for each line, in the order of the lines. Read while you send. docs/api.md has the fields and the bounds.',
      consumes: contentTypes,
      produces: ['application/x-ndjson'],
      headers: IdempotencyHeader,
      response: {
        200: { description: 'An outcome for each line', content: { 'application/x-ndjson': { schema: Type.String() } } },
        ...problems(400, 415, 503)
      }
    }
  }, async (request, reply) => {
    const leave = await gate.enter(stop.signal)
    const impatient = waitPatiently(request)
    const context = {
      actor: request.actor,
      idempotencyKey: request.headers['idempotency-key'],
      inTurn: new InTurn(),
      permit: permitFor(request, new URL(publicUrl()).host)
    }
    const lines = untilStopped(bodyLines(request.raw, lineBytesMax), stop.signal)
    const outcomes = Readable.from(
      ordered(lines, async line => await operations.outcome(line, context), { itemsMax, bytesMax, pieceChars }),
      { objectMode: false, highWaterMark: outcomeBytesMax })
    outcomes.once('close', () => {
      leave()
      impatient()
    })
    return await reply.type('application/x-ndjson').header('cache-control', 'no-store').send(outcomes)
  })
}
