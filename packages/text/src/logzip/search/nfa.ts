import { PithError } from '@pith/core'
import type { AssertKind, Node } from './ast.ts'
import { type ByteSet, fullSet, hasByte, isWordByte, removeByte, sameSet } from './byte-set.ts'

export const OP_SET = 0
export const OP_SPLIT = 1
export const OP_ASSERT = 2
export const OP_MATCH = 3
export const OP_SAVE = 4
export const OP_BACK = 5

export const ASSERT_KINDS: readonly AssertKind[] = [
  'lineStart',
  'lineEnd',
  'textEnd',
  'wordStart',
  'wordEnd',
  'wordEdge',
  'notWordEdge',
]

/** What stands beside a place in a line. `CUT` is the end of the part that is looked at, where that isn't the line's end. */
export const SIDE_EDGE = 0
export const SIDE_WORD = 1
export const SIDE_OTHER = 2
export const SIDE_CUT = 3

/** Non-deterministic automaton; instruction i is `op[i]` with successors `x[i]` and (splits) `y[i]`. */
export interface Program {
  readonly op: Uint8Array
  readonly x: Int32Array
  readonly y: Int32Array
  /** Set number, assert kind, save slot or group, by `op`. */
  readonly arg: Int32Array
  readonly sets: readonly ByteSet[]
  readonly start: number
  readonly hasAsserts: boolean
  /** Class of each byte: bytes of one class are alike to the program. The line feed is alone in its class. */
  readonly classOf: Uint8Array
  readonly members: readonly Uint8Array[]
  /** Groups that back-references name, in order of their save slots (two a group). */
  readonly groups: readonly number[]
}

const MAX_INSTRUCTIONS = 100_000

/**
 * Compile an expression.
 *
 * Without `captures` groups leave no trace and a back-reference stands for any bytes, so that the program accepts a superset.
 *
 * @throws PithError `PITH_ARG` where counted repeats expand to more than 100,000 instructions
 */
export function compileProgram(node: Node, captures = false): Program {
  const ops: number[] = []
  const xs: number[] = []
  const ys: number[] = []
  const args: number[] = []
  const sets: ByteSet[] = []
  const setNumbers = new Map<string, number>()
  const groups: number[] = captures ? [...referencedGroups(node)].sort((a, b) => a - b) : []
  let hasAsserts = false

  const emit = (op: number, x: number, y: number, arg: number): number => {
    if (ops.length >= MAX_INSTRUCTIONS) {
      throw new PithError('PITH_ARG', 'Regular expression too big', { hint: 'Use smaller repeat counts.' })
    }
    ops.push(op)
    xs.push(x)
    ys.push(y)
    args.push(arg)
    return ops.length - 1
  }
  const numberOf = (set: ByteSet): number => {
    const key = set.join()
    let number = setNumbers.get(key)
    if (number === undefined) {
      number = sets.length
      sets.push(set)
      setNumbers.set(key, number)
    }
    return number
  }
  const loop = (item: Node, next: number): number => {
    const split = emit(OP_SPLIT, 0, next, 0)
    xs[split] = build(item, split)
    return split
  }
  const build = (at: Node, next: number): number => {
    switch (at.kind) {
      case 'empty':
        return next
      case 'set':
        return emit(OP_SET, next, 0, numberOf(at.set))
      case 'assert':
        hasAsserts = true
        return emit(OP_ASSERT, next, 0, ASSERT_KINDS.indexOf(at.what))
      case 'seq': {
        let entry = next
        for (let i = at.items.length - 1; i >= 0; i--) entry = build(at.items[i] as Node, entry)
        return entry
      }
      case 'alt': {
        let entry = -1
        for (let i = at.items.length - 1; i >= 0; i--) {
          const branch = build(at.items[i] as Node, next)
          entry = entry < 0 ? branch : emit(OP_SPLIT, branch, entry, 0)
        }
        return entry < 0 ? emit(OP_SET, next, 0, numberOf(new Uint32Array(8))) : entry
      }
      case 'repeat': {
        let entry = next
        if (at.max < 0) entry = loop(at.item, next)
        else for (let i = at.min; i < at.max; i++) entry = emit(OP_SPLIT, build(at.item, entry), next, 0)
        for (let i = 0; i < at.min; i++) entry = build(at.item, entry)
        return entry
      }
      case 'group': {
        const slot = groups.indexOf(at.index)
        if (slot < 0) return build(at.item, next)
        const close = emit(OP_SAVE, next, 0, 2 * slot + 1)
        return emit(OP_SAVE, build(at.item, close), 0, 2 * slot)
      }
      case 'back': {
        if (captures) return emit(OP_BACK, next, 0, groups.indexOf(at.index))
        const any = fullSet()
        removeByte(any, 0x0a)
        return loop({ kind: 'set', set: any }, next)
      }
    }
  }
  const start = build(node, emit(OP_MATCH, 0, 0, 0))
  const { classOf, members } = partition(sets, hasAsserts)
  return {
    op: Uint8Array.from(ops),
    x: Int32Array.from(xs),
    y: Int32Array.from(ys),
    arg: Int32Array.from(args),
    sets,
    start,
    hasAsserts,
    classOf,
    members,
    groups,
  }
}

function referencedGroups(node: Node, found: Set<number> = new Set()): Set<number> {
  if (node.kind === 'back') found.add(node.index)
  else if (node.kind === 'seq' || node.kind === 'alt') for (const item of node.items) referencedGroups(item, found)
  else if (node.kind === 'repeat' || node.kind === 'group') referencedGroups(node.item, found)
  return found
}

function partition(sets: readonly ByteSet[], wordMatters: boolean): { classOf: Uint8Array; members: Uint8Array[] } {
  const classOf = new Uint8Array(256)
  // Split the classes by one set after another; 0 is the line feed.
  let count = 2
  classOf.fill(1)
  classOf[0x0a] = 0
  const split = (inside: (byte: number) => boolean): void => {
    const moved = new Int32Array(256).fill(-1)
    const stays = new Uint8Array(256)
    for (let byte = 0; byte < 256; byte++) if (!inside(byte)) stays[classOf[byte] as number] = 1
    for (let byte = 0; byte < 256; byte++) {
      const from = classOf[byte] as number
      if (from === 0 || stays[from] === 0 || !inside(byte)) continue
      if ((moved[from] as number) < 0) moved[from] = count++
      classOf[byte] = moved[from] as number
    }
  }
  for (const set of sets) if (!sameSet(set, fullSet())) split((byte) => hasByte(set, byte))
  if (wordMatters) split(isWordByte)
  const lists: number[][] = Array.from({ length: count }, () => [])
  for (let byte = 0; byte < 256; byte++) lists[classOf[byte] as number]?.push(byte)
  return { classOf, members: lists.map((list) => Uint8Array.from(list)) }
}

/** Whether an assertion holds between what is left and right of a place (`SIDE_*`). */
export function assertHolds(kind: number, left: number, right: number): boolean {
  const leftWord = left === SIDE_WORD
  const rightWord = right === SIDE_WORD
  switch (kind) {
    case 0:
      return left === SIDE_EDGE
    case 1:
      return right === SIDE_EDGE
    case 2:
      return right === SIDE_EDGE || right === SIDE_CUT
    case 3:
      return !leftWord && rightWord
    case 4:
      return leftWord && !rightWord
    case 5:
      return leftWord !== rightWord
    default:
      return leftWord === rightWord
  }
}
