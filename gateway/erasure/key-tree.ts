// A tree of keys that can lose a part: whoever holds a node can make every key below it, and a key that was taken out can be made again by nobody, while
// all others still can (a puncturable pseudorandom function: Goldreich, Goldwasser and Micali 1986; Boneh and Waters 2013).
//
// A key's place is a path of digits from 0 to 3. A child is HMAC-SHA256 of its digit (the ASCII character) under its parent. What is kept of a tree is the
// nodes from which all keys that still stand can be made: at first the root alone, at the empty path.
import { hmacSha256, keyBytes } from './hmac.js'

/** Four children a node: a key that is taken out leaves few nodes, and is soon reached. */
const digits = [...'0123']

/** The nodes that are left, by path; none is a prefix of another. */
export type KeyTree = ReadonlyMap<string, Buffer>

/** The node so many digits below. */
export const descend = (node: Buffer, path: string): Buffer => {
  let at = node
  for (const digit of path) at = hmacSha256(at, digit)
  return at
}

/** The path of the node from which a key can be made; undefined where the key was taken out. */
const coverOf = (tree: KeyTree, path: string): string | undefined => {
  for (let length = 0; length <= path.length; length++) if (tree.has(path.slice(0, length))) return path.slice(0, length)
  return undefined
}

/** The key at a path; undefined where it was taken out. */
export const keyAt = (tree: KeyTree, path: string): Buffer | undefined => {
  const cover = coverOf(tree, path)
  return cover === undefined ? undefined : descend(tree.get(cover) as Buffer, path.slice(cover.length))
}

const takeOut = (tree: Map<string, Buffer>, path: string, cover: string | undefined): void => {
  if (cover === undefined) {
    // all of it is out, or parts of it are
    for (const at of tree.keys()) if (at.startsWith(path)) tree.delete(at)
    return
  }
  let [way, key] = [cover, tree.get(cover) as Buffer]
  tree.delete(cover)
  // the nodes beside the way down from here
  for (const next of path.slice(cover.length)) {
    for (const digit of digits) if (digit !== next) tree.set(way + digit, descend(key, digit))
    key = descend(key, next)
    way += next
  }
}

/** As much of a path as the tree can be cut along: each digit below its cover adds three nodes, in place of the cover itself. */
const withinBound = (tree: KeyTree, path: string, nodesMax: number): string => {
  const cover = coverOf(tree, path)
  if (cover === undefined) return path
  const room = Math.floor((nodesMax + 1 - tree.size) / (digits.length - 1))
  return room >= path.length - cover.length ? path : path.slice(0, cover.length + Math.max(0, room))
}

/**
 * The tree without all keys below these paths. A path that is out already changes nothing.
 * @param nodesMax a tree that would grow beyond it loses more than was asked for: all below the first digits of a path
 */
export const puncture = (tree: KeyTree, paths: Iterable<string>, nodesMax = Infinity): KeyTree => {
  const left = new Map(tree)
  for (const path of paths) {
    const out = withinBound(left, path, nodesMax)
    takeOut(left, out, coverOf(left, out))
  }
  return left
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
    if (end + keyBytes > bytes.length || !/^[0-3]*$/.test(path)) throw new RangeError('a tree of keys is damaged')
    tree.set(path, Buffer.from(bytes.subarray(end, end + keyBytes)))
    at = end + keyBytes
  }
  return tree
}
