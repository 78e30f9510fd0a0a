// Kafka's .txnindex beside a segment: the transactions that were aborted in it. It is for whoever takes the folder over; we read our checkpoint.
import { appendFile } from 'node:fs/promises'
import type { AbortedTxn } from './producer-state.js'

const ENTRY_BYTES = 34

/** version int16 · producerId int64 · firstOffset int64 · lastOffset int64 · lastStableOffset int64 */
export async function appendTxnIndex (path: string, aborted: readonly AbortedTxn[]): Promise<void> {
  const entries = Buffer.alloc(ENTRY_BYTES * aborted.length)
  aborted.forEach((txn, i) => {
    const fields = [txn.producerId, txn.firstOffset, txn.lastOffset, txn.lastStableOffset]
    fields.forEach((field, j) => entries.writeBigInt64BE(BigInt(field), i * ENTRY_BYTES + 2 + j * 8))
  })
  await appendFile(path, entries)
}
