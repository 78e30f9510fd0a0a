// The part of kafkajs's own Batch that LogReader uses: which records of a fetched batch are committed and no control records.
declare module 'kafkajs/src/consumer/batch.js' {
  export default class Batch {
    constructor (topic: string, fetchedOffset: string, partitionData: object)
    readonly messages: readonly { readonly offset: string, readonly timestamp: string, readonly key: Buffer | null, readonly value: Buffer | null }[]
    isEmptyIncludingFiltered (): boolean
    lastOffset (): string
  }
}
