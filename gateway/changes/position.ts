// Where a reader stands in the log of changes: the next offset of each partition, written as 15-22-3-0.

/** By partition, in order. */
export type Position = readonly number[]

const expression = /^\d{1,15}(?:-\d{1,15})*$/
const partitionsMax = 10_000

export const formatPosition = (position: Position): string => position.join('-')

/** Undefined where the text is none, or has more partitions than the topic; partitions that it does not have begin at their start. */
export const parsePosition = (text: string, partitions: number): Position | undefined => {
  if (!expression.test(text)) return undefined
  const offsets = text.split('-').map(Number)
  if (offsets.length > partitions || partitions > partitionsMax) return undefined
  return [...offsets, ...Array.from({ length: partitions - offsets.length }, () => 0)]
}
