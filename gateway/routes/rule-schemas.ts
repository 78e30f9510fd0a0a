// The shapes of redirect rules in bodies and answers.
import { Type } from 'typebox'
import { ruleDimensions } from '../links/rule-conditions.js'
import { argumentCharsMax, conditionsMax, operandCharsMax, operandsMax, rulesMax } from '../links/rules.js'

const ConditionBody = Type.Object({
  dimension: Type.Unsafe<string>({ type: 'string', enum: [...ruleDimensions] }),
  argument: Type.Optional(Type.Union([
    Type.String({ minLength: 1, maxLength: argumentCharsMax, description: 'The name of the query parameter, where the dimension is query' }), Type.Null()
  ])),
  operands: Type.Optional(Type.Array(Type.String({ maxLength: operandCharsMax }), {
    maxItems: operandsMax,
    description: 'The values of which one must be met; the two ends of a date window; one percentage'
  }))
}, { additionalProperties: false })

/** Redirect rules as a client gives them. What the schema cannot say, links/rules.ts checks. */
export const RulesBody = Type.Array(Type.Object({
  url: Type.String({ description: 'Where the rule leads; as the URL of a link' }),
  conditions: Type.Array(ConditionBody, { minItems: 1, maxItems: conditionsMax, description: 'All must hold' })
}, { additionalProperties: false }), {
  maxItems: rulesMax,
  description: 'Other targets for some visitors: the first rule whose conditions all hold decides',
  examples: [[{ url: 'https://apps.example/ios', conditions: [{ dimension: 'os', operands: ['iOS'] }, { dimension: 'country', operands: ['DE', 'AT'] }] }]]
})
