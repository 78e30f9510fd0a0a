// Signatures as Standard Webhooks has them (github.com/standard-webhooks, spec 1.0): HMAC-SHA256 over id, timestamp and body. Secrets are derived from the
// service's own secret, so that none is ever written anywhere: not on the log, which analysts read, and not on disk.
import { createHmac } from 'node:crypto'

/** For how long the secret before the present one still signs, beside it. */
export const rotationMs = 86_400_000

const keyOf = (service: Buffer, id: string, generation: number): Buffer =>
  createHmac('sha256', service).update(`webhook:${id}:${generation}`).digest()

/** The secret as its receiver is told it, once. */
export const secretOf = (service: Buffer, id: string, generation: number): string => `whsec_${keyOf(service, id, generation).toString('base64')}`

export interface Signed { readonly id: string, readonly secretGeneration: number, readonly secretSince: number }

/** The three headers of a delivery. */
export const signatureHeaders = (service: Buffer, webhook: Signed, messageId: string, body: string, nowMs: number): Record<string, string> => {
  const timestamp = String(Math.floor(nowMs / 1_000))
  const generations = [webhook.secretGeneration]
  if (webhook.secretGeneration > 1 && nowMs - webhook.secretSince < rotationMs) generations.push(webhook.secretGeneration - 1)
  const signatures = generations.map(generation =>
    `v1,${createHmac('sha256', keyOf(service, webhook.id, generation)).update(`${messageId}.${timestamp}.${body}`).digest('base64')}`)
  return { 'webhook-id': messageId, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}
