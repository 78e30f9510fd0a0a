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
