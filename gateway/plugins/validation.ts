// How requests are read and checked: JSON and JSON merge patches. Bodies are taken as they are, since JSON has types of its own;
// parameters and headers, which are all text, are converted.
import { Ajv } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import fp from 'fastify-plugin'

const dateTime = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i

/** RFC 3339 with a zone; the seconds may be left out. */
export const isDateTime = (text: string): boolean => {
  if (!dateTime.test(text)) return false
  const day = Number(text.slice(8, 10))
  // Date.parse takes the 31st of April for the 1st of May
  return new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)) - 1, day)).getUTCDate() === day && !Number.isNaN(Date.parse(text))
}

const make = (coerceTypes: boolean): Ajv => {
  const ajv = new Ajv({ allErrors: true, coerceTypes, useDefaults: true, removeAdditional: false, strict: false })
  ajv.addFormat('date-time', isDateTime)
  return ajv
}

export const validationPlugin = fp(async app => {
  const strict = make(false)
  const converting = make(true)
  const compiler: FastifySchemaCompiler<object> = ({ schema, httpPart }) => (httpPart === 'body' ? strict : converting).compile(schema)
  app.setValidatorCompiler(compiler)
  app.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
  app.removeContentTypeParser('text/plain')
}, { name: 'validation' })
