// A tree of keys that can lose a part: whoever holds a node can make every key below it, and a key that was taken out can be made again by nobody, while
// all others still can (a puncturable pseudorandom function: Goldreich, Goldwasser and Micali 1986; Boneh and Waters 2013).
//
// A key's place is a path of hexadecimal digits. A child is HMAC-SHA256 of its digit (the ASCII character) under its parent. What is kept of a tree is the
// nodes from which all keys that still stand can be made: at first the root alone, at the empty path.
import { createHmac } from 'node:crypto'

export const keyBytes = 32
const digits = [...'0123456789abcdef']
const digitBytes = new Map(digits.map(digit => [digit, Buffer.from(digit, 'latin1')]))

/** The nodes that are left, by path; none is a prefix of another. */
export type KeyTree = ReadonlyMap<string, Buffer>

/** The node so many digits below. */
export const descend = (node: Buffer, path: string): Buffer => {
  let at = node
  for (const digit of path) at = createHmac('sha256', at).update(digitBytes.get(digit) as Buffer).digest()
  return at
}

/** The key at a path; undefined where it was taken out. */
export const keyAt = (tree: KeyTree, path: string): Buffer | undefined => {
  for (let length = 0; length <= path.length; length++) {
    const node = tree.get(path.slice(0, length))
    if (node !== undefined) return descend(node, path.slice(length))
  }
  return undefined
}

/** The tree without all keys below a path. A path that is out already changes nothing. */
export const puncture = (tree: KeyTree, path: string): KeyTree => {
  const left = new Map<string, Buffer>()
  for (const [at, node] of tree) {
    if (at.startsWith(path)) continue
    if (!path.startsWith(at)) {
      left.set(at, node)
      continue
    }
    // the nodes beside the way down from here
    let [way, key] = [at, node]
    for (const next of path.slice(at.length)) {
      for (const digit of digits) if (digit !== next) left.set(way + digit, descend(key, digit))
      key = descend(key, next)
      way += next
    }
  }
  return left
}

/** The same, for a tree that must not grow beyond so many nodes: where it would, more goes than was asked for, by leaving off digits from the end. */
export const punctureWithin = (tree: KeyTree, path: string, nodesMax: number): KeyTree => {
  for (let length = path.length; ; length--) {
    const left = puncture(tree, path.slice(0, length))
    if (left.size <= nodesMax || left.size <= tree.size) return left
  }
}

const layout = 1

/** layout u8 | for each node: digits u8 | the digits | 32 bytes */
export const encodeTree = (tree: KeyTree): Buffer => Buffer.concat([
  Buffer.of(layout),
  ...[...tree].flatMap(([path, node]) => [Buffer.of(path.length), Buffer.from(path, 'latin1'), node])
])

/** @throws RangeError for what is no tree of this version. */
export const decodeTree = (bytes: Buffer): KeyTree => {
  if (bytes[0] !== layout) throw new RangeError(`layout ${bytes[0] ?? 'none'} of a tree of keys is not known`)
  const tree = new Map<string, Buffer>()
  for (let at = 1; at < bytes.length;) {
    const end = at + 1 + (bytes[at] as number)
    const path = bytes.toString('latin1', at + 1, end)
    if (end + keyBytes > bytes.length || !/^[0-9a-f]*$/.test(path)) throw new RangeError('a tree of keys is damaged')
    tree.set(path, Buffer.from(bytes.subarray(end, end + keyBytes)))
    at = end + keyBytes
  }
  return tree
}
