// OffsetFetch (9): several groups at once from version 8 on (KIP-709).
import { api } from './api.js'
import {
  array, between, boolean, int16, int32, int64, nullableArray, nullableString, since, string, struct, type Type
} from './schema.js'

const wanted = struct({ name: string, partitionIndexes: array(int32) })
const nullableSince2 = nullableArray(wanted)
const notNull = array(wanted)
const topicsTo7: typeof nullableSince2 = {
  read: (reader, version) => version >= 2 ? nullableSince2.read(reader, version) : notNull.read(reader, version),
  write: nullableSince2.write
}
const leaderEpoch: Type<number> = {
  read: (reader, version) => version >= 5 ? reader.int32() : -1,
  write: (writer, value, version) => { if (version >= 5) writer.int32(value) }
}
const fetched = struct({
  name: string,
  partitions: array(struct({
    partitionIndex: int32, committedOffset: int64, committedLeaderEpoch: leaderEpoch, metadata: nullableString, errorCode: int16
  }))
})

export const offsetFetch = api(9, 'OffsetFetch', [1, 9], 6,
  struct({
    groupId: between(0, 7, string, ''),
    topics: between(0, 7, topicsTo7, null),
    groups: since(8, array(struct({
      groupId: string,
      memberId: since(9, nullableString, null),
      memberEpoch: since(9, int32, -1),
      topics: nullableArray(wanted)
    })), []),
    requireStable: since(7, boolean, false)
  }),
  struct({
    throttleTimeMs: since(3, int32, 0),
    topics: between(0, 7, array(fetched), []),
    errorCode: between(2, 7, int16, 0),
    groups: since(8, array(struct({ groupId: string, topics: array(fetched), errorCode: int16 })), [])
  }))
