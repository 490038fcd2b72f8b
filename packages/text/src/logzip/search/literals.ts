import { type Node, singleByte } from './ast.ts'
import { LiteralFinder } from './byte-search.ts'
import { lowerByte, membersOf, upperByte } from './byte-set.ts'
import { ALWAYS, andOf, type Formula, leafOf, orOf, possible } from './formula.ts'

/** A byte string that a line must hold; in lower case where `ignoreCase`, and then letters of either case count. */
export interface Literal {
  readonly bytes: Uint8Array
  readonly ignoreCase: boolean
}

/** What every matching line has: it may hold for other lines too, but a line without it never matches. */
export interface LiteralPlan {
  readonly needs: Formula<Literal>
  /** Bytes that a matching line has at least, without its line feed. */
  readonly minBytes: number
}

const MAX_STRINGS = 24
const MAX_LENGTH = 256
const MAX_CLASS = 8
/** Above this many parts of an `and` or `or`, parts that others imply are kept. */
const MAX_COMPARED = 64

/**
 * What is known of the byte strings that an expression matches. `exact`: all of them; otherwise each starts with one of `prefix`,
 * ends with one of `suffix`, and meets `needs`. Strings hold one byte a character.
 */
interface Info {
  readonly exact?: readonly string[]
  readonly prefix: readonly string[]
  readonly suffix: readonly string[]
  readonly needs: Formula<string>
}

const ANYTHING: Info = { prefix: [''], suffix: [''], needs: ALWAYS }

/**
 * Find the literals that every line matched by an expression holds.
 *
 * @param ignoreCase whether the expression was parsed so: literals are then folded to lower case
 */
export function planLiterals(node: Node, ignoreCase: boolean): LiteralPlan {
  const needs = simplify(settle(describe(node, ignoreCase)).needs)
  return { needs: toLiterals(needs, ignoreCase), minBytes: minLength(node) }
}

/** Whether a line, `bytes[start, end)`, meets the plan. */
export function planHolds(plan: LiteralPlan, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < plan.minBytes) return false
  return possible(plan.needs, (literal) => {
    return (
      literal.bytes.length === 0 || new LiteralFinder(literal.bytes, literal.ignoreCase).find(bytes, start, end) >= 0
    )
  })
}

function exactInfo(strings: readonly string[]): Info {
  return { exact: strings, prefix: strings, suffix: strings, needs: ALWAYS }
}

function describe(node: Node, ignoreCase: boolean): Info {
  switch (node.kind) {
    case 'empty':
    case 'assert':
      return exactInfo([''])
    case 'back':
      return ANYTHING
    case 'group':
      return describe(node.item, ignoreCase)
    case 'set': {
      const bytes = new Set(membersOf(node.set).map((byte) => (ignoreCase ? lowerByte(byte) : byte)))
      if (bytes.size > MAX_CLASS) return ANYTHING
      return exactInfo([...bytes].map((byte) => String.fromCharCode(byte)))
    }
    case 'seq':
      return describeSequence(node.items, ignoreCase)
    case 'alt':
      return union(node.items.map((item) => describe(item, ignoreCase)))
    case 'repeat':
      return repeated(describe(node.item, ignoreCase), node.min, node.max)
  }
}

/** Runs of single bytes are joined first: they are most of a sequence, and a step for each would be slow. */
function describeSequence(items: readonly Node[], ignoreCase: boolean): Info {
  let info = exactInfo([''])
  let run = ''
  for (const item of items) {
    const byte = item.kind === 'set' ? singleByte(item.set, ignoreCase) : -1
    if (byte < 0 || run.length === MAX_LENGTH / 2) {
      if (run !== '') info = concat(info, exactInfo([run]))
      run = ''
    }
    if (byte < 0) info = concat(info, describe(item, ignoreCase))
    else run += String.fromCharCode(byte)
  }
  return run === '' ? info : concat(info, exactInfo([run]))
}

function repeated(item: Info, min: number, max: number): Info {
  if (min === 0) return max === 1 ? union([item, exactInfo([''])]) : ANYTHING
  let info = item
  let copies = 1
  while (copies < min && info.exact !== undefined) {
    info = concat(info, item)
    copies++
  }
  if (copies === min && max === min) return info
  // The rest is between a known start and a known end.
  const whole = settle(info)
  return { prefix: whole.prefix, suffix: copies === min ? whole.suffix : settle(item).suffix, needs: whole.needs }
}

function concat(left: Info, right: Info): Info {
  if (left.exact !== undefined && right.exact !== undefined) {
    const exact = cross(left.exact, right.exact)
    if (exact !== undefined) return exactInfo(exact)
  }
  const prefix = left.exact === undefined ? left.prefix : (cross(left.exact, right.prefix) ?? left.exact)
  const suffix = right.exact === undefined ? right.suffix : (cross(left.suffix, right.exact) ?? right.exact)
  const parts = [left.needs, right.needs]
  if (left.needs.op === 'and' && left.needs.of.length >= MAX_COMPARED) {
    return { prefix: cut(prefix, true), suffix: cut(suffix, false), needs: left.needs }
  }
  if (left.exact === undefined || suffix === right.exact) parts.push(anyOf(left.suffix))
  if (right.exact === undefined || prefix === left.exact) parts.push(anyOf(right.prefix))
  const joint = cross(left.suffix, right.prefix)
  if (joint !== undefined) parts.push(anyOf(joint))
  return { prefix: cut(prefix, true), suffix: cut(suffix, false), needs: simplify(andOf(parts)) }
}

