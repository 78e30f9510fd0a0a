// The parts of kafkajs that are not public and are used here; package.json pins the version.
declare module 'kafkajs/src/consumer/batch.js' {
  /** Which records of a fetched batch are committed and no control records. */
  export default class Batch {
    constructor (topic: string, fetchedOffset: string, partitionData: object)
    readonly messages: readonly { readonly offset: string, readonly timestamp: string, readonly key: Buffer | null, readonly value: Buffer | null }[]
    isEmptyIncludingFiltered (): boolean
    lastOffset (): string
  }
}

declare module 'kafkajs/src/network/socketFactory.js' {
  import type { ISocketFactory } from 'kafkajs'
  /** What it opens its connections by, plain or by TLS. */
  export default function kafkajsSockets (): ISocketFactory
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  interface PushedRequest {
    readonly entry: { readonly correlationId: number, readonly resolve: (value: unknown) => void, readonly reject: (error: Error) => void }
    readonly expectResponse: boolean
    readonly sendRequest: () => void
  }
  interface QueueOptions {
    readonly maxInFlightRequests: number | null
    readonly requestTimeout: number
    readonly enforceRequestTimeout: boolean
    readonly clientId: string
    readonly broker: string
    readonly logger: { readonly debug: (message: string) => void, readonly warn: (message: string) => void }
  }
  /** The requests of one connection: those under way, and those that wait for their turn. */
  export default class RequestQueue {
    constructor (options: QueueOptions)
    readonly pending: readonly unknown[]
    /** The timer of the next look; null where there is none. */
    readonly throttleCheckTimeoutId: NodeJS.Timeout | null
    push (request: PushedRequest): void
    fulfillRequest (answer: { readonly correlationId: number, readonly payload: unknown, readonly size: number }): void
    maybeThrottle (ms: number): void
    scheduleCheckPendingRequests (): void
    destroy (): void
  }
}
