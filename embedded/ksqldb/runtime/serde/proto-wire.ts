// The wire types of Protocol Buffers, and which one each scalar type has.
import type { ScalarName } from './proto-schema.js'

export const VARINT = 0
export const FIXED64 = 1
export const LENGTH = 2
export const FIXED32 = 5

/** By the names that a .proto file has. */
export const WIRE: Readonly<Record<ScalarName, number>> = {
  double: FIXED64, fixed64: FIXED64, sfixed64: FIXED64, float: FIXED32, fixed32: FIXED32, sfixed32: FIXED32, string: LENGTH, bytes: LENGTH,
  int32: VARINT, int64: VARINT, uint32: VARINT, uint64: VARINT, sint32: VARINT, sint64: VARINT, bool: VARINT
}