function union(infos: readonly Info[]): Info {
  if (infos.every((info) => info.exact !== undefined)) {
    const exact = [...new Set(infos.flatMap((info) => info.exact as string[]))]
    if (exact.length <= MAX_STRINGS) return exactInfo(exact)
  }
  const settled = infos.map(settle)
  return {
    prefix: merge(settled.map((info) => info.prefix)),
    suffix: merge(settled.map((info) => info.suffix)),
    needs: simplify(orOf(settled.map((info) => info.needs))),
  }
}

/** The same knowledge with everything in `needs`. */
function settle(info: Info): Info {
  if (info.exact === undefined) {
    return { ...info, needs: simplify(andOf([info.needs, anyOf(info.prefix), anyOf(info.suffix)])) }
  }
  return { prefix: cut(info.exact, true), suffix: cut(info.exact, false), needs: anyOf(info.exact) }
}

/** All joins of two lists; undefined where they are too many or too long. */
function cross(left: readonly string[], right: readonly string[]): string[] | undefined {
  if (left.length * right.length > MAX_STRINGS) return undefined
  const joined = new Set<string>()
  for (const a of left) {
    for (const b of right) {
      if (a.length + b.length > MAX_LENGTH) return undefined
      joined.add(a + b)
    }
  }
  return [...joined]
}

function cut(strings: readonly string[], front: boolean): readonly string[] {
  if (strings.every((text) => text.length <= MAX_LENGTH / 2)) return strings
  const half = MAX_LENGTH / 2
  return [...new Set(strings.map((text) => (front ? text.slice(0, half) : text.slice(-half))))]
}

function merge(lists: readonly (readonly string[])[]): readonly string[] {
  const merged = new Set<string>()
  for (const list of lists) {
    for (const text of list) merged.add(text)
    if (merged.size > MAX_STRINGS || merged.has('')) return ['']
  }
  return [...merged]
}

function anyOf(strings: readonly string[]): Formula<string> {
  if (strings.some((text) => text === '')) return ALWAYS
  return simplify(orOf(strings.map(leafOf)))
}

/** Drop what other parts imply: in an `and` a literal inside a longer one, in an `or` a literal that holds a shorter one. */
function simplify(formula: Formula<string>): Formula<string> {
  if ((formula.op !== 'and' && formula.op !== 'or') || formula.of.length > MAX_COMPARED) return formula
  const parts = formula.of
  const implied = formula.op === 'and' ? implies : (a: Formula<string>, b: Formula<string>): boolean => implies(b, a)
  const kept = parts.filter((part, at) => {
    return !parts.some((other, i) => i !== at && implied(other, part) && !(i > at && implied(part, other)))
  })
  return formula.op === 'and' ? andOf(kept) : orOf(kept)
}

/** Whether a line that meets `a` surely meets `b`; simple cases only. */
function implies(a: Formula<string>, b: Formula<string>): boolean {
  if (b.op === 'leaf') {
    if (a.op === 'leaf') return a.leaf.includes(b.leaf)
    return a.op === 'and'
      ? a.of.some((part) => implies(part, b))
      : a.op === 'or' && a.of.every((part) => implies(part, b))
  }
  if (b.op === 'or' && b.of.length <= MAX_STRINGS) {
    if (a.op === 'or') return a.of.length <= MAX_STRINGS && a.of.every((part) => implies(part, b))
    return b.of.some((part) => implies(a, part))
  }
  return b.op === 'and' && b.of.length <= MAX_STRINGS && b.of.every((part) => implies(a, part))
}

function toLiterals(formula: Formula<string>, ignoreCase: boolean): Formula<Literal> {
  switch (formula.op) {
    case 'leaf': {
      const bytes = Uint8Array.from(formula.leaf, (letter) => letter.charCodeAt(0))
      return leafOf({ bytes, ignoreCase: ignoreCase && bytes.some((byte) => upperByte(byte) !== byte) })
    }
    case 'and':
    case 'or':
      return { op: formula.op, of: formula.of.map((part) => toLiterals(part, ignoreCase)) }
    default:
      return formula
  }
}

function minLength(node: Node): number {
  switch (node.kind) {
    case 'set':
      return 1
    case 'seq':
      return node.items.reduce((sum, item) => sum + minLength(item), 0)
    case 'alt':
      return node.items.reduce((least, item) => Math.min(least, minLength(item)), Number.MAX_SAFE_INTEGER)
    case 'repeat':
      return Math.min(Number.MAX_SAFE_INTEGER, node.min * minLength(node.item))
    case 'group':
      return minLength(node.item)
    default:
      return 0
  }
}
