// Every error leaves as application/problem+json (RFC 9457): Fastify's, the log's and ksqlDB's own errors find their place in the catalogue here.
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { LinklogError, toProblem, type ErrorCode, type FieldError } from '../errors.js'
import { isPassing, KsqlError } from '../ksqldb/errors.js'

const ofFastify: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_BAD_URL: 'invalid_request',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
  FST_ERR_ROUTE_MAX_PARAM_LENGTH: 'uri_too_long'
}

const pointerOf = (context: string, error: NonNullable<FastifyError['validation']>[number]): string => {
  const more = error.params as { missingProperty?: string, additionalProperty?: string }
  const field = more.missingProperty ?? more.additionalProperty
  const path = error.instancePath + (field === undefined ? '' : `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  return context === 'body' ? path : path.slice(1)
}

const detailOf = (error: NonNullable<FastifyError['validation']>[number]): string => {
  if (error.keyword === 'additionalProperties') return 'is not a known field'
  if (error.keyword === 'required') return 'is required'
  if (error.keyword === 'enum') return `must be one of ${(error.params as { allowedValues: unknown[] }).allowedValues.join(', ')}`
  return error.message ?? 'is not valid'
}

const ofValidation = (error: FastifyError): LinklogError => {
  const context = error.validationContext ?? 'body'
  const errors: FieldError[] = (error.validation ?? []).map(one => ({ pointer: pointerOf(context, one), detail: detailOf(one) }))
  const summary = errors.map(({ pointer, detail }) => `${pointer === '' ? 'the body' : pointer} ${detail}`).join('; ')
  return new LinklogError(context === 'body' ? 'validation_failed' : 'invalid_request', summary, { errors, cause: error })
}

/** The place in the catalogue of anything that was thrown. */
export const toLinklogError = (error: unknown): LinklogError => {
  if (error instanceof LinklogError) return error
  if (error instanceof KsqlError || isPassing(error) || isTimeout(error)) {
    return new LinklogError('unavailable', 'The views do not answer', { cause: error, headers: { 'retry-after': '1' } })
  }
  const fastifyError = error as FastifyError
  if (fastifyError.validation !== undefined) return ofValidation(fastifyError)
  const code = ofFastify[fastifyError.code]
  if (code !== undefined) return new LinklogError(code, fastifyError.message, { cause: error })
  if (fastifyError.statusCode === 400) return new LinklogError('invalid_request', fastifyError.message, { cause: error })
  return new LinklogError('internal_error', undefined, { cause: error })
}

const isTimeout = (error: unknown): boolean => {
  const { code, name } = error as { code?: unknown, name?: unknown }
  return name === 'TimeoutError' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
}

const send = (request: FastifyRequest, reply: FastifyReply, error: LinklogError): FastifyReply =>
  reply
    .code(error.status)
    .headers({ ...error.headers, 'cache-control': 'no-store' })
    .type('application/problem+json')
    .send(toProblem(error, request.id, request.url.split('?', 1)[0] ?? '/'))

/** Answers any error; for those that Fastify meets before a route is found. */
export const sendProblem = (request: FastifyRequest, reply: FastifyReply, error: unknown): void => {
  send(request, reply, toLinklogError(error))
}

/** Which methods each path answers, so that a known path with another method is a 405. */
const collectMethods = (app: FastifyInstance): ((path: string) => readonly string[]) => {
  const routes: { readonly url: string, readonly expression: RegExp, readonly methods: readonly string[] }[] = []
  app.addHook('onRoute', route => {
    const pattern = route.url.split('/').map(part => part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('/')
    routes.push({ url: route.url, expression: new RegExp(`^${pattern}$`), methods: [route.method].flat() })
  })
  return path => {
    // a path that is a route by itself, such as /api/links/bulk, is not asked for as one with a parameter
    const own = routes.filter(({ url }) => url === path)
    const matching = own.length > 0 ? own : routes.filter(({ expression }) => expression.test(path))
    return [...new Set(matching.flatMap(({ methods }) => methods))].sort()
  }
}

export const problemDetailsPlugin = fp(async app => {
  const methodsOf = collectMethods(app)
  app.setErrorHandler((error, request, reply) => {
    const answer = toLinklogError(error)
    if (answer.status >= 500) request.log.error({ err: answer.cause ?? answer, code: answer.code }, answer.message)
    return send(request, reply, answer)
  })
  const nothingHere = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split('?', 1)[0] ?? '/'
    const methods = methodsOf(path)
    return send(request, reply, methods.length === 0 || methods.includes(request.method)
      ? new LinklogError('not_found', `There is nothing at ${path}`)
      : new LinklogError('method_not_allowed', `${path} answers ${methods.join(', ')}`, { headers: { allow: methods.join(', ') } }))
  }
  app.setNotFoundHandler(nothingHere)
  // at once, before anything is asked of a body that nobody will read
  app.addHook('onRequest', async (request, reply) => { if (request.is404) return nothingHere(request, reply) })
}, { name: 'problem-details' })
