// What the handlers of requests share, and what they know of the one who asks.
import { LogError } from '../../log.js'
import type { GroupCoordinator } from '../coordinator/group-coordinator.js'
import type { ProducerIds } from '../coordinator/producer-ids.js'
import type { TransactionCoordinator } from '../coordinator/transactions.js'
import { errorCode } from '../protocol/errors.js'
import type { ApiName, APIS } from '../protocol/apis.js'
import type { Decoded, Encodable } from '../protocol/schema.js'
import type { Topics } from '../topics/topics.js'

export const NODE_ID = 1

export interface Services {
  readonly topics: Topics
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly producerIds: ProducerIds
  readonly clusterId: string
  /** Where clients are told to connect. */
  readonly advertised: { readonly host: string, readonly port: number }
  readonly autoCreateTopics: boolean
  /** The broker's own settings, for DescribeConfigs. */
  readonly brokerConfig: Readonly<Record<string, string>>
  readonly clock: () => number
  readonly warn: (message: string) => void
  /** Topics are deleted with what groups committed for them. */
  readonly deleteTopic: (name: string) => Promise<void>
}

export interface RequestContext {
  readonly version: number
  readonly clientId: string
  readonly clientHost: string
  /** Ends when the client has gone: nothing need wait for it any more. */
  readonly signal: AbortSignal
}

export type Request<N extends ApiName> = Decoded<typeof APIS[N]['request']>
export type Response<N extends ApiName> = Encodable<typeof APIS[N]['response']>

/** Undefined where the protocol knows no answer: Produce with acks=0. */
export type Handler<N extends ApiName> = (request: Request<N>, context: RequestContext) => Promise<Response<N> | undefined> | Response<N> | undefined
export type Handlers = { readonly [N in ApiName]: Handler<N> }

/** The code of what went wrong. What is no LogError is a fault of ours: it is told to `warn`. */
export function codeOf (error: unknown, warn: (message: string) => void): number {
  if (error instanceof LogError) return errorCode(error.code)
  warn(error instanceof Error ? error.stack ?? error.message : String(error))
  return errorCode('UNKNOWN_SERVER_ERROR')
}

export function messageOf (error: unknown): string {
  return error instanceof LogError ? error.message : 'The server experienced an unexpected error when processing the request.'
}
