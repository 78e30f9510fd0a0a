// The values that rows hold at run time, one JavaScript form for each SQL type.
import type { Decimal } from './decimal.js'

/**
 * BOOLEAN boolean · INTEGER number · BIGINT bigint · DOUBLE number · DECIMAL Decimal · STRING string · BYTES Buffer
 * DATE number, days since the epoch · TIME number, ms of the day · TIMESTAMP number, ms since the epoch
 * ARRAY an array · MAP a Map · STRUCT an array of the fields' values in the order of the type's fields
 * NULL is null; undefined stands nowhere in a row.
 */
export type Value = null | boolean | number | bigint | string | Buffer | Decimal | readonly Value[] | ReadonlyMap<Value, Value>

/** A row's columns by position. */
export type Row = Value[]
