// INT_FROM_BYTES, BIGINT_FROM_BYTES, DOUBLE_FROM_BYTES: numbers out of their binary form.
import type { SqlType } from '../../sql/sql-type.js'
import { BIGINT, BYTES, DOUBLE, INTEGER, STRING } from '../../sql/sql-type.js'
import type { ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import { param, scalar, signature, strict } from './define.js'

type Read = (bytes: Buffer) => Value

function isLittleEndian (order: string): boolean {
  const upper = order.toUpperCase()
  if (upper !== 'BIG_ENDIAN' && upper !== 'LITTLE_ENDIAN') throw new Error(`Byte order must be BIG_ENDIAN or LITTLE_ENDIAN, not '${order}'`)
  return upper === 'LITTLE_ENDIAN'
}

function fromBytes (name: string, type: SqlType, size: number, big: Read, little: Read): ScalarFunction {
  const read = (bytes: Buffer, isLittle: boolean): Value => {
    if (bytes.length !== size) throw new Error(`Number of bytes must be equal to ${size}, but found ${bytes.length}`)
    return isLittle ? little(bytes) : big(bytes)
  }
  return scalar(name, 'CONVERSIONS', `The ${type.base} that ${size} bytes are, in BIG_ENDIAN order or in the one given.`, [
    signature([param('value', BYTES)], type, strict((bytes: Buffer) => read(bytes, false))),
    signature([param('value', BYTES), param('byteOrder', STRING, 'BIG_ENDIAN or LITTLE_ENDIAN')], type,
      strict((bytes: Buffer, order: string) => read(bytes, isLittleEndian(order))))
  ])
}

export const conversionFunctions: readonly ScalarFunction[] = [
  fromBytes('INT_FROM_BYTES', INTEGER, 4, b => b.readInt32BE(), b => b.readInt32LE()),
  fromBytes('BIGINT_FROM_BYTES', BIGINT, 8, b => b.readBigInt64BE(), b => b.readBigInt64LE()),
  fromBytes('DOUBLE_FROM_BYTES', DOUBLE, 8, b => b.readDoubleBE(), b => b.readDoubleLE())
]
