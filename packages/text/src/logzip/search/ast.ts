import { addByte, type ByteSet, hasByte, lowerByte, setOf, upperByte } from './byte-set.ts'

/**
 * A condition on the place between two bytes. `textEnd` is `\'`: it differs from `lineEnd` (`$`) only where a line is looked at
 * up to a point before its end.
 */
export type AssertKind = 'lineStart' | 'lineEnd' | 'textEnd' | 'wordStart' | 'wordEnd' | 'wordEdge' | 'notWordEdge'

/** A parsed expression over bytes. `max` of a repeat is -1 where there is no upper bound. */
export type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'assert'; readonly what: AssertKind }
  | { readonly kind: 'seq'; readonly items: readonly Node[] }
  | { readonly kind: 'alt'; readonly items: readonly Node[] }
  | { readonly kind: 'repeat'; readonly item: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'group'; readonly index: number; readonly item: Node }
  | { readonly kind: 'back'; readonly index: number }

export const EMPTY: Node = { kind: 'empty' }

/** Items one after another, nested sequences and empty items dissolved. */
export function sequence(items: readonly Node[]): Node {
  const flat: Node[] = []
  for (const item of items) {
    if (item.kind === 'seq') for (const inner of item.items) flat.push(inner)
    else if (item.kind !== 'empty') flat.push(item)
  }
  if (flat.length === 0) return EMPTY
  return flat.length === 1 ? (flat[0] as Node) : { kind: 'seq', items: flat }
}

/** One of the items; an empty list is an expression that matches nothing. */
export function alternatives(items: readonly Node[]): Node {
  return items.length === 1 ? (items[0] as Node) : { kind: 'alt', items }
}

/** The literal bytes in order, each in both cases if `ignoreCase`. */
export function literalNode(bytes: Uint8Array, ignoreCase: boolean): Node {
  const items: Node[] = []
  for (const byte of bytes) items.push({ kind: 'set', set: byteNodeSet(byte, ignoreCase) })
  return sequence(items)
}

export function byteNodeSet(byte: number, ignoreCase: boolean): ByteSet {
  const set = setOf(byte)
  if (ignoreCase) {
    addByte(set, lowerByte(byte))
    addByte(set, upperByte(byte))
  }
  return set
}

const MIRROR: Record<AssertKind, AssertKind> = {
  lineStart: 'lineEnd',
  lineEnd: 'lineStart',
  textEnd: 'lineStart',
  wordStart: 'wordEnd',
  wordEnd: 'wordStart',
  wordEdge: 'wordEdge',
  notWordEdge: 'notWordEdge',
}

/** The expression whose matches are those of `node` read backwards. Back-references are not supported. */
export function reverseNode(node: Node): Node {
  switch (node.kind) {
    case 'assert':
      return { kind: 'assert', what: MIRROR[node.what] }
    case 'seq':
      return { kind: 'seq', items: node.items.map(reverseNode).reverse() }
    case 'alt':
      return { kind: 'alt', items: node.items.map(reverseNode) }
    case 'repeat':
      return { kind: 'repeat', item: reverseNode(node.item), min: node.min, max: node.max }
    case 'group':
      return reverseNode(node.item)
    default:
      return node
  }
}

/** The byte string that a node stands for where it is nothing but one, else undefined; case variants count if `ignoreCase`. */
export function asLiteral(node: Node, ignoreCase: boolean): Uint8Array | undefined {
  const items = node.kind === 'seq' ? node.items : node.kind === 'empty' ? [] : [node]
  const bytes = new Uint8Array(items.length)
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Node
    if (item.kind !== 'set') return undefined
    const byte = singleByte(item.set, ignoreCase)
    if (byte < 0) return undefined
    bytes[i] = byte
  }
  return bytes
}

/** The one byte of a set (lower case, if both cases of one letter count as one), or -1. */
export function singleByte(set: ByteSet, ignoreCase: boolean): number {
  let found = -1
  for (let byte = 0; byte < 256; byte++) {
    if (!hasByte(set, byte)) continue
    const folded = ignoreCase ? lowerByte(byte) : byte
    if (found >= 0 && found !== folded) return -1
    found = folded
  }
  if (found >= 0 && ignoreCase && !(hasByte(set, found) && hasByte(set, upperByte(found)))) return -1
  return found
}
