// The partition of a key, as Kafka's default partitioner chooses it: murmur2 (org.apache.kafka.common.utils.Utils).

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** Of the first `length` bytes. */
export function murmur2 (data: Uint8Array, length = data.length): number {
  let h = SEED ^ length
  const words = length >> 2
  for (let i = 0; i < words; i++) {
    const at = i * 4
    let k = data[at]! | data[at + 1]! << 8 | data[at + 2]! << 16 | data[at + 3]! << 24
    k = Math.imul(k, M)
    k ^= k >>> 24
    k = Math.imul(k, M)
    h = Math.imul(h, M) ^ k
  }
  const rest = words * 4
  if (length - rest === 3) h ^= data[rest + 2]! << 16
  if (length - rest >= 2) h ^= data[rest + 1]! << 8
  if (length - rest >= 1) {
    h ^= data[rest]!
    h = Math.imul(h, M)
  }
  h ^= h >>> 13
  h = Math.imul(h, M)
  return h ^ h >>> 15
}

export function partitionOfKey (key: Uint8Array, partitions: number, length = key.length): number {
  return partitions === 1 ? 0 : (murmur2(key, length) & 0x7fffffff) % partitions
}
