// DeleteTopics (20): by name or, from version 6 on, by id.
import { api } from './api.js'
import { array, between, int16, int32, nullableString, since, string, struct, uuid, ZERO_UUID, type Type } from './schema.js'

const name: Type<string | null> = {
  read: (reader, version) => version >= 6 ? reader.nullableString() : reader.string(),
  write: (writer, value, version) => writer.nullableString(version >= 6 ? value : value ?? '')
}

export const deleteTopics = api(20, 'DeleteTopics', [0, 6], 4,
  struct({
    topics: since(6, array(struct({ name: nullableString, topicId: uuid })), []),
    topicNames: between(0, 5, array(string), []),
    timeoutMs: int32
  }),
  struct({
    throttleTimeMs: since(1, int32, 0),
    topics: array(struct({
      name, topicId: since(6, uuid, ZERO_UUID), errorCode: int16, errorMessage: since(5, nullableString, null)
    }))
  }))
